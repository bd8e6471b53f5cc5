"""Latency of a running server under a steady load, beside a bare echo server's in the same run.

    python -m loadtest.bench_live [--host ws://127.0.0.1:8000] [--connections 1000 --rate 100 --seconds 20] [--json]
        [--claimed | --knowledge 10000]

Without ``--host`` it starts its own server on a temporary data directory, on one core, with the clients on the
others. Messages start at fixed times whatever the answers do (an open loop), so a slow server can't slow the load
that measures it. ``--claimed``: an agent has claimed the conversations, so that messages are committed, acked and
pushed, and no bot answers. ``--knowledge N``: customers ask what the demo shop's articles answer, of a server that has
those among N passages, and of the same without any, neither remembering anything. ``generator_lag_ms`` says how late
the clients themselves were: figures near it are theirs.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager, nullcontext
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import uvloop

from loadtest.client import Client, Push
from loadtest.measure import print_table
from loadtest.openloop import Load, Tally, drive
from loadtest.peers.catalog import SECRET, token
from loadtest.processes import Measured, StartError, clients_aside, echo_peer, parlance
from loadtest.scripts import ScriptBook, load_scripts
from loadtest.stock import questions, stock
from loadtest.target import TargetError, check_target, websocket_url
from parlance_client.dial import Socket, dial
from parlance_client.encoding import ENCODINGS
from parlance_client.errors import ParlanceError
from parlance_client.frames import Message

CONNECTING_AT_ONCE = 20
NO_CACHES = {"PARLANCE_KNOWLEDGE_CACHE_ENTRIES": "0", "PARLANCE_ANALYSIS_CACHE_ENTRIES": "0"}
ANSWER_WITHIN_S = 10.0


class Customer:
    """A guest with one conversation, playing scripts, that notes when the bot's replies arrive."""

    def __init__(self, url: str, load: Load, seed: int, book: ScriptBook) -> None:
        self._client = Client(url, encoding=load.encoding, on_push=self._note, request_timeout_s=ANSWER_WITHIN_S)
        self._rng = random.Random(seed)
        self._book = book
        self._lines: list[str] = []
        self.channel = ""
        self._replies: dict[str, asyncio.Future[float]] = {}
        self.heard = self.cited = 0

    async def connect(self) -> None:
        await self._client.connect()
        self.channel = (await self._client.open()).channel

    async def close(self) -> None:
        await self._client.close()

    async def send(self, tally: Tally) -> tuple[str, float]:
        """Send → ack; the message's id, and when it was sent."""
        self._lines = self._lines or self._book.play(self._rng)
        text = self._lines.pop(0)
        sent_s = time.perf_counter()
        ack = await self._client.send(self.channel, text)
        tally.round_trips_ms.append((time.perf_counter() - sent_s) * 1e3)
        return ack.message_id, sent_s

    async def turn(self, tally: Tally) -> None:
        """Send → ack → the bot's reply."""
        message_id, sent_s = await self.send(tally)
        reply = self._reply_to(message_id)
        try:
            replied_s = await asyncio.wait_for(reply, ANSWER_WITHIN_S)
        finally:
            self._replies.pop(message_id, None)
        tally.answers_ms.append((replied_s - sent_s) * 1e3)

    def _note(self, push: Push) -> None:
        if isinstance(push, Message) and push.sender.kind == "bot" and push.reply_to is not None:
            reply = self._reply_to(push.reply_to)
            self.heard += 1
            self.cited += bool((push.data or {}).get("citations"))
            if not reply.done():
                reply.set_result(time.perf_counter())

    def _reply_to(self, message_id: str) -> asyncio.Future[float]:
        # Ack and reply come in either order: whoever is first makes the place where they meet.
        return self._replies.setdefault(message_id, asyncio.get_running_loop().create_future())


async def measure_parlance(server: Measured, load: Load, book: ScriptBook | None = None) -> Tally:
    """``connections`` guests, each in a conversation of its own, who say what stands in ``book``."""
    url = websocket_url(server.host)
    async with AsyncExitStack() as stack:
        book = book or load_scripts()
        customers = [Customer(url, load, seed, book) for seed in range(load.connections)]
        for customer in customers:
            stack.push_async_callback(customer.close)
        await _some_at_once([customer.connect for customer in customers])
        if not load.claimed:
            tally = await drive(server, load, lambda number, tally: customers[number % len(customers)].turn(tally))
            heard = sum(customer.heard for customer in customers)
            tally.cited = sum(customer.cited for customer in customers) / heard if heard else None
            return tally
        async with Client(url, token=token("agent", "claimer")) as agent:
            await _some_at_once([partial(agent.claim, customer.channel) for customer in customers])

        async def send(number: int, tally: Tally) -> None:
            await customers[number % len(customers)].send(tally)

        return await drive(server, load, send)


async def measure_echo(server: Measured, load: Load) -> Tally:
    """The same number of sockets, rate and message sizes; each message comes straight back."""
    encoding = ENCODINGS[load.encoding]
    payload = b"x" * 170  # a usual send frame
    sockets: list[tuple[Socket, asyncio.Lock]] = []

    async def connect() -> None:
        sockets.append((await dial(websocket_url(server.host), encoding), asyncio.Lock()))

    async def turn(number: int, tally: Tally) -> None:
        socket, one_reader = sockets[number % len(sockets)]
        sent_s = time.perf_counter()
        async with one_reader:
            await socket.send(payload)
            await socket.recv()
        tally.round_trips_ms.append((time.perf_counter() - sent_s) * 1e3)

    async with AsyncExitStack() as stack:
        await _some_at_once([connect] * load.connections)
        for socket, _ in sockets:
            stack.push_async_callback(socket.close)
        return await drive(server, load, turn)


async def _some_at_once(steps: Sequence[Callable[[], Awaitable[object]]]) -> None:
    for start in range(0, len(steps), CONNECTING_AT_ONCE):
        await asyncio.gather(*(step() for step in steps[start : start + CONNECTING_AT_ONCE]))


def report(host: str | None = None, load: Load | None = None, passages: int = 0) -> dict[str, Any]:
    """``parlance`` and ``echo`` as ``Tally.figures`` gives them, and ``ratios`` of ours to the echo's; with
    ``passages`` also ``knowledge``, the same server with so many.

    Raises ``TargetError`` (nobody at ``host``), ``StartError`` (own server did not start).
    """
    load = load or Load()
    if host is not None:
        check_target(host)
    with clients_aside() if host is None else nullcontext():
        with echo_peer() as echo:
            floor = _run(measure_echo(echo, load)).figures()
        ours = _measured(host, load, questions() if passages else None)
        knowing = _measured(host, load, questions(), passages) if passages else None
    ratios = {
        "ack / echo p50": _ratio(ours["round_trip_ms"]["p50"], floor["round_trip_ms"]["p50"]),
        "ack / echo p99": _ratio(ours["round_trip_ms"]["p99"], floor["round_trip_ms"]["p99"]),
        "cpu per turn / cpu per echo": _ratio(ours["server_cpu_ms_per_message"], floor["server_cpu_ms_per_message"]),
    }
    settings = {**asdict(load), "host": host or "own server", "cores": os.cpu_count(), "passages": passages}
    parts: dict[str, Any] = {"parlance": ours, "echo": floor}
    if knowing is not None:
        parts["knowledge"] = knowing
        for share in ("p50", "p99"):
            ratio = _ratio(knowing["answer_ms"][share], ours["answer_ms"][share])
            ratios[f"answer with knowledge / without {share}"] = ratio
        cpu = "server_cpu_ms_per_message"
        ratios["cpu per turn with knowledge / without"] = _ratio(knowing[cpu], ours[cpu])
    return {"bench": "live", "load": settings, **parts, "ratios": ratios}


def _measured(host: str | None, load: Load, book: ScriptBook | None, passages: int = 0) -> dict[str, Any]:
    with _target(host, passages, forgetful=book is not None) as server:
        found = _run(measure_parlance(server, load, book)).figures()
        return {**found, "server_rss_bytes": server.rss_bytes()}


def _run(measurement: Coroutine[Any, Any, Tally]) -> Tally:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(measurement)


def _ratio(ours: float | None, floor: float | None) -> float | None:
    return round(ours / floor, 2) if ours and floor else None


@contextmanager
def _target(host: str | None, passages: int, *, forgetful: bool) -> Iterator[Measured]:
    """``forgetful``: without caches, since questions of a list come again and again."""
    if host is not None:
        yield Measured(host, None)
        return
    with tempfile.TemporaryDirectory() as folder:
        data_dir = Path(folder) / "data"
        if passages:
            stock(data_dir, passages)
        with parlance(data_dir, {"PARLANCE_SECRET": SECRET, **(NO_CACHES if forgetful else {})}) as server:
            yield server


def show(results: dict[str, Any]) -> None:
    """Print ``report``'s results."""
    load = results["load"]
    title = "{host}: {connections} connections, {rate_per_s} messages/s for {seconds} s, {encoding}".format(**load)
    title += ", claimed" * load["claimed"]
    rows = [
        _latencies("parlance: send -> ack", results["parlance"], "round_trip_ms"),
        _latencies("parlance: send -> answer", results["parlance"], "answer_ms"),
        _latencies("bare echo: round trip", results["echo"], "round_trip_ms"),
    ]
    knowing = results.get("knowledge")
    if knowing is not None:
        name = f"parlance: send -> answer, {load['passages']:,} passages, {knowing['cited']:.0%} answered from them"
        rows.insert(2, _latencies(name, knowing, "answer_ms"))
    print_table(title, ("latency in ms", "p50", "p95", "p99"), rows)
    costs = [_cost("parlance", results["parlance"]), _cost("bare echo", results["echo"])]
    if knowing is not None:
        costs.insert(1, _cost("parlance with knowledge", knowing))
    print_table("cost", ("server", "achieved/s", "failures", "server CPU ms/message", "generator lag p99 ms"), costs)
    for name, ratio in results["ratios"].items():
        print(f"{name}: {ratio}")


def _latencies(name: str, figures: dict[str, Any], key: str) -> tuple[object, ...]:
    found = figures.get(key, {})
    return (name, *(found.get(share) for share in ("p50", "p95", "p99")))


def _cost(name: str, figures: dict[str, Any]) -> tuple[object, ...]:
    keys = ("achieved_per_s", "failures", "server_cpu_ms_per_message")
    return (name, *(figures[key] for key in keys), figures["generator_lag_ms"]["p99"])


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print; 1 when messages failed, 2 when there was no server to measure."""
    usual = Load()
    parser = argparse.ArgumentParser(prog="python -m loadtest.bench_live", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--host", default=None, help="a running server; without it one is started for the run")
    parser.add_argument("--connections", type=int, default=usual.connections, help="(default 1000)")
    parser.add_argument("--rate", type=float, default=usual.rate_per_s, help="messages per second (default 100)")
    parser.add_argument("--seconds", type=float, default=usual.seconds, help="measured time (default 20)")
    parser.add_argument("--encoding", choices=tuple(ENCODINGS), default="json")
    parser.add_argument("--json", action="store_true", help="print the results as JSON")
    parser.add_argument("--claimed", action="store_true", help="by an agent: nobody answers (own server only)")
    parser.add_argument("--knowledge", type=int, default=0, metavar="N", help="also with N passages (own server only)")
    options = parser.parse_args(argv)
    if options.claimed and options.host:
        parser.error("--claimed needs a server of its own: it makes an agent's token")
    if options.knowledge and (options.claimed or options.host):
        parser.error("--knowledge needs a server of its own that answers: leave --host and --claimed out")
    load = Load(options.connections, options.rate, options.seconds, options.encoding, options.claimed)
    try:
        results = report(options.host, load, options.knowledge)
    except (TargetError, StartError, ParlanceError) as error:
        print(error, file=sys.stderr)
        return 2
    if options.json:
        print(json.dumps(results, indent=2))
    else:
        show(results)
    return 1 if results["parlance"]["failures"] or results.get("knowledge", {}).get("failures") else 0


if __name__ == "__main__":
    raise SystemExit(main())
