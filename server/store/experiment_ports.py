"""Experiments: their documents, who was first shown what, and what these users then did.

Part of ``ports.Store``, whose text says what holds for every method. What a turn tells (``TrialTurn``) is stored in the
commit of its answer; nothing here costs a turn a commit of its own. A user's variant is a function of names
(``adapters.experiments.assignment``), so that no worker has to ask the ledger who gets what.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

ExperimentState = Literal["draft", "running", "paused", "completed"]


@dataclass(frozen=True, slots=True)
class ExperimentRow:
    """An experiment as somebody left it: ``revision`` counts from 1, one more with each change. ``document`` is opaque
    to the store (JSON). ``by`` did ``verb`` at ``at_ms``, for the reason ``note``."""

    id: str
    revision: int
    state: ExperimentState
    document: Mapping[str, Any]
    verb: str
    by: str
    at_ms: int
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Exposure:
    """``unit`` (a user) was shown ``variant`` at ``at_ms`` for the first time."""

    experiment_id: str
    unit: str
    variant: str
    at_ms: int


@dataclass(frozen=True, slots=True)
class TrialTurn:
    """What an answered turn of a user in an experiment tells. ``exposures``: those that are new, as far as the worker
    knows; of several of one user and experiment the first stays. ``response_ms``: from message to answer.
    ``reply_to_ms``: when the answer was given that the message came after; None where there was none."""

    user_id: str
    response_ms: int
    sentiment_score: float
    reply_to_ms: int | None
    exposures: tuple[Exposure, ...] = ()


@dataclass(frozen=True, slots=True)
class GoalEvent:
    """Something that a user did elsewhere, such as "order_placed". ``key``: unique per user."""

    user_id: str
    key: str
    name: str
    at_ms: int


@dataclass(frozen=True, slots=True)
class Window:
    """Which records of an experiment's users count: those from a user's first exposure up to ``until_ms``.

    An answer after ``settled_before_ms`` may still be replied to. A turn is a return from a day after the exposure on,
    within ``retention_ms``. ``goal``: name of the events that count."""

    experiment_id: str
    until_ms: int
    settled_before_ms: int
    retention_ms: int
    goal: str = ""


@dataclass(slots=True)
class UnitRecord:
    """Sums over what one user did since the first exposure. ``answers``: those that were replied to, or may not be any
    more. ``handoffs``, ``resolved``: of the ``conversations``. ``rating_sum``: of ratings in [0, 1]."""

    unit: str
    variant: str
    exposed_ms: int
    conversations: int = 0
    turns: int = 0
    replies: int = 0
    answers: int = 0
    response_ms_sum: int = 0
    sentiment_sum: float = 0.0
    sentiments: int = 0
    resolved: int = 0
    handoffs: int = 0
    rating_sum: float = 0.0
    ratings: int = 0
    returns: int = 0
    goals: int = field(default=0)


Refuse = Callable[[Sequence[ExperimentRow]], str | None]
"""Why a change may not be, given the experiments that are running or paused then; None: it may."""


class ExperimentStore(Protocol):
    """What ``ports.Store`` promises of experiments."""

    async def put_experiment(self, row: ExperimentRow, refuse: Refuse | None = None) -> None:
        """Store revision ``row.revision``, which must be one above what there is (1: a new one), else ``Conflict``.
        Every revision stays in the history.

        ``refuse`` is asked in the same transaction, while no other such change of any experiment can commit, and
        ``Conflict`` is what it says. It must be quick and raise nothing."""

    async def experiment(self, experiment_id: str) -> ExperimentRow:
        """As it stands. ``NotFound``."""

    async def experiments(self, states: Sequence[ExperimentState] | None = None) -> list[ExperimentRow]:
        """By id; of these states, or all."""

    async def experiment_history(self, experiment_id: str) -> list[ExperimentRow]:
        """Every revision, the first first; empty where there is no such experiment."""

    async def experiments_version(self) -> int:
        """A number that grows with every change of any experiment; cheap."""

    async def take_look(self, experiment_id: str, every_ms: int) -> bool:
        """Whether nobody has taken the last look at it within ``every_ms`` of database time; then the caller has."""

    async def exposures_of(self, user_id: str) -> dict[str, str]:
        """The variant of each experiment that the user was shown."""

    async def add_event(self, event: GoalEvent) -> bool:
        """Whether it was new. The same again changes nothing; the key with another name is a ``Conflict``."""

    async def unit_records(self, window: Window, after: str | None, limit: int) -> list[UnitRecord]:
        """By unit, ascending, those above ``after``: the users who were shown the experiment up to the window's end."""
