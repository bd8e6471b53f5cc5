"""A model's words on their way to the customer: what may be shown already, what is held back, what is left out (pure).

What was shown can't be unsaid, so that it is looked at first; and nobody wants to wait for a whole answer. Plain words
go on at once. Held back is only what may still become something else: a run with digits or an @ until it is over
(a card, a phone, an address), a bracket until it is closed (a citation), and words that repeat the instructions.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

# As many words in a row from the instructions are a leak, and from four on nothing more of the run is shown.
LEAK_WORDS: Final = 12
HOLD_WORDS: Final = 4
# Longer than any address or number; what is not over by then is looked at as it is.
MAX_HELD_CODE_POINTS: Final = 200
# Numbers broken by letters (an IBAN) are found with what stood before them.
CONTEXT_CODE_POINTS: Final = 64
MAX_CITATION_CODE_POINTS: Final = 24
# Long enough for LEAK_WORDS words of any language that has words.
_TAIL_CODE_POINTS: Final = 400
_THINK: Final = "<think>"
_THOUGHT: Final = "</think>"

_WORD: Final = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
_CITATION: Final = re.compile(r"[ \t]*\[\s*([0-9]{1,4}(?:\s*[,;]\s*[0-9]{1,4})*)\s*\]")
_NUMBER: Final = re.compile(r"[0-9]+")
_PLACEHOLDER: Final = re.compile(r"\[(email|phone|card|iban|national_id|ip_address)-([0-9]{1,3})\]", re.IGNORECASE)
_OPEN_BRACKET: Final = re.compile(r"[ \t]*\[[^\]\n]*\Z")
_TOKEN: Final = re.compile(r"\S+")
_RISKY: Final = re.compile(r"[\d@\uff20+(]")
_UNPRINTABLE: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")


class Leaked(Exception):
    """The model says its instructions. Nothing of this answer can be used."""


class Found(Protocol):
    """A piece of personal data in a text, from ``start`` to ``end``."""

    @property
    def type(self) -> str: ...

    @property
    def text(self) -> str: ...

    @property
    def start(self) -> int: ...

    @property
    def end(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Guard:
    """What a draft is held against. ``personal`` finds personal data; ``passages``: how many may be cited;
    ``public``: texts whose numbers and addresses may be said, since everybody may know them; ``values``: what the
    placeholders of the prompt stand for."""

    personal: Callable[[str], Sequence[Found]]
    passages: int = 0
    public: Collection[str] = ()
    instructions: str = ""
    nonce: str = ""
    values: Mapping[str, str] = field(default_factory=dict)


class Draft:
    """One answer as it grows. ``shown`` is what ``add`` and ``end`` gave out so far, joined.

    ``cited``: numbers of passages, in the order of their first mention.
    """

    def __init__(self, guard: Guard) -> None:
        self._guard = guard
        self._grams = _grams(guard.instructions)
        self._waiting = ""
        self._checked = ""
        self._thinks: bool | None = None
        self.shown = ""
        self.cited: list[int] = []

    def add(self, text: str) -> str:
        """What may be shown now, perhaps nothing. Raises ``Leaked``."""
        self._waiting += _UNPRINTABLE.sub("", text)
        if not self._has_begun():
            return ""
        self._check(self._safe_end())
        return self._show()

    def end(self) -> str:
        """The rest. Raises ``Leaked``."""
        if self._thinks:
            return ""
        self._waiting = self._waiting.rstrip()
        self._check(len(self._waiting))
        return self._show(is_last=True)

    def _has_begun(self) -> bool:
        """Past what some models think aloud first, and past blanks."""
        if not self._checked:
            self._waiting = self._waiting.lstrip()
        if self._thinks is None:
            if len(self._waiting) < len(_THINK) and _THINK.startswith(self._waiting):
                return False
            self._thinks = self._waiting.startswith(_THINK)
        if self._thinks:
            _, mark, after = self._waiting.partition(_THOUGHT)
            if not mark:
                self._waiting = self._waiting[-len(_THOUGHT) :]
                return False
            self._thinks, self._waiting = False, after.lstrip()
        return bool(self._waiting)

    def _safe_end(self) -> int:
        end = len(self._waiting)
        bracket = _OPEN_BRACKET.search(self._waiting)
        if bracket is not None and end - bracket.start() <= MAX_CITATION_CODE_POINTS:
            end = bracket.start()
        run = _run_start(self._waiting[:end])
        if end - run <= MAX_HELD_CODE_POINTS:
            end = run
        # A blank at the end goes out with what follows it, or not at all.
        return len(self._waiting[:end].rstrip())

    def _check(self, end: int) -> None:
        """Take what stands before ``end`` from what waits: citations, personal data, leaks."""
        out, self._waiting = self._waiting[:end], self._waiting[end:]
        out = _CITATION.sub(self._cite, out)
        if _RISKY.search(out):
            out = self._redacted(out)
        if self._guard.values and "[" in out:
            out = _PLACEHOLDER.sub(self._value, out)
        nonce = self._guard.nonce
        if nonce and nonce in self._checked[-len(nonce) :] + out:
            raise Leaked("it repeats the marks around data")
        self._checked += out

    def _cite(self, found: re.Match[str]) -> str:
        """Numbers of passages that were given; others are nothing that anybody can look up."""
        known = [int(number) for number in _NUMBER.findall(found[1]) if 1 <= int(number) <= self._guard.passages]
        self.cited += [number for number in dict.fromkeys(known) if number not in self.cited]
        return "".join(f" [{number}]" for number in known)

    def _value(self, found: re.Match[str]) -> str:
        """What a placeholder stands for; of one that nobody gave, its kind."""
        return self._guard.values.get(f"[{found[1].lower()}-{found[2]}]", f"[{found[1].lower()}]")

    def _redacted(self, out: str) -> str:
        """What began in what was checked before is no whole value any more once its end is missing."""
        before = self._checked[-CONTEXT_CODE_POINTS:]
        whole = before + out
        for found in reversed(self._guard.personal(whole)):
            if found.end > len(before) and not any(found.text in text for text in self._guard.public):
                whole = f"{whole[: max(found.start, len(before))]}[{found.type}]{whole[found.end :]}"
        return whole[len(before) :]

    def _show(self, *, is_last: bool = False) -> str:
        """What was checked and not shown, unless it is going on to repeat the instructions."""
        fresh = self._checked[len(self.shown) :]
        if not fresh:
            return ""
        if self._grams:
            tail = self._checked[-_TAIL_CODE_POINTS - len(fresh) :].lower()
            longest, last = _repeated(_whole_words(tail, is_last), self._grams)
            if longest >= LEAK_WORDS:
                raise Leaked("it repeats its instructions")
            if last and not is_last:
                return ""
        self.shown = self._checked
        return fresh


def _run_start(text: str) -> int:
    """Where the tokens with digits and the like at the end of ``text`` begin; its length where there are none."""
    start = len(text)
    for token in reversed(list(_TOKEN.finditer(text))):
        if not _RISKY.search(token.group()):
            break
        start = token.start()
    return start


def _whole_words(text: str, is_last: bool) -> list[str]:
    """The word at the end may be growing still."""
    words = _WORD.findall(text)
    if words and not is_last and text.endswith(words[-1]):
        words.pop()
    return words


def _grams(instructions: str) -> frozenset[tuple[str, ...]]:
    words = _WORD.findall(instructions.lower())
    return frozenset(tuple(words[at : at + HOLD_WORDS]) for at in range(len(words) - HOLD_WORDS + 1))


def _repeated(words: list[str], grams: frozenset[tuple[str, ...]]) -> tuple[int, int]:
    """The longest run of words that stands in the instructions too, and the one at the end; 0 below HOLD_WORDS."""
    longest = run = 0
    for at in range(len(words) - HOLD_WORDS + 1):
        run = run + 1 if tuple(words[at : at + HOLD_WORDS]) in grams else 0
        longest = max(longest, run)
    return (longest + HOLD_WORDS - 1 if longest else 0), (run + HOLD_WORDS - 1 if run else 0)
