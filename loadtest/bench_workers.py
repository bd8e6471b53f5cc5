"""What a second worker costs: server CPU per adapted turn, one worker against two, in the same run.

    python -m loadtest.bench_workers [--rate 60] [--seconds 10] [--rounds 6] [--limits] [--json]

Three chats stand ready at once, on databases of one PostgreSQL, and are measured in turns, in changing order, so that
a disturbance of the machine meets all of them:

    alone    one worker on PostgreSQL, without Redis
    redis    one worker on PostgreSQL and Redis
    pair     two workers on both

In each, customers send at a fixed rate, half of them on each worker, and each conversation's agent sits on the other
one, so that every message, answer and analysis crosses. Workers run on one core, everything else on the others.
PostgreSQL and Redis are counted apart: processor time, commands, bytes, commits. ``--limits`` leaves the limits on.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import statistics
import sys
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any

import uvloop

from loadtest.client import Client, Push
from loadtest.measure import percentile, percentiles, print_table
from loadtest.openloop import Load, Tally, drive
from loadtest.peers.catalog import token
from loadtest.postgresql import PostgreSQLServer
from loadtest.processes import StartError, clients_aside
from loadtest.redis_server import RedisServer
from loadtest.scripts import load_scripts
from loadtest.target import websocket_url
from loadtest.workers import workers
from loadtest.workers_meter import Meter, Reading
from parlance_client.errors import ParlanceError
from parlance_client.frames import Message

WORKERS = {"alone": 1, "redis": 1, "pair": 2}
RATIOS = (("pair", "alone"), ("pair", "redis"), ("redis", "alone"))
ANSWER_WITHIN_S = 10.0
# Long enough for the heartbeat, the polling and the pings, all of which come every three seconds or more often.
IDLE_S = 6.0


@dataclass(frozen=True, slots=True)
class Plan:
    """``conversations`` share ``rate_per_s`` customer messages for ``seconds`` a round."""

    conversations: int = 40
    rate_per_s: float = 60.0
    seconds: float = 10.0
    rounds: int = 6
    limits: bool = False


@dataclass(slots=True)
class Round:
    """One chat, measured once. ``bill``: what changed between its two readings; ``told_ms``: sent → the answer at the
    agent."""

    tally: Tally
    bill: Reading
    told_ms: list[float]

    @property
    def cpu_ms(self) -> float:
        """The workers' processor time per turn."""
        return self.bill.workers_s * 1e3 / max(1, len(self.tally.answers_ms))


@dataclass(slots=True)
class Conversation:
    """A customer, and the agent who looks on from another worker."""

    customer: Client
    channel: str = ""
    lines: list[str] = field(default_factory=list)


class Chat:
    """The clients of one chat."""

    def __init__(self, meter: Meter, seed: int = 0) -> None:
        self._meter = meter
        self._rng = random.Random(seed)
        self._book = load_scripts()
        self._conversations: list[Conversation] = []
        # By the message answered: when the answer was seen, by the customer and by the agent.
        self._answered: dict[str, asyncio.Future[float]] = {}
        self._told: dict[str, asyncio.Future[float]] = {}

    @asynccontextmanager
    async def populated(self, conversations: int) -> AsyncIterator[Chat]:
        """Connect everybody."""
        urls = [websocket_url(worker.host) for worker in self._meter.workers]
        async with AsyncExitStack() as stack:
            agents = []
            for place in range(2):  # as many where there is one worker, so that the clients are the same
                url = urls[(place + 1) % len(urls)]
                agents.append(await self._client(stack, url, "agent", f"agent-{place}", self._told))
            for place in range(conversations):
                url = urls[place % 2 % len(urls)]
                customer = await self._client(stack, url, "customer", f"customer-{place}", self._answered)
                channel = (await customer.open()).channel
                await agents[place % 2].subscribe(channel)
                self._conversations.append(Conversation(customer, channel))
            yield self

    async def _client(
        self, stack: AsyncExitStack, url: str, kind: str, user: str, seen: dict[str, asyncio.Future[float]]
    ) -> Client:
        def note(push: Push) -> None:
            if isinstance(push, Message) and push.sender.kind == "bot" and push.reply_to is not None:
                moment = _moment(seen, push.reply_to)
                if not moment.done():
                    moment.set_result(time.perf_counter())

        client = Client(url, token=token(kind, user), on_push=note, request_timeout_s=ANSWER_WITHIN_S)
        await client.connect()
        stack.push_async_callback(client.close)
        return client

    async def round(self, load: Load) -> Round:
        """Send at the load's rate."""
        told_ms: list[float] = []

        async def turn(number: int, tally: Tally) -> None:
            await self._turn(self._conversations[number % len(self._conversations)], tally, told_ms)

        self._meter.readings.clear()
        tally = await drive(self._meter, load, turn)
        before, after = self._meter.readings
        warm_up = len(told_ms) - len(tally.answers_ms)
        return Round(tally, after - before, told_ms[warm_up:])

    async def _turn(self, conversation: Conversation, tally: Tally, told_ms: list[float]) -> None:
        """Send → ack → the bot's reply, at the customer and at the agent."""
        conversation.lines = conversation.lines or self._book.play(self._rng)
        sent_s = time.perf_counter()
        ack = await conversation.customer.send(conversation.channel, conversation.lines.pop(0))
        tally.round_trips_ms.append((time.perf_counter() - sent_s) * 1e3)
        answered, told = _moment(self._answered, ack.message_id), _moment(self._told, ack.message_id)
        try:
            async with asyncio.timeout(ANSWER_WITHIN_S):
                answered_s, told_s = await asyncio.gather(answered, told)
        finally:
            self._answered.pop(ack.message_id, None)
            self._told.pop(ack.message_id, None)
        tally.answers_ms.append((answered_s - sent_s) * 1e3)
        told_ms.append((told_s - sent_s) * 1e3)

    async def idle(self, seconds: float = IDLE_S) -> Reading:
        """Everybody connected, nobody says anything."""
        self._meter.readings.clear()
        self._meter.cpu_s()
        await asyncio.sleep(seconds)
        self._meter.cpu_s()
        before, after = self._meter.readings
        return after - before


def _moment(seen: dict[str, asyncio.Future[float]], message_id: str) -> asyncio.Future[float]:
    # Ack and answer come in either order: whoever is first makes the place where they meet.
    return seen.setdefault(message_id, asyncio.get_running_loop().create_future())


def report(plan: Plan | None = None) -> dict[str, Any]:
    """``chats`` (medians of the rounds), ``idle`` and ``ratios`` (median and range of the rounds').

    Raises ``StartError``, ``ParlanceError``, ``RuntimeError`` (PostgreSQL or Redis).
    """
    plan = plan or Plan()
    with clients_aside(), _meters(plan) as meters, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        rounds, idle = runner.run(_measure(meters, plan))
    return {
        "bench": "workers",
        "load": asdict(plan),
        "chats": {name: figures([one[name] for one in rounds]) for name in meters},
        "idle": {name: _idle(reading) for name, reading in idle.items()},
        "ratios": {f"{ours} / {base}": ratio(rounds, ours, base) for ours, base in RATIOS},
    }


@contextmanager
def _meters(plan: Plan) -> Iterator[dict[str, Meter]]:
    """Every chat with a database and a Redis of its own."""
    env = {"PARLANCE_LIMITS": "on", "PARLANCE_MESSAGES_PER_SECOND": "1000"} if plan.limits else {}
    with ExitStack() as stack:
        database = stack.enter_context(PostgreSQLServer())
        meters = {}
        for name, count in WORKERS.items():
            redis = None if name == "alone" else stack.enter_context(RedisServer())
            url = database.create_database(name)
            servers = stack.enter_context(workers(count, url, redis.url if redis else "", env))
            meters[name] = Meter(servers, database, name, redis)
        yield meters


async def _measure(meters: dict[str, Meter], plan: Plan) -> tuple[list[dict[str, Round]], dict[str, Reading]]:
    load = Load(plan.conversations, plan.rate_per_s, plan.seconds)
    async with AsyncExitStack() as stack:
        chats = {
            name: await stack.enter_async_context(Chat(meter).populated(plan.conversations))
            for name, meter in meters.items()
        }
        rounds = []
        for place in range(plan.rounds):
            order = list(chats) if place % 2 == 0 else list(reversed(chats))
            taken = {name: await chats[name].round(load) for name in order}
            rounds.append(taken)
        idle = {name: await chat.idle() for name, chat in chats.items()}
    return rounds, idle


def figures(rounds: Sequence[Round]) -> dict[str, Any]:
    """Of one chat: medians over its rounds; latencies over all of their turns."""
    turns = sum(len(one.tally.answers_ms) for one in rounds)
    total = sum((one.bill for one in rounds[1:]), rounds[0].bill)
    return {
        "turns": turns,
        "failures": sum(len(one.tally.failures) for one in rounds),
        "server_cpu_ms_per_turn": round(statistics.median(one.cpu_ms for one in rounds), 3),
        **total.per_turn(turns),
        "ack_ms": percentiles([ms for one in rounds for ms in one.tally.round_trips_ms]),
        "answer_ms": percentiles([ms for one in rounds for ms in one.tally.answers_ms]),
        "answer_at_agent_ms": percentiles([ms for one in rounds for ms in one.told_ms]),
        "generator_lag_p99_ms": round(percentile([ms for one in rounds for ms in one.tally.lags_ms], 0.99), 3),
    }


def _idle(reading: Reading) -> dict[str, float]:
    """Shares of one core, and what is asked for per second while nothing happens."""
    return {
        "workers_cpu": round(reading.workers_s / reading.at_s, 4),
        "postgresql_cpu": round(reading.postgresql_s / reading.at_s, 4),
        "redis_commands_per_s": round(reading.redis_commands / reading.at_s, 1),
        "commits_per_s": round(reading.commits / reading.at_s, 1),
    }


def ratio(rounds: Sequence[dict[str, Round]], ours: str, base: str) -> dict[str, float]:
    """Of processor time per turn, round by round: median and range; empty where nothing was used."""
    ratios = sorted(one[ours].cpu_ms / one[base].cpu_ms for one in rounds if one[base].cpu_ms)
    if not ratios:
        return {}
    return {"median": round(statistics.median(ratios), 3), "least": round(ratios[0], 3), "most": round(ratios[-1], 3)}


def show(results: dict[str, Any]) -> None:
    """Print ``report``'s results."""
    title = "{conversations} conversations, {rate_per_s} turns/s, {rounds} rounds of {seconds} s".format(
        **results["load"]
    )
    chats = results["chats"]
    names = [key for key, value in next(iter(chats.values())).items() if not isinstance(value, dict)]
    print_table(title, ("per turn", *chats), [(key, *(chat[key] for chat in chats.values())) for key in names])
    rows = [(f"{key} {share}", *(chat[key][share] for chat in chats.values()))
            for key in ("ack_ms", "answer_ms", "answer_at_agent_ms") for share in ("p50", "p95", "p99")]  # fmt: skip
    print_table("latency", ("ms", *chats), rows)
    idle = results["idle"]
    keys = next(iter(idle.values()))
    print_table("idle", ("everybody silent", *idle), [(key, *(one[key] for one in idle.values())) for key in keys])
    for name, ratio in results["ratios"].items():
        print(f"server CPU per turn, {name}: {ratio}")


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print; 1 when turns failed, 2 when something could not be started."""
    usual = Plan()
    parser = argparse.ArgumentParser(
        prog="python -m loadtest.bench_workers", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--conversations", type=int, default=usual.conversations, help="(default 40)")
    parser.add_argument("--rate", type=float, default=usual.rate_per_s, help="turns per second (default 60)")
    parser.add_argument("--seconds", type=float, default=usual.seconds, help="of each round (default 10)")
    parser.add_argument("--rounds", type=int, default=usual.rounds, help="(default 6)")
    parser.add_argument("--limits", action="store_true", help="leave the limits on")
    parser.add_argument("--json", action="store_true", help="print the results as JSON")
    options = parser.parse_args(argv)
    plan = Plan(options.conversations, options.rate, options.seconds, options.rounds, options.limits)
    try:
        results = report(plan)
    except (StartError, ParlanceError, RuntimeError) as error:
        print(error, file=sys.stderr)
        return 2
    if options.json:
        print(json.dumps(results, indent=2))
    else:
        show(results)
    return 1 if any(chat["failures"] for chat in results["chats"].values()) else 0


if __name__ == "__main__":
    raise SystemExit(main())
