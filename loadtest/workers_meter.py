"""What a chat's processes have used so far: the workers, and what PostgreSQL and Redis did for them."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass, replace
from typing import Any

import psutil  # type: ignore[import-untyped]

from loadtest.postgresql import PostgreSQLServer
from loadtest.processes import Measured
from loadtest.redis_server import RedisServer


@dataclass(frozen=True, slots=True)
class Reading:
    """Counters since some start; the difference of two is a bill.

    ``at_s``: when; ``*_s``: processor seconds; ``log_bytes``: write-ahead log; ``log_syncs``: of the log to disk.
    ``redis_in_bytes``: what Redis has read.
    """

    at_s: float = 0.0
    workers_s: float = 0.0
    postgresql_s: float = 0.0
    redis_s: float = 0.0
    redis_commands: int = 0
    redis_in_bytes: int = 0
    redis_out_bytes: int = 0
    commits: int = 0
    log_bytes: int = 0
    log_syncs: int = 0

    def __sub__(self, before: Reading) -> Reading:
        return Reading(*(now - then for now, then in zip(astuple(self), astuple(before), strict=True)))

    def __add__(self, other: Reading) -> Reading:
        return Reading(*(one + two for one, two in zip(astuple(self), astuple(other), strict=True)))

    def per_turn(self, turns: int) -> dict[str, float]:
        """Everything but the workers' processor time, per turn."""
        turns = max(1, turns)
        return {
            "postgresql_cpu_ms": round(self.postgresql_s * 1e3 / turns, 3),
            "redis_cpu_ms": round(self.redis_s * 1e3 / turns, 4),
            "redis_commands": round(self.redis_commands / turns, 2),
            "redis_in_bytes": round(self.redis_in_bytes / turns),
            "redis_out_bytes": round(self.redis_out_bytes / turns),
            "commits": round(self.commits / turns, 2),
            "log_bytes": round(self.log_bytes / turns),
            "log_syncs": round(self.log_syncs / turns, 2),
        }


class Meter:
    """Reads one chat's counters. ``database``: its own, of a server that idle others may share; ``redis``: its own.

    ``readings`` grows by one with every ``cpu_s``, which a steady load asks for before and after.
    """

    def __init__(
        self, workers: Sequence[Measured], server: PostgreSQLServer, database: str, redis: RedisServer | None
    ) -> None:
        self.workers = list(workers)
        self.readings: list[Reading] = []
        self._server = server
        self._database = database
        self._redis = redis

    def cpu_s(self) -> float:
        """The workers' processor time so far, their children's included; keeps a whole reading."""
        taken = self.read()
        self.readings.append(taken)
        return taken.workers_s

    def read(self) -> Reading:
        """All counters now. Asking costs PostgreSQL and Redis a little, always the same."""
        workers_s = sum(worker.cpu_s() or 0.0 for worker in self.workers)
        at_s = time.perf_counter()
        ((commits, log_bytes, log_syncs),) = self._server.sql(_COUNTERS.format(self._database))
        taken = Reading(
            at_s=at_s,
            workers_s=workers_s,
            postgresql_s=_cpu_s(self._server.processes()),
            commits=int(commits),
            log_bytes=int(log_bytes),
            log_syncs=int(log_syncs),
        )
        return taken if self._redis is None else replace(taken, **_redis(self._redis))


# The log is the whole server's, and so is its processor time; whoever is idle adds next to nothing to either.
_COUNTERS = """
SELECT xact_commit, pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0'), (SELECT wal_sync FROM pg_stat_wal)
FROM pg_stat_database WHERE datname = '{}'
"""


def _redis(server: RedisServer) -> dict[str, Any]:
    stats = server.info("stats")
    return {
        "redis_s": _cpu_s([server.pid]),
        "redis_commands": int(stats["total_commands_processed"]),
        "redis_in_bytes": int(stats["total_net_input_bytes"]),
        "redis_out_bytes": int(stats["total_net_output_bytes"]),
    }


def _cpu_s(pids: Iterable[int]) -> float:
    """Of processes, and of those children of theirs that have ended."""
    total = 0.0
    for pid in pids:
        try:
            times = psutil.Process(pid).cpu_times()
        except psutil.NoSuchProcess:  # it has just ended: its parent's children's time has it
            continue
        total += times.user + times.system + times.children_user + times.children_system
    return total
