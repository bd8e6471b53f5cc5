"""Which words ask for a person (pure).

A phrase may hold alternatives, ``[talk|speak] [to|with] [a|an|] [human|person]``: one of each bracket, where an empty
one may be left out. So a dozen lines stand for what would be hundreds.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from inference.documents import Place, list_of

_PIECE: Final = re.compile(r"\[[^\[\]]*\]|[^\s\[\]]+")


def wishes_of(value: object, at: Place) -> list[str]:
    """The phrases of a list, each as a regular expression for casefolded text. Raises ``PhraseError`` for brackets that
    don't close, and for a last word that may be left out."""
    return [_pattern(one, at.item(number)) for number, one in enumerate(list_of(value, at), start=1)]


def any_of(within: Sequence[str], alone: Sequence[str]) -> re.Pattern[str] | None:
    """Finds one of ``within`` among other words of a casefolded text, or a message that is one of ``alone`` and nothing
    else. Every turn is searched, so word boundaries are looked for once and not per phrase, and letters are compared
    as they are: a seventh of the time."""
    found = [rf"\b(?:{'|'.join(within)})\b"] if within else []
    found += [rf"\A\W*(?:{'|'.join(alone)})\W*\Z"] if alone else []
    return re.compile("|".join(found)) if found else None


def _pattern(phrase: object, at: Place) -> str:
    if not isinstance(phrase, str) or not phrase.strip():
        raise at.error("this is no text", "Write words, in quotes where they hold a colon.")
    if _PIECE.sub("", phrase).strip():
        raise at.error(f"{phrase!r} has a bracket that does not close", "Write alternatives as [one|other].")
    *before, last = _PIECE.findall(phrase)
    if _may_be_left_out(last):
        raise at.error(f"the last of {phrase!r} may be left out", "Leave it out, or take the empty alternative away.")
    return "".join(rf"(?:{_one(piece)}\s+){'?' * _may_be_left_out(piece)}" for piece in before) + _one(last)


def _may_be_left_out(piece: str) -> bool:
    return piece.startswith("[") and "" in _options(piece)


def _options(piece: str) -> list[str]:
    return [option.strip() for option in piece[1:-1].split("|")] if piece.startswith("[") else [piece]


def _one(piece: str) -> str:
    options = (r"\s+".join(map(re.escape, option.casefold().split())) for option in _options(piece) if option)
    return f"(?:{'|'.join(options)})"
