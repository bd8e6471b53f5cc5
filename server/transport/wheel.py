"""Alarms of thousands of connections on one timer of the loop."""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappop, heappush
from typing import Protocol

# Alarms of one slot ring together, at its end: late by at most this, never early.
SLOT_S = 0.05


class Alarmed(Protocol):
    """Who can be woken. ``slot`` belongs to the wheel."""

    slot: int | None

    def tick(self) -> None:
        """The time has come; after ``drop`` it may come once more. Must not raise."""


class Timer(Protocol):
    def cancel(self) -> None: ...


class Wheel:
    """Each item has at most one alarm. A timer of the loop's own for each would cost 700 bytes a connection.

    ``now_s`` and ``call_later`` are the loop's.
    """

    def __init__(self, now_s: Callable[[], float], call_later: Callable[[float, Callable[[], None]], Timer]) -> None:
        self._now_s = now_s
        self._call_later = call_later
        self._slots: dict[int, set[Alarmed]] = {}
        self._order: list[int] = []  # a heap of the slots
        self._armed: tuple[int, Timer] | None = None

    def set(self, item: Alarmed, delay_s: float) -> None:
        """Wake ``item`` after ``delay_s``, instead of when it was to be woken before."""
        self.drop(item)
        slot = int((self._now_s() + max(delay_s, 0.0)) / SLOT_S) + 1
        items = self._slots.get(slot)
        if items is None:
            items = self._slots[slot] = set()
            heappush(self._order, slot)
        items.add(item)
        item.slot = slot
        self._arm()

    def drop(self, item: Alarmed) -> None:
        """Forget the alarm of ``item``; without one nothing happens."""
        if item.slot is not None:
            self._slots[item.slot].discard(item)
            item.slot = None

    def _arm(self) -> None:
        first = self._order[0]
        if self._armed is not None:
            if self._armed[0] <= first:
                return
            self._armed[1].cancel()
        delay_s = max(first * SLOT_S - self._now_s(), 0.0)
        self._armed = first, self._call_later(delay_s, self._ring)

    def _ring(self) -> None:
        """Wake everybody whose slot has ended."""
        self._armed = None
        while self._order and self._order[0] * SLOT_S <= self._now_s():
            items = self._slots.pop(heappop(self._order))
            for item in items:
                item.slot = None
            for item in items:
                item.tick()
        if self._order:
            self._arm()
