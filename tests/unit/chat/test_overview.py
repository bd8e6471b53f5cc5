"""Live conversations, and turns with how they came about."""

from __future__ import annotations

from typing import Any, cast

import pytest

from adapters.features import FEATURE_NAMES
from adapters.policies import Policy, make_policy
from server.chat.overview import Overview, counted, explained
from server.chat.peer import Caller
from server.clock import ManualClock
from server.errors import Forbidden, NotFound
from server.store.decision_ports import LoggedDecision
from server.store.live_ports import LiveConversation, Outcome
from server.store.ports import Head, PastTurn, Store
from server.wire.frames import Message
from server.wire.parts import Turn, User

EVE = Caller(User("eve", "agent", "Eve"))
CARL = Caller(User("carl", "customer", "Carl"))
BOT = User("bot", "bot", "Parlance")
CHANNEL = "conv:01A"
ARMS = ("warm", "brisk")
X = tuple(0.1 for _ in FEATURE_NAMES)


def policy() -> Policy:
    return make_policy("linucb", arms=ARMS, dim=len(FEATURE_NAMES), seed=1)


def decision(**changes: Any) -> LoggedDecision:
    given: dict[str, Any] = {
        "decision_id": "d1", "policy": "linucb", "version": 3, "arm": "warm", "propensity": 0.7, "arms": ARMS,
        "probabilities": (0.7, 0.3), "features": X, "at_ms": 5, "reward": 0.8, **changes,
    }  # fmt: skip
    return LoggedDecision(**given)


class Ledger:
    """One conversation of two turns, the second an apology."""

    async def head(self, channel: str) -> Head:
        if channel != CHANNEL:
            raise NotFound("none")
        return cast(Head, None)

    async def past_turns(self, channel: str, limit: int) -> list[PastTurn]:
        analysis = {"intent": "parcel", "sentiment": {"score": -0.4}}
        return [
            PastTurn("m1", "d1", "warm", "where is it?", analysis, {}, 10, 12),
            PastTurn("m2", None, None, "hello?", {}, {}, 20, 22),
        ][:limit]

    async def messages_before(self, channel: str, offset: int | None, limit: int) -> list[Message]:
        turn = Turn("d1", "warm", "linucb", 3, 0.7)
        return [
            Message(channel, "e", 1, "m1", 10, CARL.user, "where is it?"),
            Message(channel, "e", 2, "a1", 12, BOT, "on its way", reply_to="m1", data={"citations": []}, turn=turn),
            Message(channel, "e", 4, "a2", 22, BOT, "sorry", reply_to="m2"),
        ]

    async def decision(self, decision_id: str) -> LoggedDecision:
        return decision()

    async def live_conversations(self, since_ms: int, limit: int) -> list[LiveConversation]:
        return [LiveConversation(CHANNEL, "bot", False, 4, CARL.user, "x" * 900, since_ms, {"intent": "parcel"})]

    async def analyses_since(self, since_ms: int, limit: int) -> list[dict[str, Any]]:
        return [{"intent": "parcel", "sentiment": {"score": -1.0}}, {"intent": "refund"}, {"intent": "parcel"}]


def overview() -> Overview:
    made = policy()
    return Overview(store=cast(Store, Ledger()), policy=lambda: ("linucb", made), clock=ManualClock())


async def test_a_turn_tells_what_was_understood_who_answered_and_why() -> None:
    first, second = await overview().turns(EVE, CHANNEL, 5)
    assert (first["text"], first["analysis"]["intent"], first["answer"]["text"]) == (
        "where is it?",
        "parcel",
        "on its way",
    )
    assert first["answer"]["turn"]["propensity"] == 0.7
    why = first["decision"]
    assert (why["persona"], why["reward"], why["version"]) == ("warm", 0.8, 3)
    assert [(one["persona"], one["probability"]) for one in why["personas"]] == [("warm", 0.7), ("brisk", 0.3)]
    assert all({"score", "exploit", "explore", "features"} <= one.keys() for one in why["personas"])
    assert why["words"].startswith("warm was drawn with 70")
    assert "decision" not in second and "analysis" not in second and second["answer"]["text"] == "sorry"


async def test_only_agents_and_admins_look_and_only_where_there_is_something() -> None:
    for asked in (
        overview().turns(CARL, CHANNEL, 5),
        overview().intents(CARL, 1),
        overview().conversations(CARL, 5, 5),
    ):
        with pytest.raises(Forbidden):
            await asked
    with pytest.raises(NotFound):
        await overview().turns(EVE, "conv:01B", 5)


async def test_what_goes_on() -> None:
    (one,) = await overview().conversations(EVE, 60, 5)
    assert (one["channel"], one["customer"]["id"], len(one["text"]), one["analysis"]) == (
        CHANNEL, "carl", 500, {"intent": "parcel"},
    )  # fmt: skip
    found = await overview().intents(EVE, 1)
    assert found["turns"] == 3
    assert found["items"] == [
        {"intent": "parcel", "count": 2, "share": 0.6667, "sentiment": -0.5},
        {"intent": "refund", "count": 1, "share": 0.3333, "sentiment": 0.0},
    ]
    assert counted([]) == []


def test_what_belongs_to_no_intent_is_told_apart() -> None:
    foreign = {"intent": "recipe", "intent_confidence": 0.1, "out_of_scope": 0.9}
    sure = {"intent": "recipe", "intent_confidence": 0.9, "out_of_scope": 0.6}
    assert [one["intent"] for one in counted([foreign, sure, foreign])] == ["out_of_scope", "recipe"]
    assert [one["intent"] for one in counted([foreign], own_intents=True)] == ["recipe"]


@pytest.mark.parametrize(
    "change",
    [{"policy": "linucb:holdout"}, {"arm": "gone"}, {"probabilities": (0.0, 1.0)}],
)
def test_nobody_guesses_about_decisions_that_the_policy_did_not_make(change: dict[str, Any]) -> None:
    assert explained(decision(**change), "linucb", policy()) is None


def test_a_context_of_an_older_release_is_filled_up() -> None:
    found = explained(decision(features=X[:3]), "linucb", policy())
    assert found is not None and [arm.arm for arm in found[0]] == list(ARMS)


class Ended:
    """Remembers which outcomes were asked for."""

    def __init__(self) -> None:
        self.asked: list[tuple[int, int]] = []

    async def outcomes(self, since_ms: int, span_ms: int) -> list[Outcome]:
        self.asked.append((since_ms, span_ms))
        return [Outcome(since_ms, 4, 3.0, 3, 9, 1, 6, 2), Outcome(since_ms + span_ms, thumbs_up=1)]


@pytest.mark.parametrize(("days", "hours"), [(1, 1), (2, 1), (3, 24), (90, 24)])
async def test_outcomes_come_by_the_hour_then_by_the_day(days: int, hours: int) -> None:
    ended, clock = Ended(), ManualClock(wall_ms=1_700_000_123_456)
    overview = Overview(store=cast(Store, ended), policy=lambda: ("linucb", policy()), clock=clock)
    told = await overview.outcomes(EVE, days)
    span_ms = hours * 3_600_000
    assert ended.asked == [(told["since_ms"], told["span_ms"])] and told["span_ms"] == span_ms
    assert told["since_ms"] % span_ms == 0
    assert 0 < (clock.now_ms() - told["since_ms"]) <= days * 86_400_000, "the span that goes on counts as one"
    whole, sparse = told["items"]
    assert (whole["rating_mean"], whole["satisfaction"], whole["thumbs"], whole["success"], whole["handoff"]) == (
        0.75, 0.75, 0.9, 0.75, 0.25,
    )  # fmt: skip
    assert {"rating_mean", "success"} & set(sparse) == set() and sparse["thumbs"] == 1
    with pytest.raises(Forbidden):
        await overview.outcomes(CARL, days)
