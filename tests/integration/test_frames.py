"""PROTOCOL §1, §2 and §8: envelopes, batches, and the errors that frames earn."""

from __future__ import annotations

import json
import random
from typing import Any

import msgpack
import pytest

from tests.integration.conftest import Join
from tests.integration.peer import ENCODINGS, Closed, Encoding, Frame, Peer, without_id
from tests.support.server import ServerProcess

CHANNEL = "conv:01JCN3V7Q2K8Z5W4X9Y6T1R0SA"


@pytest.fixture(params=ENCODINGS)
def encoding(request: pytest.FixtureRequest) -> Encoding:
    chosen: Encoding = request.param
    return chosen


@pytest.fixture
async def peer(server: ServerProcess, join: Join, encoding: Encoding) -> Peer:
    return await join(server, encoding)


# ------------------------------------------------------------------ frames

BAD_FRAMES: list[Frame] = [
    {"type": "of_tomorrow"},
    {"type": "Ping"},
    {"type": 5},
    {"type": None},
    {},
    {"type": "send", "channel": CHANNEL, "text": "no key"},
    {"type": "send", "key": "k", "text": "no channel"},
    {"type": "send", "channel": CHANNEL, "key": "k"},
    {"type": "send", "channel": CHANNEL, "key": "k", "text": 5},
    {"type": "send", "channel": CHANNEL, "key": "k", "text": None},
    {"type": "send", "channel": 5, "key": "k", "text": "t"},
    {"type": "send", "channel": CHANNEL, "key": 5, "text": "t"},
    {"type": "send", "channel": CHANNEL, "key": "", "text": "t"},
    {"type": "send", "channel": CHANNEL, "key": "k" * 65, "text": "t"},
    {"type": "send", "channel": CHANNEL, "key": "k", "text": "t", "data": "no map"},
    {"type": "send", "channel": CHANNEL, "key": "k", "text": "t", "data": [1]},
    {"type": "send", "channel": CHANNEL, "key": "k", "text": "t", "reply_to": 5},
    {"type": "open"},
    {"type": "open", "key": "k", "metadata": [1]},
    {"type": "subscribe"},
    {"type": "subscribe", "channel": CHANNEL, "epoch": "e", "offset": -1},
    {"type": "subscribe", "channel": CHANNEL, "epoch": "e", "offset": "1"},
    {"type": "subscribe", "channel": CHANNEL, "epoch": 5, "offset": 1},
    {"type": "unsubscribe", "channel": None},
    {"type": "history", "channel": CHANNEL, "limit": 201},
    {"type": "history", "channel": CHANNEL, "limit": 0},
    {"type": "history", "channel": CHANNEL, "limit": 1.5},
    {"type": "history", "channel": CHANNEL, "before": True},
    {"type": "resolve", "channel": CHANNEL},
    {"type": "resolve", "channel": CHANNEL, "resolved": "yes"},
    {"type": "resolve", "channel": CHANNEL, "resolved": 1},
    {"type": "feedback", "message_id": "m"},
    {"type": "feedback", "message_id": "m", "rating": "1"},
    {"type": "feedback", "message_id": "m", "rating": True},
    {"type": "feedback", "message_id": 5, "rating": 1},
    {"type": "refresh"},
]


async def test_bad_frames_are_400_with_their_id_and_the_connection_lives(peer: Peer) -> None:
    for number, frame in enumerate(BAD_FRAMES):
        await peer.say({**frame, "id": f"bad {number}"})
        error = await peer.answer(f"bad {number}")
        assert (error["type"], error["code"], error["name"]) == ("error", 400, "bad_frame"), frame
        assert error["message"] and error["temporary"] is False, frame
    assert (await peer.ask("ping"))["type"] == "pong"


async def test_errors_say_what_is_wrong(peer: Peer) -> None:
    assert "of_tomorrow" in (await peer.ask("of_tomorrow"))["message"]
    assert "key" in (await peer.ask("send", channel=CHANNEL, text="no key"))["message"]
    assert "limit" in (await peer.ask("history", channel=CHANNEL, limit=201))["message"]


@pytest.mark.parametrize("value", [5, "ping", None, True, 1.5])
async def test_a_message_that_is_neither_map_nor_array_is_400(peer: Peer, value: Any) -> None:
    await peer.say(value)
    error = await peer.push("error")
    assert error["code"] == 400


async def test_unknown_fields_are_ignored(peer: Peer) -> None:
    pong = await peer.ask("ping", of_tomorrow={"x": [1, None]}, time_ms="mine")
    assert set(pong) == {"type", "id", "time_ms"} and type(pong["time_ms"]) is int


# ------------------------------------------------------------------ ids


@pytest.mark.parametrize("frame_id", [0, 1, 2**53 - 1, "", "x", "x" * 64, "é🙂" * 32], ids=repr)
async def test_ids_come_back_as_they_were(peer: Peer, frame_id: int | str) -> None:
    await peer.say({"type": "ping", "id": frame_id})
    assert (await peer.answer(frame_id))["type"] == "pong"


@pytest.mark.parametrize("frame_id", [-1, 2**53, 2**63, 1.5, True, None, "x" * 65, [1], {"a": 1}], ids=repr)
async def test_what_is_no_id_is_400_without_one(peer: Peer, frame_id: Any) -> None:
    await peer.say({"type": "ping", "id": frame_id})
    assert (await peer.push("error"))["code"] == 400


async def test_a_missing_id_is_400_without_one(peer: Peer) -> None:
    await peer.say({"type": "ping"})
    assert (await peer.push("error"))["code"] == 400


async def test_the_same_id_may_be_used_again(peer: Peer) -> None:
    await peer.say([{"type": "ping", "id": "same"}] * 3)
    for _ in range(3):
        assert (await peer.answer("same"))["type"] == "pong"


# ------------------------------------------------------------------ batches


async def test_a_batch_of_64_is_handled_in_order(peer: Peer) -> None:
    channel = await peer.open()
    texts = [f"text {number}" for number in range(62)]
    sends = [
        {"type": "send", "id": f"s{number}", "channel": channel, "key": text, "text": text}
        for number, text in enumerate(texts)
    ]
    history = {"type": "history", "id": "h", "channel": channel, "limit": 200}
    await peer.say([*sends, history, {"type": "ping", "id": "p"}])
    page = await peer.answer("h")
    own = [message["text"] for message in page["messages"] if message["from"]["id"] == peer.user["id"]]
    assert own == texts
    assert (await peer.answer("p"))["type"] == "pong"
    offsets = [(await peer.answer(f"s{number}"))["offset"] for number in range(62)]
    assert offsets == sorted(set(offsets))


async def test_an_error_in_a_batch_does_not_stop_the_rest(peer: Peer) -> None:
    await peer.say([{"type": "ping", "id": 1001}, {"type": "nonsense", "id": 1002}, 5, {"type": "ping", "id": 1003}])
    assert (await peer.answer(1001))["type"] == "pong"
    error = await peer.answer(1002)
    assert (error["type"], error["code"]) == ("error", 400)
    assert (await peer.push("error"))["code"] == 400
    assert (await peer.answer(1003))["type"] == "pong"


@pytest.mark.parametrize("size", [0, 65, 200])
async def test_a_batch_of_another_size_is_400_and_nothing_of_it_is_done(peer: Peer, size: int) -> None:
    await peer.say([{"type": "ping", "id": 2000 + number} for number in range(size)])
    error = await peer.push("error")
    assert (error["code"], error["name"]) == (400, "bad_frame")
    assert await peer.everything_until_pong() == []


async def test_a_batch_in_a_batch_is_400(peer: Peer) -> None:
    await peer.say([[{"type": "ping", "id": 1001}], {"type": "ping", "id": 1002}])
    assert (await peer.push("error"))["code"] == 400
    assert (await peer.answer(1002))["type"] == "pong"


# ------------------------------------------------------------------ odd values


async def test_a_huge_integer_is_400(server: ServerProcess, join: Join) -> None:
    peer: Peer = await join(server)
    await peer.socket.send('{"type":"ping","id":1' + "0" * 400 + "}")
    assert (await peer.push("error"))["code"] == 400
    await peer.socket.send('{"type":"history","id":5,"channel":"c","before":1' + "0" * 400 + "}")
    assert (await peer.answer(5))["code"] == 400


@pytest.mark.parametrize("opening", ["[", '{"a":'])
async def test_deep_nesting_harms_nobody(server: ServerProcess, join: Join, opening: str) -> None:
    peer, other = await join(server), await join(server)
    closing = "]" if opening == "[" else "}"
    depth = 20_000
    inner = opening * depth + "1" + closing * depth
    await peer.socket.send(f'{{"type":"open","id":77,"key":"k","metadata":{inner}}}')
    try:
        assert (await peer.answer(77))["code"] in {400, 413, 422}
    except Closed as closed:
        assert closed.code == 4400
    assert (await other.ask("ping"))["type"] == "pong"


async def test_a_lone_surrogate_in_json_is_422_with_its_id(server: ServerProcess, join: Join) -> None:
    peer: Peer = await join(server)
    channel = await peer.open()
    frame = {"type": "send", "id": 31, "channel": channel, "key": "k", "text": "half \ud83d"}
    await peer.socket.send(json.dumps(frame))
    error = await peer.answer(31)
    assert (error["code"], error["name"]) == (422, "invalid")
    assert (await peer.ask("history", channel=channel))["messages"] == []


async def test_the_two_halves_of_a_character_in_json_are_one_character(server: ServerProcess, join: Join) -> None:
    peer: Peer = await join(server)
    channel = await peer.open()
    await peer.socket.send(f'{{"type":"send","id":32,"channel":"{channel}","key":"k","text":"\\ud83d\\ude42"}}')
    assert (await peer.answer(32))["type"] == "ack"
    assert (await peer.push("message"))["text"] == "🙂"


# ------------------------------------------------------------------ nothing escapes


def mutated(rng: random.Random, data: bytes) -> bytes:
    """A message with a few bytes changed, removed or doubled."""
    changed = bytearray(data)
    for _ in range(rng.randint(1, 4)):
        place = rng.randrange(len(changed))
        match rng.randrange(3):
            case 0:
                changed[place] = rng.randrange(256)
            case 1 if len(changed) > 1:
                del changed[place]
            case _:
                changed[place:place] = changed[place : place + rng.randint(1, 8)]
    return bytes(changed)


async def test_mangled_messages_get_documented_answers_only(
    server: ServerProcess, join: Join, encoding: Encoding
) -> None:
    """400, 404, 413, 422 or 4400, never 500 and never silence. (A mangled frame may also still be valid.)"""
    rng = random.Random(7)
    encode = (lambda frame: json.dumps(frame).encode()) if encoding == "json" else msgpack.packb
    peer: Peer = await join(server, encoding)
    token = peer.token
    for _ in range(150):
        frame = {**rng.choice(BAD_FRAMES[5:]), "id": rng.randrange(10**9)}
        data = mutated(rng, encode(frame))
        if encoding == "json":
            data = data.decode(errors="replace").encode()
        try:
            await peer.say_bytes(data)
            seen = await peer.everything_until_pong()
        except Closed as closed:
            seen = closed.seen
            assert closed.code == 4400, (data, closed)
            peer = await join(server, encoding, token=token)
        errors = {frame["code"] for frame in seen if frame["type"] == "error"}
        assert errors <= {400, 404, 413, 422}, (data, seen)


async def test_errors_of_one_kind_look_alike(peer: Peer) -> None:
    """Nothing of the request but its id comes back, so an error can't be used to probe."""
    first = await peer.ask("history", channel=CHANNEL)
    second = await peer.ask("history", channel=CHANNEL[:-1] + "B")
    assert without_id(first) == without_id(second)
    assert (first["code"], first["name"]) == (404, "not_found")
