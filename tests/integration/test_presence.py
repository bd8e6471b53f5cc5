"""PROTOCOL §6: presence and ``who`` over real connections. Everybody comes as a user of their own."""

from __future__ import annotations

import asyncio
import itertools
import time
from dataclasses import dataclass
from typing import Any

import pytest

from tests.integration.conftest import Join, signed
from tests.integration.peer import ENCODINGS, Encoding, Frame, Peer
from tests.support.server import ServerProcess

GRACE_S = 5.0
_numbers = itertools.count(1)


@dataclass(frozen=True)
class Scene:
    """A customer's conversation that the customer watches, and an agent who is no member of it."""

    server: ServerProcess
    join: Join
    channel: str
    customer: Peer
    agent: Peer

    async def come(self, user_id: str, encoding: Encoding = "json") -> Peer:
        """A customer of this id, who was added if they are a member."""
        return await self.join(self.server, encoding, signed(sub=user_id, name=user_id))

    async def member(self, name: str) -> tuple[str, Peer]:
        """A new customer, connected, whom the agent has added; once everybody has been told."""
        user_id = unique(name)
        peer = await self.come(user_id)
        answer = await self.agent.ask("members", channel=self.channel, add=[user_id])
        assert answer["type"] == "members", answer
        await told(self.customer, self.channel, "joined", user_id)
        return user_id, peer


@pytest.fixture
async def scene(strict_server: ServerProcess, join: Join) -> Scene:
    return await build_scene(strict_server, join)


async def build_scene(server: ServerProcess, join: Join, encoding: Encoding = "json") -> Scene:
    customer = await join(server, encoding, signed(sub=unique("cleo"), name="Cleo"))
    channel = await customer.open()
    agent = await join(server, "json", signed(sub=unique("ann"), name="Ann", kind="agent"))
    return Scene(server, join, channel, customer, agent)


def unique(name: str) -> str:
    return f"{name}-{next(_numbers)}-of-presence"


async def told(peer: Peer, channel: str, what: str, user_id: str, **fields: Any) -> Frame:
    """The element of the next push that says this of the user, with these values. Who comes while being added may be
    told of twice."""

    def of_user(frame: Frame) -> list[Frame]:
        is_push = frame.get("type") == "presence" and "id" not in frame and frame["channel"] == channel
        wanted = {"user": user_id, **fields}
        return [
            shown
            for shown in (frame.get(what, ()) if is_push else ())
            if wanted.items() <= {**shown, "user": shown["user"]["id"]}.items()
        ]

    (shown,) = of_user(await peer.hear(lambda frame: bool(of_user(frame))))
    return shown


async def who(peer: Peer, channel: str) -> dict[str, Frame]:
    answer = await peer.ask("who", channel=channel)
    assert set(answer) == {"type", "id", "channel", "members"}, answer
    assert (answer["type"], answer["channel"]) == ("who", channel)
    return {shown["user"]["id"]: shown for shown in answer["members"]}


def is_of(frame: Frame, user_id: str) -> bool:
    """Whether a push names the user."""
    if frame["type"] != "presence" or "id" in frame:
        return False
    shown = itertools.chain.from_iterable(frame.get(what, ()) for what in ("joined", "left", "changed"))
    return any(one["user"]["id"] == user_id for one in shown)


@pytest.mark.parametrize("encoding", ENCODINGS)
async def test_coming_changing_and_being_listed(strict_server: ServerProcess, join: Join, encoding: Encoding) -> None:
    scene = await build_scene(strict_server, join, encoding)
    user_id, _ = await scene.member("mia")
    phone = await scene.come(user_id, encoding)
    listed = await who(scene.customer, scene.channel)
    assert set(listed) == {user_id, scene.customer.user["id"]}
    assert listed[user_id]["devices"] == 2
    assert set(listed[user_id]) == {"user", "status", "last_seen_ms", "devices"}
    assert listed[user_id]["user"] == {"id": user_id, "kind": "customer", "name": user_id}
    frame_id = phone.new_id()
    await phone.say({"type": "presence", "id": frame_id, "status": "busy", "text": "in a cafe\u0301"})
    assert await phone.answer(frame_id) == {"type": "presence", "id": frame_id}
    shown = await told(scene.customer, scene.channel, "changed", user_id)
    assert (shown["status"], shown["text"], shown["devices"]) == ("busy", "in a caf\u00e9", 2)
    assert abs(shown["last_seen_ms"] - scene.customer.welcome["time_ms"]) < 120_000
    await phone.ask("presence", status="busy", text="")
    assert "text" not in await told(scene.customer, scene.channel, "changed", user_id)
    assert "text" not in (await who(phone, scene.channel))[user_id]


async def test_the_grace_hides_a_reconnect_and_tells_of_the_others(scene: Scene) -> None:
    (returning, one), (leaving, other), (unseen, third) = [await scene.member(name) for name in ("rita", "lena", "ida")]
    await third.ask("presence", status="invisible")
    await told(scene.customer, scene.channel, "left", unseen)
    began_s = time.monotonic()
    for peer in (one, other, third):
        await peer.socket.close()
    during = await who(scene.customer, scene.channel)
    assert returning in during
    assert leaving in during
    again = await scene.come(returning)
    left = await told(scene.customer, scene.channel, "left", leaving)
    assert time.monotonic() - began_s > GRACE_S
    assert (left["status"], left["devices"]) == ("offline", 0)
    assert set(await who(scene.customer, scene.channel)) == {returning, scene.customer.user["id"]}
    seen = await scene.customer.everything_until_pong()
    assert not [frame for frame in seen if is_of(frame, returning) or is_of(frame, unseen)]
    await again.socket.close()


async def test_invisible_looks_like_leaving_and_holds_over_reconnects(scene: Scene) -> None:
    user_id, peer = await scene.member("ivy")
    await peer.ask("presence", status="invisible", text="hidden")
    left = await told(scene.customer, scene.channel, "left", user_id)
    assert (left["status"], left["devices"]) == ("offline", 0)
    assert "text" not in left
    assert user_id not in await who(scene.customer, scene.channel)
    other = await scene.come(user_id)
    own = (await who(other, scene.channel))[user_id]
    assert (own["status"], own["devices"]) == ("offline", 2)
    await other.ask("presence", status="away")
    assert (await told(scene.customer, scene.channel, "joined", user_id, status="away"))["devices"] == 2


async def test_removed_members_have_left(scene: Scene) -> None:
    user_id, peer = await scene.member("rob")
    await scene.agent.ask("members", channel=scene.channel, remove=[user_id])
    assert (await told(scene.customer, scene.channel, "left", user_id))["status"] == "offline"
    answer = await peer.ask("who", channel=scene.channel)
    assert (answer["type"], answer["code"]) == ("error", 404)


async def test_a_foreign_conversation_is_not_found(scene: Scene) -> None:
    stranger = await scene.come(unique("eve"))
    for channel in (scene.channel, "conv:01J0000000000000000000000", "system", "user:x", "agent:queue"):
        answer = await stranger.ask("who", channel=channel)
        assert (answer["type"], answer["code"], answer["message"]) == ("error", 404, "no such channel")
    assert set(await who(scene.agent, scene.channel)) == {scene.customer.user["id"]}  # agents may, and are no members


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"status": "busy", "text": "x" * 201}, 422),
        ({"status": "busy", "text": "a\0b"}, 422),
        ({"status": "busy", "text": 7}, 400),
        ({"status": "offline"}, 400),
        ({}, 400),
    ],
)
async def test_what_a_status_may_not_be(scene: Scene, fields: Frame, code: int) -> None:
    answer = await scene.customer.ask("presence", **fields)
    assert (answer["type"], answer["code"]) == ("error", code)
    assert (await who(scene.customer, scene.channel))[scene.customer.user["id"]]["status"] == "online"


async def test_guests_have_presence_too(server: ServerProcess, join: Join) -> None:
    guest = await join(server)
    assert (await guest.ask("presence", status="away"))["type"] == "presence"
    channel = await guest.open()
    assert {user_id: shown["status"] for user_id, shown in (await who(guest, channel)).items()} == {
        guest.user["id"]: "away"
    }
    await guest.ask("presence", status="busy")
    push = await guest.hear(lambda frame: is_of(frame, guest.user["id"]) and "busy" in str(frame))
    assert push["left"] == []  # changed, or joined as they look now: they came a moment ago


async def test_above_200_members_only_their_number_is_pushed(scene: Scene) -> None:
    crowd = [unique("fan") for _ in range(200)]
    for start in range(0, 200, 25):  # users are known once they have connected
        peers = await asyncio.gather(*(scene.come(user_id) for user_id in crowd[start : start + 25]))
        await asyncio.gather(*(peer.socket.close() for peer in peers))
    for start in (0, 100):
        answer = await scene.agent.ask("members", channel=scene.channel, add=crowd[start : start + 100])
        assert answer["type"] == "members", answer
    latecomer = unique("late")
    peer = await scene.come(latecomer)
    await scene.agent.ask("members", channel=scene.channel, add=[latecomer])
    push = await scene.customer.hear(lambda frame: frame["type"] == "presence" and "count" in frame)
    assert set(push) == {"type", "channel", "count"}
    assert 2 <= push["count"] <= 202
    await peer.ask("presence", status="busy")
    assert (await who(scene.customer, scene.channel))[latecomer]["status"] == "busy"
