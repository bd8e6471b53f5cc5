"""The wheel: alarms of many connections on one timer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from server.transport.wheel import SLOT_S, Wheel


class FakeTimer:
    def __init__(self, at_s: float, call: Callable[[], None]) -> None:
        self.at_s = at_s
        self.call = call
        self.cancelled = False

    def cancel(self) -> None:
        self.cancelled = True


class FakeLoop:
    """Time that moves when told to."""

    def __init__(self) -> None:
        self.now_s = 1_000.0
        self.timers: list[FakeTimer] = []

    def time(self) -> float:
        return self.now_s

    def call_later(self, delay_s: float, call: Callable[[], None]) -> FakeTimer:
        self.timers.append(FakeTimer(self.now_s + delay_s, call))
        return self.timers[-1]

    def live(self) -> list[FakeTimer]:
        return [timer for timer in self.timers if not timer.cancelled]

    def run_until(self, at_s: float) -> None:
        while due := [timer for timer in self.live() if timer.at_s <= at_s]:
            timer = min(due, key=lambda timer: timer.at_s)
            self.timers.remove(timer)
            self.now_s = max(self.now_s, timer.at_s)
            timer.call()
        self.now_s = at_s


@dataclass(eq=False)
class Item:
    """Somebody who notes when they are woken, and perhaps does something then."""

    loop: FakeLoop
    then: Callable[[], None] = lambda: None
    slot: int | None = None
    woken_s: list[float] = field(default_factory=list)

    def tick(self) -> None:
        self.woken_s.append(self.loop.now_s)
        self.then()


def made() -> tuple[FakeLoop, Wheel]:
    loop = FakeLoop()
    return loop, Wheel(loop.time, loop.call_later)


@given(st.lists(st.floats(0, 30), min_size=1, max_size=40))
def test_everybody_is_woken_once_never_early_and_hardly_late(delays_s: list[float]) -> None:
    loop, wheel = made()
    items = [Item(loop) for _ in delays_s]
    for item, delay_s in zip(items, delays_s, strict=True):
        wheel.set(item, delay_s)
        assert len(loop.live()) == 1
    loop.run_until(1_100.0)
    for item, delay_s in zip(items, delays_s, strict=True):
        (woken_s,) = item.woken_s
        assert -1e-9 <= woken_s - 1_000.0 - delay_s <= SLOT_S + 1e-9
    assert loop.live() == []


def test_a_new_alarm_replaces_the_old_one() -> None:
    loop, wheel = made()
    item = Item(loop)
    wheel.set(item, 1.0)
    wheel.set(item, 5.0)
    loop.run_until(1_002.0)
    assert item.woken_s == []
    wheel.set(item, 0.5)
    loop.run_until(1_010.0)
    assert len(item.woken_s) == 1


def test_who_has_gone_is_not_woken() -> None:
    loop, wheel = made()
    item = Item(loop)
    wheel.set(item, 1.0)
    wheel.drop(item)
    wheel.drop(item)
    loop.run_until(1_010.0)
    assert item.woken_s == []


def test_who_is_woken_may_set_the_next_alarm() -> None:
    loop, wheel = made()
    item = Item(loop)
    item.then = lambda: wheel.set(item, 1.0) if len(item.woken_s) < 5 else None
    wheel.set(item, 1.0)
    loop.run_until(1_020.0)
    assert len(item.woken_s) == 5
    pauses_s = [later - earlier for earlier, later in pairwise(item.woken_s)]
    assert all(1.0 - 1e-9 <= pause_s <= 1.0 + SLOT_S + 1e-9 for pause_s in pauses_s)


def test_one_who_is_woken_may_drop_another_of_the_same_slot() -> None:
    loop, wheel = made()
    second = Item(loop)
    first = Item(loop, then=lambda: wheel.drop(second))
    wheel.set(first, 1.0)
    wheel.set(second, 1.0)
    loop.run_until(1_002.0)
    assert len(first.woken_s) == 1
    assert second.slot is None
