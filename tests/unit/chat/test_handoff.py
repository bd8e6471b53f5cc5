"""Who may hand off, claim and release, and what follows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import cast

import pytest

from server.chat.handoff import MAX_REASON_CODE_POINTS, HandoffVerbs
from server.chat.messages import Listener, Messages
from server.clock import ManualClock
from server.errors import Conflict, Forbidden, Invalid, NotFound, ProtocolError
from server.store import ports
from server.store.ports import Changed, Head, Store
from server.telemetry import Metrics
from server.wire.frames import Claimed, HandedOff, Message, Released
from server.wire.parts import Kind
from server.wire.requests import Claim, Handoff, Release
from tests.unit.chat.house import ANN, caller, event_message

CHANNEL = "conv:a"


@dataclass
class FakeStore:
    """One conversation, of which ``alice`` is a member; ``answers`` is what becomes of it next."""

    answers: Changed | ProtocolError
    asked: list[ports.Handoff | ports.Claim | ports.Release] = field(default_factory=list)

    async def head(self, channel: str) -> Head:
        if channel != CHANNEL:
            raise NotFound("there is no such conversation")
        return Head("e", 0)

    async def is_member(self, channel: str, user_id: str) -> bool:
        return (channel, user_id) == (CHANNEL, "alice")

    def _answer(self, asked: ports.Handoff | ports.Claim | ports.Release) -> Changed:
        self.asked.append(asked)
        if isinstance(self.answers, ProtocolError):
            raise self.answers
        return self.answers

    async def handoff(self, handoff: ports.Handoff) -> Changed:
        return self._answer(handoff)

    async def claim(self, claim: ports.Claim) -> Changed:
        return self._answer(claim)

    async def release(self, release: ports.Release) -> Changed:
        return self._answer(release)


class FakeMessages:
    def __init__(self) -> None:
        self.published: list[Message] = []

    async def publish(self, message: Message) -> None:
        self.published.append(message)


class FakeBot:
    """Fails, as a bot may: the verb has succeeded all the same."""

    def __init__(self) -> None:
        self.handed_off: list[str] = []

    async def on_handoff(self, channel: str) -> None:
        self.handed_off.append(channel)
        raise RuntimeError("a bug")


class House:
    """The verbs among their fakes."""

    def __init__(self, answers: Changed | ProtocolError) -> None:
        ids = count()
        self.store, self.messages, self.bot = FakeStore(answers), FakeMessages(), FakeBot()
        self.metrics = Metrics()
        self.joined: list[tuple[str, list[str]]] = []
        self.verbs = HandoffVerbs(
            store=cast(Store, self.store),
            messages=cast(Messages, self.messages),
            reactions=cast(Listener, self.bot),
            members_changed=self._changed,
            metrics=self.metrics,
            clock=ManualClock(wall_ms=17),
            new_id=lambda: f"id{next(ids)}",
        )

    def _changed(self, channel: str, added: Sequence[str], removed: Sequence[str]) -> None:
        assert not removed
        self.joined.append((channel, list(added)))

    def counted(self, name: str) -> float | None:
        return self.metrics.registry.get_sample_value(f"parlance_{name}_total")


def changed(state: str, *events: str) -> Changed:
    messages = tuple(event_message(CHANNEL, event, offset) for offset, event in enumerate(events, 1))
    agent = ANN if state == "claimed" else None
    return Changed(state, agent, messages[-1] if messages else None, messages)  # type: ignore[arg-type]


async def test_a_hand_off_is_told_counted_and_learned_from() -> None:
    house = House(changed("waiting", "reopened", "waiting"))
    answer = await house.verbs.handoff(caller("customer", "alice"), Handoff(1, CHANNEL, "a human, please"))
    assert answer == HandedOff(1, CHANNEL, "waiting")
    [asked] = house.store.asked
    assert isinstance(asked, ports.Handoff)
    assert (asked.by.id, asked.reason, asked.at_ms, asked.members_only) == ("alice", "a human, please", 17, True)
    assert [message.data for message in house.messages.published] == [{"event": "reopened"}, {"event": "waiting"}]
    assert (house.bot.handed_off, house.counted("handoffs")) == ([CHANNEL], 1)


@pytest.mark.parametrize("state", ["waiting", "claimed"])
async def test_a_second_hand_off_is_answered_with_the_state_and_changes_nothing(state: str) -> None:
    house = House(changed(state))
    answer = await house.verbs.handoff(caller("service"), Handoff(1, CHANNEL))
    assert answer.state == state
    assert (house.messages.published, house.bot.handed_off, house.counted("handoffs")) == ([], [], 0)


@pytest.mark.parametrize("kind", ["agent", "admin", "service"])
async def test_staff_hands_off_anywhere(kind: Kind) -> None:
    house = House(changed("waiting", "waiting"))
    await house.verbs.handoff(caller(kind), Handoff(1, CHANNEL))
    [asked] = house.store.asked
    assert isinstance(asked, ports.Handoff)
    assert not asked.members_only


@pytest.mark.parametrize("reason", [None, ""])
async def test_no_reason_is_none(reason: str | None) -> None:
    house = House(changed("waiting", "waiting"))
    await house.verbs.handoff(caller("customer", "alice"), Handoff(1, CHANNEL, reason))
    [asked] = house.store.asked
    assert isinstance(asked, ports.Handoff)
    assert asked.reason is None


@pytest.mark.parametrize("reason", ["x" * (MAX_REASON_CODE_POINTS + 1), "a\0b"])
async def test_a_reason_that_can_not_be(reason: str) -> None:
    house = House(changed("waiting", "waiting"))
    with pytest.raises(Invalid, match="reason"):
        await house.verbs.handoff(caller("customer", "alice"), Handoff(1, CHANNEL, reason))
    assert house.store.asked == []


@pytest.mark.parametrize("channel", ["conv:foreign", "agent:queue", "user:alice", "system"])
async def test_a_foreign_channel_is_not_found_whatever_it_is(channel: str) -> None:
    house = House(NotFound("There is no conversation 'foreign'."))
    for ask in (
        house.verbs.handoff(caller("customer", "alice"), Handoff(1, channel)),
        house.verbs.claim(caller("customer", "alice"), Claim(1, channel)),
        house.verbs.claim(caller("agent"), Claim(1, channel)),
        house.verbs.release(caller("service"), Release(1, channel)),
    ):
        with pytest.raises(NotFound, match=r"^no such channel$"):
            await ask


@pytest.mark.parametrize(("kind", "user_id"), [("customer", "alice"), ("service", "service")])
async def test_customers_and_services_neither_claim_nor_release(kind: Kind, user_id: str) -> None:
    house = House(changed("claimed", "claimed"))
    with pytest.raises(Forbidden, match="claim is for agents and admins"):
        await house.verbs.claim(caller(kind, user_id), Claim(1, CHANNEL))
    with pytest.raises(Forbidden, match="release is for agents and admins"):
        await house.verbs.release(caller(kind, user_id), Release(1, CHANNEL))
    assert house.store.asked == []


@pytest.mark.parametrize("kind", ["agent", "admin"])
async def test_a_claim_makes_a_member(kind: Kind) -> None:
    house = House(changed("claimed", "claimed"))
    answer = await house.verbs.claim(caller(kind, "ann"), Claim(1, CHANNEL))
    assert answer == Claimed(1, CHANNEL, ANN)
    assert house.joined == [(CHANNEL, ["ann"])]
    assert (len(house.messages.published), house.counted("claims")) == (1, 1)


async def test_claiming_what_one_has_changes_nothing() -> None:
    house = House(changed("claimed"))
    assert await house.verbs.claim(caller("agent", "ann"), Claim(1, CHANNEL)) == Claimed(1, CHANNEL, ANN)
    assert (house.messages.published, house.joined, house.counted("claims")) == ([], [], 0)


async def test_a_claim_of_somebody_elses_is_a_conflict() -> None:
    house = House(Conflict("Another agent has claimed this conversation."))
    with pytest.raises(Conflict):
        await house.verbs.claim(caller("agent"), Claim(1, CHANNEL))
    with pytest.raises(Conflict):
        await house.verbs.release(caller("agent"), Release(1, CHANNEL))
    assert house.messages.published == []


async def test_a_release_gives_the_conversation_to_the_bot() -> None:
    house = House(changed("bot", "released"))
    assert await house.verbs.release(caller("admin"), Release(1, CHANNEL)) == Released(1, CHANNEL)
    [asked] = house.store.asked
    assert isinstance(asked, ports.Release)
    assert (asked.to, asked.claim_number, asked.by.kind) == ("bot", None, "admin")
    assert [message.data for message in house.messages.published] == [{"event": "released"}]
