"""Policies of experiments' variants: those that learn have a log and a learner of their own, as the server's has.

Each is a fold over the log ``experiment:ID:VARIANT``, so every worker knows the same of it, a restart finds it again,
and it learns from its own variant's users alone: what it costs to learn is part of what the experiment compares.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

import numpy as np
import structlog
from numpy.typing import NDArray

from adapters.experiments.changes import Change, Scalar
from adapters.experiments.design import ExperimentError
from adapters.experiments.documents import from_document
from adapters.policies import Decision, Policy
from server.chat.learning import Learner
from server.errors import StartupError
from server.store.ports import RewardEvent, Store

STILL_POLICIES: Final = ("uniform", "round_robin", "fixed")
"""Policies that learn nothing, and need no log."""

LOG_PREFIX: Final = "experiment:"

_log = structlog.get_logger(__name__)


class Chooser(Protocol):
    """What draws personas for the users of a variant. ``name``: of the log of its decisions."""

    @property
    def name(self) -> str: ...

    @property
    def arms(self) -> tuple[str, ...]: ...

    @property
    def drawable(self) -> tuple[str, ...]: ...

    @property
    def version(self) -> int: ...

    @property
    def seed(self) -> int | None: ...

    def choose(
        self,
        x: NDArray[np.float64],
        *,
        allowed: Collection[str] | None = None,
        user: str | None = None,
        segment: str | None = None,
    ) -> Decision: ...


@dataclass(frozen=True, slots=True)
class Still:
    """A policy that learns nothing, as a ``Chooser``."""

    name: str
    policy: Policy
    version: int = 0
    seed: int | None = None

    @property
    def arms(self) -> tuple[str, ...]:
        return self.policy.arms

    @property
    def drawable(self) -> tuple[str, ...]:
        return self.policy.arms

    def choose(
        self,
        x: NDArray[np.float64],
        *,
        allowed: Collection[str] | None = None,
        user: str | None = None,
        segment: str | None = None,
    ) -> Decision:
        """See ``Policy.choose``."""
        return self.policy.choose(x, allowed, user, segment)


def log_of(experiment_id: str, variant: str) -> str:
    """The name under which a variant's own decisions are logged."""
    return f"{LOG_PREFIX}{experiment_id}:{variant}"


def named_by(log: str) -> tuple[str, str] | None:
    """The experiment and the variant of a log; None for other logs."""
    experiment, colon, variant = log.removeprefix(LOG_PREFIX).partition(":")
    return (experiment, variant) if log.startswith(LOG_PREFIX) and colon else None


async def deciding_change(store: Store, log: str) -> Change | None:
    """What the variant that decisions are logged for decides by, a persona or a policy. None for other logs, and where
    the experiment can't be read."""
    named = named_by(log)
    if named is None:
        return None
    rows = await store.experiment_history(named[0])
    try:
        variants = from_document(rows[-1].document).variants if rows else ()
    except ExperimentError:  # another release's
        return None
    changes = [change for variant in variants if variant.name == named[1] for change in variant.changes]
    return next((change for change in changes if change.kind in {"persona", "policy"}), None)


def is_learning(change: Change) -> bool:
    """Whether it is a policy that learns."""
    return change.kind == "policy" and change.values.get("name") not in STILL_POLICIES


def parameters_in(change: Change) -> tuple[str, dict[str, Any]]:
    """A policy's name and parameters."""
    values = dict(change.values)
    return str(values.pop("name", "")), values


def still(log: str, change: Change, make_policy: Callable[[str, Mapping[str, Scalar]], Policy]) -> Still:
    """For a policy that learns nothing."""
    return Still(log, make_policy(*parameters_in(change)))


class VariantPolicies:
    """The learners of the variants that act now. ``make``: one for a log; ``StartupError`` where it can't be made."""

    def __init__(self, make: Callable[[str, Change], Learner] | None = None) -> None:
        self._make = make
        self._learners: dict[str, Learner] = {}
        self._work: dict[str, list[asyncio.Task[None]]] = {}

    @property
    def know_segments(self) -> bool:
        """Whether one of them goes by the customer's segment."""
        return any(learner.policy.name == "personal" for learner in self._learners.values())

    def learner(self, log: str) -> Learner | None:
        """None for a log that nobody follows here."""
        return self._learners.get(log)

    async def follow(self, wanted: Mapping[str, Change]) -> None:
        """Follow these logs, and no others. ``Unavailable``: then those that are new are not followed yet."""
        for log in set(self._learners) - set(wanted):
            await self._leave(log)
        for log, change in wanted.items():
            if log not in self._learners:
                await self._join(log, change)

    def take(self, event: RewardEvent) -> None:
        """A reward was appended here, to a log that is not the server's policy's."""
        learner = self._learners.get(event.policy)
        if learner is not None:
            learner.take(event)

    async def close(self) -> None:
        """Keep what they have learned."""
        for log in tuple(self._learners):
            await self._leave(log)

    async def _join(self, log: str, change: Change) -> None:
        if self._make is None:
            return
        try:
            learner = self._make(log, change)
        except StartupError as error:  # an older experiment's, of which something is gone
            _log.error("policy of an experiment not made", log=log, reason=str(error))
            return
        await learner.start()
        self._learners[log] = learner
        self._work[log] = [asyncio.create_task(work, name=log) for work in (learner.follow(), learner.give_defaults())]

    async def _leave(self, log: str) -> None:
        learner, tasks = self._learners.pop(log), self._work.pop(log)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await learner.close()
