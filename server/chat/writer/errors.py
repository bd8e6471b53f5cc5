"""What goes wrong with phrase files, told so that the one who edits them can mend it."""

from __future__ import annotations

from inference.documents import DocumentError


class PhraseError(DocumentError):
    """A phrase file that can't be used."""
