"""Questions that customers asked: what came of each, and what followed (pure).

A question is a turn that asks, requests or complains, or that an article answered. What came of it is known when it is
answered; whether that helped shows in what follows until the conversation's next question.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

Outcome = Literal["answered", "offered", "unanswered"]
"""An article answered it; articles were offered to choose from; neither."""

Trouble = Literal["out_of_scope", "unsure", "uncited", "handed_off", "badly_rated"]
"""What went wrong, the first that holds: nobody understood it, nobody was sure of it, it was answered from no article,
it ended in a hand-off, or its answer was rated down."""

GapState = Literal["open", "draft_written", "resolved"]

GOOD_FROM: Final = 0.5
"""Ratings below are thumbs down, from here on up."""

FIRST_LOOK_MS: Final = 15_000
LOOKS_APART: Final = 3
FOLLOWED_MS: Final = 86_400_000
"""What comes later than a day after the answer says little about it."""

_TO_A_PERSON: Final = frozenset({"waiting", "claimed"})


@dataclass(frozen=True, slots=True)
class QuestionTurn:
    """What is recorded of a question with its answer. ``embedding``: float16, little-endian, by ``model``;
    ``citations``: articles with their versions. ``trouble``: None where an article answered it."""

    outcome: Outcome
    trouble: Trouble | None
    model: str
    embedding: bytes
    citations: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Event:
    """A message behind an answer. ``system``: the event that the system told; ``act``: of a customer's message that was
    understood; ``outcome``: of one that was a question itself."""

    system: str | None = None
    act: str | None = None
    outcome: Outcome | None = None


@dataclass(frozen=True, slots=True)
class Sequel:
    """What followed. ``satisfaction`` in [0, 1], None: nobody has shown any. ``solved``: an article answered, and it is
    known that this helped."""

    trouble: Trouble | None
    thumbs_up: int
    thumbs_down: int
    handed_off: bool
    solved: bool
    satisfaction: float | None


def sequel(
    outcome: Outcome,
    trouble: Trouble | None,
    events: Iterable[Event],
    ratings: Sequence[float] = (),
    assessments: Sequence[float] = (),
) -> Sequel:
    """What ``events``, in their order, say of a question. ``ratings`` in [0, 1]: of its answer; ``assessments``: of the
    whole conversation, which count for its last question."""
    handed_off = thanked = resolved = False
    following: Outcome | None = None
    for event in events:
        if event.outcome is not None:
            following = event.outcome
            break
        handed_off = handed_off or event.system in _TO_A_PERSON
        thanked = thanked or event.act == "thanks"
        if event.system in ("resolved", "reopened"):
            resolved = event.system == "resolved"
    satisfaction = _satisfaction(ratings, () if following else assessments, handed_off, thanked or resolved)
    down = sum(rating < GOOD_FROM for rating in ratings)
    return Sequel(
        trouble=_trouble(outcome, trouble, following, handed_off, bool(ratings) and _mean(ratings) < GOOD_FROM),
        thumbs_up=len(ratings) - down,
        thumbs_down=down,
        handed_off=handed_off,
        solved=outcome == "answered" and not handed_off and satisfaction is not None and satisfaction > GOOD_FROM,
        satisfaction=satisfaction,
    )


def _satisfaction(
    ratings: Sequence[float], assessments: Sequence[float], handed_off: bool, content: bool
) -> float | None:
    """What was said of the answer itself counts before what may be concluded."""
    if ratings:
        return _mean(ratings)
    if handed_off:
        return 0.0
    if content:
        return 1.0
    return _mean(assessments) if assessments else None


def _trouble(
    outcome: Outcome, trouble: Trouble | None, following: Outcome | None, handed_off: bool, badly_rated: bool
) -> Trouble | None:
    if outcome == "offered" and following == "answered":  # what was meant was among the offers
        return None
    if outcome != "answered":
        return trouble
    if handed_off:
        return "handed_off"
    return "badly_rated" if badly_rated else None


def next_look_ms(at_ms: int, now_ms: int) -> int | None:
    """When to look again at what followed an answer of ``at_ms``: ever later, None once a day has passed."""
    age_ms = max(now_ms - at_ms, FIRST_LOOK_MS)
    return None if age_ms >= FOLLOWED_MS else at_ms + min(LOOKS_APART * age_ms, FOLLOWED_MS)


def packed(embedding: NDArray[np.float32]) -> bytes:
    """As float16, little-endian: half as long, and cosines stay within .001."""
    return embedding.astype("<f2").tobytes()


def unpacked(embedding: bytes) -> NDArray[np.float32]:
    """(dim,), unit length again."""
    vector = np.frombuffer(embedding, dtype="<f2").astype(np.float32)
    found: NDArray[np.float32] = vector / max(float(np.linalg.norm(vector)), 1e-12)
    return found


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
