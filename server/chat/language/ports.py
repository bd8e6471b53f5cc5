"""What the turn knows of other writers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final, Protocol

from server.chat.language.values import Passage
from server.chat.writer import Written
from server.store.ports import Answer

NO_PARAMETERS: Final[Mapping[str, object]] = MappingProxyType({})


class Abandoned(Exception):
    """Nobody waits for this turn's answer any more; the ledger knows."""


class Rewriter(Protocol):
    """Somebody who may find better words than the built-in writer."""

    async def rewrite(
        self,
        answer: Answer,
        written: Written,
        *,
        passages: Sequence[Passage] = (),
        preferences: Sequence[str] = (),
        parameters: Mapping[str, object] = NO_PARAMETERS,
    ) -> tuple[Answer, Written]:
        """The answer to store, the same or another. Raises ``Abandoned``, and what the store raises.

        ``passages``: what was found for the question, the best first; ``preferences``: what is known of the customer;
        ``parameters``: of the model, by name, in place of the prompt's own (of an experiment's variant).
        """


class AsWritten:
    """In place of a language model: the built-in writer's words stay."""

    async def rewrite(self, answer: Answer, written: Written, **_known: object) -> tuple[Answer, Written]:
        return answer, written


AS_WRITTEN: Final = AsWritten()
