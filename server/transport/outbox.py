"""What one peer is sent, and when it is too slow for it (PROTOCOL §8, close 4501)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

from server.telemetry import Metrics


class Writable(Protocol):
    """The socket's writing side."""

    @property
    def buffered_bytes(self) -> int:
        """Bytes handed over that the kernel has not taken yet."""

    @property
    def write(self) -> Callable[[bytes], None]:
        """What hands framed messages over; all of one loop tick leave in one write."""


def _drop(framed: bytes) -> None:
    """``push`` of a connection that is over."""


class Outbox:
    """``push`` takes framed messages, never blocks and never raises.

    While the kernel takes what is written, ``push`` is the transport's own ``write``. Once more than
    ``max_unsent_bytes`` wait, messages gather here until the end of each loop tick, and if what *earlier* ticks wrote
    still exceeds the limit then, the reader is too slow: a burst of one tick is nobody's slowness.
    """

    __slots__ = ("_queue", "max_unsent_bytes", "metrics", "push", "wire")

    def __init__(self, wire: Writable, metrics: Metrics, max_unsent_bytes: int) -> None:
        self.wire = wire
        self.metrics = metrics
        self.max_unsent_bytes = max_unsent_bytes
        self.push: Callable[[bytes], None] = wire.write
        self._queue: list[bytes] | None = None

    def congested(self) -> None:
        """More than the limit waits for the kernel, from the end of this tick on."""
        asyncio.get_running_loop().call_soon(self._gather)

    def eased(self) -> None:
        """No more than the limit waits."""
        if self.push == self._enqueue:
            self.flush()
            self.push = self.wire.write

    def flush(self) -> None:
        """Write what has gathered, or close."""
        framed, self._queue = self._queue, None
        if not framed:
            return
        if self.wire.buffered_bytes > self.max_unsent_bytes:
            self.metrics.outbox_drops.inc(len(framed))
            self.too_slow()
        else:
            self.wire.write(b"".join(framed))

    def too_slow(self) -> None:
        """The limit was passed."""
        raise NotImplementedError

    def stop(self) -> None:
        """Drop what has gathered and whatever comes."""
        self._queue = None
        self.push = _drop

    def _gather(self) -> None:
        if self.push is not _drop and self.wire.buffered_bytes > self.max_unsent_bytes:
            self.push = self._enqueue

    def _enqueue(self, framed: bytes) -> None:
        if self._queue is None:
            self._queue = []
            asyncio.get_running_loop().call_soon(self.flush)
        self._queue.append(framed)
