"""Hours of ordinary life, and whether the server's memory or its descriptors grow.

    python -m loadtest.soak [--hours 1] [--workers 1] [--customers 100] [--json FILE]

One worker on SQLite in a temporary folder, without limits; ``--workers 2`` starts two on a PostgreSQL and a Redis of
their own, ``--redis`` puts one worker on them as well. Customers come and go, half of them new: they connect, open,
type, send, read, lose the connection and resume, rate, resolve; an agent per worker looks on. Every ten seconds a
sample per worker: resident memory, descriptors, threads. After a warm-up the slope of the memory (least
squares, with its standard error) has to stay below 1 MB/h, and no descriptor may be left over when all have gone.

Exit code 1: a bound was broken, or too much failed. Two caches of bounded size would fill up for hours, 2 KiB for each
text and 3 KiB for each conversation (``analysis_cache_entries``, ``conversations_in_memory``): they get ``--caches``
entries, so that they are full after the warm-up. SQLite's pages and the allocator's arenas, one for each thread, take
about half an hour to reach what they need; what still grows then is a leak.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]
import uvloop

from loadtest.measure import print_table
from loadtest.postgresql import PostgreSQLServer
from loadtest.processes import Measured, StartError, clients_aside
from loadtest.redis_server import RedisServer
from loadtest.scripts import load_scripts
from loadtest.soak_people import Crowd
from loadtest.target import websocket_url
from loadtest.trend import LEAST_SAMPLES, trend
from loadtest.workers import workers
from parlance_client.errors import ParlanceError

MAX_SLOPE_BYTES_PER_H = 1_000_000
CACHES = ("PARLANCE_ANALYSIS_CACHE_ENTRIES", "PARLANCE_CONVERSATIONS_IN_MEMORY")
MAX_FAILED_SHARE = 0.001
# Presence is over 6 s after the last connection, a pooled database connection may be opened for the last requests.
SETTLE_S = 15.0
H = 3_600.0


@dataclass(frozen=True, slots=True)
class Plan:
    """``warm_up_s`` is part of ``hours``: half of them, at most half an hour, where it is not
    given."""

    hours: float = 1.0
    workers: int = 1
    redis: bool = False
    customers: int = 100
    think_s: float = 2.0
    every_s: float = 10.0
    warm_up_s: float | None = None
    caches: int = 200

    @property
    def skipped_s(self) -> float:
        return min(1_800.0, self.hours * H / 2) if self.warm_up_s is None else self.warm_up_s


@dataclass(frozen=True, slots=True)
class Sample:
    """One worker at ``at_s`` since the start of the load."""

    at_s: float
    rss_bytes: int
    descriptors: int
    threads: int


def sample(process: psutil.Process, at_s: float) -> Sample:
    """A worker's process now. Raises ``psutil.NoSuchProcess`` when it has died."""
    with process.oneshot():
        return Sample(at_s, int(process.memory_info().rss), process.num_fds(), process.num_threads())


@dataclass(frozen=True, slots=True)
class Life:
    """What one worker's samples were: under load, and at rest before and after it."""

    before: Sample
    samples: list[Sample]
    after: Sample


def judge(life: Life, skipped_s: float) -> dict[str, Any]:
    """One worker's figures, with ``broken``: a sentence for each bound that did not hold."""
    kept = [one for one in life.samples if one.at_s >= skipped_s]
    if len(kept) < LEAST_SAMPLES:
        raise ValueError(f"{len(kept)} samples after the warm-up are too few: take more time, or sample more often")
    times_h = [one.at_s / H for one in kept]
    memory = trend(times_h, [one.rss_bytes for one in kept])
    descriptors = trend(times_h, [one.descriptors for one in kept])
    leaked = life.after.descriptors - life.before.descriptors
    broken = []
    if memory.slope - 2 * memory.error >= MAX_SLOPE_BYTES_PER_H:
        broken.append(f"memory grows by {memory.slope / 1e6:.2f} ± {memory.error / 1e6:.2f} MB/h")
    if leaked > 0:
        broken.append(f"{leaked} more descriptors are open than before the load")
    return {
        "rss_mb": {
            "before": _mb(life.before),
            "first": _mb(kept[0]),
            "last": _mb(kept[-1]),
            "most": max(map(_mb, kept)),
            "after": _mb(life.after),
        },
        "rss_mb_per_h": {"slope": round(memory.slope / 1e6, 3), "error": round(memory.error / 1e6, 3)},
        "descriptors": {"before": life.before.descriptors, "after": life.after.descriptors, "leaked": leaked},
        "descriptors_per_h": {"slope": round(descriptors.slope, 2), "error": round(descriptors.error, 2)},
        "threads": {"before": life.before.threads, "after": life.after.threads},
        "broken": broken,
    }


def _mb(taken: Sample) -> float:
    return round(taken.rss_bytes / 1e6, 2)


def report(plan: Plan) -> dict[str, Any]:
    """``workers`` (``judge``'s figures of each), ``done``, ``failed``, ``samples``, and ``broken`` of all.

    Raises ``StartError``, ``RuntimeError`` (PostgreSQL or Redis), ``psutil.NoSuchProcess`` (a worker died).
    """
    with clients_aside(), _started(plan) as servers, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        lives, crowd = runner.run(_watch(servers, plan))
    figures = [judge(life, plan.skipped_s) for life in lives]
    broken = [f"worker {place}: {what}" for place, one in enumerate(figures) for what in one["broken"]]
    actions, failures = crowd.done["connects"] + crowd.done["sends"], sum(crowd.failed.values())
    if failures > MAX_FAILED_SHARE * actions:
        broken.append(f"{failures} failures beside {actions} connections and sends")
    return {
        "bench": "soak",
        "load": {**asdict(plan), "warm_up_s": plan.skipped_s},
        "done": dict(crowd.done),
        "failed": dict(crowd.failed),
        "workers": figures,
        "broken": broken,
        "samples": [[asdict(one) for one in life.samples] for life in lives],
    }


@contextmanager
def _started(plan: Plan) -> Iterator[list[Measured]]:
    env = {name: str(plan.caches) for name in CACHES}
    with ExitStack() as stack:
        database_url = redis_url = ""
        if plan.workers > 1 or plan.redis:
            database_url = stack.enter_context(PostgreSQLServer()).create_database("soak")
            redis_url = stack.enter_context(RedisServer()).url
        yield stack.enter_context(workers(plan.workers, database_url, redis_url, env))


async def _watch(servers: Sequence[Measured], plan: Plan) -> tuple[list[Life], Crowd]:
    urls = [websocket_url(server.host) for server in servers]
    # Whatever opens files late (a pool's connections, the resolver) has done so once before the count begins.
    rng = random.Random(0)
    crowd = Crowd(urls, load_scripts(), rng, size=plan.customers, think_s=plan.think_s)
    await _live_for(crowd, min(20.0, plan.hours * H / 10), lambda: None)
    processes = [psutil.Process(server.pid) for server in servers]
    await asyncio.sleep(SETTLE_S)
    started_s = time.monotonic()
    before = [sample(process, 0.0) for process in processes]
    samples: list[list[Sample]] = [[] for _ in processes]

    def take() -> None:
        at_s = time.monotonic() - started_s
        for process, kept in zip(processes, samples, strict=True):
            kept.append(sample(process, at_s))

    await _live_for(crowd, plan.hours * H, take, plan.every_s)
    await asyncio.sleep(SETTLE_S)
    after = [sample(process, time.monotonic() - started_s) for process in processes]
    return [Life(*parts) for parts in zip(before, samples, after, strict=True)], crowd


async def _live_for(crowd: Crowd, seconds: float, take: Callable[[], None], every_s: float = 10.0) -> None:
    """Let the crowd live so long, with a sample at regular times; then all leave. What ends the crowd raises here."""
    life = asyncio.create_task(crowd.live())
    started_s = time.monotonic()
    try:
        for number in range(1, int(seconds / every_s) + 1):
            done, _ = await asyncio.wait([life], timeout=max(0.0, started_s + number * every_s - time.monotonic()))
            if done:
                life.result()
            take()
    finally:
        life.cancel()
        await asyncio.gather(life, return_exceptions=True)


def show(results: dict[str, Any]) -> None:
    """Print ``report``'s results."""
    load, done = results["load"], results["done"]
    rows = []
    for place, one in enumerate(results["workers"]):
        memory, slope, descriptors = one["rss_mb"], one["rss_mb_per_h"], one["descriptors"]
        rows += [
            (f"worker {place}: RSS in MB, before / first / last / most / after", " / ".join(map(str, memory.values()))),
            (f"worker {place}: RSS slope in MB/h", f"{slope['slope']} ± {slope['error']}"),
            (f"worker {place}: descriptors before / after", f"{descriptors['before']} / {descriptors['after']}"),
        ]
    rows += [(name, str(number)) for name, number in sorted(done.items())]
    rows += [(f"failed: {name}", str(number)) for name, number in sorted(results["failed"].items())]
    title = f"{load['hours']} h, the first {load['warm_up_s']:.0f} s not counted; {load['customers']} customers"
    print_table(title, ("what", "figure"), rows)
    for sentence in results["broken"]:
        print(f"broken: {sentence}")


def main(argv: Sequence[str] | None = None) -> int:
    """Soak and print; 1 when a bound was broken, 2 when something could not be started."""
    usual = Plan()
    parser = argparse.ArgumentParser(prog="python -m loadtest.soak", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--hours", type=float, default=usual.hours, help="(default 1)")
    parser.add_argument("--workers", type=int, default=usual.workers, help="more than one: on PostgreSQL and Redis")
    parser.add_argument("--redis", action="store_true", help="one worker on PostgreSQL and Redis too")
    parser.add_argument("--customers", type=int, default=usual.customers, help="at any time (default 100)")
    parser.add_argument("--think", type=float, default=usual.think_s, help="mean pause in seconds (default 2)")
    parser.add_argument(
        "--warm-up", type=float, default=None, help="seconds not counted (default half, at most 1800 s)"
    )
    parser.add_argument("--caches", type=int, default=usual.caches, help="entries of the bounded caches (default 200)")
    parser.add_argument("--json", type=Path, default=None, metavar="FILE", help="write all results to FILE")
    options = parser.parse_args(argv)
    plan = Plan(
        hours=options.hours,
        workers=options.workers,
        redis=options.redis,
        customers=options.customers,
        think_s=options.think,
        warm_up_s=options.warm_up,
        caches=options.caches,
    )
    try:
        results = report(plan)
    except (StartError, ParlanceError, RuntimeError, ValueError, psutil.NoSuchProcess) as error:
        print(error, file=sys.stderr)
        return 2
    if options.json is not None:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps(results, indent=2) + "\n")
    show(results)
    return 1 if results["broken"] else 0


if __name__ == "__main__":
    raise SystemExit(main())
