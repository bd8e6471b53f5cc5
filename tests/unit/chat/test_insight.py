"""Who may know what of moods and personas, and that it is what the store has."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from adapters.features import TurnView, features
from adapters.personas import Persona
from adapters.traits import Traits
from server.chat.insight import Insight
from server.chat.peer import Caller
from server.chat.spending import FOREVER_MS
from server.errors import Forbidden, NotFound
from server.store.mood_ports import HeardTurn, MeanContext
from server.store.ports import Head, Store
from server.store.usage_ports import UsageSum
from server.wire.parts import User

ADMIN = Caller(User("eve", "admin", "Eve"), False)
AGENT = Caller(User("ann", "agent", "Ann"), False)
SHOP = Caller(User("shop", "service", "Shop"), False)
CARL = Caller(User("carl", "customer", "Carl"), False)
PERSONAS = (
    Persona("warm", "Warm", "Kind.", Traits(empathy=0.9).as_dict(), {}),
    Persona("kind", "Kind", "Warm.", Traits(empathy=0.8).as_dict(), {}),
    Persona("dry", "Dry", "Not.", Traits(empathy=0.1).as_dict(), {}),
)
CHANNEL = "conv:1"


def heard(offset: int, score: float | None) -> HeardTurn:
    return HeardTurn(CHANNEL, offset, offset * 10, {} if score is None else {"sentiment": {"score": score}})


@dataclass
class FakeStore:
    """Knows Carl and one conversation."""

    turns: list[HeardTurn] = field(default_factory=list)
    contexts: list[MeanContext] = field(default_factory=list)

    async def accounts(self, user_ids: list[str]) -> dict[str, Any]:
        return {name: object() for name in user_ids if name == "carl"}

    async def head(self, channel: str) -> Head:
        if channel != CHANNEL:
            raise NotFound("none")
        return Head("e", 1)

    async def heard_of(self, user_id: str, limit: int) -> list[HeardTurn]:
        return self.turns[-limit:]

    async def heard_in(self, channel: str, limit: int) -> list[HeardTurn]:
        return self.turns[-limit:]

    async def mean_contexts(self, channel: str, limit: int) -> list[MeanContext]:
        return self.contexts


def insight(**known: Any) -> Insight:
    return Insight(store=cast(Store, FakeStore(**known)), personas=PERSONAS)


async def test_a_mood_is_that_of_what_was_understood() -> None:
    asked = insight(turns=[heard(1, -0.5), heard(3, None), heard(5, 0.5)])
    for found in (await asked.user_mood(AGENT, "carl"), await asked.conversation_mood(AGENT, CHANNEL)):
        assert [one.offset for one in found.felt] == [1, 5]
        assert (found.outlook.turns, found.outlook.direction, found.outlook.change) == (2, "rising", 1.0)


async def test_the_mood_of_nobody_and_nothing() -> None:
    with pytest.raises(NotFound):
        await insight().user_mood(AGENT, "nobody")
    with pytest.raises(NotFound):
        await insight().conversation_mood(AGENT, "conv:2")
    with pytest.raises(NotFound):
        await insight().similar_conversations(AGENT, "conv:2", 5)
    assert (await insight().user_mood(AGENT, "carl")).outlook.turns == 0


@pytest.mark.parametrize("caller", [CARL, SHOP], ids=lambda caller: caller.user.kind)
async def test_moods_are_for_agents_and_admins(caller: Caller) -> None:
    for asked in (
        insight().user_mood(caller, "carl"),
        insight().conversation_mood(caller, CHANNEL),
        insight().similar_conversations(caller, CHANNEL, 5),
    ):
        with pytest.raises(Forbidden):
            await asked


def test_personas_are_for_staff() -> None:
    assert [persona.name for persona in insight().personas(SHOP)] == ["warm", "kind", "dry"]
    assert [near.name for near in insight().similar_personas(AGENT, "warm", 5)] == ["kind", "dry"]
    with pytest.raises(NotFound, match="no persona 'cold'; there are warm, kind, dry"):
        insight().similar_personas(AGENT, "cold", 5)
    with pytest.raises(Forbidden):
        insight().personas(CARL)
    with pytest.raises(Forbidden):
        insight().similar_personas(CARL, "warm", 5)


async def test_conversations_that_went_alike() -> None:
    angry = tuple(features(TurnView(act="complaint", sentiment_score=-0.8)).tolist())
    glad = tuple(features(TurnView(act="thanks", sentiment_score=0.8)).tolist())
    contexts = [MeanContext(CHANNEL, 3, angry), MeanContext("conv:2", 2, glad), MeanContext("conv:3", 4, angry)]
    near = await insight(contexts=contexts).similar_conversations(AGENT, CHANNEL, 5)
    assert [(one.channel, one.decisions) for one in near] == [("conv:3", 4), ("conv:2", 2)]
    assert near[0].distance == 0.0
    assert await insight(contexts=contexts[1:]).similar_conversations(AGENT, CHANNEL, 5) == []


async def test_what_models_cost_is_for_admins() -> None:
    asked: list[tuple[int, int]] = []

    class Ledger:
        async def model_usage(self, since_ms: int, until_ms: int) -> list[UsageSum]:
            asked.append((since_ms, until_ms))
            return []

    insight = Insight(store=cast(Store, Ledger()), personas=PERSONAS)
    for caller in (CARL, AGENT, SHOP):
        with pytest.raises(Forbidden):
            await insight.model_usage(caller, None, None)
    assert await insight.model_usage(ADMIN, 5, 9) == [] == await insight.model_usage(ADMIN, None, None)
    assert asked == [(5, 9), (0, FOREVER_MS)]
