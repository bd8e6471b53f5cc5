"""Payment cards and IBANs in a text: a cheap pattern finds candidates, the checksum decides (pure)."""

from __future__ import annotations

import re
from collections.abc import Iterator

Span = tuple[int, int]

# ISO/IEC 7812-1: what a number of the large schemes begins with, and the lengths in use. Without it one long number in
# ten would pass for a card.
_CARD = re.compile(
    r"(?<![\w#.,/+-])(?:"
    r"3[47][0-9]{2}([ -]?)[0-9]{6}\1[0-9]{5}"  # American Express
    r"|3(?:0[0-5]|[689][0-9])[0-9]([ -]?)[0-9]{6}\2[0-9]{4}"  # Diners Club
    r"|(?:4[0-9]|5[0-8]|2[2-7]|35|6[0-9])[0-9]{2}([ -]?)[0-9]{4}\3[0-9]{4}\3[0-9]{4}(?:\3[0-9]{3})?"
    r"|4[0-9]{12}"
    r")(?![\w-]|[.,][0-9])"
)
# ISO 13616-1: the country, two check digits, up to thirty more characters, by custom in groups of four.
_IBAN = re.compile(r"(?<!\w)[A-Za-z]{2}[0-9]{2}(?:[ -]?[A-Za-z0-9]){11,30}(?!\w)")
_IBAN_HINT = re.compile(r"[A-Za-z]{2}[0-9]{2}[ -]?[A-Za-z0-9]")
_SHORTEST_IBAN = 15
_DIGIT_RUN = re.compile(r"[0-9](?:[ -]?[0-9]){12}")
_SEPARATORS = re.compile("[ -]")
_AS_NUMBERS = {ord(letter): str(int(letter, 36)) for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"}


def has_card(text: str) -> bool:
    """Whether a card is worth looking for: thirteen digits in a row."""
    return _DIGIT_RUN.search(text) is not None


def has_iban(text: str) -> bool:
    """Whether an IBAN is worth looking for."""
    return len(text) >= _SHORTEST_IBAN and _IBAN_HINT.search(text) is not None


def cards(text: str) -> Iterator[Span]:
    """Numbers of a known scheme whose check digit fits (Luhn, ISO/IEC 7812-1 annex B)."""
    for match in _CARD.finditer(text):
        from stdnum import luhn  # 30 ms, which no start has to wait for (``Engine.warm_up``)

        if luhn.is_valid(_SEPARATORS.sub("", match.group())):
            yield match.span()


def ibans(text: str) -> Iterator[Span]:
    """IBANs whose length is their country's and whose check digits fit (mod 97, ISO 7064)."""
    at = 0
    while (match := _IBAN.search(text, at)) is not None:
        end = _iban_end(match.group())
        if end:
            yield match.start(), match.start() + end
        at = match.start() + (end or 2)


def _iban_end(candidate: str) -> int:
    """Where the IBAN at the start of ``candidate`` ends, 0 where there is none: the words behind it look like more."""
    end = len(candidate)
    while end >= _SHORTEST_IBAN:
        if _is_iban(_SEPARATORS.sub("", candidate[:end]).upper()):
            return end
        end = max(candidate.rfind(" ", 0, end), candidate.rfind("-", 0, end))
    return 0


def _is_iban(number: str) -> bool:
    # The sum alone is thirty times as fast as the library, which knows each country's form, and few get past it.
    total = int((number[4:] + number[:4]).translate(_AS_NUMBERS))
    if total % 97 != 1:
        return False
    from stdnum import iban

    return bool(iban.is_valid(number))
