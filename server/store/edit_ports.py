"""Documents of the bot that people edit while it runs, in place of its files.

Part of ``ports.Store``, whose text says what holds for every method.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Edit:
    """A document as somebody left it; ``revision`` counts from 1 for each ``kind``. ``document`` None: the file's own
    again."""

    kind: str
    revision: int
    document: Mapping[str, Any] | None
    by: str
    at_ms: int


class EditStore(Protocol):
    """What ``ports.Store`` promises of edited documents."""

    async def add_edit(self, edit: Edit) -> None:
        """Keep it as the one that holds; ``Conflict`` unless ``edit.revision`` is the next."""

    async def edits(self, kind: str, limit: int) -> list[Edit]:
        """The newest first; the first of them holds."""

    async def edit_revisions(self) -> dict[str, int]:
        """The revision that holds, by kind; cheap."""
