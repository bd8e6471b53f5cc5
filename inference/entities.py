"""Order ids, e-mail addresses, phone numbers, URLs and amounts of money in a text (pure).

Spans count code points of the text that was given: ``entity.text == text[entity.start:entity.end]``. Where two kinds
overlap, the one that stands first in ``_FINDERS`` keeps the span. Every pattern starts only at the edge of a word and
repeats at most a bounded number of times, so a hostile text costs no more than its length.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from inference.analysis import Entity

Span = tuple[int, int]

MAX_ENTITIES = 50
"""No honest message holds more; a pasted table of prices should not fill the wire."""

_URL = re.compile(r"(?<!\w)(?:https?://|www\.)[^\s<>\"']{2,2000}", re.IGNORECASE)
_EMAIL = re.compile(r"(?<![\w.+%-])[\w.+%-]{1,64}@(?:[\w-]{1,63}\.){1,8}[^\W\d_]{2,24}(?![\w-])")

_NUMBER = r"\d{1,9}(?:[ ,.']\d{3}){0,4}(?:[.,]\d{1,2})?(?:[kKmM](?!\w))?(?![\d])"
_SIGN = r"(?:US|CA|AU|NZ|HK)?\$|[€£¥₹₽₩₺₴]"
_CODE = r"USD|EUR|GBP|JPY|CHF|CAD|AUD|NZD|CNY|INR|SEK|NOK|DKK|PLN|CZK|BRL|MXN|ZAR|SGD|HKD|KRW|TRY"
_NAME = r"(?:US )?dollars?|bucks|euros?|pounds?(?: sterling)?|quid|cents?|francs?|yen|rupees?"
_AMOUNT = re.compile(
    rf"(?<![\w.,])(?:(?:{_SIGN}|(?:{_CODE}) ?) ?-?{_NUMBER}|{_NUMBER} ?(?:{_SIGN}|(?:{_CODE}|{_NAME})(?!\w)))",
    re.IGNORECASE,
)

_ORDER_HASH = re.compile(r"(?<![\w#&/])#(?=[A-Za-z-]{0,12}\d)[A-Za-z0-9](?:-?[A-Za-z0-9]){2,31}(?![\w-])")
_ORDER_WORD = re.compile(
    r"(?<!\w)(?:order|purchase|bestellung|pedido|commande|ordine)"
    r"(?: ?(?:number|no\.?|nr\.?|num\.?|id|nummer|n°|#|:)){0,2}"
    r"(?: is| was)?[ :#]{1,3}((?=[A-Za-z-]{0,12}\d)[A-Za-z0-9](?:-?[A-Za-z0-9]){3,31})(?![\w-])",
    re.IGNORECASE,
)

_PHONE = re.compile(r"(?<![\w#.,/+-])\+?\(?\d(?:[ .\-/()]{0,2}\d){6,18}(?![\w-]|[.,]\d)")
_DATE = re.compile(r"\d{4}[-./]\d{1,2}[-./]\d{1,2}(?!\d)|\d{1,2}[-./]\d{1,2}[-./]\d{2,4}(?!\d)")
_DECIMAL = re.compile(r"\d+\.\d+")
_PHONE_DIGITS = range(7, 16)  # E.164 allows at most 15
_BARE_PHONE_DIGITS = range(10, 12)
"""Digits without any sign of a phone are one only where a national number with its area code is that long."""


def entities(text: str) -> tuple[Entity, ...]:
    """At most ``MAX_ENTITIES`` entities of ``text``, by where they start; none overlap."""
    found: list[Entity] = []
    for name, hint, find in _FINDERS:
        if hint(text):
            _add(found, text, name, find(text))
    found.sort(key=_start)
    return tuple(found)


def _add(found: list[Entity], text: str, name: str, spans: Iterator[Span]) -> None:
    for start, end in spans:
        if len(found) == MAX_ENTITIES:
            return
        if not any(start < other.end and other.start < end for other in found):
            found.append(Entity(name, text[start:end], start, end))


def _start(entity: Entity) -> int:
    return entity.start


def _urls(text: str) -> Iterator[Span]:
    for match in _URL.finditer(text):
        url = match.group().rstrip(".,;:!?*_~")
        while url.endswith(")") and url.count(")") > url.count("("):
            url = url[:-1].rstrip(".,;:!?")
        if "." in url or "://localhost" in url.lower():
            yield match.start(), match.start() + len(url)


def _emails(text: str) -> Iterator[Span]:
    for match in _EMAIL.finditer(text):
        local = match.group().split("@", 1)[0]
        start = match.start() + len(local) - len(local.lstrip(".%-"))
        if start < match.start() + len(local):
            yield start, match.end()


def _amounts(text: str) -> Iterator[Span]:
    return (match.span() for match in _AMOUNT.finditer(text))


def _orders(text: str) -> Iterator[Span]:
    yield from (match.span() for match in _ORDER_HASH.finditer(text))
    yield from (match.span(1) for match in _ORDER_WORD.finditer(text))


def _phones(text: str) -> Iterator[Span]:
    for match in _PHONE.finditer(text):
        number = match.group()
        digits = sum(map(str.isdigit, number))
        marked = not number.isdigit() or (number.startswith("00") and digits > 10)
        other = _DATE.match(number) or _DECIMAL.fullmatch(number)
        if not other and digits in (_PHONE_DIGITS if marked else _BARE_PHONE_DIGITS):
            yield match.span()


_DIGIT = re.compile(r"\d")


def _has_digit(text: str) -> bool:
    return _DIGIT.search(text) is not None


def _has_at(text: str) -> bool:
    return "@" in text


def _has_address(text: str) -> bool:
    return "://" in text or "www." in text or "WWW." in text


_FINDERS: tuple[tuple[str, Callable[[str], bool], Callable[[str], Iterator[Span]]], ...] = (
    ("url", _has_address, _urls),
    ("email", _has_at, _emails),
    ("order_id", _has_digit, _orders),
    ("amount", _has_digit, _amounts),
    ("phone", _has_digit, _phones),
)
