"""Agents and offers: ``routing_ports`` says what these methods of ``ports.Store`` promise."""

from __future__ import annotations

from functools import partial
from typing import Any

from server.store import codec, routing
from server.store.dialect import Database
from server.store.prepare import check_texts
from server.store.roads import Roads
from server.store.routing_ports import AgentRow, Decide, Offer, Placement

_ORDER = "3 offers"


class RoutingMethods(Roads):
    """Part of ``SqlStore``."""

    def __init__(self, database: Database, **options: Any) -> None:
        super().__init__(database, **options)
        self._route = routing.Router(database)
        self._set_capacity = routing.Capacities(database)

    async def agents(self) -> list[AgentRow]:
        return await self._read(routing.agents)

    async def set_capacity(self, user_id: str, capacity: int | None) -> None:
        check_texts(user_id=user_id)
        await self._work(("3 capacities", user_id), partial(self._set_capacity, user=user_id, capacity=capacity))

    async def route(self, decide: Decide, limit: int, offer_ms: int) -> list[Placement]:
        return await self._work((_ORDER,), partial(self._route, decide=decide, limit=limit, offer_ms=offer_ms))

    async def offers(self) -> list[Offer]:
        return await self._read(routing.open_offers)

    async def refuse(self, channel: str, agent_id: str) -> bool:
        check_texts(agent_id=agent_id)
        conversation = codec.conversation_id(channel)
        return await self._work(
            (_ORDER, conversation), partial(routing.refuse, conversation=conversation, agent=agent_id)
        )
