"""Phone numbers in a text: a pattern finds candidates, and the library knows the countries' numbering plans (pure)."""

from __future__ import annotations

import re
from collections.abc import Iterator

Span = tuple[int, int]

_PHONE = re.compile(r"(?<![\w#.,/+-])\+?\(?\d(?:[ .\-/()]{0,2}\d){6,18}(?![\w-]|[.,]\d)")
_DATE = re.compile(r"\d{4}[-./]\d{1,2}[-./]\d{1,2}(?!\d)|\d{1,2}[-./]\d{1,2}[-./]\d{2,4}(?!\d)")
_DECIMAL = re.compile(r"\d+\.\d+")
_IPV4 = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}")
_DIGITS = range(7, 16)  # E.164 allows at most 15
_BARE_DIGITS = range(10, 12)
"""Digits without any sign of a phone are one only where a national number with its area code is that long."""


def phones(text: str) -> Iterator[Span]:
    """Numbers with a country code that its plan has room for, and national ones by their form."""
    for match in _PHONE.finditer(text):
        if is_phone(match.group()):
            yield match.span()


def is_phone(number: str) -> bool:
    """Whether ``number``, digits with what people put between them, is one to call rather than a date or a price."""
    if _DATE.match(number) or _DECIMAL.fullmatch(number) or _IPV4.fullmatch(number):
        return False
    digits = sum(map(str.isdigit, number))
    if number.startswith("+"):
        return _is_possible(number)
    if number.startswith("00") and digits > 10:
        return _is_possible("+" + number[2:])
    return digits in (_BARE_DIGITS if number.isdigit() else _DIGITS)


def _is_possible(number: str) -> bool:
    import phonenumbers  # 40 ms, which no start has to wait for (``Engine.warm_up``)

    try:
        # Only the length is asked for: what is told in a chat may be a number from a film, or of a plan of tomorrow.
        return phonenumbers.is_possible_number(phonenumbers.parse(number))
    except phonenumbers.NumberParseException:
        return False
