"""Dates and times of day as people write them in a chat: the words, not a point in time (pure).

Numbers must be a day of the calendar or a time of the day. Month and day names in English, German, French, Spanish,
Italian, Portuguese and Dutch.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date

Span = tuple[int, int]

_MONTHS = (
    "jan january januar janvier enero gennaio janeiro januari",
    "feb february februar février febrero febbraio fevereiro februari",
    "mar march märz mars marzo março maart",
    "apr april avril abril aprile",
    "may mai mayo maggio maio mei",
    "jun june juni juin junio giugno junho",
    "jul july juli juillet julio luglio julho",
    "aug august août agosto augustus",
    "sep sept september septembre septiembre settembre setembro",
    "oct october oktober octobre octubre ottobre outubro okt",
    "nov november novembre noviembre novembro",
    "dec december dezember décembre diciembre dicembre dezembro dez",
)
_DAYS = (
    "monday tuesday wednesday thursday friday saturday sunday "
    "montag dienstag mittwoch donnerstag freitag samstag sonnabend sonntag "
    "lundi mardi mercredi jeudi vendredi samedi dimanche "
    "lunes martes miércoles jueves viernes sábado domingo "
    "lunedì martedì mercoledì giovedì venerdì sabato domenica "
    "maandag dinsdag woensdag donderdag vrijdag zaterdag zondag"
)
_RELATIVE = (
    "today tomorrow yesterday tonight heute gestern übermorgen vorgestern demain hoy ayer oggi domani ieri "
    "hoje amanhã ontem vandaag gisteren overmorgen"
)
_BY_NAME = {name: month for month, names in enumerate(_MONTHS, start=1) for name in names.split()}
_CLOCK_WORDS = "noon midday midnight mitternacht minuit medianoche mezzanotte"

_MONTH = "|".join(sorted(_BY_NAME, key=len, reverse=True))
_DAY_OF_MONTH = r"(?:3[01]|[12]\d|0?[1-9])"
_YEAR = r"(?:19|20)\d\d"
_COUNT = r"(?:\d{1,3}|a|an|one|two|three|four|five|six|seven|eight|nine|ten|few|couple of)"
_NUMERIC = re.compile(r"(?<![\w./-])(\d{1,4})([-./])(\d{1,2})\2(\d{4}|\d{1,2})(?!\d|[-/.]\d|[a-su-z_])")
_NAMED = re.compile(
    rf"(?<![\w.,/-])(?:"
    rf"(?P<d1>{_DAY_OF_MONTH})(?:st|nd|rd|th|er|º|\.)?[ -]?(?:of |de |the )?(?P<m1>{_MONTH})(?!\w)\.?"
    rf"(?:,? (?:de |of )?{_YEAR}(?!\d)|-{_YEAR}(?!\d))?"
    rf"|(?P<m2>{_MONTH})\.? (?:the )?(?P<d2>{_DAY_OF_MONTH})(?:st|nd|rd|th)?(?![\w:]|[.,]\d|%)(?:,? {_YEAR}(?!\d))?"
    rf"|(?P<m3>{_MONTH})\.? {_YEAR}(?!\d)"
    rf")"
)
_SPOKEN = re.compile(
    rf"(?<![\w#@])(?:"
    rf"(?:(?:next|last|this|coming|nächsten|letzten|prochain|próximo) )?(?:{'|'.join(_DAYS.split())})"
    rf"|(?:the )?day (?:after tomorrow|before yesterday)"
    rf"|(?<!guten )morgen|aujourd['’]hui"
    rf"|(?:next|last|this) (?:week|weekend|month|year)"
    rf"|in {_COUNT} (?:days?|weeks?|months?)|{_COUNT} (?:days?|weeks?|months?|years?) ago"
    rf"|{'|'.join(_RELATIVE.split())}"
    rf")(?!\w)"
)
_TIME = re.compile(
    r"(?<![\w.,:/-])(?:"
    r"(?:2[0-3]|[01]?\d):[0-5]\d(?::[0-5]\d)?(?!:?\d)(?: ?[ap]\.?m(?:\.(?=\w)|\b)\.?| ?(?:uhr|h)\b)?"
    r"|(?:half past |quarter (?:past|to) )?(?:1[0-2]|0?[1-9])(?:\.[0-5]\d)? ?(?:[ap]m\b|[ap]\.m\.)"
    r"|(?:half past|quarter past|quarter to) (?:1[0-2]|0?[1-9])(?![\w:]|[.,]\d)"
    r"|(?:1[0-2]|0?[1-9]) ?o['’]clock\b"
    r"|(?:2[0-4]|1\d|0?\d)(?:[.:][0-5]\d)? uhr\b|(?:2[0-3]|1\d|0?\d)h[0-5]\d(?!\w)"
    r")"
)
_ISO_TIME = re.compile(r"(?<=\dt)(?:2[0-3]|[01]\d):[0-5]\d(?::[0-5]\d(?:\.\d{1,9})?)?(?:z|[+-]\d\d:?\d\d)?(?![\w:])")
_CLOCK_WORD = re.compile(rf"(?<!\w)(?:{'|'.join(_CLOCK_WORDS.split())})(?!\w)")

# A look at the words is much cheaper than the patterns, and most texts have none of these.
_LETTERS = re.compile(r"[^\W\d_]{3,}")
_SPOKEN_HINTS = frozenset(
    f"{_DAYS} {_RELATIVE} morgen aujourd day week weekend month year days weeks months years".split()
)
_MONTH_HINTS = frozenset(_BY_NAME)
_CLOCK_HINTS = frozenset(_CLOCK_WORDS.split())
_HINTS = _SPOKEN_HINTS | _MONTH_HINTS | _CLOCK_HINTS
_NUMERIC_HINT = re.compile(r"\d[-./]\d")
_TIME_HINT = re.compile(r"\d(?:[:h]\d| ?(?:[ap][.m]|uhr|o['’])|\.\d\d ?(?:[ap]|uhr))|(?:past|to) \d")


def moments(text: str, *, has_digits: bool) -> tuple[tuple[str, Iterator[Span]], ...]:
    """The spans of ``date`` and of ``time``, as far as there can be any; ``has_digits``: whether ``text`` has one.

    Dates: days, named or counted; longer forms come before the shorter ones that they hold. Times: of the day, with
    their am, pm, Uhr or o'clock.
    """
    text = _lowered(text)
    hints = _HINTS.intersection(_LETTERS.findall(text))
    if not hints and not has_digits:
        return ()
    return ("date", _dates(text, hints)), ("time", _times(text, hints))


def _dates(text: str, hints: frozenset[str]) -> Iterator[Span]:
    if _NUMERIC_HINT.search(text):
        for match in _NUMERIC.finditer(text):
            if _is_day(int(match[1]), int(match[3]), int(match[4]), len(match[1]), len(match[4])):
                yield match.span()
    if not _MONTH_HINTS.isdisjoint(hints):
        yield from (match.span() for match in _NAMED.finditer(text))
    if not _SPOKEN_HINTS.isdisjoint(hints):
        yield from (match.span() for match in _SPOKEN.finditer(text))


def _times(text: str, hints: frozenset[str]) -> Iterator[Span]:
    if _TIME_HINT.search(text):
        yield from (match.span() for match in _TIME.finditer(text))
        yield from (match.span() for match in _ISO_TIME.finditer(text))
    if not _CLOCK_HINTS.isdisjoint(hints):
        yield from (match.span() for match in _CLOCK_WORD.finditer(text))


def _lowered(text: str) -> str:
    """``text`` in small letters, each at its place: patterns that need not care for case are several times as fast."""
    lowered = text.lower()
    return lowered if len(lowered) == len(text) else "".join(map(_lowered_alone, text))


def _lowered_alone(character: str) -> str:
    lowered = character.lower()
    return lowered if len(lowered) == 1 else character


def _is_day(first: int, second: int, third: int, first_digits: int, third_digits: int) -> bool:
    """Whether the numbers are a day of the calendar, in any of the orders in use."""
    if first_digits == 4 and third_digits <= 2:
        return _exists(first, second, third)
    if first_digits > 2 or third_digits not in (2, 4):
        return False
    year = third if third_digits == 4 else 2000 + third
    return _exists(year, second, first) or _exists(year, first, second)


def _exists(year: int, month: int, day: int) -> bool:
    if not 1900 <= year < 2100:
        return False
    try:
        date(year, month, day)
    except ValueError:
        return False
    return True
