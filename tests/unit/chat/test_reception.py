"""Who is told, and what, while nobody is there; and which agents the router counts."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from typing import Any, cast

import pytest

from server.chat.messages import Messages
from server.chat.reception import Reception
from server.chat.router import Router
from server.chat.routing import DeskPlan, Hours
from server.chat.routing.parsing import AgentPlan
from server.chat.signals import QueueMoved, Signals
from server.clock import ManualClock
from server.errors import Forbidden, Unavailable
from server.store.ports import Append, Appended, Head, PastTurn, Store
from server.store.routing_ports import AgentRow, Decide, Placement, RoutingFacts, Waiting
from server.wire.frames import Message
from server.wire.parts import Status, User
from tests.unit.chat.house import caller, event_message, text_message

MONDAY_MS = int(datetime(2026, 11, 23, 8, tzinfo=UTC).timestamp() * 1000)
OFFICE = DeskPlan(hours=Hours((((540, 1_020),),) * 7), agents={"ann": AgentPlan(("billing",), 2)})


@dataclass
class FakeStore:
    """``language``: of the last turn; ``waits``: whether anybody does."""

    language: str | None = None
    waits: bool = True
    away: bool = False
    appended: list[Append] = field(default_factory=list)
    agents_now: list[AgentRow] = field(default_factory=list)

    async def past_turns(self, channel: str, limit: int) -> list[PastTurn]:
        if self.away:
            raise Unavailable("the database is away")
        return [] if self.language is None else [PastTurn("t", None, None, "", {"language": self.language}, {}, 0, 0)]

    async def append(self, append: Append) -> Appended:
        again = any(one.key == append.key for one in self.appended)
        self.appended.append(append)
        message = Message(append.channel, "e", 2, append.message_id, 0, append.sender, append.text)
        return Appended(message, again, () if again else (message,), None)

    async def head(self, channel: str) -> Head:
        return Head("e", 0)

    async def queue(self, limit: int) -> list[object]:
        return [object()] if self.waits else []

    async def agents(self) -> list[AgentRow]:
        return self.agents_now

    async def route(self, decide: Decide, limit: int, offer_ms: int) -> list[Placement]:
        waiting = tuple(Waiting(f"conv:{number}", 0, None, {}, None) for number in range(9))
        return list(decide(RoutingFacts(waiting, tuple(self.agents_now), ())))

    async def refuse(self, channel: str, agent_id: str) -> bool:
        return channel == "conv:mine"


class House:
    def __init__(self, plan: DeskPlan = OFFICE) -> None:
        self.store = FakeStore()
        self.clock = ManualClock(wall_ms=MONDAY_MS)
        self.published: list[Message] = []
        self.sent: list[Any] = []
        self.devices: dict[str, int] | None = {}
        ids = count(1)
        self.reception = Reception(
            store=cast(Store, self.store),
            messages=cast(Messages, self),
            clock=self.clock,
            new_id=lambda: f"m{next(ids)}",
            plan=plan,
        )
        self.router = Router(
            store=cast(Store, self.store),
            signals=cast(Signals, self),
            standings=self.standings,
            clock=self.clock,
            plan=plan,
            capacity=1,
            offer_ms=5,
            is_on=True,
        )

    async def publish(self, message: Message) -> None:
        self.published.append(message)

    async def send(self, signal: Any) -> None:
        self.sent.append(signal)

    async def standings(self, user_ids: Any) -> Any:
        if self.devices is None:
            raise Unavailable("the registry is away")
        return {one: type("Standing", (), {"devices": self.devices[one]}) for one in user_ids if one in self.devices}

    async def hears(self, *messages: Message) -> list[str]:
        for message in messages:
            self.reception.on_message(message)
        while self.reception._tasks:
            await asyncio.sleep(0)
        return [message.text for message in self.published]


async def test_only_who_begins_to_wait_while_nobody_is_there_is_told() -> None:
    house = House()
    others = (event_message("conv:a", "claimed"), event_message("conv:a", "away"), text_message("conv:a"))
    assert await house.hears(*others) == []
    (text,) = await house.hears(event_message("conv:a", "waiting", 7))
    assert "2026-11-23 09:00 (UTC)" in text
    assert house.store.appended[0].data == {"event": "away", "opens_ms": MONDAY_MS + 3_600_000}
    await house.hears(event_message("conv:a", "waiting", 7))  # as another worker would
    assert len(house.published) == 1
    house.clock.advance(3_600_000)
    await house.hears(event_message("conv:a", "waiting", 9))
    assert len(house.published) == 1
    assert house.reception.opening().is_open


async def test_in_the_customers_language_where_there_is_a_text() -> None:
    for language, begins in (("de", "Unser Team"), ("ja", "Our team"), (None, "Our team")):
        house = House()
        house.store.language = language
        (text,) = await house.hears(event_message("conv:a", "waiting"))
        assert text.startswith(begins)


async def test_a_store_that_is_away_costs_the_word_only() -> None:
    house = House()
    house.store.away = True
    assert await house.hears(event_message("conv:a", "waiting")) == []
    await house.reception.close()


def agent(name: str, status: Status = "online", capacity: int | None = None) -> AgentRow:
    return AgentRow(User(name, "agent", name), status, None, 0, capacity, 0, 0)


async def test_who_is_there_and_online_gets_as_much_as_they_take() -> None:
    house = House()
    house.store.agents_now = [agent("ann"), agent("ben"), agent("cid", "busy"), agent("dot", capacity=3), agent("eve")]
    house.devices = {"ann": 1, "ben": 2, "cid": 1, "dot": 1, "eve": 0}
    placed = await house.router.step()
    counts = {name: [one.agent_id for one in placed].count(name) for name in ("ann", "ben", "cid", "dot", "eve")}
    assert counts == {"ann": 2, "ben": 1, "cid": 0, "dot": 3, "eve": 0}
    assert house.sent == [QueueMoved([place.channel for place in placed])]
    assert (house.router.skills_of("ann"), house.router.skills_of("ben")) == (("billing",), ())


async def test_nobody_is_offered_anything_while_it_is_unknown_who_is_there() -> None:
    house = House()
    house.store.agents_now, house.devices = [agent("ann")], None
    with pytest.raises(Unavailable):
        await house.router.step()
    house.store.waits = False
    assert await house.router.step() == []
    assert house.sent == []


async def test_a_refusal_is_told_where_it_was_one() -> None:
    house = House()
    with pytest.raises(Forbidden):
        await house.router.refuse(caller("service"), "conv:mine")
    assert not await house.router.refuse(caller(), "conv:other")
    assert house.sent == []
    assert await house.router.refuse(caller(), "conv:mine")
    assert house.sent == [QueueMoved(["conv:mine"])]
