"""Durable messages per second through the group commit, beside the driver's own batched insert of the same rows.

    python -m loadtest.bench_store [--senders 200] [--messages 20000] [--rounds 3] [--json]

Ours: each sender awaits the commit of its message before it sends the next, in a conversation of its own, without
turns. The peer: sqlite3 ``executemany`` of the same rows into the same tables with the same indices and the same
``synchronous=FULL``, 50 rows per commit; it checks no keys, allots no offsets and wakes nobody. Both take turns on
the same disk in the same run.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import uvloop

from loadtest.measure import percentiles, print_table
from server.clock import SystemClock
from server.store.group import CommitReport
from server.store.ports import Append, Opening
from server.store.sql import SqlStore, sqlite_url
from server.wire.parts import User

PEER_ROWS_PER_COMMIT = 50
TEXT = "my parcel #47110 should have been here three days ago, where is it?"


@dataclass(frozen=True, slots=True)
class Load:
    """``messages`` over all senders, per round."""

    senders: int = 200
    messages: int = 20_000
    rounds: int = 3


@dataclass(frozen=True, slots=True)
class Round:
    """Seconds for the messages of one round, and milliseconds of each send and each commit."""

    seconds: float
    send_ms: list[float]
    commit_ms: list[float]


def _ids(prefix: str) -> Callable[[], str]:
    """26 characters that ascend as ULIDs do: the index is filled at its right end, as in life."""
    numbers = count()
    return lambda: f"{prefix}{next(numbers):0{26 - len(prefix)}d}"


async def ours(folder: Path, load: Load) -> Round:
    """Send the messages through the store."""
    commits: list[CommitReport] = []
    new_id = _ids("01")
    store = SqlStore(sqlite_url(folder / "ours.db"), clock=SystemClock(), new_id=new_id, observe=commits.append)
    await store.start()
    try:
        senders = [User(f"user-{place}", "customer", f"Guest {place}") for place in range(load.senders)]
        channels = {sender.id: f"conv:{new_id()}" for sender in senders}
        await asyncio.gather(
            *(
                store.open_conversation(Opening(channels[sender.id], "epoch", sender, "k", None, 1))
                for sender in senders
            )
        )
        commits.clear()
        send_ms: list[float] = []

        async def send_all(sender: User) -> None:
            for place in range(load.messages // load.senders):
                started = time.perf_counter()
                await store.append(
                    Append(channels[sender.id], sender, f"key-{place}", TEXT, new_id(), 1_760_000_000_000)
                )
                send_ms.append((time.perf_counter() - started) * 1e3)

        started = time.perf_counter()
        await asyncio.gather(*(send_all(sender) for sender in senders))
        seconds = time.perf_counter() - started
    finally:
        await store.close()
    return Round(seconds, send_ms, [commit.commit_ms for commit in commits])


def peer(folder: Path) -> Round:
    """Insert the rows that ``ours`` stored into a copy of its tables, without its messages."""
    with closing(sqlite3.connect(folder / "ours.db", isolation_level=None)) as source:
        tables = [row[0] for row in source.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL")]
        kept = {name: source.execute(f"SELECT * FROM {name}").fetchall() for name in ("users", "conversations")}  # noqa: S608
        rows = source.execute("SELECT * FROM messages ORDER BY message_id").fetchall()
    with closing(sqlite3.connect(folder / "peer.db", isolation_level=None)) as target:
        target.execute("PRAGMA journal_mode=WAL")
        target.execute("PRAGMA synchronous=FULL")
        target.execute("PRAGMA foreign_keys=ON")
        for statement in tables:
            target.execute(statement)
        for name, some in kept.items():
            _insert(target, name, some)
        commit_ms: list[float] = []
        started = time.perf_counter()
        for first in range(0, len(rows), PEER_ROWS_PER_COMMIT):
            begun = time.perf_counter()
            _insert(target, "messages", rows[first : first + PEER_ROWS_PER_COMMIT])
            commit_ms.append((time.perf_counter() - begun) * 1e3)
        return Round(time.perf_counter() - started, [], commit_ms)


def _insert(target: sqlite3.Connection, table: str, rows: list[tuple[Any, ...]]) -> None:
    marks = ", ".join("?" * len(rows[0]))
    target.execute("BEGIN IMMEDIATE")
    target.executemany(f"INSERT INTO {table} VALUES ({marks})", rows)  # noqa: S608
    target.execute("COMMIT")


def report(load: Load | None = None) -> dict[str, Any]:
    """``rows`` for ours and the peer: messages_per_s, rows_per_commit, commit_ms, send_ms; ``ratios``: ours / peer."""
    load = load or Load()
    pairs = [_one_round(load) for _ in range(load.rounds)]
    messages = load.messages // load.senders * load.senders
    return {
        "bench": "store",
        "senders": load.senders,
        "messages": messages,
        "rows": [
            _row("parlance", [pair[0] for pair in pairs], messages),
            _row(f"sqlite3 executemany of {PEER_ROWS_PER_COMMIT}", [pair[1] for pair in pairs], messages),
        ],
        "ratios": {"messages per second": round(statistics.median(b.seconds / a.seconds for a, b in pairs), 3)},
    }


def _one_round(load: Load) -> tuple[Round, Round]:
    with tempfile.TemporaryDirectory(prefix="bench-store-") as name:
        folder = Path(name)
        return uvloop.run(ours(folder, load)), peer(folder)


def _row(way: str, rounds: Sequence[Round], messages: int) -> dict[str, Any]:
    return {
        "way": way,
        "messages_per_s": round(statistics.median(messages / one.seconds for one in rounds)),
        "rows_per_commit": round(statistics.median(messages / len(one.commit_ms) for one in rounds), 1),
        "commit_ms": percentiles([ms for one in rounds for ms in one.commit_ms]),
        "send_ms": percentiles([ms for one in rounds for ms in one.send_ms]),
    }


def show(results: dict[str, Any]) -> None:
    """Print ``report``'s results."""
    headings = ("way", "messages/s", "rows/commit", "commit ms p50", "p95", "p99", "send ms p50", "p95", "p99")
    rows = [
        [
            row["way"],
            row["messages_per_s"],
            row["rows_per_commit"],
            *row["commit_ms"].values(),
            *row["send_ms"].values(),
        ]
        for row in results["rows"]
    ]
    print_table(f"store: {results['senders']} senders, {results['messages']} messages", headings, rows)
    print(f"ours / peer: {results['ratios']['messages per second']:.2f}")


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m loadtest.bench_store", description=(__doc__ or "").partition("\n")[0]
    )
    default = Load()
    parser.add_argument("--senders", type=int, default=default.senders, help="who send at once, each one message")
    parser.add_argument("--messages", type=int, default=default.messages, help="per round, over all senders")
    parser.add_argument("--rounds", type=int, default=default.rounds, help="the figures are their medians")
    parser.add_argument("--json", action="store_true", help="print the results as JSON")
    options = parser.parse_args(argv)
    if options.senders < 1 or options.rounds < 1 or options.messages < options.senders:
        parser.error("there must be a sender and a round at least, and a message for each sender")
    results = report(Load(options.senders, options.messages, options.rounds))
    if options.json:
        print(json.dumps(results, indent=2))
    else:
        show(results)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
