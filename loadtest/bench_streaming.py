"""How long a model's first word takes through Parlance: from the model server's socket to the customer's.

The model server is this process's own, so that both ends share a clock; its words come ``--gap-ms`` apart. Beside it,
in turns with it, a bare HTTP client reads the same stream without anything in between.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2

from loadtest.client import Client, Push
from loadtest.measure import percentiles, print_table
from loadtest.processes import Measured, StartError, parlance
from loadtest.target import websocket_url
from parlance_client.frames import Delta, Message

WORDS = ("Your ", "parcel ", "left ", "our ", "warehouse ", "this ", "morning.")
QUESTION = "where is my parcel, it should have been here on monday"
THINKING_S = 0.05
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
TARGET_MS = 5.0


@dataclass
class Model:
    """Streams ``WORDS`` to everybody; ``first_s`` holds when each stream's first word was written."""

    gap_s: float
    first_s: dict[str, float] = field(default_factory=dict)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
                length = int(head.partition("content-length:")[2].split("\r\n")[0])
                body = json.loads(await reader.readexactly(length))
                await self._stream(body["messages"][-1]["content"], writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    async def _stream(self, question: str, writer: asyncio.StreamWriter) -> None:
        writer.write(HEAD)
        await asyncio.sleep(THINKING_S)
        for number, word in enumerate(WORDS):
            if number == 0:
                self.first_s[question.partition("#")[2].partition(".")[0]] = time.perf_counter()
            _say(writer, {"choices": [{"index": 0, "delta": {"content": word}}]})
            await asyncio.sleep(self.gap_s)
        _say(writer, {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
        writer.write(_chunk(b"data: [DONE]\n\n") + _chunk(b""))
        await writer.drain()


def _say(writer: asyncio.StreamWriter, value: dict[str, Any]) -> None:
    writer.write(_chunk(f"data: {json.dumps(value)}\n\n".encode()))


def _chunk(data: bytes) -> bytes:
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"


@asynccontextmanager
async def model_server(model: Model) -> AsyncIterator[str]:
    """Its base URL."""
    server = await asyncio.start_server(model.serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    finally:
        server.close()


class Customer:
    """One conversation; ``ask`` gives the milliseconds from the model's first word to the first delta."""

    def __init__(self, server: Measured, number: int) -> None:
        self._number = number
        self._asked = 0
        self._first: asyncio.Future[float] | None = None
        self._done: asyncio.Future[bool] | None = None
        self.client = Client(websocket_url(server.host), on_push=self._hear)
        self.channel = ""

    async def ask(self, model: Model) -> float:
        loop = asyncio.get_running_loop()
        self._first, self._done = loop.create_future(), loop.create_future()
        self._asked += 1
        name = f"{self._number}-{self._asked}"
        await self.client.send(self.channel, f"{QUESTION} #{name}.")
        async with asyncio.timeout(30):
            heard_s = await self._first
            await self._done
        return (heard_s - model.first_s[name]) * 1_000

    def _hear(self, push: Push) -> None:
        if isinstance(push, Delta) and push.seq == 0 and self._first is not None and not self._first.done():
            self._first.set_result(time.perf_counter())
        elif isinstance(push, Message) and push.sender.kind == "bot" and self._done is not None:
            self._done.set_result(True)


async def bare(client: httpx2.AsyncClient, url: str, model: Model, name: str) -> float:
    """Milliseconds from the model's first word to a plain reader."""
    body = json.dumps({"messages": [{"role": "user", "content": f"{QUESTION} #{name}."}]}).encode()
    heard_s = None
    async with client.stream("POST", f"{url}/chat/completions", content=body) as response:
        async for event in httpx2.EventSource(response):
            if heard_s is None and event.data:
                heard_s = time.perf_counter()
    assert heard_s is not None
    return (heard_s - model.first_s[name]) * 1_000


async def measure(customers: int, turns: int, gap_ms: float) -> dict[str, Any]:
    """Milliseconds of both ways. Raises ``StartError``."""
    model = Model(gap_ms / 1_000)
    ours: list[float] = []
    theirs: list[float] = []
    async with model_server(model) as url, httpx2.AsyncClient(timeout=30) as reader:
        env = {"WRITER": "openai", "URL": url, "MODEL": "bench"}
        with (
            tempfile.TemporaryDirectory() as folder,
            parlance(
                Path(folder) / "data", {f"PARLANCE_LANGUAGE_{name}": value for name, value in env.items()}
            ) as server,
        ):
            people = [Customer(server, number) for number in range(customers)]
            for person in people:
                await person.client.connect()
                person.channel = (await person.client.open()).channel
            await asyncio.gather(*(person.ask(model) for person in people))  # connections are made, caches warm
            for turn in range(turns):
                ours += await asyncio.gather(*(person.ask(model) for person in people))
                names = [f"bare-{turn}-{number}" for number in range(customers)]
                theirs += await asyncio.gather(*(bare(reader, url, model, name) for name in names))
            for person in people:
                await person.client.close()
    return {
        "customers": customers,
        "turns": len(ours),
        "parlance_ms": percentiles(ours),
        "bare_ms": percentiles(theirs),
        "within_target": round(sum(value <= TARGET_MS for value in ours) / len(ours), 3),
    }


def show(found: dict[str, Any]) -> None:
    """Print ``measure``'s results."""
    rows = [(name, *found[f"{name}_ms"].values()) for name in ("parlance", "bare")]
    title = f"first word, model server to reader, {found['customers']} at a time, {found['turns']} answers, ms"
    print_table(title, ("way", "p50", "p95", "p99"), rows)
    print(f"{found['within_target']:.1%} of Parlance's within {TARGET_MS:g} ms")


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print; 2 when Parlance could not be measured."""
    summary = (__doc__ or "").split("\n", maxsplit=1)[0]
    parser = argparse.ArgumentParser(prog="python -m loadtest.bench_streaming", description=summary)
    parser.add_argument("--customers", type=int, default=1, help="who ask at the same time (default 1)")
    parser.add_argument("--turns", type=int, default=100, help="of each (default 100)")
    parser.add_argument("--gap-ms", type=float, default=20.0, help="between two words (default 20)")
    parser.add_argument("--json", action="store_true", help="print the results as JSON")
    options = parser.parse_args(argv)
    try:
        found = asyncio.run(measure(options.customers, options.turns, options.gap_ms))
    except StartError as error:
        print(error, file=sys.stderr)
        return 2
    if options.json:
        print(json.dumps(found, indent=2))
    else:
        show(found)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
