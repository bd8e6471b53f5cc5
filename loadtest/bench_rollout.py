"""What a roll-out costs those who chat: versions of the model exchanged while customers write on every worker.

    python -m loadtest.bench_rollout [--workers 2] [--conversations 40] [--rate 10] [--seconds 8] [--json]

The shipped pack under another version stands beside it. While customers send at a fixed rate, one step follows the
other: it is promoted, rolled back, made canary of half of the conversations and taken out again over REST on the first
worker, and promoted once more by the command, which writes the file that workers watch. An agent on each worker hears
which version read each message. For each step:

    asked_ms         the request, or the command, took
    everywhere_ms    from its begin until every worker has answered by the new version (canary: on half of them)
    last_old_ms      until the last answer by the old one arrived
    lost             turns without an answer
    slowest_ms       turn that was sent in the first half of the step, and in the half before it (quiet)

Servers run on one core, clients on the others; several workers share PostgreSQL and Redis.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final, TypeVar

import httpx2
import msgspec
import uvloop

from inference.manifest import Manifest
from inference.pack import MANIFEST_FILE, read_manifest
from inference.registry.catalogue import Catalogue
from inference.registry.deployment import Canary, in_canary
from loadtest.client import Client, Push
from loadtest.measure import percentile, print_table
from loadtest.openloop import Load, Tally, drive
from loadtest.peers.catalog import token
from loadtest.postgresql import PostgreSQLServer
from loadtest.processes import Measured, StartError, clients_aside
from loadtest.redis_server import RedisServer
from loadtest.target import websocket_url
from loadtest.workers import workers
from parlance_client.errors import ParlanceError
from server.wire.frames import Event, Message

SHIPPED: Final = Path(__file__).resolve().parents[1] / "models_onnx" / "nlu"
NEXT_VERSION: Final = "99.0.0"
SHARE: Final = 0.5
ANSWER_WITHIN_S = 60.0  # later than this it is lost; slower is told by slowest_ms
ValueT = TypeVar("ValueT")


@dataclass(frozen=True, slots=True)
class Plan:
    """``conversations`` share ``rate_per_s`` messages; a step comes every ``seconds``."""

    workers: int = 2
    conversations: int = 40
    rate_per_s: float = 10.0
    seconds: float = 8.0


@dataclass(frozen=True, slots=True)
class Turn:
    """An answered message. ``model`` read it, of which the agent of ``worker`` heard at ``read_s``."""

    worker: int
    channel: str
    sent_s: float
    answered_s: float
    read_s: float
    model: str


@dataclass(frozen=True, slots=True)
class Step:
    """``reads`` says which version is to read a conversation from then on."""

    name: str
    act: Callable[[], Awaitable[None]]
    reads: Callable[[str], str]


@dataclass(slots=True)
class Taken:
    """A step that was made."""

    name: str
    begun_s: float
    asked_s: float
    before: Callable[[str], str]
    after: Callable[[str], str]


@dataclass(slots=True)
class House:
    """The clients: customers spread over the workers, and an agent on each."""

    turns: list[Turn] = field(default_factory=list)
    customers: list[tuple[int, str, Client]] = field(default_factory=list)
    _answered: dict[str, asyncio.Future[float]] = field(default_factory=dict)
    _read: dict[str, asyncio.Future[tuple[float, str]]] = field(default_factory=dict)

    async def populate(self, stack: AsyncExitStack, servers: Sequence[Measured], conversations: int) -> None:
        """Connect everybody."""
        urls = [websocket_url(server.host) for server in servers]
        agents = [await self._client(stack, url, "agent", f"agent-{place}") for place, url in enumerate(urls)]
        for place in range(conversations):
            worker = place % len(urls)
            customer = await self._client(stack, urls[worker], "customer", f"customer-{place}")
            channel = (await customer.open()).channel
            await agents[worker].subscribe(channel)
            self.customers.append((worker, channel, customer))

    async def turn(self, number: int, tally: Tally) -> None:
        """Send → ack → the answer and what was understood."""
        worker, channel, customer = self.customers[number % len(self.customers)]
        sent_s = time.perf_counter()
        ack = await customer.send(channel, f"Where is my order number {number}?")  # never in a cache
        tally.round_trips_ms.append((time.perf_counter() - sent_s) * 1e3)
        answered, read = _moment(self._answered, ack.message_id), _moment(self._read, ack.message_id)
        try:
            async with asyncio.timeout(ANSWER_WITHIN_S):
                answered_s, (read_s, model) = await asyncio.gather(answered, read)
        finally:
            self._answered.pop(ack.message_id, None)
            self._read.pop(ack.message_id, None)
        self.turns.append(Turn(worker, channel, sent_s, answered_s, read_s, model))

    async def _client(self, stack: AsyncExitStack, url: str, kind: str, user: str) -> Client:
        client = Client(url, token=token(kind, user), on_push=self._note, request_timeout_s=ANSWER_WITHIN_S)
        await client.connect()
        stack.push_async_callback(client.close)
        return client

    def _note(self, push: Push) -> None:
        now_s = time.perf_counter()
        if isinstance(push, Message) and push.sender.kind == "bot" and push.reply_to is not None:
            _settle(_moment(self._answered, push.reply_to), now_s)
        elif isinstance(push, Event) and push.name == "analysis":
            _settle(_moment(self._read, push.data["message_id"]), (now_s, push.data["analysis"]["model"]))


def report(plan: Plan | None = None) -> dict[str, Any]:
    """``steps`` in their order, ``lost`` turns of all, and ``turns``.

    Raises ``StartError``, ``ParlanceError``, ``RuntimeError`` (PostgreSQL or Redis), ``httpx2.HTTPError``.
    """
    plan = plan or Plan()
    with (
        tempfile.TemporaryDirectory() as folder,
        clients_aside(),
        _servers(plan, Path(folder)) as servers,
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        house, tally, taken = runner.run(_measure(plan, servers, Path(folder)))
    ends = [*(step.begun_s for step in taken[1:]), math.inf]
    figures = [step_figures(step, house.turns, plan, end) for step, end in zip(taken, ends, strict=True)]
    return {
        "bench": "rollout",
        "load": {**asdict(plan), "cores": os.cpu_count()},
        "turns": len(house.turns),
        "lost": len(tally.failures),
        "first_failure": next(iter(tally.failures), None),
        "generator_lag_p99_ms": _rounded(percentile(tally.lags_ms, 0.99)),
        "steps": figures,
    }


def step_figures(step: Taken, turns: Sequence[Turn], plan: Plan, until_s: float = math.inf) -> dict[str, Any]:
    """What one step did to the turns about it, until the next one; None where a worker never answered by the new
    version."""
    moved = [
        one
        for one in turns
        if step.begun_s <= one.read_s < until_s and step.before(one.channel) != step.after(one.channel)
    ]
    first = [
        min((one.read_s for one in moved if (one.worker, one.model) == (worker, step.after(one.channel))), default=None)
        for worker in range(plan.workers)
    ]
    everywhere = [moment for moment in first if moment is not None]
    old = [one.answered_s - step.begun_s for one in moved if one.model == step.before(one.channel)]
    half_s = plan.seconds / 2
    return {
        "step": step.name,
        "asked_ms": _rounded(1e3 * (step.asked_s - step.begun_s)),
        "everywhere_ms": _rounded(1e3 * (max(everywhere) - step.begun_s)) if len(everywhere) == plan.workers else None,
        "last_old_ms": _rounded(1e3 * max(old, default=0.0)),
        **_slowest("slowest_ms", turns, step.begun_s, step.begun_s + half_s),
        **_slowest("quiet_slowest_ms", turns, step.begun_s - half_s, step.begun_s),
    }


def _slowest(name: str, turns: Sequence[Turn], from_s: float, until_s: float) -> dict[str, float | None]:
    took_ms = [1e3 * (one.answered_s - one.sent_s) for one in turns if from_s <= one.sent_s < until_s]
    median = percentile(took_ms, 0.5)
    return {
        name: _rounded(max(took_ms)) if took_ms else None,
        name.replace("slowest", "median"): _rounded(median) if took_ms else None,
    }


@contextmanager
def _servers(plan: Plan, folder: Path) -> Iterator[list[Measured]]:
    env = {"PARLANCE_MODELS_DIR": str(folder / "models")}
    _add_next(folder)
    with ExitStack() as stack:
        database = redis = ""
        if plan.workers > 1:
            database = stack.enter_context(PostgreSQLServer()).create_database("rollout")
            redis = stack.enter_context(RedisServer()).url
        yield stack.enter_context(workers(plan.workers, database, redis, env))


def _add_next(folder: Path) -> None:
    """The shipped pack by another name, added as an operator would."""
    shutil.copytree(SHIPPED, folder / "next")
    path = folder / "next" / MANIFEST_FILE
    content: dict[str, Any] = msgspec.json.decode(path.read_bytes())
    path.write_bytes(msgspec.json.encode({**content, "version": NEXT_VERSION}))
    Catalogue(folder / "models", [SHIPPED]).add(folder / "next")


async def _measure(plan: Plan, servers: Sequence[Measured], folder: Path) -> tuple[House, Tally, list[Taken]]:
    house, begun, taken = House(), asyncio.Event(), list[Taken]()
    root = {"authorization": f"Bearer {token('admin', 'root')}"}
    async with (
        AsyncExitStack() as stack,
        httpx2.AsyncClient(
            base_url=servers[0].host.replace("ws://", "http://"), headers=root, timeout=ANSWER_WITHIN_S, trust_env=False
        ) as rest,
    ):
        await (await rest.get("/v1/models")).aread()  # REST is built when it is first asked for
        await house.populate(stack, servers, plan.conversations)
        steps = _steps(rest, folder, read_manifest(SHIPPED))
        acting = asyncio.create_task(_act(steps, plan, begun, taken, read_manifest(SHIPPED).model))
        load = Load(plan.conversations, plan.rate_per_s, plan.seconds * (len(steps) + 2))

        async def turn(number: int, tally: Tally) -> None:
            if not tally.failures and len(tally.lags_ms) == 1:
                begun.set()
            await house.turn(number, tally)

        tally = await drive(servers[0], load, turn)
        await acting
    return house, tally, taken


async def _act(steps: Sequence[Step], plan: Plan, begun: asyncio.Event, taken: list[Taken], standard: str) -> None:
    """One step after the other, at fixed times."""
    before: Callable[[str], str] = lambda _: standard  # noqa: E731
    await begun.wait()
    begun_s = time.perf_counter()
    for place, step in enumerate(steps):
        await asyncio.sleep(max(0.0, begun_s + (place + 1) * plan.seconds - time.perf_counter()))
        at_s = time.perf_counter()
        await step.act()
        taken.append(Taken(step.name, at_s, time.perf_counter(), before, step.reads))
        before = step.reads


def _steps(rest: httpx2.AsyncClient, folder: Path, shipped: Manifest) -> list[Step]:
    standard, following = shipped.model, f"{shipped.name}-{NEXT_VERSION}"
    canary = Canary(following, SHARE)

    def asks(method: str, path: str, body: dict[str, Any]) -> Callable[[], Awaitable[None]]:
        async def ask() -> None:
            answer = await rest.request(method, f"/v1/models/{path}", json=body)
            if answer.status_code != 200:
                raise ParlanceError(f"{path}: {answer.text}")

        return ask

    return [
        Step("promote", asks("POST", "promote", {"version": following}), lambda _: following),
        Step("rollback", asks("POST", "rollback", {}), lambda _: standard),
        Step(
            "canary 50 %",
            asks("PUT", "canary", {"version": following, "share": SHARE}),
            lambda channel: following if in_canary(channel, canary) else standard,
        ),
        Step("canary off", asks("PUT", "canary", {}), lambda _: standard),
        Step("promote by command", _command(folder, "promote", following), lambda _: following),
    ]


def _command(folder: Path, *words: str) -> Callable[[], Awaitable[None]]:
    async def call() -> None:
        env = {**os.environ, "PARLANCE_MODELS_DIR": str(folder / "models"), "PARLANCE_DATA_DIR": str(folder / "none")}
        command = (sys.executable, "-m", "server.cli.main", "model", *words)
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(*command, env=env, stdout=pipe, stderr=pipe)
        _, said = await process.communicate()
        if process.returncode:
            raise ParlanceError(f"{' '.join(words)}: {said.decode(errors='replace')}")

    return call


def _moment(places: dict[str, asyncio.Future[ValueT]], message_id: str) -> asyncio.Future[ValueT]:
    # Ack and answer come in either order: whoever is first makes the place where they meet.
    return places.setdefault(message_id, asyncio.get_running_loop().create_future())


def _settle(place: asyncio.Future[ValueT], value: ValueT) -> None:
    if not place.done():
        place.set_result(value)


def _rounded(value: float) -> float:
    return round(value, 1)


def show(results: dict[str, Any]) -> None:
    """Print ``report``'s results."""
    keys = [key for key in results["steps"][0] if key != "step"]
    title = "{workers} workers, {conversations} conversations, {rate_per_s} turns/s, a step every {seconds} s".format(
        **results["load"]
    )
    print_table(title, ("step", *keys), [tuple(step[key] for key in ("step", *keys)) for step in results["steps"]])
    print(f"lost: {results['lost']} of {results['turns'] + results['lost']} turns")
    print(f"generator lag p99: {results['generator_lag_p99_ms']} ms")


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print; 1 when turns were lost or a worker stayed behind, 2 when something could not be started."""
    usual = Plan()
    summary = (__doc__ or "").split("\n", maxsplit=1)[0]
    parser = argparse.ArgumentParser(prog="python -m loadtest.bench_rollout", description=summary)
    parser.add_argument("--workers", type=int, default=usual.workers, help="(default 2)")
    parser.add_argument("--conversations", type=int, default=usual.conversations, help="(default 40)")
    parser.add_argument("--rate", type=float, default=usual.rate_per_s, help="turns per second (default 10)")
    parser.add_argument("--seconds", type=float, default=usual.seconds, help="between two steps (default 8)")
    parser.add_argument("--json", action="store_true", help="print the results as JSON")
    options = parser.parse_args(argv)
    try:
        results = report(Plan(options.workers, options.conversations, options.rate, options.seconds))
    except (StartError, ParlanceError, RuntimeError, httpx2.HTTPError) as error:
        print(repr(error) if isinstance(error, httpx2.HTTPError) else error, file=sys.stderr)
        return 2
    if options.json:
        print(json.dumps(results, indent=2))
    else:
        show(results)
    return 1 if results["lost"] or any(step["everywhere_ms"] is None for step in results["steps"]) else 0


if __name__ == "__main__":
    raise SystemExit(main())
