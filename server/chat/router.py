"""Push routing: waiting conversations are offered to agents, one at a time each, until somebody takes them.

Every worker looks, none is in charge: the store decides under one lock, by ``routing.assign``, on what it finds there.
An offer is accepted by a claim; refused or lapsed, the next agent gets it. Whoever wants to may still claim.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Final

import structlog

from server.chat.access import no_such_channel, require_agent, require_conversation
from server.chat.peer import Caller
from server.chat.routing import Candidate, DeskPlan, assign
from server.chat.signals import QueueMoved, Signals
from server.chat.standing import Standing
from server.clock import Clock
from server.errors import NotFound, ProtocolError
from server.store.ports import Store
from server.store.routing_ports import AgentRow, Placement, RoutingFacts
from server.wire.frames import Message

LOOK_EVERY_S: Final = 2.0
GATHER_S: Final = 0.2
MAX_ROUTED: Final = 200

_log = structlog.get_logger(__name__)

Standings = Callable[[Sequence[str]], Awaitable[dict[str, Standing]]]


class Router:
    """``capacity``: of agents who have none of their own. ``is_on`` False: agents take from the queue themselves."""

    def __init__(
        self,
        *,
        store: Store,
        signals: Signals,
        standings: Standings,
        clock: Clock,
        plan: DeskPlan,
        capacity: int,
        offer_ms: int,
        is_on: bool,
    ) -> None:
        self._store = store
        self._signals = signals
        self._standings = standings
        self._clock = clock
        self._plan = plan
        self._capacity = capacity
        self._offer_ms = offer_ms
        self._is_on = is_on
        self._wake = asyncio.Event()

    def capacity_of(self, agent_id: str) -> int:
        """The house's number for an agent who has none of their own: of the desk's file, else of the settings."""
        planned = self._plan.agents.get(agent_id)
        return self._capacity if planned is None or planned.capacity is None else planned.capacity

    def skills_of(self, agent_id: str) -> tuple[str, ...]:
        """Of the desk's file."""
        planned = self._plan.agents.get(agent_id)
        return () if planned is None else planned.skills

    def on_message(self, message: Message) -> None:
        """It was stored by this worker: somebody may wait now, or have a place again."""
        if message.sender.kind == "system":
            self._wake.set()

    async def refuse(self, caller: Caller, channel: str) -> bool:
        """Whether it was offered to the caller until now. ``NotFound``, ``Forbidden``."""
        await require_conversation(self._store, caller, channel)
        require_agent(caller, "refuse")
        try:
            refused = await self._store.refuse(channel, caller.user.id)
        except NotFound:
            raise no_such_channel() from None
        if refused:
            self._wake.set()
            await self._signals.send(QueueMoved([channel]))
        return refused

    async def keep(self) -> None:
        """Offer what waits, for ever; nothing where agents take it themselves."""
        while self._is_on:
            try:
                await self.step()
            except ProtocolError as error:
                _log.warning("queue not routed", reason=str(error))
            except Exception:  # whatever it was, the next round must come
                _log.exception("queue not routed")
            await asyncio.sleep(GATHER_S)
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_EVERY_S):
                    await self._wake.wait()
            self._wake.clear()

    async def step(self) -> list[Placement]:
        """One round. ``Unavailable`` where store or registry is away: nobody who may be gone is offered anything."""
        if not await self._store.queue(1):
            return []
        candidates = await self._candidates()

        def decide(facts: RoutingFacts) -> list[Placement]:
            plan = self._plan
            return assign(
                facts,
                candidates,
                skills=plan.skills,
                order=plan.order,
                patience_ms=plan.patience_ms,
                now_ms=self._clock.now_ms(),
            )

        placed = await self._store.route(decide, MAX_ROUTED, self._offer_ms)
        if placed:
            await self._signals.send(QueueMoved([place.channel for place in placed]))
        return placed

    async def _candidates(self) -> list[Candidate]:
        """Those who are there, online and not hidden."""
        rows = [row for row in await self._store.agents() if row.status == "online"]
        standings = await self._standings([row.user.id for row in rows])
        return [self._candidate(row) for row in rows if row.user.id in standings and standings[row.user.id].devices]

    def _candidate(self, row: AgentRow) -> Candidate:
        agent = row.user.id
        capacity = self.capacity_of(agent) if row.capacity is None else row.capacity
        return Candidate(agent, capacity, frozenset(self.skills_of(agent)))
