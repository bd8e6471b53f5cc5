"""What goes wrong with a user's intents, told so that the one who writes them can mend it."""

from __future__ import annotations

from inference.documents import DocumentError


class IntentsError(DocumentError):
    """An intents file that can't be used."""
