"""Business hours: spans of wall-clock time by weekday, in a time zone, with holidays (pure).

Spans are local times, so that a day on which clocks change has an hour more or less; instants are made of them by the
time zone's rules (IANA, RFC 6557).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Final

Span = tuple[int, int]
"""Minutes of the day, the first inclusive, the last not; at most 1,440."""

DAY_MINUTES: Final = 1_440
LOOK_AHEAD_DAYS: Final = 400
"""A house that opens no day in more than a year is closed for good."""


@dataclass(frozen=True, slots=True)
class Hours:
    """``week``: the spans of Monday to Sunday, ascending; ``holidays``: those of single dates instead. ``zone_name``
    is what people call ``zone``."""

    week: tuple[tuple[Span, ...], ...]
    holidays: Mapping[date, tuple[Span, ...]] = field(default_factory=dict)
    zone: tzinfo = UTC
    zone_name: str = "UTC"

    def spans(self, day: date) -> tuple[Span, ...]:
        """When that day is open."""
        special = self.holidays.get(day)
        return self.week[day.weekday()] if special is None else special


ALWAYS: Final = Hours(week=(((0, DAY_MINUTES),),) * 7)


def is_open(hours: Hours, now_ms: int) -> bool:
    """At that instant."""
    local = local_time(hours, now_ms)
    minute = local.hour * 60 + local.minute
    return any(start <= minute < end for start, end in hours.spans(local.date()))


def next_opening_ms(hours: Hours, now_ms: int) -> int | None:
    """When a span begins next, after that instant; None where none does in ``LOOK_AHEAD_DAYS``."""
    return next((at_ms for at_ms in _openings(hours, now_ms) if at_ms > now_ms), None)


def local_time(hours: Hours, at_ms: int) -> datetime:
    """The instant as clocks in the time zone show it."""
    return datetime.fromtimestamp(at_ms / 1000, hours.zone)


def _openings(hours: Hours, now_ms: int) -> Iterator[int]:
    first = local_time(hours, now_ms).date()
    for day in (first + timedelta(days=ahead) for ahead in range(LOOK_AHEAD_DAYS)):
        for start, _ in hours.spans(day):
            yield _instant_ms(hours, day, start)


def _instant_ms(hours: Hours, day: date, minute: int) -> int:
    clock = datetime(day.year, day.month, day.day, minute // 60, minute % 60, tzinfo=hours.zone)
    return int(clock.timestamp() * 1000)
