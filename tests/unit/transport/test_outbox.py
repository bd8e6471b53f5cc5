"""When a reader is too slow, to the byte and the tick (PROTOCOL §8, close 4501)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from server.telemetry import Metrics
from server.transport.outbox import Outbox

LIMIT_BYTES = 1_000


class FakeTransport:
    """The kernel takes what is written when the test says so; ``congested`` is told as a transport would."""

    def __init__(self) -> None:
        self.outbox: SmallOutbox | None = None
        self.written: list[bytes] = []
        self.buffered_bytes = 0
        self._over = False

    @property
    def write(self) -> Callable[[bytes], None]:
        return self._write

    def _write(self, framed: bytes) -> None:
        self.written.append(framed)
        self.buffered_bytes += len(framed)
        self._tell()

    def take(self, size: int) -> None:
        """The kernel takes so many bytes."""
        self.buffered_bytes = max(0, self.buffered_bytes - size)
        self._tell()

    def _tell(self) -> None:
        assert self.outbox is not None
        over, self._over = self._over, self.buffered_bytes > LIMIT_BYTES
        if over != self._over:
            self.outbox.congested() if self._over else self.outbox.eased()


class SmallOutbox(Outbox):
    """Notes that it was too slow."""

    def __init__(self, transport: FakeTransport) -> None:
        super().__init__(transport, Metrics(), LIMIT_BYTES)
        self.was_too_slow = False

    def too_slow(self) -> None:
        self.was_too_slow = True
        self.stop()

    def dropped(self) -> float | None:
        return self.metrics.registry.get_sample_value("parlance_outbox_drops_total")


@pytest.fixture
def transport() -> FakeTransport:
    return FakeTransport()


@pytest.fixture
def outbox(transport: FakeTransport) -> SmallOutbox:
    transport.outbox = SmallOutbox(transport)
    return transport.outbox


async def tick() -> None:
    await asyncio.sleep(0)
    await asyncio.sleep(0)


async def test_what_the_kernel_takes_goes_straight_to_it(outbox: SmallOutbox, transport: FakeTransport) -> None:
    for number in range(50):
        outbox.push(b"%3d" % number * 100)
        transport.take(10_000)
        await tick()
    assert len(transport.written) == 50
    assert not outbox.was_too_slow


async def test_a_burst_of_one_tick_is_nobodys_slowness(outbox: SmallOutbox, transport: FakeTransport) -> None:
    for _ in range(20):
        outbox.push(b"x" * 500)
    assert len(transport.written) == 20
    transport.take(9_500)
    await tick()
    outbox.push(b"next")
    await tick()
    assert not outbox.was_too_slow
    assert transport.written[-1] == b"next"


async def test_who_has_not_read_what_earlier_ticks_wrote_is_too_slow(
    outbox: SmallOutbox, transport: FakeTransport
) -> None:
    outbox.push(b"x" * (LIMIT_BYTES + 1))
    await tick()
    judged = [outbox.was_too_slow]  # nothing more was to be sent yet
    outbox.push(b"late")
    outbox.push(b"later")
    await tick()
    assert [*judged, outbox.was_too_slow] == [False, True]
    assert len(transport.written) == 1
    assert outbox.dropped() == 2


async def test_exactly_the_limit_is_not_too_much(outbox: SmallOutbox, transport: FakeTransport) -> None:
    outbox.push(b"x" * LIMIT_BYTES)
    for _ in range(3):
        await tick()
        transport.take(4)
        outbox.push(b"more")
    await tick()
    assert not outbox.was_too_slow
    assert len(transport.written) == 4


async def test_order_is_kept_through_congestion(outbox: SmallOutbox, transport: FakeTransport) -> None:
    outbox.push(b"1" * 2_000)
    await tick()
    outbox.push(b"2")
    outbox.push(b"3")
    transport.take(1_500)  # eased before the tick is over
    outbox.push(b"4")
    await tick()
    outbox.push(b"5")
    assert b"".join(transport.written)[2_000:] == b"2345"
    assert not outbox.was_too_slow


async def test_after_the_end_everything_is_dropped(outbox: SmallOutbox, transport: FakeTransport) -> None:
    outbox.push(b"1" * 2_000)
    await tick()
    outbox.push(b"2")
    outbox.stop()
    outbox.push(b"3")
    transport.take(2_000)
    await tick()
    outbox.push(b"4")
    assert len(transport.written) == 1
    assert not outbox.was_too_slow
    assert outbox.dropped() == 0
