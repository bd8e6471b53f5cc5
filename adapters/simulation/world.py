"""A world of turns laid out in advance: who comes when in what context, what each persona is worth then and would pay.

What comes does not depend on what is chosen, so every policy meets the same turns and the same luck, and regret is
exact. (In the live simulation it does depend: ``server.simulation``.)
"""

from __future__ import annotations

import math
from bisect import bisect
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import count

import numpy as np

from adapters.features import TurnView, features
from adapters.simulation.customers import Customers, Matrix
from adapters.simulation.moods import MOOD_NAMES, Moment, drawn
from adapters.simulation.population import Index, Person, Truth, Vector, draw_people
from adapters.traits import TRAIT_NAMES

START_MS = 1_767_571_200_000  # Monday 2026-01-05, 00:00 UTC
HOUR_MS = 3_600_000.0
DAY_MS = 24.0 * HOUR_MS
TYPICAL_GAP_S = 30.0
STAYS = 0.6
"""Chance that a customer is in the mood of the turn before."""


@dataclass(frozen=True, slots=True, eq=False)
class World:
    """Rounds, in the order of time.

    ``contexts`` (rounds, features); ``worth`` and ``pays`` (rounds, arms): the reward expected of each arm and the one
    that it would bring, in [0, 1]. ``who`` (rounds,): number of the person in ``truth.people``; ``conversations``
    (rounds,): number of the conversation. ``at_ms`` (rounds,): when; ``arrives_ms`` (rounds,): when the reward is
    known, infinite where nobody reacts.
    """

    arms: tuple[str, ...]
    truth: Truth
    contexts: Matrix
    worth: Matrix
    pays: Matrix
    who: Index
    conversations: Index
    at_ms: Vector
    arrives_ms: Vector

    def __len__(self) -> int:
        return len(self.contexts)

    @property
    def dim(self) -> int:
        """Length of a context."""
        return int(self.contexts.shape[1])

    @property
    def user_ids(self) -> tuple[str, ...]:
        """Each round's customer, by name."""
        return tuple(self.truth.people[number].id for number in self.who)

    @property
    def segments(self) -> Index:
        """Each round's segment, (rounds,)."""
        return np.array([person.segment for person in self.truth.people])[self.who]


@dataclass(slots=True)
class _Plan:
    """Turns as they are laid out, before anything is worth anything."""

    who: list[int] = field(default_factory=list)
    conversations: list[int] = field(default_factory=list)
    at_ms: list[float] = field(default_factory=list)
    contexts: list[Vector] = field(default_factory=list)


def make_world(customers: Customers, personas: Mapping[str, Mapping[str, float]], *, rounds: int, seed: int) -> World:
    """A world of ``rounds`` turns; ``personas``: traits by name, which are the arms. ``ValueError`` for no rounds.

    People, turns and luck have generators of their own: the same people come however many rounds there are.
    """
    if rounds < 1:
        raise ValueError(f"a world of {rounds} rounds has nothing to learn. Give at least 1.")
    people_rng, turns_rng, luck_rng = (np.random.default_rng(one) for one in np.random.SeedSequence(seed).spawn(3))
    people = draw_people(customers, people_rng)
    truth = Truth(customers, people, traits_of(personas))
    plan = _laid_out(customers, people, rounds, turns_rng)
    who, at_ms, contexts = np.array(plan.who), np.array(plan.at_ms), np.array(plan.contexts)
    worth = truth.worth(who, contexts, np.arange(rounds) / rounds)
    return World(
        arms=tuple(personas),
        truth=truth,
        contexts=contexts,
        worth=worth,
        pays=drawn_rewards(worth, customers.noise, luck_rng),
        who=who,
        conversations=np.array(plan.conversations),
        at_ms=at_ms,
        arrives_ms=_arrivals([people[number] for number in who], at_ms, luck_rng),
    )


def traits_of(personas: Mapping[str, Mapping[str, float]]) -> Matrix:
    """Float64 (arms, traits), in the order of ``personas`` and ``TRAIT_NAMES``."""
    return np.array([[traits[name] for name in TRAIT_NAMES] for traits in personas.values()])


def _laid_out(customers: Customers, people: tuple[Person, ...], rounds: int, rng: np.random.Generator) -> _Plan:
    activity = np.cumsum([person.activity for person in people])
    plan, visits = _Plan(), [0] * len(people)
    for conversation in count():
        left = rounds - len(plan.who)
        if not left:
            return plan
        who = min(int(np.searchsorted(activity, rng.random() * activity[-1])), len(people) - 1)
        turns = min(int(rng.geometric(1.0 / customers.conversation_turns)), left)
        plan.who += [who] * turns
        plan.conversations += [conversation] * turns
        views = _views(customers, people[who], len(plan.at_ms), turns, rng)
        for at_ms, view in views:
            plan.at_ms.append(at_ms)
            plan.contexts.append(features(replace(view, visits=visits[who])))
        visits[who] += 1
    raise AssertionError("conversations never run out")


def _views(
    customers: Customers, person: Person, played: int, turns: int, rng: np.random.Generator
) -> Iterator[tuple[float, TurnView]]:
    """One conversation, after ``played`` turns of others: a mood that mostly stays."""
    moods = np.cumsum(mood_chances(customers.segments[person.segment].moods)).tolist()
    mood, previous, gap_s = "", None, None
    words = questions = 0
    for number in range(1, turns + 1):
        if not mood or rng.random() >= STAYS:
            mood = MOOD_NAMES[bisect(moods, rng.random() * moods[-1])]
        at_ms = START_MS + (played + number - 1) * DAY_MS / customers.turns_per_day
        view = drawn(mood, moment_at(at_ms, number, previous, gap_s), rng)
        words, questions = words + view.words, questions + (view.act == "question")
        yield at_ms, replace(view, mean_words=words / number, question_rate=questions / number)
        previous, gap_s = view.sentiment_score, rng.lognormal(math.log(TYPICAL_GAP_S), 0.8)


def mood_chances(moods: Mapping[str, float]) -> Vector:
    """Chances in the order of ``MOOD_NAMES``; without ``moods`` all are alike."""
    weights = np.array([float(moods.get(name, 0.0)) if moods else 1.0 for name in MOOD_NAMES])
    return np.asarray(weights / weights.sum())


def moment_at(at_ms: float, turn_number: int, previous: float | None, gap_s: float | None) -> Moment:
    """The place of a turn in its conversation and in the week (UTC)."""
    days = (at_ms - START_MS) / DAY_MS
    return Moment(turn_number, previous, gap_s, hour_of_day=(days % 1.0) * 24.0, weekday=int(days) % 7)


def drawn_rewards(worth: Matrix, noise: float, rng: np.random.Generator) -> Matrix:
    """Rewards in [0, 1] with the mean ``worth`` and ``noise`` times the variance of thumbs: a beta distribution, which
    is a point at 0 and a coin at 1."""
    if noise < 1e-9:  # a standard deviation under .00002, and nearer to 0 the distribution can't be computed
        return worth.copy()
    coins = rng.random(worth.shape)
    if noise >= 1.0:
        return np.asarray((coins < worth).astype(np.float64))
    concentration = 1.0 / noise - 1.0
    mean = np.clip(worth, 1e-9, 1.0 - 1e-9)  # a beta distribution has no parameter 0
    return np.asarray(rng.beta(mean * concentration, (1.0 - mean) * concentration))


def _arrivals(people: list[Person], at_ms: Vector, rng: np.random.Generator) -> Vector:
    reacts = rng.random(len(people)) < np.array([person.reacts for person in people])
    hours = rng.exponential(1.0, len(people)) * np.array([person.delay_hours for person in people])
    return np.asarray(np.where(reacts, at_ms + hours * HOUR_MS, np.inf))
