"""CSAT: what customers thought of conversations that agents had resolved, by agent and over time."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from server.chat.access import require_agent
from server.chat.peer import Caller
from server.clock import Clock
from server.errors import Invalid
from server.store.desk_ports import Satisfaction
from server.store.ports import Store

DAY_MS: Final = 86_400_000
MAX_DAYS: Final = 400
DEFAULT_DAYS: Final = 30


@dataclass(frozen=True, slots=True)
class Score:
    """Of ``count`` ratings in [0, 1]: their ``mean``, and the ``share`` of those that were 4 or 5 of 5."""

    count: int
    mean: float
    share: float


@dataclass(frozen=True, slots=True)
class Figures:
    """``agents``: by id, with the name; ``days``: by the first millisecond (UTC); none without a rating."""

    from_ms: int
    to_ms: int
    overall: Score | None
    agents: tuple[tuple[str, str | None, Score], ...]
    days: tuple[tuple[int, Score], ...]


class SatisfactionFigures:
    """Admins see everybody's, agents their own."""

    def __init__(self, *, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def figures(self, caller: Caller, from_ms: int | None, to_ms: int | None) -> Figures:
        """Of ratings given from ``from_ms`` (30 days ago) up to ``to_ms`` (now). ``Forbidden``, ``Invalid``."""
        require_agent(caller, "satisfaction")
        until_ms = self._clock.now_ms() + 1 if to_ms is None else to_ms
        since_ms = max(0, until_ms - DEFAULT_DAYS * DAY_MS) if from_ms is None else from_ms
        if not 0 <= until_ms - since_ms <= MAX_DAYS * DAY_MS:
            raise Invalid(f"from_ms to to_ms spans 0 to {MAX_DAYS} days, the earlier first.")
        rows = await self._store.satisfaction(since_ms, until_ms)
        mine = rows if caller.is_admin else [row for row in rows if row.agent_id == caller.user.id]
        return figures_of(mine, since_ms, until_ms)


def figures_of(rows: Iterable[Satisfaction], from_ms: int, to_ms: int) -> Figures:
    """Sums of the rows: over all, by agent, by day."""
    everything = tuple(rows)
    names = {row.agent_id: row.agent_name for row in everything}
    agents = (
        (agent, name, _score(row for row in everything if row.agent_id == agent)) for agent, name in names.items()
    )
    days = ((day * DAY_MS, _score(row for row in everything if row.day == day)) for day in _days(everything))
    return Figures(
        from_ms,
        to_ms,
        _score(everything),
        tuple((agent, name, score) for agent, name, score in agents if score is not None),
        tuple((at_ms, score) for at_ms, score in days if score is not None),
    )


def _days(rows: tuple[Satisfaction, ...]) -> list[int]:
    return sorted({row.day for row in rows})


def _score(rows: Iterable[Satisfaction]) -> Score | None:
    found = list(rows)
    count = sum(row.count for row in found)
    if count == 0:
        return None
    return Score(count, sum(row.total for row in found) / count, sum(row.satisfied for row in found) / count)
