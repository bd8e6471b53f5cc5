"""What the ledger knows of the people behind a policy's decisions."""

from __future__ import annotations

from typing import Protocol


class PeopleStore(Protocol):
    """Part of ``ports.Store``."""

    async def segment(self, channel: str) -> str | None:
        """The customers' segment of a conversation: what the metadata that it was opened with hold as ``segment``, a
        text of 1 to 256 characters. None where there is none, or no such conversation."""
