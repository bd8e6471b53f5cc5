"""Signals of one or more workers in one process, without a fan-out."""

from __future__ import annotations

from typing import cast

from server.backplane.ports import Envelope
from server.chat.signals import Signals
from server.fanout.hub import Fanout


class _Loopback:
    """A fan-out that hands every envelope to all workers."""

    def __init__(self, workers: list[Signals]) -> None:
        self._workers = workers

    async def publish(self, envelope: Envelope) -> None:
        for worker in self._workers:
            worker.receive(envelope)


def loopback(workers: int = 1) -> list[Signals]:
    """That many workers' signals, each heard by all."""
    made = [Signals() for _ in range(workers)]
    for signals in made:
        signals.connect(cast(Fanout, _Loopback(made)))
    return made
