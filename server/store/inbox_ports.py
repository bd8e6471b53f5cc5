"""The inbox: turns that were answered without being sure of them, for people to say what was meant.

Part of ``ports.Store``, whose text says what holds for every method. A doubt is stored in the commit of its turn's
answer; nothing here costs a turn a commit of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

DoubtState = Literal["open", "labelled", "dismissed"]

NO_INTENT = "oos"
"""Said, or given as a label: the text belongs to none of the intents."""


@dataclass(frozen=True, slots=True)
class Doubt:
    """What was made of a text that nobody was sure of.

    ``said``: the intent that it was taken for, or ``NO_INTENT``; ``confidence`` that of the likeliest intent, the first
    of ``guesses``, which are intents with their probabilities in falling order. ``model``: name and version.
    """

    said: str
    confidence: float
    guesses: tuple[tuple[str, float], ...]
    out_of_scope: float
    language: str
    model: str


@dataclass(frozen=True, slots=True)
class InboxItem:
    """A turn in the inbox; ``text``, ``offset`` and ``at_ms`` are those of the customer's message, ``turn_id`` its id.

    ``label``: what was meant, ``NO_INTENT`` for none of the intents; only where ``state`` is "labelled". ``judged_by``
    and ``judged_at_ms`` tell who labelled or dismissed it last.
    """

    turn_id: str
    channel: str
    offset: int
    at_ms: int
    text: str
    doubt: Doubt
    state: DoubtState = "open"
    label: str | None = None
    judged_by: str | None = None
    judged_at_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a person says of a doubt: a label, or None to dismiss it. A later one replaces the earlier."""

    turn_id: str
    label: str | None
    by: str
    at_ms: int


@dataclass(frozen=True, slots=True)
class Agreement:
    """Of the doubts of one model's version that were labelled, how many had been said right."""

    model: str
    labelled: int
    agreed: int

    @property
    def share(self) -> float:
        """In [0, 1]; only doubts are labelled, so that it lies below the model's accuracy."""
        return self.agreed / self.labelled


class InboxStore(Protocol):
    """What ``ports.Store`` promises of the inbox."""

    async def inbox(
        self, *, state: DoubtState | None = None, model: str | None = None, before: str | None = None, limit: int
    ) -> list[InboxItem]:
        """The newest first, those with a ``turn_id`` below ``before``; of one state or model, or of any."""

    async def judge(self, judgement: Judgement) -> InboxItem:
        """Label or dismiss; the item as it stands then. ``NotFound``: never in the inbox, or lapsed."""

    async def inbox_labels(self) -> list[str]:
        """Every name that stands as a label now, ascending."""

    async def count_open_doubts(self) -> int:
        """How many wait for somebody to judge them."""

    async def lapse_doubts(self, before_ms: int, keep: int, limit: int) -> int:
        """Let doubts go that were written before ``before_ms`` and never labelled, and the oldest open ones beyond
        ``keep``; at most ``limit`` of each. How many went. Messages and turns stay."""

    async def relabel_agreement(self, since_ms: int | None = None) -> list[Agreement]:
        """By model, ascending; those with a label at all, of turns from ``since_ms`` on or, None, of all."""


def judged(items: Sequence[InboxItem]) -> list[InboxItem]:
    """In the order in which they were judged, the first first; open ones are left out."""
    found = [item for item in items if item.judged_at_ms is not None]
    return sorted(found, key=lambda item: (item.judged_at_ms or 0, item.turn_id))
