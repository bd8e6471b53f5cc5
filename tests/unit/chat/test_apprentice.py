"""Agents' choices as decisions."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from adapters.features import FEATURE_NAMES
from adapters.policies import make_policy
from inference.analysis import Analysis
from server.chat.apprentice import Apprentice, chosen_persona
from server.chat.learning import Learner
from server.clock import ManualClock
from server.errors import Unavailable
from server.store.policy_ports import Repeats
from server.store.ports import Combine, DecisionRow, PastTurn, RewardEvent, RewardParts, Store
from server.wire.frames import Message
from server.wire.parts import User
from tests.unit.chat.loopback import loopback
from tests.unit.chat.test_memory import analysis

ALICE, EVE = User("alice", "customer", "Alice"), User("eve", "agent", "Eve")


def message(offset: int, sender: User, data: dict[str, Any] | None = None, text: str = "hi") -> Message:
    return Message("conv:c", "e", offset, f"m{offset}", offset * 1_000, sender, text, data)


@dataclass
class FakeStore:
    """A conversation, and the decisions that were made of it."""

    messages: list[Message] = field(default_factory=lambda: [message(1, ALICE, text="my tent is torn")])
    decisions: dict[str, DecisionRow] = field(default_factory=dict)
    rewards: list[tuple[str, float | None]] = field(default_factory=list)
    away: bool = False

    async def messages_before(self, channel: str, offset: int, limit: int) -> list[Message]:
        return [one for one in self.messages if one.offset < offset][-limit:]

    async def past_turns(self, channel: str, limit: int) -> list[PastTurn]:
        return []

    async def log_decision(self, decision: DecisionRow, message_id: str) -> bool:
        if self.away:
            raise Unavailable("the database is away")
        return self.decisions.setdefault(message_id, decision) is decision

    async def add_reward(
        self, found: RewardParts, combine: Combine, at_ms: int, repeats: Repeats = "last"
    ) -> RewardEvent | None:
        self.rewards.append((found.decision_id, combine(found.parts)))
        return None


class FakeEngine:
    """Hears everything alike."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    async def analyse(self, text: str, *, timeout_s: float, conversation: str) -> Analysis:
        self.heard.append(text)
        return analysis(-0.5)


class House:
    """An apprentice among its fakes."""

    def __init__(self) -> None:
        self.store, self.engine = FakeStore(), FakeEngine()
        store, clock = cast(Store, self.store), ManualClock()
        learner = Learner(
            store=store, policy=make_policy("linucb", arms=("calm", "warm"), dim=len(FEATURE_NAMES), seed=0),
            name="linucb", combine=lambda _: None, signals=loopback()[0], clock=clock, on_reward=lambda _: None,
            mode="apprentice",
        )  # fmt: skip
        self.apprentice = Apprentice(
            store=store, analyser=self.engine, learner=learner, clock=clock, new_id=lambda: "d1", timeout_s=1.0
        )


async def test_a_choice_is_a_decision_in_the_context_of_what_was_asked() -> None:
    house = House()
    house.store.messages.append(message(2, EVE, text="one moment"))
    for _ in range(2):  # told again: one decision
        await house.apprentice.watch(message(3, EVE, {"persona": "warm"}))
    (decision,) = house.store.decisions.values()
    assert house.engine.heard == ["my tent is torn"] * 2
    assert (decision.arm, decision.propensity, decision.probabilities) == ("warm", 1.0, (0.0, 1.0))
    assert (decision.mode, decision.seed, len(decision.features)) == ("apprentice", None, len(FEATURE_NAMES))
    assert decision.features[FEATURE_NAMES.index("sentiment")] == -0.5
    assert house.store.rewards == [("d1", 1.0)]


@pytest.mark.parametrize("data", [None, {}, {"persona": "nobody"}, {"persona": 7}])
async def test_what_says_no_known_persona_says_nothing(data: dict[str, Any] | None) -> None:
    house = House()
    await house.apprentice.watch(message(2, EVE, data))
    assert (house.store.decisions, house.engine.heard) == ({}, [])
    assert chosen_persona(data) in {None, "nobody"}


async def test_nothing_is_learned_where_no_customer_has_asked() -> None:
    house = House()
    house.store.messages.clear()
    await house.apprentice.watch(message(2, EVE, {"persona": "warm"}))
    assert house.store.decisions == {}


async def test_a_ledger_that_is_away_costs_the_choice_only() -> None:
    house = House()
    house.store.away = True
    await house.apprentice.watch(message(2, EVE, {"persona": "warm"}))
    assert house.store.rewards == []
