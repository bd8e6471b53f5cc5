"""Satisfaction summed up, colleagues while nobody knows who is there, and what is suggested."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.personas import Persona
from adapters.traits import Traits
from inference.analysis import Analysis
from inference.errors import InferenceError
from server.chat.agents import Agents
from server.chat.satisfaction import DAY_MS, SatisfactionFigures, figures_of
from server.chat.standing import Standing
from server.chat.suggestions import Suggestions
from server.chat.writer import Situation, Written
from server.clock import ManualClock
from server.errors import Forbidden, Invalid, NotFound, Unavailable
from server.store.desk_ports import Satisfaction
from server.store.ports import Head, PastTurn, Store
from server.store.routing_ports import AgentRow
from server.wire.frames import Message
from server.wire.parts import Turn, User
from tests.unit.chat.house import caller, text_message
from tests.unit.chat.test_memory import analysis as read

# --------------------------------------------------------------------------- satisfaction

ROWS = st.lists(
    st.builds(
        lambda agent, day, ratings: Satisfaction(
            agent, agent.title(), day, len(ratings), sum(ratings), sum(one >= 0.75 for one in ratings)
        ),
        st.sampled_from(["ann", "ben", "cid"]),
        st.integers(0, 4),
        st.lists(st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0]), min_size=1, max_size=5),
    ),
    max_size=12,
    unique_by=lambda row: (row.agent_id, row.day),
)


@given(ROWS)
def test_agents_and_days_add_up_to_all(rows: list[Satisfaction]) -> None:
    found = figures_of(rows, 0, 9)
    if not rows:
        assert (found.overall, found.agents, found.days) == (None, (), ())
        return
    assert found.overall is not None
    for parts in ([score for _, _, score in found.agents], [score for _, score in found.days]):
        assert sum(one.count for one in parts) == found.overall.count
        assert sum(one.mean * one.count for one in parts) == pytest.approx(found.overall.mean * found.overall.count)
        assert sum(one.share * one.count for one in parts) == pytest.approx(found.overall.share * found.overall.count)
    assert [at_ms for at_ms, _ in found.days] == sorted({row.day * DAY_MS for row in rows})


async def test_agents_see_their_own_and_the_time_is_bounded() -> None:
    rows = [Satisfaction("ann", "Ann", 1, 2, 1.5, 1), Satisfaction("ben", "Ben", 1, 1, 0.0, 0)]
    asked: list[tuple[int, int]] = []

    class FakeStore:
        async def satisfaction(self, from_ms: int, to_ms: int) -> list[Satisfaction]:
            asked.append((from_ms, to_ms))
            return rows

    clock = ManualClock(wall_ms=100 * DAY_MS)
    figures = SatisfactionFigures(store=cast(Store, FakeStore()), clock=clock)
    mine = await figures.figures(caller("agent", "ann"), None, None)
    assert [agent for agent, _, _ in mine.agents] == ["ann"]
    assert asked == [(70 * DAY_MS + 1, 100 * DAY_MS + 1)]
    assert len((await figures.figures(caller("admin"), 5, 9)).agents) == 2
    for from_ms, to_ms in ((9, 5), (0, 401 * DAY_MS)):
        with pytest.raises(Invalid):
            await figures.figures(caller("admin"), from_ms, to_ms)
    with pytest.raises(Forbidden):
        await figures.figures(caller("service"), None, None)


# --------------------------------------------------------------------------- colleagues


async def test_colleagues_while_nobody_knows_who_is_there() -> None:
    class FakeStore:
        async def agents(self) -> list[AgentRow]:
            return [AgentRow(User("ann", "agent", "Ann"), "online", None, 0, 2, 3, 0)]

    async def away(_: Sequence[str]) -> dict[str, Standing]:
        raise Unavailable("the registry is away")

    agents = Agents(
        store=cast(Store, FakeStore()),
        standings=away,
        capacity_of=lambda _: 9,
        skills_of=lambda agent: (f"{agent}s",),
        routing="pull",
    )
    (ann,) = await agents.all(caller())
    assert (ann.devices, ann.is_available, ann.capacity, ann.free, ann.skills) == (None, False, 2, 0, ("anns",))
    with pytest.raises(Forbidden):
        await agents.set_capacity(caller("agent", "ben"), "ann", 1)


# --------------------------------------------------------------------------- suggestions

PERSONAS = tuple(Persona(name, name.title(), "", Traits().as_dict(), {}) for name in ("warm", "brisk"))


@dataclass
class Desk:
    """What suggestions stand on; ``situations``: what the writer was asked."""

    messages: list[Message] = field(default_factory=list)
    model_is_away: bool = False
    situations: list[Situation] = field(default_factory=list)

    async def head(self, channel: str) -> Head:
        return Head("e", 0)

    async def messages_before(self, channel: str, offset: int | None, limit: int) -> list[Message]:
        return self.messages

    async def past_turns(self, channel: str, limit: int) -> list[PastTurn]:
        return []

    async def analyse(self, text: str) -> Analysis:
        if self.model_is_away:
            raise InferenceError("away")
        return read()

    async def search(self, text: str, analysis: Analysis, *, limit: int) -> list[Any]:
        return []

    def write(self, situation: Situation, rng: random.Random) -> Written:
        self.situations.append(situation)
        return Written(f"{situation.persona.name}: {situation.text}", (), (), "answer")  # type: ignore[arg-type]

    def suggestions(self) -> Suggestions:
        return Suggestions(
            store=cast(Store, self),
            analyse=self.analyse,
            knowledge=self,
            writer=lambda: self,
            personas=lambda: PERSONAS,
            rng=random.Random(7),
        )


async def test_the_last_of_the_customers_messages_is_answered_in_the_bots_manner() -> None:
    bot = Message("conv:a", "e", 2, "m2", 0, User("bot", "bot", "Bot"), "hi", turn=Turn("d", "brisk"))
    ann = Message("conv:a", "e", 4, "m4", 0, User("ann", "agent", "Ann"), "one moment")
    desk = Desk([text_message("conv:a", 1), bot, text_message("conv:a", 3), ann])
    found = await desk.suggestions().suggest(caller(), "conv:a", None)
    assert (found.text, found.persona, found.message) == ("brisk: hello", "brisk", desk.messages[2])
    assert (await desk.suggestions().suggest(caller(), "conv:a", "warm")).text == "warm: hello"
    with pytest.raises(NotFound):
        await desk.suggestions().suggest(caller(), "conv:a", "odd")
    with pytest.raises(Forbidden):
        await desk.suggestions().suggest(caller("service"), "conv:a", None)
    desk.model_is_away = True
    with pytest.raises(Unavailable):
        await desk.suggestions().suggest(caller(), "conv:a", None)
    desk.messages = [bot]
    assert (await desk.suggestions().suggest(caller(), "conv:a", None)).text is None
