"""What the turn knows of other writers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from server.chat.language.values import Passage
from server.chat.writer import Written
from server.store.ports import Answer


class Abandoned(Exception):
    """Nobody waits for this turn's answer any more; the ledger knows."""


class Rewriter(Protocol):
    """Somebody who may find better words than the built-in writer."""

    async def rewrite(
        self, answer: Answer, written: Written, *, passages: Sequence[Passage] = (), preferences: Sequence[str] = ()
    ) -> tuple[Answer, Written]:
        """The answer to store, the same or another. Raises ``Abandoned``, and what the store raises.

        ``passages``: what was found for the question, the best first; ``preferences``: what is known of the customer.
        """
