"""Idle connections: memory of each, and how fast they are let in, beside peers in the same run.

    python -m loadtest.bench_connections [--connections 5000 --rounds 3] [--json]

Parlance's are customers with a valid token, each subscribed to a conversation of its own and to the two channels that
everybody has. python-socketio checks a token too and puts everybody into one room; Node ws and the bare uvicorn echo
accept and know nothing of anybody. Memory is the growth of the process's resident set over all connections, after
a rest; accepting is timed from the first connection to the last welcome.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Sequence
from typing import Any

from loadtest.measure import print_table
from loadtest.peers.catalog import ECHO, PYTHON_SOCKETIO, WS, Peer
from loadtest.peers.install import PeerError
from loadtest.peers.product import Product
from loadtest.processes import Measured, StartError, clients_aside
from loadtest.swarm import Swarm, SwarmError

# Opened before anything is measured, so that what a server loads late is not counted as a connection's.
WARM_UP = 50
REST_S = 3.0
KIB = 1_024
FIGURES = ("kib_per_connection", "accepted_per_s", "server_cpu", "cpu_ms_to_let_in", "cpu_ms_to_settle", "cpu_ms_idle")

Taken = dict[str, float]


def measure(candidate: Peer, connections: int) -> Taken:
    """One fresh server. Raises ``PeerError``, ``StartError``, ``SwarmError``."""
    with candidate.serve() as server, Swarm(server.address, candidate.dialect) as swarm:
        candidate.enter(swarm, WARM_UP)
        candidate.settle(swarm, 0)
        swarm.rest(1.0)
        clock = _Stopwatch(server)
        bytes_before = server.rss_bytes() or 0
        candidate.enter(swarm, connections)
        took_s, let_in_s = clock.lap()
        candidate.settle(swarm, WARM_UP)
        _, settled_s = clock.lap()
        swarm.rest(REST_S)
        _, idle_s = clock.lap()
        grown_bytes = (server.rss_bytes() or 0) - bytes_before
    each_ms = [cpu_s * 1e3 / connections for cpu_s in (let_in_s, settled_s, idle_s / REST_S)]
    figures = (grown_bytes / connections / KIB, connections / took_s, let_in_s / took_s, *each_ms)
    return dict(zip(FIGURES, figures, strict=True))


class _Stopwatch:
    """Seconds, and the server's processor seconds, since the last look."""

    def __init__(self, server: Measured) -> None:
        self._server = server
        self._at_s, self._cpu_s = time.perf_counter(), server.cpu_s() or 0.0

    def lap(self) -> tuple[float, float]:
        before = self._at_s, self._cpu_s
        self._at_s, self._cpu_s = time.perf_counter(), self._server.cpu_s() or 0.0
        return self._at_s - before[0], self._cpu_s - before[1]


def peers() -> list[Peer]:
    """Parlance first."""
    return [Product(), PYTHON_SOCKETIO, ECHO, WS]


def report(candidates: Sequence[Peer], connections: int = 5_000, rounds: int = 3) -> dict[str, Any]:
    """Medians by server and figure, the first one's shares of the others' memory, and whom it was done without.

    Raises ``StartError``, ``SwarmError``, ``PeerError`` where the first one can't be measured.
    """
    taken: dict[str, list[Taken]] = {}
    missing: dict[str, str] = {}
    with clients_aside():
        for _ in range(rounds):
            for candidate in candidates:
                if candidate.name in missing:
                    continue
                try:
                    taken.setdefault(candidate.name, []).append(measure(candidate, connections))
                except (PeerError, StartError) as error:
                    if candidate is candidates[0]:
                        raise
                    missing[candidate.name] = str(error)
    servers = {
        name: {figure: round(statistics.median(one[figure] for one in rows), 4) for figure in FIGURES}
        for name, rows in taken.items()
        if rows
    }
    ours = servers[candidates[0].name]
    return {
        "bench": "connections",
        "load": {"connections": connections, "rounds": rounds},
        "servers": servers,
        "ratios": {
            f"memory: {candidates[0].name} / {name}": round(
                ours["kib_per_connection"] / figures["kib_per_connection"], 2
            )
            for name, figures in servers.items()
            if name != candidates[0].name
        },
        "missing": list(missing.values()),
    }


def show(results: dict[str, Any]) -> None:
    """Print ``report``'s results."""
    rows = [(name, *figures.values()) for name, figures in results["servers"].items()]
    headings = ("server", "KiB each", "accepted/s", "CPU then", "CPU ms: letting in", "settling", "idle, a second")
    print_table(f"{results['load']['connections']} connections", headings, rows)
    for name, ratio in results["ratios"].items():
        print(f"{name}: {ratio}")
    for sentence in results["missing"]:
        print(sentence)


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print; 2 when Parlance could not be measured."""
    parser = argparse.ArgumentParser(
        prog="python -m loadtest.bench_connections", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--connections", type=int, default=5_000, help="(default 5000)")
    parser.add_argument("--rounds", type=int, default=3, help="(default 3)")
    parser.add_argument("--only", nargs="*", default=None, metavar="PEER", help="these peers beside Parlance")
    parser.add_argument("--json", action="store_true", help="print the results as JSON")
    options = parser.parse_args(argv)
    ours, *others = peers()
    if options.only is not None:
        others = [peer for peer in others if peer.name in options.only]
    try:
        results = report([ours, *others], options.connections, options.rounds)
    except (StartError, SwarmError, PeerError) as error:
        print(error, file=sys.stderr)
        return 2
    if options.json:
        print(json.dumps(results, indent=2))
    else:
        show(results)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
