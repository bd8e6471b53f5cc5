"""Fan-out of one channel, beside peers in the same run: one message to everybody, and bursts of ten.

    python -m loadtest.bench_fanout [--subscribers 1000 --rounds 5] [--json]

Every server runs on one core, the clients on another; all servers stand ready at once and are measured in turns, in
changing order, so that a disturbance of the machine meets all of them. Parlance goes its whole way: the `send` is
checked, committed to SQLite, given its offset, framed and pushed; the peers only pass the text on.

steady: one message is under way and one waiting. bursts: ten messages at once, and the next ten when they are through.
"Through" is seen at the subscriber who came last and is served last; all others' copies are counted too, before the
time is taken. The processor shares say whose limit it was: the server's should be near 1, the clients' below.
"""

from __future__ import annotations

import argparse
import json
import re
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from loadtest.measure import print_table
from loadtest.peers.catalog import CHANNELS, PYTHON_SOCKETIO, SOCKETIO, WS, Peer, Publish
from loadtest.peers.install import PeerError
from loadtest.peers.product import Product
from loadtest.processes import Measured, StartError, clients_aside
from loadtest.swarm import Swarm, SwarmError

TEXT_CHARACTERS = 128
WINDOW = 2
BURSTS, BURST = 20, 10
BURSTS_WITHIN_S = 4.0
STEADY_S = 1.5
SETTLE_S = 1.0
_NUMBER = re.compile(rb"#(\d{8})")


@dataclass(frozen=True, slots=True)
class Rate:
    """One measurement. Processor shares of one core."""

    deliveries_per_s: float
    server_cpu: float
    clients_cpu: float


class Room:
    """A server, its subscribers in one channel, and the writer among them."""

    def __init__(self, name: str, server: Measured, swarm: Swarm, publish: Publish) -> None:
        self.name = name
        self._server = server
        self._swarm = swarm
        self._publish = publish
        self._sent = 0
        self._witness = swarm.members[-1]
        self._witness.kept = []

    def steady(self, seconds: float = STEADY_S) -> Rate:
        """Keep ``WINDOW`` messages under way for so long, then let the last ones arrive."""
        return self._measured(lambda: self._keep_going(time.perf_counter() + seconds))

    def bursts(self, bursts: int = BURSTS, size: int = BURST) -> Rate:
        """Send ``size`` messages at once and wait until everybody has them, ``bursts`` times."""
        return self._measured(lambda: self._keep_bursting(bursts, size))

    def _keep_going(self, until_s: float) -> None:
        self._send(WINDOW)
        while time.perf_counter() < until_s:
            self._await_witness(self._sent - WINDOW + 1)
            self._send(1)

    def _keep_bursting(self, bursts: int, size: int) -> None:
        until_s = time.perf_counter() + BURSTS_WITHIN_S  # the slowest peers need not do them all
        for _ in range(bursts):
            self._send(size)
            self._await_witness(self._sent)
            if time.perf_counter() > until_s:
                break

    def _send(self, count: int) -> None:
        texts = [f"#{self._sent + place:08d} ".ljust(TEXT_CHARACTERS, "x") for place in range(count)]
        self._swarm.members[0].send(b"".join(map(self._publish, texts)))
        self._sent += count

    def _await_witness(self, messages: int) -> None:
        self._swarm.watch(self._witness, messages)

    def _measured(self, run: Callable[[], None]) -> Rate:
        before, cpu_s, own_s, started_s = (
            self._sent,
            self._server.cpu_s() or 0.0,
            time.process_time(),
            time.perf_counter(),
        )
        run()
        self._swarm.take(self._sent * len(self._swarm.members))
        took_s = time.perf_counter() - started_s
        self._check()
        return Rate(
            deliveries_per_s=(self._sent - before) * len(self._swarm.members) / took_s,
            server_cpu=((self._server.cpu_s() or 0.0) - cpu_s) / took_s,
            clients_cpu=(time.process_time() - own_s) / took_s,
        )

    def _check(self) -> None:
        """The witness has seen every message, in order."""
        kept = self._witness.kept or []
        numbers = [int(found[1]) for payload in kept if (found := _NUMBER.search(payload))]
        if numbers != list(range(self._sent)):
            raise SwarmError(f"{self.name}: a subscriber did not get every message in order")


def peers() -> list[Peer]:
    """Parlance first."""
    return [Product(), WS, SOCKETIO, PYTHON_SOCKETIO, CHANNELS]


def report(candidates: Sequence[Peer], subscribers: int = 1_000, rounds: int = 5) -> dict[str, Any]:
    """Medians by server, the ratios of the first candidate to the others (medians of the rounds'), and whom it was
    done without. Raises ``StartError``, ``SwarmError``, ``PeerError`` where the first one can't be measured."""
    missing: list[str] = []
    with ExitStack() as stack:
        stack.enter_context(clients_aside())
        rooms = []
        for candidate in candidates:
            try:
                rooms.append(_room(stack, candidate, subscribers))
            except (PeerError, StartError) as error:
                if not rooms:
                    raise
                missing.append(str(error))
        time.sleep(SETTLE_S)
        taken = [_round(rooms, place) for place in range(rounds)]
    names = [room.name for room in rooms]
    return {
        "bench": "fanout",
        "load": {"subscribers": subscribers, "text_characters": TEXT_CHARACTERS, "rounds": rounds},
        "servers": {name: {kind: _median(taken, name, kind) for kind in ("steady", "bursts")} for name in names},
        "ratios": {
            f"{names[0]} / {name}": {kind: _ratio(taken, names[0], name, kind) for kind in ("steady", "bursts")}
            for name in names[1:]
        },
        "missing": missing,
    }


def _room(stack: ExitStack, candidate: Peer, subscribers: int) -> Room:
    server = stack.enter_context(candidate.serve())
    swarm = stack.enter_context(Swarm(server.address, candidate.dialect))
    publish = candidate.gather(swarm, subscribers)
    swarm.rest(SETTLE_S)
    swarm.counted = 0
    room = Room(candidate.name, server, swarm, publish)
    room.bursts(2)  # warm
    return room


Round = dict[str, dict[str, Rate]]


def _round(rooms: Sequence[Room], place: int) -> Round:
    order = list(rooms) if place % 2 == 0 else list(reversed(rooms))
    return {room.name: {"steady": room.steady(), "bursts": room.bursts()} for room in order}


def _median(taken: Sequence[Round], name: str, kind: str) -> dict[str, float]:
    rates = [one[name][kind] for one in taken]
    return {
        "deliveries_per_s": round(statistics.median(rate.deliveries_per_s for rate in rates)),
        "server_cpu": round(statistics.median(rate.server_cpu for rate in rates), 2),
        "clients_cpu": round(statistics.median(rate.clients_cpu for rate in rates), 2),
    }


def _ratio(taken: Sequence[Round], ours: str, theirs: str, kind: str) -> float:
    pairs = ((one[ours][kind], one[theirs][kind]) for one in taken)
    return round(statistics.median(our.deliveries_per_s / their.deliveries_per_s for our, their in pairs), 2)


def show(results: dict[str, Any]) -> None:
    """Print ``report``'s results."""
    load = results["load"]
    for kind in ("steady", "bursts"):
        rows = [
            (
                name,
                *found[kind].values(),
                *((results["ratios"].get(key) or {}).get(kind) for key in [_key(results, name)]),
            )
            for name, found in results["servers"].items()
        ]
        title = f"{kind}: one channel, {load['subscribers']} subscribers, {load['text_characters']}-byte texts"
        print_table(title, ("server", "deliveries/s", "server CPU", "clients CPU", "ours / theirs"), rows)
    for sentence in results["missing"]:
        print(sentence)


def _key(results: dict[str, Any], name: str) -> str:
    return f"{next(iter(results['servers']))} / {name}"


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print; 2 when Parlance could not be measured."""
    parser = argparse.ArgumentParser(prog="python -m loadtest.bench_fanout", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--subscribers", type=int, default=1_000, help="(default 1000)")
    parser.add_argument("--rounds", type=int, default=5, help="(default 5)")
    parser.add_argument("--only", nargs="*", default=None, metavar="PEER", help="these peers beside Parlance")
    parser.add_argument("--json", action="store_true", help="print the results as JSON")
    options = parser.parse_args(argv)
    ours, *others = peers()
    if options.only is not None:
        others = [peer for peer in others if peer.name in options.only]
    try:
        results = report([ours, *others], options.subscribers, options.rounds)
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
