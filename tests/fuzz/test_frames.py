"""Bytes of any kind, at three depths: the codec, a connection, a running server.

A failure names the seed; ``random.Random(f"{name} {seed}")`` makes the same bytes again.
"""

from __future__ import annotations

import asyncio
import json
import random
import resource
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest

from server.chat.service import Chat
from server.clock import ManualClock
from server.errors import ClientError
from server.session.machine import Phase
from server.telemetry import Metrics
from server.transport.connection import Connection, ConnectionLimits, Services
from server.wire.codec import CODECS, Codec, Rejected, Undecodable
from server.wire.framing import messages_of
from server.wire.requests import Incoming
from tests.fuzz.budget import rounds
from tests.fuzz.mutate import message, websocket_bytes
from tests.support.rawws import BINARY, CLOSE, TEXT, frame, raw_socket
from tests.support.server import ServerProcess
from tests.unit.transport.test_connection import FakeChat, FakeWire, authenticate

pytestmark = pytest.mark.timeout(3_600)
ENDS = {1000, 1002, 1007, 1008, 1009, 4400}
GROWTH_BYTES = 120_000_000


@pytest.mark.parametrize("codec", CODECS, ids=lambda codec: codec.name)
def test_the_codec_gives_frames_rejections_or_undecodable(codec: Codec) -> None:
    for seed, rng in rounds(f"codec {codec.name}"):
        for _ in range(50):
            data: bytes | str = message(rng, binary=codec.binary)
            if not codec.binary:
                data = cast(bytes, data).decode(errors="replace")
            try:
                items = codec.decode(data)
            except Undecodable:
                continue
            assert 1 <= len(items) <= 64, seed
            for item in items:
                if isinstance(item, Rejected):
                    assert isinstance(item.error, ClientError), seed
                    codec.encode([item.id, str(item.error)])
                else:
                    assert isinstance(item, Incoming), seed


class AnyChat(FakeChat):
    """Takes every frame, also those that are not answered."""

    async def perform(self, peer: Connection, frame: Incoming) -> None: ...


class Line:
    """A connection of fakes; ``phase`` tells whether it is still open."""

    def __init__(self, codec: Codec) -> None:
        self.wire, self.chat = FakeWire(), AnyChat()
        self.chat.gate.set()
        limits = ConnectionLimits(connect_timeout_ms=10_000, outbox_max_bytes=10_000_000)
        services = Services(cast(Chat, self.chat), ManualClock(), Metrics(), limits, authenticate)
        self.wire.connection = self.connection = Connection(
            self.wire, codec, services, session_id="s", address="192.0.2.1", on_end=lambda _: None
        )

    async def connect(self) -> None:
        data = self.connection.codec.encode({"type": "connect", "id": 1})
        await self.say(data if self.connection.codec.binary else data.decode())

    async def say(self, message: bytes | str) -> None:
        """Until everything that it leads to is done."""
        self.connection.received(message)
        while self.connection.is_working:
            await asyncio.sleep(0)


@pytest.mark.parametrize("codec", CODECS, ids=lambda codec: codec.name)
async def test_a_connection_answers_with_its_errors_or_closes_with_4400(codec: Codec) -> None:
    decode: Any = msgspec.msgpack.decode if codec.binary else msgspec.json.decode
    line = Line(codec)
    for seed, rng in rounds(f"connection {codec.name}"):
        if line.connection.session.phase is Phase.CLOSED:
            line = Line(codec)
            if rng.random() < 0.9:
                await line.connect()
        data = message(rng, binary=codec.binary)
        await line.say(data if codec.binary else data.decode(errors="replace"))
        for payload, _ in messages_of(b"".join(line.wire.writes)):
            frame_sent = decode(payload)
            assert frame_sent.get("code") != 500, (seed, data, frame_sent)
        line.wire.writes.clear()
        assert (line.wire.closed is None) == (line.connection.session.phase is not Phase.CLOSED), (seed, data)
        assert line.wire.closed is None or line.wire.closed[0] in (4400, 4401), (seed, data)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with ServerProcess(tmp_path_factory.mktemp("fuzzed") / "data") as running:
        yield running


def resident_bytes(server: ServerProcess) -> int:
    assert server.process is not None
    pages = Path(f"/proc/{server.process.pid}/statm").read_text(encoding="ascii").split()[1]
    return int(pages) * resource.getpagesize()


async def converse(server: ServerProcess, rng: random.Random, *, binary: bool) -> tuple[list[int | None], list[Any]]:
    """One connection: its close codes, and the codes of its error frames."""
    name = "msgpack" if binary else "json"
    async with raw_socket(server.port, "/ws", f"Sec-WebSocket-Protocol: parlance.v1.{name}") as raw:
        codec = CODECS[binary]
        await raw.say(frame(BINARY if binary else TEXT, codec.encode({"type": "connect", "id": 1})))
        for _ in range(rng.randint(1, 12)):
            await raw.say(websocket_bytes(rng, binary=binary), chop=rng.choice((0, 0, 0, 100)))
        await raw.say(frame(CLOSE, b"\x03\xe8"))
        seen = await raw.rest(give_up_s=3.0)
    decode: Any = msgspec.msgpack.decode if binary else json.loads
    sent = [decode(found.payload) for found in seen if found.opcode < CLOSE]
    return [found.code for found in seen if found.opcode == CLOSE], [one.get("code") for one in sent]


async def test_a_server_stays_up_writes_no_traceback_and_keeps_its_size(server: ServerProcess) -> None:
    before_bytes = resident_bytes(server)
    for seed, rng in rounds("server"):
        closes, errors = await converse(server, rng, binary=bool(seed % 2))
        assert set(closes) - {None} <= ENDS | set(range(3000, 5000)) | set(range(1000, 1015)), (seed, closes)
        assert 500 not in errors, seed
        assert server.process is not None and server.process.poll() is None, seed
    assert "Traceback" not in server.log(), server.log()[-4_000:]
    assert resident_bytes(server) - before_bytes < GROWTH_BYTES
    async with raw_socket(server.port, "/ws") as raw:
        await raw.say(frame(TEXT, b'{"type":"connect","id":1}'))
        found = await raw.message()
        assert found is not None and b'"welcome"' in found[1]


def test_the_bytes_of_a_seed_are_always_the_same() -> None:
    first, second = (random.Random("codec json 7") for _ in range(2))
    assert [message(first, binary=False) for _ in range(20)] == [message(second, binary=False) for _ in range(20)]
