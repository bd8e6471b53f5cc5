"""Personal data out of texts: e-mail addresses, phones, cards, IBANs, national ids, IP addresses (pure).

Every value gives way to a placeholder that tells its kind: ``write to [email]``. Where there is a checksum it decides,
but in doubt a value goes: a redactor that keeps one order number too few is better than one that keeps a card too many.
Names and postal addresses are not found, nor is a value that a line break or an escape cuts in two.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator
from ipaddress import ip_address

from stdnum import luhn

from inference.analysis import Entity
from inference.national_ids import national_ids
from inference.payments import cards, has_card, ibans
from inference.phones import is_phone

Span = tuple[int, int]

PLACEHOLDERS = {kind: f"[{kind}]" for kind in ("iban", "card", "email", "national_id", "ip_address", "phone")}

# Wider than what is an entity: any length of ISO/IEC 7812-1, any beginning, as long as the check digit fits.
_LONG_NUMBER = re.compile(r"(?<![0-9])[0-9](?:[ -]?[0-9]){12,18}(?![0-9])")
# The edges are looser than those of entities, too: a mark that clings to a value must not save it.
_EMAIL = re.compile(r"[\w.+%'-]{1,64}@(?:[\w-]{1,63}\.){1,8}[^\W\d_]{2,24}")
_PHONE = re.compile(r"(?<!\w)\+?\(?[0-9](?:[ .\-/()]{0,2}[0-9]){6,18}(?!\w)")
_IP = re.compile(r"(?<![\w.:])(?:[0-9]{1,3}(?:\.[0-9]{1,3}){3}|[0-9a-fA-F:]{2,39}:[0-9a-fA-F.:]{1,40})(?![\w:]|\.\w)")
_NOT_DIGIT = re.compile("[^0-9]")
_HYPHENS = dict.fromkeys(map(ord, "\u2010\u2011\u2012\u2013\u2212\ufe63\uff0d"), "-")
_WIDE = {"\uff20": "@", "\uff0e": ".", "\uff0b": "+", "\uff08": "(", "\uff09": ")"}


def redact(text: str) -> str:
    """``text`` with placeholders in place of personal data. Any str is fine; what is redacted stays as it is.

    ``redact(redact(text)) == redact(text)``.
    """
    # A placeholder is an edge where there was a letter before, so more may come to light. Each round takes characters
    # that none gives back, so there is an end.
    while found := personal(text):
        for entity in reversed(found):
            text = f"{text[: entity.start]}{PLACEHOLDERS[entity.type]}{text[entity.end :]}"
    return text


def personal(text: str) -> tuple[Entity, ...]:
    """The personal data of ``text`` by where it starts, none overlapping; ``type`` is a key of ``PLACEHOLDERS``."""
    plain = _plain(text)
    found: list[Entity] = []
    taken = bytearray(len(text))
    for kind, find in _FINDERS:
        for start, end in find(plain):
            if not any(taken[start:end]):
                taken[start:end] = b"\1" * (end - start)
                found.append(Entity(kind, text[start:end], start, end))
    return tuple(sorted(found, key=lambda entity: entity.start))


def _plain(text: str) -> str:
    """``text`` with digits, blanks and hyphens of all kinds as ASCII's, each at its place."""
    if text.isascii():
        return text
    return "".join(character if character.isascii() else _as_ascii(character) for character in text)


def _as_ascii(character: str) -> str:
    digit = unicodedata.decimal(character, None)
    if digit is not None:
        return str(digit)
    if unicodedata.category(character) == "Zs":
        return " "
    return _WIDE.get(character) or _HYPHENS.get(ord(character), character)


def _cards(text: str) -> Iterator[Span]:
    if not has_card(text):
        return
    yield from cards(text)
    for match in _LONG_NUMBER.finditer(text):
        if luhn.is_valid(_NOT_DIGIT.sub("", match.group())):
            yield match.span()


def _emails(text: str) -> Iterator[Span]:
    if "@" in text:
        yield from (match.span() for match in _EMAIL.finditer(text))


def _phones(text: str) -> Iterator[Span]:
    for match in _PHONE.finditer(text):
        if match.group().startswith("+") or is_phone(match.group()):
            yield match.span()


def _addresses(text: str) -> Iterator[Span]:
    for match in _IP.finditer(text):
        address = match.group() if match.group().endswith("::") else match.group().rstrip(".:")
        if _is_address(address):
            yield match.start(), match.start() + len(address)


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return any(map(str.isdigit, text))  # "ab::cd" is rather a program's


_FINDERS: tuple[tuple[str, Callable[[str], Iterator[Span]]], ...] = (
    ("email", _emails),
    ("iban", ibans),
    ("card", _cards),
    ("national_id", national_ids),
    ("ip_address", _addresses),
    ("phone", _phones),
)
