"""PROTOCOL §1 and §3: the handshake, and what the first frame may be."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import msgpack
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus
from websockets.typing import Origin, Subprotocol

from tests.integration.conftest import ALLOWED_ORIGIN, Join, signed
from tests.integration.peer import ENCODINGS, Encoding, Peer
from tests.support.server import ServerProcess

# ------------------------------------------------------------------ subprotocol


async def test_no_subprotocol_is_json(server: ServerProcess) -> None:
    async with connect(server.ws_url) as socket:
        assert socket.subprotocol is None
        await socket.send(json.dumps({"type": "connect", "id": 1}))
        welcome = await socket.recv()
        assert isinstance(welcome, str)
        assert json.loads(welcome)["type"] == "welcome"


async def test_only_unknown_subprotocols_are_refused(server: ServerProcess) -> None:
    offered = [Subprotocol("parlance.v2.json"), Subprotocol("chat")]
    with pytest.raises(InvalidStatus) as refused:
        await connect(server.ws_url, subprotocols=offered)
    assert refused.value.response.status_code == 400


@pytest.mark.parametrize("name", ["parlance.v1.json", "parlance.v1.msgpack"])
async def test_the_known_one_among_unknown_ones_is_chosen(server: ServerProcess, name: str) -> None:
    offered = [Subprotocol("chat"), Subprotocol(name), Subprotocol("parlance.v9.json")]
    async with connect(server.ws_url, subprotocols=offered) as socket:
        assert socket.subprotocol == name


# ------------------------------------------------------------------ origin


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1", "http://127.0.0.1:1"])
async def test_a_foreign_origin_is_refused(server: ServerProcess, origin: str) -> None:
    with pytest.raises(InvalidStatus) as refused:
        await connect(server.ws_url, origin=Origin(origin))
    assert refused.value.response.status_code == 403


async def test_the_own_origin_is_let_in(server: ServerProcess, dialled: Join) -> None:
    peer = await dialled(server, origin=server.http_url)
    assert (await peer.connect())["type"] == "welcome"


async def test_an_allowed_origin_is_let_in(strict_server: ServerProcess, dialled: Join) -> None:
    peer = await dialled(strict_server, origin=ALLOWED_ORIGIN)
    assert (await peer.connect(signed()))["type"] == "welcome"


@pytest.mark.parametrize("origin", [f"{ALLOWED_ORIGIN}.evil.example", "http://shop.example", f"{ALLOWED_ORIGIN}:444"])
async def test_an_origin_like_an_allowed_one_is_refused(strict_server: ServerProcess, origin: str) -> None:
    with pytest.raises(InvalidStatus) as refused:
        await connect(strict_server.ws_url, origin=Origin(origin))
    assert refused.value.response.status_code == 403


# ------------------------------------------------------------------ the first frame

FIRST_FRAMES: list[Any] = [
    {"type": "ping", "id": 1},
    {"type": "open", "id": 1, "key": "k"},
    {"type": "of_tomorrow", "id": 1},
    {"id": 1},
    {"type": "connect"},
    {"type": "connect", "id": 1, "token": 5},
    [{"type": "ping", "id": 1}, {"type": "connect", "id": 2}],
    [],
    5,
    None,
]


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("message", FIRST_FRAMES, ids=lambda message: json.dumps(message)[:40])
async def test_any_other_first_frame_is_4400(
    server: ServerProcess, dialled: Join, message: Any, encoding: Encoding
) -> None:
    peer: Peer = await dialled(server, encoding)
    await peer.say(message)
    closed = await peer.closed()
    assert closed.code == 4400
    assert all(frame["type"] == "error" for frame in closed.seen)


async def test_connect_may_be_the_first_of_a_batch(server: ServerProcess, dialled: Join) -> None:
    peer: Peer = await dialled(server)
    await peer.say([{"type": "connect", "id": 1}, {"type": "open", "id": 2, "key": "k"}, {"type": "ping", "id": 3}])
    assert (await peer.answer(1))["type"] == "welcome"
    assert (await peer.answer(2))["type"] == "opened"
    assert (await peer.answer(3))["type"] == "pong"


async def test_a_second_connect_is_4400(server: ServerProcess, join: Join) -> None:
    peer: Peer = await join(server)
    await peer.say({"type": "connect", "id": 99, "token": peer.token})
    assert (await peer.closed()).code == 4400


async def test_two_connects_in_one_batch_are_4400(server: ServerProcess, dialled: Join) -> None:
    peer: Peer = await dialled(server)
    await peer.say([{"type": "connect", "id": 1}, {"type": "connect", "id": 2}])
    assert (await peer.closed()).code == 4400


async def test_no_connect_in_time_is_4408(strict_server: ServerProcess, dialled: Join) -> None:
    peer: Peer = await dialled(strict_server)
    closed = await peer.closed()
    assert closed.code == 4408
    assert closed.seen == []


async def test_connect_in_time_is_not_cut_off_later(strict_server: ServerProcess, join: Join) -> None:
    late, peer = await asyncio.gather(join(strict_server, token=signed()), join(strict_server, token=signed()))
    await asyncio.sleep(1.0)  # past connect_timeout_ms of this server: nothing may happen
    for connected in (late, peer):
        assert (await connected.ask("ping"))["type"] == "pong"


# ------------------------------------------------------------------ what a message may be


@pytest.mark.parametrize(
    ("encoding", "data"),
    [
        ("json", ""),
        ("json", "{"),
        ("json", "nothing"),
        ("json", '{"type":"ping","id":1}{"type":"ping","id":2}'),
        ("json", '{"type":"ping","id":NaN}'),
        ("json", '{"type":"ping","id":1,"x":Infinity}'),
        ("json", "{'type':'ping','id':1}"),
        ("json", '{"type":"ping","id":1,}'),
        ("msgpack", b""),
        ("msgpack", b"\xc1"),
        ("msgpack", b"\x82\xa4type\xa4ping"),
        ("msgpack", msgpack.packb({"type": "ping", "id": 1}) + b"\x00"),
        ("msgpack", b"\x82\xa4type\xa4ping\xa2id\xa2\xff\xfe"),
    ],
)
@pytest.mark.parametrize("when", ["first", "later"])
async def test_bytes_that_do_not_decode_are_4400(
    server: ServerProcess, dialled: Join, encoding: Encoding, data: str | bytes, when: str
) -> None:
    peer: Peer = await dialled(server, encoding)
    if when == "later":
        await peer.connect()
    await peer.socket.send(data)
    assert (await peer.closed()).code == 4400


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("when", ["first", "later"])
async def test_the_wrong_kind_of_message_is_4400(
    server: ServerProcess, dialled: Join, encoding: Encoding, when: str
) -> None:
    peer: Peer = await dialled(server, encoding)
    frame = {"type": "connect", "id": 1}
    if when == "later":
        await peer.connect()
        frame = {"type": "ping", "id": 2}
    await peer.socket.send(json.dumps(frame).encode(), text=encoding == "msgpack")
    assert (await peer.closed()).code == 4400


@pytest.mark.parametrize("when", ["first", "later"])
async def test_a_text_that_is_not_utf8_is_1007(server: ServerProcess, dialled: Join, when: str) -> None:
    peer: Peer = await dialled(server)
    if when == "later":
        await peer.connect()
    await peer.socket.send(b'{"type":"connect","id":"\xff\xfe"}', text=True)
    assert (await peer.closed()).code == 1007


@pytest.mark.parametrize("encoding", ENCODINGS)
async def test_a_message_of_the_largest_size_is_taken_a_larger_one_is_1009(
    server: ServerProcess, join: Join, encoding: Encoding
) -> None:
    peer: Peer = await join(server, encoding)
    encode = (lambda frame: json.dumps(frame).encode()) if encoding == "json" else msgpack.packb
    # 70,000 first, so that MessagePack's length field has the size it will have in the end.
    padding = 131_072 - len(encode({"type": "ping", "id": 7, "x": "x" * 70_000})) + 70_000
    largest = encode({"type": "ping", "id": 7, "x": "x" * padding})
    assert len(largest) == 131_072
    await peer.socket.send(largest, text=encoding == "json")
    assert (await peer.answer(7))["type"] == "pong"
    larger = encode({"type": "ping", "id": 8, "x": "x" * (padding + 1)})
    await peer.socket.send(larger, text=encoding == "json")
    assert (await peer.closed()).code == 1009


async def test_the_size_counts_over_all_fragments(server: ServerProcess, join: Join) -> None:
    peer: Peer = await join(server)
    await peer.socket.send(["x" * 50_000] * 3)
    assert (await peer.closed()).code == 1009


# ------------------------------------------------------------------ compression


async def test_compression_is_off_by_default(server: ServerProcess) -> None:
    async with connect(server.ws_url, compression="deflate") as socket:
        assert socket.response is not None
        assert "Sec-WebSocket-Extensions" not in socket.response.headers


async def test_compression_can_be_turned_on(strict_server: ServerProcess, dialled: Join) -> None:
    peer: Peer = await dialled(strict_server, compress=True)
    assert peer.socket.response is not None
    assert "permessage-deflate" in peer.socket.response.headers["Sec-WebSocket-Extensions"]
    assert (await peer.connect(signed()))["type"] == "welcome"
    channel = await peer.open()
    ack = await peer.send(channel, "the same words again and again, " * 100)
    assert (await peer.push("message", message_id=ack["message_id"]))["text"].count("again") == 200


async def test_the_size_counts_after_inflation_too(strict_server: ServerProcess, dialled: Join) -> None:
    peer: Peer = await dialled(strict_server, compress=True)
    await peer.connect(signed())
    await peer.say({"type": "ping", "id": 7, "x": "x" * 5_000_000})
    assert (await peer.closed()).code == 1009


# ------------------------------------------------------------------ heartbeat


async def test_the_server_pings_and_drops_who_does_not_answer(strict_server: ServerProcess) -> None:
    """A client of bare sockets, because every library answers pings by itself."""
    reader, writer = await asyncio.open_connection("127.0.0.1", strict_server.port)
    try:
        headers = ("Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13")
        lines = ("GET /ws HTTP/1.1", f"Host: 127.0.0.1:{strict_server.port}", *headers)
        writer.write("\r\n".join((*lines, "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "\r\n")).encode())
        async with asyncio.timeout(15):
            await reader.readuntil(b"\r\n\r\n")  # no frame before the handshake's answer (RFC 6455 §4.1)
            writer.write(masked(json.dumps({"type": "connect", "id": 1, "token": signed()}).encode()))
            frames = await reader.read(-1)  # to the end of the connection
    finally:
        writer.close()
        await asyncio.gather(writer.wait_closed(), return_exceptions=True)
    assert b'"welcome"' in frames
    assert b"\x89" in frames[frames.index(b'"welcome"') :], "no ping (RFC 6455 §5.5.2: opcode 9) before the end"


def masked(text: bytes) -> bytes:
    """A client's text message (RFC 6455 §5.2) with a mask of zeros."""
    assert 125 < len(text) < 65_536
    return b"\x81\xfe" + len(text).to_bytes(2) + bytes(4) + text
