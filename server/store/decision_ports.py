"""The decision log, read: what was drawn with which probabilities, and what it earned.

Part of ``ports.Store``, whose text says what holds for every method. Decisions are written with their answers
(``ports.Answer``), and their rewards as they become known (``ports.Store.add_reward``).
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Protocol

from server.store.policy_ports import PolicyMode

PAGE_DECISIONS = 1_000
"""Of ``all_decisions``: about half a megabyte, read in milliseconds."""


@dataclass(frozen=True, slots=True)
class LoggedDecision:
    """A decision (see ``ports.DecisionRow``) with its reward in [0, 1] as it stands now, None while none is known.

    Of ``mode`` "apprentice" an agent has chosen, so the probabilities say nothing. ``user``, ``segment``: whom it was
    for, where that was asked for and is known.
    """

    decision_id: str
    policy: str
    version: int
    arm: str
    propensity: float
    arms: tuple[str, ...]
    probabilities: tuple[float, ...]
    features: tuple[float, ...]
    at_ms: int
    reward: float | None
    mode: PolicyMode = "live"
    user: str | None = None
    segment: str | None = None


class DecisionStore(Protocol):
    """What ``ports.Store`` promises of the decision log."""

    async def decisions(
        self,
        policy: str,
        *,
        since_ms: int | None = None,
        until_ms: int | None = None,
        after: str | None = None,
        limit: int,
        with_people: bool = False,
    ) -> list[LoggedDecision]:
        """Of one policy, those made from ``since_ms`` on and before ``until_ms``, in the order of their making to the
        clocks of the workers (``at_ms``, then ``decision_id``); of those behind the decision ``after`` the first
        ``limit``. ``NotFound`` where there is no decision ``after``."""

    async def decision(self, decision_id: str) -> LoggedDecision:
        """``NotFound``."""

    async def deciding_policies(self) -> list[str]:
        """The names under which decisions are logged, ascending. Reads the whole log."""


async def all_decisions(
    store: DecisionStore,
    policy: str,
    *,
    since_ms: int | None = None,
    until_ms: int | None = None,
    with_people: bool = False,
) -> AsyncIterator[LoggedDecision]:
    """As ``DecisionStore.decisions``, all of them, a page in memory at a time."""
    after = None
    while page := await store.decisions(
        policy, since_ms=since_ms, until_ms=until_ms, after=after, limit=PAGE_DECISIONS, with_people=with_people
    ):
        for decision in page:
            yield decision
        after = page[-1].decision_id
