"""The desk's file: skills, agents, business hours, the away message (pure: given what YAML holds)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, tzinfo
from types import MappingProxyType
from typing import Any, Final, cast

from adapters.names import suggestion
from server.chat.routing.assign import ORDERS, Order, Skill
from server.chat.routing.hours import ALWAYS, DAY_MINUTES, Hours, Span

DAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
MAX_CAPACITY: Final = 100
MAX_AWAY_CODE_POINTS: Final = 2_000
AWAY: Final = MappingProxyType({
    "en": "Our team is not here right now and will be back on {opens} ({zone}). I will go on answering until then.",
    "de": "Unser Team ist gerade nicht da und ab {opens} ({zone}) wieder für Sie da. Bis dahin antworte ich weiter.",
    "fr": "Notre équipe est absente et reviendra le {opens} ({zone}). D'ici là, je continue à vous répondre.",
    "es": "Nuestro equipo no está ahora y volverá el {opens} ({zone}). Hasta entonces sigo respondiendo yo.",
})  # fmt: skip
"""Where the file says nothing: by language."""

_SPAN: Final = re.compile(r"(\d{1,2}):(\d{2})-(\d{1,2}):(\d{2})")
_DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}")


class DeskError(ValueError):
    """The desk's file is wrong. The text says where, what, and what to do."""


@dataclass(frozen=True, slots=True)
class AgentPlan:
    """``capacity`` None: as many as the settings say."""

    skills: tuple[str, ...] = ()
    capacity: int | None = None


@dataclass(frozen=True, slots=True)
class DeskPlan:
    """All of the file. ``away``: by language, English always among them; ``patience_ms``: how long a conversation waits
    for an agent with its skills."""

    skills: tuple[Skill, ...] = ()
    agents: Mapping[str, AgentPlan] = field(default_factory=dict)
    order: Order = "longest"
    patience_ms: int = 60_000
    hours: Hours = ALWAYS
    away: Mapping[str, str] = field(default_factory=lambda: AWAY)


NO_PLAN: Final = DeskPlan()


def parse_desk(document: object, file: str, zone_of: Callable[[str], tzinfo]) -> DeskPlan:
    """``zone_of`` finds a time zone by its name, and raises ``LookupError`` or ``ValueError``. ``DeskError``."""
    top = _mapping(document or {}, file, ("skills", "agents", "order", "patience_s", "hours", "away"))
    skills = tuple(_skill(name, entry, file) for name, entry in _entries(top.get("skills"), f"{file}: skills"))
    names = [skill.name for skill in skills]
    agents = {
        name: _agent(entry, f"{file}: agents.{name}", names)
        for name, entry in _entries(top.get("agents"), f"{file}: agents")
    }
    order = top.get("order", "longest")
    if order not in ORDERS:
        raise DeskError(f"{file}: order is {order!r}; write one of {', '.join(ORDERS)}.")
    patience_s = _whole(top.get("patience_s", 60), f"{file}: patience_s", 86_400)
    return DeskPlan(
        skills=skills,
        agents=agents,
        order=cast(Order, order),
        patience_ms=patience_s * 1_000,
        hours=ALWAYS if top.get("hours") is None else _hours(top["hours"], f"{file}: hours", zone_of),
        away={**AWAY, **_away(top.get("away"), f"{file}: away")},
    )


# --------------------------------------------------------------------------- skills and agents


def _skill(name: str, entry: object, file: str) -> Skill:
    where = f"{file}: skills.{name}"
    given = _mapping(entry, where, ("intents", "languages", "personas"))
    if not any(given.values()):
        raise DeskError(f"{where} is never asked for; give it intents, languages or personas.")
    among = {key: frozenset(_texts(given.get(key), f"{where}.{key}")) for key in ("intents", "languages", "personas")}
    return Skill(name, **among)


def _agent(entry: object, where: str, skills: list[str]) -> AgentPlan:
    given = _mapping(entry or {}, where, ("skills", "capacity"))
    has = tuple(_texts(given.get("skills"), f"{where}.skills"))
    for skill in has:
        if skill not in skills:
            raise DeskError(f"{where}.skills: there is no skill {skill!r}. {suggestion(skill, skills)}")
    capacity = given.get("capacity")
    return AgentPlan(has, None if capacity is None else _whole(capacity, f"{where}.capacity", MAX_CAPACITY))


# --------------------------------------------------------------------------- hours


def _hours(entry: object, where: str, zone_of: Callable[[str], tzinfo]) -> Hours:
    given = _mapping(entry, where, ("timezone", "week", "holidays"))
    zone_name = given.get("timezone", "UTC")
    try:
        zone = zone_of(str(zone_name))
    except (LookupError, ValueError, OSError) as error:
        raise DeskError(f"{where}.timezone: {zone_name!r} is no time zone; write one like Europe/Berlin.") from error
    week: list[tuple[Span, ...]] = [()] * 7
    for days, spans in _entries(given.get("week"), f"{where}.week"):
        for day in _days(days, f"{where}.week"):
            week[day] = _spans(spans, f"{where}.week.{days}")
    holidays = dict(_holiday(one, f"{where}.holidays") for one in _list(given.get("holidays"), f"{where}.holidays"))
    return Hours(tuple(week), holidays, zone, str(zone_name))


def _days(days: str, where: str) -> range:
    first, dash, last = (part.strip() for part in days.lower().partition("-"))
    try:
        start, end = DAYS.index(first), DAYS.index(last if dash else first)
    except ValueError:
        raise DeskError(f"{where}: {days!r} is no day; write monday, or monday-friday.") from None
    if end < start:
        raise DeskError(f"{where}: {days!r} runs backwards; a week begins with monday.")
    return range(start, end + 1)


def _spans(value: object, where: str) -> tuple[Span, ...]:
    found: list[Span] = []
    for text in _texts(value, where):
        parts = _SPAN.fullmatch(text.replace(" ", "").replace("–", "-"))
        if parts is None:
            raise DeskError(f'{where}: {text!r} is no span; write it like "09:00-17:30", in quotes.')
        hour, minute, end_hour, end_minute = (int(part) for part in parts.groups())
        start, end = hour * 60 + minute, end_hour * 60 + end_minute
        if minute > 59 or end_minute > 59 or end > DAY_MINUTES:
            raise DeskError(f"{where}: {text!r} lies beyond the day; it ends at 24:00.")
        if start >= end:
            raise DeskError(f"{where}: {text!r} ends before it begins; cut a night in two at midnight.")
        if found and start < found[-1][1]:
            raise DeskError(f"{where}: {text!r} begins before the span before it ends.")
        found.append((start, end))
    return tuple(found)


def _holiday(entry: object, where: str) -> tuple[date, tuple[Span, ...]]:
    """A date, or a date with the spans of that day."""
    if isinstance(entry, Mapping):
        if len(entry) != 1:
            raise DeskError(f'{where}: one date a line, such as 2026-12-31: ["09:00-12:00"].')
        ((day, spans),) = entry.items()
        return _date(day, where), _spans(spans, f"{where}.{day}")
    return _date(entry, where), ()


def _date(value: object, where: str) -> date:
    if isinstance(value, date):
        return value
    try:
        if isinstance(value, str) and _DATE.fullmatch(value):
            return date.fromisoformat(value)
    except ValueError:
        pass
    raise DeskError(f"{where}: {value!r} is no date; write it like 2026-12-25.")


def _away(value: object, where: str) -> dict[str, str]:
    if isinstance(value, str):
        value = {"en": value}
    messages = dict(_entries(value, where))
    for language, text in messages.items():
        if not isinstance(text, str) or not 0 < len(text) <= MAX_AWAY_CODE_POINTS:
            raise DeskError(f"{where}.{language} is no text of at most {MAX_AWAY_CODE_POINTS:,} characters.")
        try:
            text.format(opens="", zone="")
        except (LookupError, ValueError) as error:
            raise DeskError(f"{where}.{language}: only {{opens}} and {{zone}} may stand in braces ({error}).") from None
    return cast(dict[str, str], messages)


# --------------------------------------------------------------------------- what YAML holds


def _mapping(value: object, where: str, keys: tuple[str, ...]) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise DeskError(f"{where} holds no keys; write some of {', '.join(keys)}.")
    for key in value:
        if key not in keys:
            raise DeskError(f"{where}: there is no key {key!r}. {suggestion(str(key), keys)}")
    return value


def _entries(value: object, where: str) -> list[tuple[str, Any]]:
    if value is None:
        return []
    if not isinstance(value, Mapping) or not all(isinstance(key, str) and key for key in value):
        raise DeskError(f"{where}: names with their values are expected.")
    return list(value.items())


def _list(value: object, where: str) -> list[Any]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise DeskError(f"{where}: a list is expected.")
    return value


def _texts(value: object, where: str) -> list[str]:
    texts = _list([value] if isinstance(value, str) else value, where)
    for text in texts:
        if not isinstance(text, str) or not text:
            raise DeskError(f"{where}: {text!r} is no text; put it in quotes.")
    return texts


def _whole(value: object, where: str, most: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= most:
        raise DeskError(f"{where} is {value!r}; a whole number from 0 to {most:,} is expected.")
    return value
