"""One policy's run among live customers: visit after visit, until the rounds are played."""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np

from adapters.policies import Decision, Policy
from adapters.simulation import Customers, Trace, Truth, draw_people
from adapters.simulation.population import Vector
from adapters.simulation.speech import Says
from adapters.simulation.visits import Visit
from adapters.simulation.world import DAY_MS, HOUR_MS, START_MS, traits_of
from server.clock import ManualClock
from server.contents import Contents
from server.settings import Settings
from server.simulation.house import Answered, House, simulated
from server.wire.parts import User

RESOLVES = 0.5
"""Chance that whoever leaves pleased says that the matter is settled."""


@dataclass(frozen=True, slots=True)
class Stage:
    """Where customers play. ``says``: lines for every mood and reaction. ``folder``: empty, for the database."""

    settings: Settings
    contents: Contents
    customers: Customers
    says: Says
    folder: Path


class Watched:
    """A policy that remembers the chances of its last choice, which are logged but told to nobody."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self.last: Decision | None = None

    def choose(self, *arguments: Any, **named: Any) -> Decision:
        self.last = self._policy.choose(*arguments, **named)
        return self.last

    def __getattr__(self, name: str) -> Any:
        return getattr(self._policy, name)


async def play_live(
    stage: Stage, policy: Policy, name: str, *, rounds: int, seed: int, tell: Callable[[int], None] = lambda _: None
) -> Trace:
    """``policy``, called ``name`` in ``make_policy``, through ``rounds`` turns. The same seed brings the same people,
    who behave alike as long as they are answered alike. ``tell`` hears of every round."""
    watched, clock = Watched(policy), ManualClock(wall_ms=START_MS)
    settings = simulated(stage.settings, stage.folder, name)
    house = House(settings, stage.contents, cast(Policy, watched), clock=clock, rng=random.Random(seed))
    await house.start()
    try:
        season = _Season(stage, house, watched, clock, rounds=rounds, seed=seed)
        return await season.play(tell)
    finally:
        await house.close()


class _Season:
    def __init__(
        self, stage: Stage, house: House, watched: Watched, clock: ManualClock, *, rounds: int, seed: int
    ) -> None:
        people_rng, self._rng = (np.random.default_rng(one) for one in np.random.SeedSequence(seed).spawn(2))
        personas: Mapping[str, Mapping[str, float]] = {one.name: one.traits for one in stage.contents.personas}
        self._arms = tuple(personas)
        self._truth = Truth(stage.customers, draw_people(stage.customers, people_rng), traits_of(personas))
        self._says = stage.says
        self._silence_ms = stage.settings.silence_ms
        self._house = house
        self._watched = watched
        self._clock = clock
        self._rounds = rounds
        self._activity = np.cumsum([person.activity for person in self._truth.people])
        self._thumbs: list[tuple[float, int, User, str, float]] = []  # a heap: when, then in order of coming
        self._decisions: list[str] = []
        self._chosen: list[int] = []
        self._probabilities: list[Vector] = []
        self._worth: list[Vector] = []

    async def play(self, tell: Callable[[int], None]) -> Trace:
        while len(self._chosen) < self._rounds:
            who = int(np.searchsorted(self._activity, self._rng.random() * self._activity[-1]))
            visit = Visit(self._truth, min(who, len(self._activity) - 1), self._says, self._rng)
            await self._receive(visit, tell)
        await self._thumbs_until(np.inf)
        known = self._house.rewards
        return Trace(
            arms=self._arms,
            chosen=np.array(self._chosen),
            probabilities=np.array(self._probabilities),
            worth=np.array(self._worth),
            rewards=np.array([known.get(decision, np.nan) for decision in self._decisions]),
        )

    async def _receive(self, visit: Visit, tell: Callable[[int], None]) -> None:
        user = User(visit.person.id, "customer", visit.person.id)
        channel = await self._house.open(user)
        while len(self._chosen) < self._rounds:
            spoken = visit.speak(self._clock.now_ms(), len(self._chosen) / self._rounds)
            if spoken is None:
                break
            text, worth = spoken
            answered = await self._house.say(user, channel, text)
            arm = self._note(answered, worth)
            response = visit.hear(float(worth[arm]))
            if response.rating is not None:
                due_ms = self._clock.now_ms() + response.after_hours * HOUR_MS
                heapq.heappush(self._thumbs, (due_ms, len(self._chosen), user, answered.message_id, response.rating))
            await self._let_pass(DAY_MS / self._truth.customers.turns_per_day)
            tell(1)
        if visit.is_pleased and self._rng.random() < RESOLVES:
            await self._house.resolve(user, channel)
        await self._let_pass(self._silence_ms + 1.0)
        await self._house.tell_silences()

    def _note(self, answered: Answered, worth: Vector) -> int:
        assert self._watched.last is not None  # noqa: S101 - an answer was chosen by it
        arm = self._arms.index(answered.persona)
        self._decisions.append(answered.decision_id)
        self._chosen.append(arm)
        self._probabilities.append(self._watched.last.probabilities)
        self._worth.append(worth)
        return arm

    async def _let_pass(self, ms: float) -> None:
        until_ms = self._clock.now_ms() + ms
        await self._thumbs_until(until_ms)
        self._clock.advance(max(0.0, until_ms - self._clock.now_ms()))

    async def _thumbs_until(self, until_ms: float) -> None:
        """Thumbs that are due, each at its time."""
        while self._thumbs and self._thumbs[0][0] <= until_ms:
            due_ms, _, user, message_id, rating = heapq.heappop(self._thumbs)
            self._clock.advance(max(0.0, due_ms - self._clock.now_ms()))
            await self._house.rate(user, message_id, rating)
