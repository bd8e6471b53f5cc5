"""What the ledger knows of the people behind a policy's decisions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Asked:
    """The message that a decision answered: who wrote it (``user``, an id), their ``segment`` as of
    ``PeopleStore.segment``, and what was understood of it, as of the wire; empty where nothing was."""

    user: str | None
    segment: str | None
    analysis: Mapping[str, Any]


class PeopleStore(Protocol):
    """Part of ``ports.Store``."""

    async def segment(self, channel: str) -> str | None:
        """The customers' segment of a conversation: what the metadata that it was opened with hold as ``segment``, a
        text of 1 to 256 characters. None where there is none, or no such conversation."""

    async def asked(self, decision_id: str) -> Asked | None:
        """What a decision was about; None where there is no such decision."""
