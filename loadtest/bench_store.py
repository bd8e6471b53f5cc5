"""Durable messages per second through the group commit, on SQLite and PostgreSQL, beside the drivers' own inserts.

    python -m loadtest.bench_store [--senders 200] [--messages 20000] [--rounds 3] [--only sqlite] [--json]

Ours: each sender awaits the commit of its message before it sends the next, in a conversation of its own that an agent
has claimed, so that no turns are stored. The peers insert the same rows into copies of the same tables, with the same
indices and the same durability, as many rows per commit as ours had (``loadtest.peers.store``). All take turns on the
same disk in the same run. PostgreSQL is a server of the benchmark's own, as installed.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import uvloop

from loadtest.measure import percentiles, print_table
from loadtest.peers.store import Database, PostgresqlServer, SqliteFiles
from loadtest.postgresql import PostgreSQLServer
from server.clock import SystemClock
from server.store.group import CommitReport
from server.store.ports import Append, Claim, Opening
from server.store.sql import SqlStore
from server.wire.parts import User

DATABASES = ("sqlite", "postgresql")
TEXT = "my parcel #47110 should have been here three days ago, where is it?"
NOW_MS = 1_760_000_000_000
AGENT = User("agent", "agent", "Eve")


@dataclass(frozen=True, slots=True)
class Load:
    """``messages`` over all senders, per round."""

    senders: int = 200
    messages: int = 20_000
    rounds: int = 3

    @property
    def each(self) -> int:
        """Messages per sender: whole ones."""
        return self.messages // self.senders


@dataclass(frozen=True, slots=True)
class Round:
    """Of one round: seconds, CPU seconds of this process, and milliseconds of each send and each commit."""

    seconds: float
    cpu_s: float
    commit_ms: list[float]
    send_ms: list[float]


def _ids(prefix: str) -> Callable[[], str]:
    """26 characters that ascend as ULIDs do: the index is filled at its right end, as in life."""
    numbers = count()
    return lambda: f"{prefix}{next(numbers):0{26 - len(prefix)}d}"


def _senders(load: Load) -> list[tuple[User, str]]:
    """Who sends, and the channel of each."""
    return [
        (User(f"user-{place}", "customer", f"Guest {place}"), f"conv:00{place:024d}") for place in range(load.senders)
    ]


async def prepare(url: str, load: Load) -> None:
    """Open every sender's conversation, and let an agent claim it."""
    new_id = _ids("01")
    store = SqlStore(url, clock=SystemClock(), new_id=new_id)
    await store.start()
    try:
        openings = [Opening(channel, "epoch", user, "k", None, 1) for user, channel in _senders(load)]
        await asyncio.gather(*(store.open_conversation(opening) for opening in openings))
        claims = [Claim(opening.channel, AGENT, new_id(), 1) for opening in openings]
        await asyncio.gather(*(store.claim(claim) for claim in claims))
    finally:
        await store.close()


async def ours(url: str, load: Load) -> Round:
    """Send the messages through the store."""
    commits: list[CommitReport] = []
    send_ms: list[float] = []
    new_id = _ids("02")
    store = SqlStore(url, clock=SystemClock(), new_id=new_id, observe=commits.append)

    async def send_all(sender: User, channel: str) -> None:
        for place in range(load.each):
            started = time.perf_counter()
            await store.append(Append(channel, sender, f"key-{place}", TEXT, new_id(), NOW_MS, wants_turn=True))
            send_ms.append((time.perf_counter() - started) * 1e3)

    await store.start()
    try:
        seconds, cpu_s = time.perf_counter(), time.process_time()
        await asyncio.gather(*(send_all(*sender) for sender in _senders(load)))
        seconds, cpu_s = time.perf_counter() - seconds, time.process_time() - cpu_s
    finally:
        await store.close()
    return Round(seconds, cpu_s, [commit.commit_ms for commit in commits], send_ms)


def peer(database: Database, way: str, url: str, rows: Sequence[tuple[Any, ...]], group: int) -> Round:
    """Insert the rows that ``ours`` stored."""
    seconds, cpu_s = time.perf_counter(), time.process_time()
    commit_ms = database.insert(way, url, rows, group)
    return Round(time.perf_counter() - seconds, time.process_time() - cpu_s, commit_ms, [])


def one_round(database: Database, load: Load) -> dict[str, Round]:
    """Ours and every peer, on copies of one database."""
    prepared = database.empty()
    uvloop.run(prepare(prepared, load))
    stored = database.copy(prepared)
    rounds = {"parlance": uvloop.run(ours(stored, load))}
    rows = database.rows(stored)
    group = round(len(rows) / len(rounds["parlance"].commit_ms))
    for way in database.ways:
        rounds[way] = peer(database, way, database.copy(prepared), rows, group)
    return rounds


def report(load: Load | None = None, names: Sequence[str] = DATABASES) -> dict[str, Any]:
    """``rows``, a way of a database each: messages_per_s, cpu_us (of this process, per message), rows_per_commit,
    commit_ms, send_ms; for the peers also ``ours``: our messages per second as a share of theirs."""
    load = load or Load()
    rows: list[dict[str, Any]] = []
    for name in names:
        with _database(name) as database:
            rounds = [one_round(database, load) for _ in range(load.rounds)]
        rows += [_row(name, way, rounds, load) for way in rounds[0]]
    return {"bench": "store", "senders": load.senders, "messages": load.each * load.senders, "rows": rows}


@contextmanager
def _database(name: str) -> Iterator[Database]:
    with ExitStack() as stack:
        if name == "sqlite":
            yield SqliteFiles(Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-store-"))))
        else:
            yield PostgresqlServer(stack.enter_context(PostgreSQLServer()))


def _row(database: str, way: str, rounds: Sequence[dict[str, Round]], load: Load) -> dict[str, Any]:
    messages = load.each * load.senders
    taken = [each[way] for each in rounds]
    row: dict[str, Any] = {
        "database": database,
        "way": way,
        "messages_per_s": round(statistics.median(messages / one.seconds for one in taken)),
        "cpu_us": round(statistics.median(one.cpu_s / messages for one in taken) * 1e6),
        "rows_per_commit": round(statistics.median(messages / len(one.commit_ms) for one in taken), 1),
        "commit_ms": percentiles([ms for one in taken for ms in one.commit_ms]),
        "send_ms": percentiles([ms for one in taken for ms in one.send_ms]),
    }
    if way != "parlance":
        row["ours"] = round(statistics.median(each[way].seconds / each["parlance"].seconds for each in rounds), 3)
    return row


def show(results: dict[str, Any]) -> None:
    """Print ``report``'s results."""
    times = ("commit ms p50", "p95", "p99", "send ms p50", "p95", "p99")
    headings = ("database", "way", "messages/s", "ours / it", "CPU us", "rows/commit", *times)
    rows = [
        [
            row["database"],
            row["way"],
            row["messages_per_s"],
            row.get("ours"),
            row["cpu_us"],
            row["rows_per_commit"],
            *row["commit_ms"].values(),
            *row["send_ms"].values(),
        ]
        for row in results["rows"]
    ]
    print_table(f"store: {results['senders']} senders, {results['messages']} messages", headings, rows)


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m loadtest.bench_store", description=(__doc__ or "").partition("\n")[0]
    )
    default = Load()
    parser.add_argument("--senders", type=int, default=default.senders, help="who send at once, each one message")
    parser.add_argument("--messages", type=int, default=default.messages, help="per round, over all senders")
    parser.add_argument("--rounds", type=int, default=default.rounds, help="the figures are their medians")
    parser.add_argument("--only", choices=DATABASES, help="one database instead of all")
    parser.add_argument("--json", action="store_true", help="print the results as JSON")
    options = parser.parse_args(argv)
    if options.senders < 1 or options.rounds < 1 or options.messages < options.senders:
        parser.error("there must be a sender and a round at least, and a message for each sender")
    load = Load(options.senders, options.messages, options.rounds)
    results = report(load, (options.only,) if options.only else DATABASES)
    if options.json:
        print(json.dumps(results, indent=2))
    else:
        show(results)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
