"""A customer's visit, step by step: what they write next depends on how the last answer suited them. No input or
output here: ``server.simulation`` carries the words."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from adapters.features import features
from adapters.simulation.moods import MOOD_NAMES, centre
from adapters.simulation.population import Truth, Vector
from adapters.simulation.speech import Says, line
from adapters.simulation.world import STAYS, TYPICAL_GAP_S, drawn_rewards, moment_at, mood_chances

PLEASED, DISPLEASED = 2.0 / 3.0, 1.0 / 3.0
THUMBS = 0.5
"""Chance that whoever is pleased or displeased also gives a thumb."""

LEAVES = 0.3
"""Chance that whoever is displeased writes once more and leaves."""

_MOOD_AFTER = {"pleased": "glad", "displeased": "angry"}


@dataclass(frozen=True, slots=True)
class Response:
    """What an answer brings beside the next message: ``rating`` 0 or 1, None: none; it is given ``after_hours``."""

    rating: float | None
    after_hours: float


class Visit:
    """One conversation of ``truth.people[who]``."""

    def __init__(self, truth: Truth, who: int, says: Says, rng: np.random.Generator) -> None:
        customers = truth.customers
        self.person = truth.people[who]
        self._truth = truth
        self._who = who
        self._says = says
        self._rng = rng
        self._moods = mood_chances(customers.segments[self.person.segment].moods)
        # The silent are gone after the answer, whatever it was.
        self._left = int(rng.geometric(1.0 / customers.conversation_turns)) if self.person.reacts > 0.0 else 1
        self._turn = 0
        self._mood = ""
        self._previous: float | None = None
        self._reaction = ""

    @property
    def is_pleased(self) -> bool:
        """Whether the last answer pleased them, and they said so."""
        return self._reaction == "pleased"

    def speak(self, at_ms: float, progress: float) -> tuple[str, Vector] | None:
        """Their next message and what each persona would be worth as its answer, (arms,); None: they are gone."""
        if self._left <= 0:
            return None
        self._left -= 1
        self._turn += 1
        words = [line(self._says, self._reaction, self._rng)] if self._reaction else []
        self._mood = _MOOD_AFTER.get(self._reaction) or self._next_mood()
        # The last message is a reaction alone, as people take their leave; others go on with what they want.
        if not words or (self._left > 0 and self._reaction != "displeased"):
            self._mood = self._next_mood()
            words.append(line(self._says, self._mood, self._rng))
        view = centre(self._mood, moment_at(at_ms, self._turn, self._previous, TYPICAL_GAP_S))
        self._previous = view.sentiment_score
        return " ".join(words), self._truth.worth([self._who], [features(view)], [progress])[0]

    def hear(self, worth: float) -> Response:
        """Take in an answer that is worth ``worth`` to them."""
        reacts = self._rng.random() < self.person.reacts
        felt = float(drawn_rewards(np.array([worth]), self._truth.customers.noise, self._rng)[0])
        thumb, leaves = self._rng.random(2) < (THUMBS, LEAVES)
        hours = float(self._rng.exponential(1.0)) * self.person.delay_hours
        self._reaction = ("pleased" if felt > PLEASED else "displeased" if felt < DISPLEASED else "undecided") * reacts
        if self._reaction == "displeased" and leaves:
            self._left = min(self._left, 1)
        if not thumb or self._reaction in ("", "undecided"):
            return Response(None, hours)
        return Response(float(self._reaction == "pleased"), hours)

    def _next_mood(self) -> str:
        if self._mood and self._rng.random() < STAYS:
            return self._mood
        return str(self._rng.choice(MOOD_NAMES, p=self._moods))
