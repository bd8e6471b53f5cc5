"""PROTOCOL §5's way to a human and back, over real connections. Everybody comes as a user of their own."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from tests.integration.conftest import Join, signed
from tests.integration.peer import ENCODINGS, Encoding, Frame, Peer
from tests.integration.rest.client import Rest
from tests.support.server import ServerProcess


@dataclass(frozen=True)
class Scene:
    """A customer's conversation, and two agents who see it."""

    server: ServerProcess
    join: Join
    channel: str
    customer: Peer
    ann: Peer
    ben: Peer

    async def history(self) -> list[Frame]:
        """Every message so far."""
        page = await self.ann.ask("history", channel=self.channel, limit=200)
        assert page["type"] == "history", page
        messages: list[Frame] = page["messages"]
        return messages

    async def as_kind(self, kind: str) -> Peer:
        return await self.join(self.server, "json", signed(kind=kind))


async def build(server: ServerProcess, join: Join, encoding: Encoding = "json") -> Scene:
    customer = await join(server, encoding, signed(name="Cleo"))
    channel = await customer.open()
    ann = await join(server, encoding, signed(name="Ann", kind="agent"))
    ben = await join(server, "json", signed(name="Ben", kind="agent"))
    for agent in (ann, ben):
        assert (await agent.ask("subscribe", channel=channel))["type"] == "subscribed"
    return Scene(server, join, channel, customer, ann, ben)


@pytest.fixture
async def scene(strict_server: ServerProcess, join: Join) -> Scene:
    return await build(strict_server, join)


async def system_event(peer: Peer, event: str) -> Frame:
    """The system's next message of an event."""
    return await peer.hear(
        lambda frame: (
            frame["type"] == "message"
            and frame["from"]["kind"] == "system"
            and frame.get("data", {}).get("event") == event
        )
    )


async def answered(scene: Scene, text: str) -> Frame:
    """The bot's reply to what the customer says."""
    ack = await scene.customer.send(scene.channel, text)
    assert ack["type"] == "ack", ack
    return await scene.customer.bot_reply(ack["message_id"])


@pytest.mark.parametrize("encoding", ENCODINGS)
async def test_the_whole_way_is_seen_by_everybody_in_one_order(
    strict_server: ServerProcess, join: Join, encoding: Encoding
) -> None:
    scene = await build(strict_server, join, encoding)
    asked = await scene.customer.ask("handoff", channel=scene.channel, reason="card declined")
    assert (asked["type"], asked["channel"], asked["state"]) == ("handoff", scene.channel, "waiting")
    claimed = await scene.ann.ask("claim", channel=scene.channel)
    assert (claimed["type"], claimed["agent"]) == ("claimed", scene.ann.user)
    assert (await scene.ann.send(scene.channel, "How can I help?"))["type"] == "ack"
    released = await scene.ann.ask("release", channel=scene.channel)
    assert (released["type"], released["channel"]) == ("released", scene.channel)

    for peer in (scene.customer, scene.ann, scene.ben):
        for event in ("waiting", "claimed", "released"):
            await system_event(peer, event)
    page = await scene.customer.ask("history", channel=scene.channel)
    seen = [(message["from"]["kind"], message.get("data")) for message in page["messages"]]
    assert seen == [
        ("system", {"event": "waiting"}),
        ("system", {"event": "claimed", "agent": scene.ann.user}),
        ("agent", None),
        ("system", {"event": "released", "agent": scene.ann.user}),
    ]
    assert [message["offset"] for message in page["messages"]] == [1, 2, 3, 4]


async def test_while_waiting_the_bot_still_answers(scene: Scene) -> None:
    await scene.customer.ask("handoff", channel=scene.channel)
    assert (await answered(scene, "Where is my order?"))["from"]["kind"] == "bot"
    again = await scene.customer.ask("handoff", channel=scene.channel)
    assert again["state"] == "waiting"
    events = [message for message in await scene.history() if message["from"]["kind"] == "system"]
    assert len(events) == 1


async def test_who_asks_in_words_waits_like_who_sends_the_verb(scene: Scene) -> None:
    """The answer promises a person, so somebody has to hear of it; asked again, nothing more happens."""
    assert (await answered(scene, "I want to talk to a human"))["from"]["kind"] == "bot"
    await system_event(scene.customer, "waiting")
    await answered(scene, "a human, please, I said")
    said = [message["data"]["event"] for message in await scene.history() if message["from"]["kind"] == "system"]
    assert said == ["waiting"]
    queue = await scene.ann.ask("subscribe", channel="agent:queue")
    assert queue["type"] == "subscribed"
    snapshot = await scene.ann.hear(lambda frame: frame["type"] == "event" and frame["name"] == "snapshot")
    waiting = {item["channel"]: item["reason"] for item in snapshot["data"]["items"]}
    assert waiting[scene.channel] == "asks for a person"


async def test_a_claim_silences_the_bot_until_the_release(scene: Scene) -> None:
    await scene.ann.ask("claim", channel=scene.channel)
    unanswered = await scene.customer.send(scene.channel, "Is anybody there?")
    assert unanswered["type"] == "ack"
    await scene.ann.send(scene.channel, "Yes, I am.")
    await scene.ann.ask("release", channel=scene.channel)
    await answered(scene, "Thanks, and where is my order?")
    replies = [message["reply_to"] for message in await scene.history() if message["from"]["kind"] == "bot"]
    assert len(replies) == 1
    assert unanswered["message_id"] not in replies


async def test_what_is_said_while_claimed_is_understood_for_staff(scene: Scene) -> None:
    asked = await scene.customer.send(scene.channel, "Where is my order?")
    await scene.customer.bot_reply(asked["message_id"])
    await scene.ann.ask("claim", channel=scene.channel)
    await scene.ann.send(scene.channel, "I am terribly angry")
    sent = await scene.customer.send(scene.channel, "Thank you so much!")
    for agent in (scene.ann, scene.ben):
        event = await agent.hear(
            lambda frame: frame.get("name") == "analysis" and frame["data"]["message_id"] == sent["message_id"]
        )
        assert event["data"]["analysis"]["act"] == "thanks"
    others = await scene.ann.everything_until_pong()
    told = {frame["data"]["message_id"] for frame in others if frame.get("name") == "analysis"}
    assert told <= {asked["message_id"]}  # the agent's own words are nobody's mood


async def test_staff_reads_what_was_understood_before(scene: Scene) -> None:
    asked = await scene.customer.send(scene.channel, "Where is my order?")
    await scene.customer.bot_reply(asked["message_id"])
    for kind, status in (("agent", 200), ("customer", 404)):
        rest = Rest(scene.server, signed(kind=kind))
        try:
            answer = await rest.http.get(f"/v1/conversations/{scene.channel}/analyses")
        finally:
            await rest.http.aclose()
        assert answer.status_code == status
        if status == 200:
            [item] = answer.json()["items"]
            assert (item["message_id"], item["analysis"]["act"]) == (asked["message_id"], "question")


async def test_no_bot_message_stands_between_a_claim_and_its_release(scene: Scene) -> None:
    """The customer writes while the agent claims: some turns are answered before, some dropped, none in between."""
    for number in range(8):
        keys = [f"{number}.{n}" for n in range(3)]
        sends = [{"type": "send", "id": key, "channel": scene.channel, "key": key, "text": key} for key in keys]
        await scene.customer.say(sends)
        if number % 2:  # the claim comes between the turns, else before or amid the first
            await scene.customer.bot_reply((await scene.customer.answer(keys.pop(0)))["message_id"])
        assert (await scene.ann.ask("claim", channel=scene.channel))["type"] == "claimed"
        for key in keys:
            assert (await scene.customer.answer(key))["type"] == "ack"
        assert (await scene.ann.ask("release", channel=scene.channel))["type"] == "released"
    is_claimed, history = False, await scene.history()
    assert {message["from"]["kind"] for message in history} == {"customer", "bot", "system"}
    for message in history:
        event = message.get("data", {}).get("event")
        is_claimed = {"claimed": True, "released": False}.get(event, is_claimed)
        assert not (is_claimed and message["from"]["kind"] == "bot")


async def test_one_agent_at_a_time(scene: Scene) -> None:
    await scene.ann.ask("claim", channel=scene.channel)
    assert (await scene.ann.ask("claim", channel=scene.channel))["agent"] == scene.ann.user
    for asked in (
        await scene.ben.ask("claim", channel=scene.channel),
        await scene.ben.ask("release", channel=scene.channel),
        await scene.ben.send(scene.channel, "Me too"),
    ):
        assert (asked["type"], asked["code"], asked["name"]) == ("error", 409, "conflict")
    assert (await scene.ann.send(scene.channel, "I am here"))["type"] == "ack"
    claims = [m for m in await scene.history() if m.get("data", {}).get("event") == "claimed"]
    assert len(claims) == 1


async def test_an_admin_ends_anybodys_claim_and_nobody_one_that_is_not(scene: Scene) -> None:
    await scene.ann.ask("claim", channel=scene.channel)
    admin = await scene.as_kind("admin")
    assert (await admin.ask("release", channel=scene.channel))["type"] == "released"
    for peer in (scene.ann, admin):
        assert (await peer.ask("release", channel=scene.channel))["code"] == 409
    assert (await scene.ben.ask("claim", channel=scene.channel))["agent"] == scene.ben.user


async def test_who_claims_becomes_a_member(scene: Scene) -> None:
    assert (await scene.ann.ask("conversations"))["items"] == []
    await scene.ann.ask("claim", channel=scene.channel)
    [item] = (await scene.ann.ask("conversations"))["items"]
    assert (item["channel"], item["state"], item["agent"]) == (scene.channel, "claimed", scene.ann.user)


async def test_claim_and_release_are_for_agents_and_admins(scene: Scene) -> None:
    service = await scene.as_kind("service")
    for verb in ("claim", "release"):
        for peer in (scene.customer, service):
            refused = await peer.ask(verb, channel=scene.channel)
            assert (refused["code"], refused["name"]) == (403, "forbidden")


@pytest.mark.parametrize("verb", ["handoff", "claim", "release"])
async def test_a_foreign_conversation_looks_like_none(scene: Scene, verb: str) -> None:
    stranger = await scene.as_kind("customer")
    foreign = await stranger.ask(verb, channel=scene.channel)
    missing = await stranger.ask(verb, channel="conv:01ARZ3NDEKTSV4RRFFQ69G5FAV")
    assert (foreign["code"], foreign["message"]) == (missing["code"], missing["message"]) == (404, "no such channel")
    for channel in ("conv:01ARZ3NDEKTSV4RRFFQ69G5FAV", "agent:queue"):
        assert (await scene.ann.ask(verb, channel=channel))["code"] == 404


async def test_services_hand_off_in_every_conversation(scene: Scene) -> None:
    service = await scene.as_kind("service")
    assert (await service.ask("handoff", channel=scene.channel, reason=""))["state"] == "waiting"


@pytest.mark.parametrize(
    ("fields", "code"), [({"reason": "x" * 501}, 422), ({"reason": "a\0b"}, 422), ({"reason": 7}, 400)]
)
async def test_a_reason_that_can_not_be(scene: Scene, fields: Frame, code: int) -> None:
    assert (await scene.customer.ask("handoff", channel=scene.channel, **fields))["code"] == code
    assert await scene.history() == []


async def test_asking_for_a_human_reopens_a_resolved_conversation(scene: Scene) -> None:
    await scene.customer.ask("resolve", channel=scene.channel, resolved=True)
    assert (await scene.customer.ask("handoff", channel=scene.channel))["state"] == "waiting"
    assert [message["data"]["event"] for message in await scene.history()] == ["resolved", "reopened", "waiting"]
