"""Product names from a user's list, found in texts (pure but for ``load_products``)."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from pathlib import Path

from inference.errors import ProductsError

Span = tuple[int, int]
Tokens = tuple[str, ...]

MAX_NAMES = 100_000
"""About 40 MB; what is looked at per word of a text does not depend on it."""

MAX_NAME_CHARACTERS = 200

_TOKEN = re.compile(r"\w+|[^\w\s]")


class Products:
    """The names, ready to be looked for. Immutable, so safe to use from several threads.

    Names match on whole words, whatever the case and the blanks between their words; of several that begin at the
    same place the longest is taken. A script without blanks between words has no whole words to match on.
    """

    def __init__(self, names: Iterable[str] = ()) -> None:
        """``names`` in any Unicode form; those without any letter, digit or sign count for nothing."""
        self._names = frozenset(filter(None, map(_tokens, names)))
        lengths: dict[str, set[int]] = {}
        for name in self._names:
            lengths.setdefault(name[0], set()).add(len(name))
        self._lengths = {first: tuple(sorted(found, reverse=True)) for first, found in lengths.items()}

    def __len__(self) -> int:
        """How many names differ in more than case and blanks."""
        return len(self._names)

    def find(self, text: str) -> Iterator[Span]:
        """Where names stand in ``text`` (NFC), from left to right, none overlapping."""
        found = list(_TOKEN.finditer(text))
        words = tuple(match.group().casefold() for match in found)
        place = 0
        while place < len(words):
            length = self._length_at(words, place)
            if length:
                start, end = found[place].start(), found[place + length - 1].end()
                if not (_is_mark(text[start - 1 : start]) or _is_mark(text[end : end + 1])):
                    yield start, end
            place += length or 1

    def _length_at(self, words: Tokens, place: int) -> int:
        """Words of the longest name that begins at ``place``; 0: none."""
        for length in self._lengths.get(words[place], ()):
            if place + length <= len(words) and words[place : place + length] in self._names:
                return length
        return 0


def load_products(path: Path) -> Products:
    """The names in ``path``: UTF-8, one a line; empty lines and lines that begin with ``#`` are skipped.

    Raises:
        ProductsError: names the file, and the line where it is one's fault.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except OSError as error:
        raise ProductsError(path, f"can't be read: {error.strerror}", "Correct the path in the settings.") from error
    except UnicodeDecodeError as error:
        raise ProductsError(path, "is not UTF-8", "Convert it, for example with iconv.") from error
    names = [(number, line.strip()) for number, line in enumerate(lines, start=1)]
    names = [(number, name) for number, name in names if name and not name.startswith("#")]
    for number, name in names:
        if len(name) > MAX_NAME_CHARACTERS:
            problem = f"has more than {MAX_NAME_CHARACTERS} characters in line {number}"
            raise ProductsError(path, problem, "Give one name a line.")
        if not any(map(str.isalnum, name)):
            problem = f"has neither letter nor digit in line {number}"
            raise ProductsError(path, problem, "Give one name a line, or begin a remark with #.")
    if len(names) > MAX_NAMES:
        raise ProductsError(path, f"has more than {MAX_NAMES:,} names", "Keep those that customers write.")
    return Products(name for _, name in names)


def _tokens(name: str) -> Tokens:
    return tuple(token.casefold() for token in _TOKEN.findall(unicodedata.normalize("NFC", name)))


def _is_mark(character: str) -> bool:
    """Whether a word goes on here: a mark belongs to the letter before it, though it is none itself."""
    return bool(character) and unicodedata.category(character).startswith("M")
