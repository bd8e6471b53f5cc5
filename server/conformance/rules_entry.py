"""Sections 1, 2, 3 and 8: the handshake, messages and batches, the envelope, connecting, errors."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import urlsplit

from server.conformance.bench import Bench
from server.conformance.checks import check
from server.conformance.peer import ENCODINGS, Closed, Frame, Peer, agree, need, need_error, short, true

BIGGEST_ID = 2**53 - 1
NAMES = {
    400: "bad_frame", 401: "unauthenticated", 403: "forbidden", 404: "not_found", 409: "conflict", 413: "too_large",
    422: "invalid", 429: "rate_limited", 500: "internal", 503: "unavailable",
}  # fmt: skip


def is_whole(value: object) -> bool:
    return type(value) is int and value >= 0


def is_user(value: Any) -> bool:
    fields = isinstance(value, dict) and all(isinstance(value.get(name), str) for name in ("id", "kind", "name"))
    return fields and bool(value["id"])


async def closed_with(peer: Peer, *codes: int, within_s: float | None = None) -> Closed:
    """The end of the connection, which has to be one of these."""
    closed = await peer.closed(within_s)
    true(closed.code in codes, f"expected close {' or '.join(map(str, codes))}, got {closed.code}")
    return closed


# --------------------------------------------------------------------------- 1 transport


@check(1)
async def subprotocol_chosen(bench: Bench) -> None:
    """The subprotocol of the encoding is accepted, also among unknown ones, and named in the handshake's answer."""
    name = f"parlance.v1.{bench.encoding}"
    for offered in ([name], ["chat", name, "parlance.v9.json"]):
        peer = await bench.dial(offered)
        agree(peer.socket.subprotocol, name, "the subprotocol chosen")


@check(1, "json")
async def no_subprotocol_is_json(bench: Bench) -> None:
    """Without a subprotocol the connection speaks JSON."""
    peer = await bench.dial([])
    agree(peer.socket.subprotocol, None, "the subprotocol chosen")
    true((await peer.connect()).get("type") in ("welcome", "error"), "no answer to connect")


@check(1, "json")
async def unknown_subprotocols_refused(bench: Bench) -> None:
    """Where only unknown subprotocols are offered, the handshake is refused with HTTP 400."""
    agree(await bench.refused(["parlance.v9.json", "chat"]), 400, "the status")


@check(1, "json")
async def foreign_origin_refused(bench: Bench) -> None:
    """A browser's foreign Origin is refused with HTTP 403, the server's own is let in."""
    agree(await bench.refused(origin="https://elsewhere.invalid"), 403, "the status")
    parts = urlsplit(bench.target.url)
    await bench.dial(origin=f"{'https' if parts.scheme == 'wss' else 'http'}://{parts.netloc}")


@check(1)
async def batch_in_order(bench: Bench) -> None:
    """A batch of 64 frames is handled, each with its own answer."""
    peer = await bench.customer()
    ids = [peer.new_id() for _ in range(64)]
    await peer.say([{"type": "ping", "id": frame_id} for frame_id in ids])
    for frame_id in ids:
        need(await peer.answer(frame_id), "pong")


@check(1)
async def batch_too_long(bench: Bench) -> None:
    """A batch of no frames or of 65 is not handled."""
    for size in (0, 65):
        peer = await bench.customer()
        await peer.say([{"type": "ping", "id": 1_000 + number} for number in range(size)])
        try:
            need_error(await peer.hear(lambda frame: frame.get("id") != 0, "an error"), 400)
        except Closed as closed:
            agree(closed.code, 4400, "the close")


@check(1)
async def biggest_message(bench: Bench) -> None:
    """A message of max_message_bytes is taken; one byte more is closed with 1009."""
    peer = await bench.customer()
    limit = peer.welcome["max_message_bytes"]
    await peer.say_bytes(padded(peer, 901, limit))
    need(await peer.answer(901), "pong")
    await peer.say_bytes(padded(peer, 902, limit + 1))
    await closed_with(peer, 1009)


def padded(peer: Peer, frame_id: int, size: int) -> bytes:
    """A ping with an unknown field, of so many bytes."""
    if peer.encoding == "json":
        head = f'{{"type":"ping","id":{frame_id},"x":"'.encode()
        return head + b"x" * (size - len(head) - 2) + b'"}'
    # A map of three, the last one a str 32 of the length that is left.
    head = b"\x83\xa4type\xa4ping\xa2id\xcd" + frame_id.to_bytes(2) + b"\xa1x\xdb"
    length = size - len(head) - 4
    return head + length.to_bytes(4) + b"x" * length


@check(1)
async def undecodable(bench: Bench) -> None:
    """Bytes that don't decode are closed with 4400."""
    for rubbish in (b"", b"\xc1") if bench.encoding == "msgpack" else (b"", b"{", b'{"type":"ping","id":NaN}'):
        peer = await bench.customer()
        await peer.say_bytes(rubbish)
        await closed_with(peer, 4400)


@check(1)
async def wrong_kind_of_message(bench: Bench) -> None:
    """A binary message where JSON was chosen, or a text where MessagePack was, is closed with 4400."""
    peer = await bench.customer()
    await peer.say_bytes(b'{"type":"ping","id":1}', text=bench.encoding == "msgpack")
    await closed_with(peer, 4400)


@check(1, "json")
async def not_utf_8(bench: Bench) -> None:
    """A text message that is not UTF-8 is closed with 1007."""
    peer = await bench.customer()
    await peer.say_bytes(b'{"type":"ping","id":1,"x":"\xff"}')
    await closed_with(peer, 1007)


@check(1)
async def unknown_fields_ignored(bench: Bench) -> None:
    """Unknown fields are ignored."""
    peer = await bench.customer()
    need(await peer.ask("ping", moon={"phase": ["full", None, 1.5]}), "pong")


@check(1)
async def websocket_ping(bench: Bench) -> None:
    """A WebSocket ping is answered (RFC 6455)."""
    peer = await bench.customer()
    async with asyncio.timeout(bench.target.within_s):
        await (await peer.socket.ping())


# --------------------------------------------------------------------------- 2 envelope


@check(2)
async def id_comes_back(bench: Bench) -> None:
    """The direct answer carries the id as it was: whole numbers up to 2^53-1, texts of up to 64 characters."""
    peer = await bench.customer()
    for frame_id in (0, BIGGEST_ID, "7", "", "i" * 64, "é"):
        await peer.say({"type": "ping", "id": frame_id})
        need(await peer.answer(frame_id), "pong")


@check(2)
async def bad_ids(bench: Bench) -> None:
    """A frame without id, or with one out of bounds, is an error 400."""
    peer = await bench.customer()
    for bad in (BIGGEST_ID + 1, -1, 1.5, True, None, "i" * 65, [1]):
        await peer.say({"type": "ping", "id": bad})
        need_error(await error_of(peer, bad), 400)
    await peer.say({"type": "ping"})
    need_error(await peer.push("error"), 400)


async def error_of(peer: Peer, bad_id: object) -> Frame:
    """The error, with the bad id or without any."""
    return await peer.hear(lambda frame: frame.get("type") == "error", f"an error for the id {short(bad_id)}")


@check(2)
async def ping_tells_the_time(bench: Bench) -> None:
    """ping is answered with pong and the time in milliseconds, which does not go back."""
    peer = await bench.customer()
    times = [(await peer.ask("ping"))["time_ms"] for _ in range(2)]
    true(all(map(is_whole, times)) and times[0] <= times[1], f"times {times}")


@check(2)
async def error_spares_the_batch(bench: Bench) -> None:
    """An error in a batch doesn't stop the rest."""
    peer = await bench.customer()
    await peer.say([{"type": "ping", "id": 901}, {"type": "nonsense", "id": 902}, {"type": "ping", "id": 903}])
    need(await peer.answer(901), "pong")
    need_error(await peer.answer(902), 400)
    need(await peer.answer(903), "pong")


@check(2)
async def frames_in_order(bench: Bench) -> None:
    """Frames of one connection take effect in the order sent."""
    peer = await bench.customer()
    channel = await bench.open(peer)
    ids = [peer.new_id() for _ in range(10)]
    sends = [{"type": "send", "id": each, "channel": channel, "key": f"k{each}", "text": f"t{each}"} for each in ids]
    await peer.say(sends[:5])
    for send in sends[5:]:
        await peer.say(send)
    acks = [need(await peer.answer(frame_id), "ack") for frame_id in ids]
    offsets = [ack["offset"] for ack in acks]
    agree(offsets, sorted(offsets), "the offsets of messages sent one after the other")


# --------------------------------------------------------------------------- 3 connecting


@check(3)
async def welcome_is_whole(bench: Bench) -> None:
    """welcome has session, user, ping interval, message limit, time, server, notifications, unread, channels."""
    peer = await bench.customer()
    welcome = peer.welcome
    true(isinstance(welcome["session"], str) and welcome["session"], "no session")
    true(is_user(welcome["user"]), f"no user: {short(welcome['user'])}")
    for name in ("ping_interval_ms", "max_message_bytes", "time_ms", "unread"):
        true(is_whole(welcome[name]), f"{name} is {short(welcome[name])}")
    true(all(isinstance(welcome["server"][name], str) for name in ("name", "version")), "no server")
    true(isinstance(welcome["notifications"], list) and isinstance(welcome["channels"], dict), "no lists")


@check(3)
async def first_frame_is_connect(bench: Bench) -> None:
    """Any other first frame than connect is closed with 4400."""
    for first in ({"type": "ping", "id": 1}, {"type": "open", "id": 1, "key": "k"}, [{"type": "ping", "id": 1}]):
        peer = await bench.dial()
        await peer.say(first)
        closed = await closed_with(peer, 4400)
        true(all(frame["type"] == "error" for frame in closed.seen), f"answered with {short(closed.seen)}")


@check(3)
async def second_connect(bench: Bench) -> None:
    """A second connect is closed with 4400."""
    peer = await bench.customer()
    await peer.say({"type": "connect", "id": 99, "token": peer.token})
    await closed_with(peer, 4400)


@check(3, "json")
async def connect_in_time(bench: Bench) -> None:
    """Who says nothing is closed with 4408 (after 10 s unless set otherwise)."""
    peer = await bench.dial()
    await closed_with(peer, 4408, within_s=30.0)


@check(3)
async def refused_token(bench: Bench) -> None:
    """A refused token is an error 401, then close 4401."""
    for token in ("rubbish", "eyJhbGciOiJub25lIn0.eyJzdWIiOiJtYWxsb3J5Iiwia2luZCI6ImFkbWluIn0."):
        peer = await bench.dial()
        need_error(await peer.connect(token), 401)
        await closed_with(peer, 4401)


@check(3)
async def token_keeps_the_user(bench: Bench) -> None:
    """Connecting with the token again, a guest's from the welcome too, is the same user in another session."""
    peer = await bench.customer()
    again = await bench.again(peer)
    agree(again.user_id, peer.user_id, "the user of the same token")
    true(again.welcome["session"] != peer.welcome["session"], "two connections have one session")


@check(3)
async def guest_is_a_new_customer(bench: Bench) -> None:
    """Without a token, where guests are allowed: a new user of kind customer, with a token to come back."""
    one, two = await bench.newcomer(), await bench.newcomer()
    agree(one.welcome["user"]["kind"], "customer", "a guest's kind")
    true(one.user_id != two.user_id, "two guests are one user")
    true(isinstance(one.welcome.get("token"), str), "a guest's welcome has no token")


@check(3)
async def refresh_answered(bench: Bench) -> None:
    """refresh with a valid token gives exp_ms; with a bad one an error 401, and the connection goes on."""
    peer = await bench.customer()
    refreshed = need(await peer.ask("refresh", token=peer.token), "refreshed")
    now_ms = (await peer.ask("ping"))["time_ms"]
    true(is_whole(refreshed["exp_ms"]) and refreshed["exp_ms"] > now_ms, f"exp_ms is {short(refreshed['exp_ms'])}")
    need_error(await peer.ask("refresh", token="rubbish"), 401)  # noqa: S106
    need(await peer.ask("ping"), "pong")


@check(3)
async def resume_in_welcome(bench: Bench) -> None:
    """connect with resume gives each channel's later messages; an entry that fails doesn't stop the others."""
    peer = await bench.customer()
    channel, last = await bench.talk(peer, 2)
    nowhere = "conv:01ARZ3NDEKTSV4RRFFQ69G5FAV"
    resume = {nowhere: {"epoch": "e", "offset": 1}, channel: {"epoch": last["epoch"], "offset": 1}}
    back = await bench.again(peer, resume=resume)
    entries = back.welcome["channels"]
    agree(entries[nowhere].get("error", {}).get("code"), 404, "the entry of a channel that isn't there")
    entry = entries[channel]
    true(entry.get("recovered") is True, f"not recovered: {short(entry)}")
    offsets = [message["offset"] for message in entry["messages"]]
    agree(offsets, list(range(2, last["offset"] + 1)), "the offsets recovered")
    agree(entry["offset"], last["offset"], "the entry's offset")
    ack = await bench.acked(peer, channel, "pushed to the device that resumed")
    need(await back.push("message", message_id=ack["message_id"]), "message", offset=last["offset"] + 1)


@check(3)
async def connect_subscribes_to_oneself(bench: Bench) -> None:
    """user:<id> and system are subscribed by connect itself; they hold nothing to recover."""
    peer = await bench.customer()
    for channel in (f"user:{peer.user_id}", "system"):
        need(await peer.ask("subscribe", channel=channel), "subscribed", offset=0, recovered=False, messages=[])


# --------------------------------------------------------------------------- 8 errors


@check(8)
async def errors_are_named(bench: Bench) -> None:
    """error has code and name of the table, message, temporary, and the id of what it answers."""
    peer = await bench.customer()
    provoked = [
        await peer.ask("nonsense"),
        await peer.ask("subscribe"),
        await peer.ask("history", channel="conv:01ARZ3NDEKTSV4RRFFQ69G5FAV"),
        await peer.ask("members", channel=await bench.open(peer)),
        await bench.send(peer, await bench.open(peer), ""),
    ]
    codes = []
    for frame in provoked:
        need_error(frame, *NAMES)
        agree(frame["name"], NAMES[frame["code"]], f"the name of {frame['code']}")
        codes.append(frame["code"])
    agree(codes, [400, 400, 404, 403, 422], "the codes")


@check(8)
async def malformed_frames(bench: Bench) -> None:
    """An unknown type, a missing or a mistyped field is an error 400 with the id, and the connection goes on."""
    peer = await bench.customer()
    channel = await bench.open(peer)
    frames: list[tuple[str, dict[str, Any]]] = [
        ("of_tomorrow", {}),
        ("open", {}),
        ("send", {"channel": channel, "key": "k"}),
        ("send", {"channel": channel, "key": "k", "text": 5}),
        ("send", {"channel": channel, "key": "k", "text": "t", "data": [1]}),
        ("resolve", {"channel": channel, "resolved": "yes"}),
        ("history", {"channel": channel, "limit": "many"}),
        ("presence", {"status": "asleep"}),
    ]
    for kind, fields in frames:
        need_error(await peer.ask(kind, **fields), 400)
    need(await peer.ask("ping"), "pong")


@check(8)
async def both_encodings_agree(bench: Bench) -> None:
    """What is said in one encoding is heard in the other, with the same names and values."""
    peer = await bench.customer()
    channel = await bench.open(peer)
    other = next(name for name in ENCODINGS if name != bench.encoding)
    listener = await bench.dial(encoding=other)
    need(await listener.connect(peer.token), "welcome")
    need(await listener.ask("subscribe", channel=channel), "subscribed")
    data = {"text": "é😀", "list": [1, 2.5, None, True], "map": {"a": {}}}
    ack = await bench.acked(peer, channel, "hello é😀", data=data)
    heard = [await each.push("message", message_id=ack["message_id"]) for each in (peer, listener)]
    agree(heard[0], heard[1], "the message in the two encodings")
    agree(heard[0]["data"], data, "its data")
