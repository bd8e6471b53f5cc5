"""Agents: who there is, how they stand, how much they have and take on."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from server.chat.access import require_agent
from server.chat.peer import Caller
from server.chat.standing import Standing
from server.errors import Forbidden, NotFound, Unavailable
from server.store.ports import Store
from server.store.routing_ports import AgentRow

MAX_CAPACITY: Final = 100

Standings = Callable[[Sequence[str]], Awaitable[dict[str, Standing]]]


@dataclass(frozen=True, slots=True)
class Colleague:
    """``devices``: open connections, None while nobody can say. ``capacity``: with the house's where they have none of
    their own; ``skills``: of the desk's file."""

    row: AgentRow
    devices: int | None
    capacity: int
    skills: tuple[str, ...] = ()

    @property
    def is_available(self) -> bool:
        """Whether they are there, want conversations and have room for one."""
        return bool(self.devices) and self.row.status == "online" and self.free > 0

    @property
    def free(self) -> int:
        """Conversations that they could take on."""
        return max(0, self.capacity - self.row.claimed - self.row.offered)


class Agents:
    """``capacity_of`` says how many an agent, by id, takes who has no number of their own, ``skills_of`` what they are
    good at. ``routing``: whether conversations are offered (push) or taken (pull)."""

    def __init__(
        self,
        *,
        store: Store,
        standings: Standings,
        capacity_of: Callable[[str], int],
        skills_of: Callable[[str], tuple[str, ...]],
        routing: Literal["pull", "push"],
    ) -> None:
        self.routing = routing
        self._store = store
        self._standings = standings
        self._capacity_of = capacity_of
        self._skills_of = skills_of

    async def all(self, caller: Caller) -> list[Colleague]:
        """By name. ``Forbidden``."""
        require_agent(caller, "the list of agents")
        rows = await self._store.agents()
        try:
            standings = await self._standings([row.user.id for row in rows])
        except Unavailable:
            return [self._colleague(row, None) for row in rows]
        return [self._colleague(row, _devices(standings.get(row.user.id))) for row in rows]

    async def set_capacity(self, caller: Caller, user_id: str, capacity: int | None) -> Colleague:
        """One's own; admins anybody's. None: as many as the house says. ``Forbidden``, ``NotFound``."""
        require_agent(caller, "capacity")
        if user_id != caller.user.id and not caller.is_admin:
            raise Forbidden("how much another agent takes on is for admins to set")
        await self._store.set_capacity(user_id, capacity)
        for colleague in await self.all(caller):
            if colleague.row.user.id == user_id:
                return colleague
        raise NotFound(f"There is no agent {user_id!r}.")

    def _colleague(self, row: AgentRow, devices: int | None) -> Colleague:
        own = self._capacity_of(row.user.id) if row.capacity is None else row.capacity
        return Colleague(row, devices, own, self._skills_of(row.user.id))


def _devices(standing: Standing | None) -> int:
    return 0 if standing is None else standing.devices
