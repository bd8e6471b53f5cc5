"""RFC 6455 on ``/ws`` of a running server: what breaks it ends that connection with its code, and nothing else.

The rules themselves, case by case, are in ``test_rfc6455.py``; here they meet handshake, session and frames.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

import pytest

from tests.integration.conftest import Join
from tests.support.rawws import (
    BINARY,
    CLOSE,
    CONT,
    PING,
    PONG,
    TEXT,
    RawFrame,
    RawSocket,
    close,
    frame,
    hang_up,
    raw_socket,
)
from tests.support.server import ServerProcess

CONNECT = json.dumps({"type": "connect", "id": 1}).encode()


def say_ping(number: int, size: int = 0) -> bytes:
    """The protocol's own ``ping``, padded to at least ``size`` bytes."""
    return json.dumps({"type": "ping", "id": number, "x": "x" * size}).encode()


@pytest.fixture
async def raw(server: ServerProcess) -> AsyncIterator[RawSocket]:
    """A connected guest."""
    async with raw_socket(server.port, "/ws") as socket:
        await socket.say(frame(TEXT, CONNECT))
        await answer(socket, 1)
        yield socket


async def answer(raw: RawSocket, frame_id: int) -> None:
    """The answer to a frame has come."""
    while (found := await raw.message()) is not None:
        opcode, payload = found
        if opcode == TEXT and json.loads(payload).get("id") == frame_id:
            return
    raise AssertionError(f"the connection ended before the answer to {frame_id}")


@pytest.mark.parametrize(
    ("said", "code"),
    [
        (frame(TEXT, CONNECT, mask=None), 1002),  # 5.1: a client masks
        (frame(PING, b"x" * 126), 1002),  # 2.5
        (frame(TEXT, b"{}", rsv=4), 1002),  # 3.*
        (frame(TEXT, b"{}", rsv=1), 1002),
        (frame(3), 1002),  # 4.1.*
        (frame(15), 1002),  # 4.2.*
        (frame(CONT, b"x"), 1002),  # 5.9
        (frame(TEXT, b"{", fin=False) + frame(TEXT, b"}"), 1002),  # 5.18
        (frame(PING, fin=False), 1002),  # 5.1
        (frame(TEXT, b'{"type":"ping","id":"\xed\xa0\x80"}'), 1007),  # 6.3.1
        (frame(TEXT, b'{"id":"\xce', fin=False) + frame(CONT, b'"}'), 1007),
        (frame(TEXT, b"\xf4\x90\x80\x80", fin=False), 1007),  # 6.4.1: at the fragment
        (close(1005), 1002),  # 7.9.*
        (frame(CLOSE, b"\x03"), 1002),  # 7.3.2
        (close(1000, b"*" * 124), 1002),  # 7.3.6
        (frame(TEXT, b"", claimed=131_073), 1009),
        (frame(TEXT, b"x" * 70_000, fin=False) + frame(CONT, b"", claimed=70_000), 1009),
        (close(1000), 1000),  # 7.7.*
        (close(4999), 4999),
    ],
)
async def test_what_ends_a_connection_ends_it_with_its_code(
    server: ServerProcess, raw: RawSocket, said: bytes, code: int
) -> None:
    before = server.log()
    await raw.say(said, frame(PING, b"not heard any more") if code != 1007 else b"")
    seen = await raw.rest()
    assert (seen[-1].opcode, seen[-1].code) == (CLOSE, code)
    assert all(found.opcode != PONG for found in seen)
    assert server.log() == before, "a client's mistake is nothing to write to the log"


@pytest.mark.parametrize("payload", [b"", b"\x00\xff\xfe", b"x" * 125])
async def test_websocket_pings_are_answered_beside_the_frames(raw: RawSocket, payload: bytes) -> None:
    await raw.say(frame(PING, payload), frame(TEXT, say_ping(7)))
    assert await raw.next() == RawFrame(True, 0, PONG, payload)
    await answer(raw, 7)


@pytest.mark.parametrize("size", [0, 200, 70_000])
@pytest.mark.parametrize("pieces", [1, 2, 50])
async def test_a_frame_may_come_in_fragments_with_pings_between(raw: RawSocket, size: int, pieces: int) -> None:
    data = say_ping(8, size)
    cut = [data[len(data) * n // pieces : len(data) * (n + 1) // pieces] for n in range(pieces)]
    said = [frame(CONT if n else TEXT, part, fin=n == pieces - 1) + frame(PONG) for n, part in enumerate(cut)]
    await raw.say(*said)
    await answer(raw, 8)


@pytest.mark.parametrize("mask", [b"\0\0\0\0", b"\xff\x00\xff\x00"])
async def test_any_masking_key_and_any_segments(raw: RawSocket, mask: bytes) -> None:
    await raw.say(frame(TEXT, say_ping(9), mask=mask), chop=1)
    await answer(raw, 9)


async def test_a_binary_message_is_not_of_the_encoding(raw: RawSocket) -> None:
    await raw.say(frame(BINARY, b"\xff\xfe"))
    assert (await raw.rest())[-1].code == 4400


# ------------------------------------------------------------------ what floods, and what never ends


async def test_who_sends_nothing_but_pings_and_reads_no_answer_is_cut_off(server: ServerProcess, join: Join) -> None:
    async with raw_socket(server.port, "/ws") as flood:
        await flood.say(frame(TEXT, CONNECT))
        await answer(flood, 1)
        await flood.say(frame(PING, b"x" * 125) * 6_000)
        seen = await flood.rest()
        assert seen[-1].code == 1008
    assert (await (await join(server)).ask("ping"))["type"] == "pong"


async def test_a_message_of_endless_empty_fragments_is_cut_off(server: ServerProcess, join: Join) -> None:
    async with raw_socket(server.port, "/ws") as flood:
        await flood.say(frame(TEXT, CONNECT))
        await answer(flood, 1)
        await flood.say(frame(TEXT, fin=False), frame(CONT, fin=False) * 6_000)
        assert (await flood.rest())[-1].code == 1008
    assert (await (await join(server)).ask("ping"))["type"] == "pong"


@pytest.mark.parametrize(
    "lines",
    [
        [f"X-Filler-{number}: y" for number in range(200)],
        ["X-Long: " + "y" * 20_000],
        ["Sec-WebSocket-Protocol: parlance.v1.json, , ;"],
        ["Sec-WebSocket-Extensions: permessage-deflate; ;;=="],
        ["Content-Length: 5"],
        ["Transfer-Encoding: chunked"],
    ],
    ids=["many", "long", "protocol", "extension", "length", "chunked"],
)
async def test_an_odd_handshake_is_answered_and_logs_no_traceback(server: ServerProcess, lines: list[str]) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    upgrade = ["Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13"]
    key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
    head = ["GET /ws HTTP/1.1", f"Host: 127.0.0.1:{server.port}", *upgrade, key, *lines, "", ""]
    writer.write("\r\n".join(head).encode())
    async with asyncio.timeout(15):
        status = await reader.readline()
    assert status.split()[1] in (b"101", b"400"), status
    await hang_up(writer)
    assert "Traceback" not in server.log()


@pytest.mark.parametrize("lacks", ["Upgrade", "Connection", "Sec-WebSocket-Version", "Sec-WebSocket-Key"])
async def test_a_handshake_that_lacks_something_is_no_handshake(server: ServerProcess, lacks: str) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    given = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13",
             "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="}  # fmt: skip
    kept = [f"{name}: {value}" for name, value in given.items() if name != lacks]
    writer.write("\r\n".join(["GET /ws HTTP/1.1", f"Host: 127.0.0.1:{server.port}", *kept, "", ""]).encode())
    async with asyncio.timeout(15):
        status = await reader.readline()
    assert status.split()[1] in (b"400", b"404", b"426"), status
    await hang_up(writer)
