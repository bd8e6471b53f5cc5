"""Observations from a CSV file: one row each, a million in seconds, every unreadable row with its line number."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from adapters.names import suggestion
from server.errors import StartupError

if TYPE_CHECKING:
    from adapters.experiments.observations import Doubles, Observations

BLOCK_ROWS = 65_536
MAX_TOLD = 5
"""Unreadable rows that are named; the first few show what is wrong with all."""

UNKNOWN = frozenset({"", "na", "n/a", "nan", "null", "none", "unknown", "-"})
_TRUTH = {"true": 1.0, "yes": 1.0, "false": 0.0, "no": 0.0}
_DELIMITERS = ",;\t|"

Rows = list[tuple[int, list[str]]]


@dataclass(frozen=True, slots=True)
class Columns:
    """Of ``unit`` and ``variant`` the names, of ``numbers`` the values are read; those of ``binary`` are 0 or 1.
    ``propensity``: the chance with which each row's variant was chosen; "" where the file has none."""

    unit: str
    variant: str
    numbers: tuple[str, ...]
    binary: frozenset[str]
    propensity: str = ""


def read_observations(path: Path, columns: Columns) -> Observations:
    """``StartupError`` names the file, the lines and what to do."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as source:
            return _read(source, path, columns)
    except OSError as error:
        raise StartupError(f"{path} can't be read: {error.strerror}.", "Give the path of a CSV file.") from None
    except UnicodeDecodeError:
        raise StartupError(
            f"{path} is not UTF-8.", "Convert it, for example with `iconv -f latin1 -t utf-8`."
        ) from None
    except csv.Error as error:
        raise StartupError(f"{path} is no CSV file: {error}.", "Export it again.") from None


def header(path: Path) -> tuple[str, ...]:
    """The names of the columns; empty where the file can't be read, which ``read_observations`` explains."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as source:
            return tuple(_header(source)[0])
    except (OSError, UnicodeDecodeError, csv.Error):
        return ()


def _header(source: TextIO) -> tuple[list[str], str]:
    line = source.readline()
    delimiter = max(_DELIMITERS, key=line.count)
    return [name.strip() for name in next(csv.reader([line], delimiter=delimiter), [])], delimiter


def _read(source: TextIO, path: Path, columns: Columns) -> Observations:
    from adapters.experiments.observations import Recorder

    names, delimiter = _header(source)
    propensity = (columns.propensity,) if columns.propensity else ()
    wanted = tuple(dict.fromkeys([*columns.numbers, *propensity]))
    places = {name: _place(name, names, path) for name in (columns.unit, columns.variant, *wanted)}
    recorder, chances = Recorder(columns.numbers), _Chances()
    problems = _Problems(path)
    for block in _blocks(source, delimiter):
        _same_width(block, len(names), problems)
        if problems.found:
            continue  # look for more of them, and record no more
        parts = list(zip(*(row for _, row in block), strict=True))
        units, variants = parts[places[columns.unit]], parts[places[columns.variant]]
        for name, values in ((columns.unit, units), (columns.variant, variants)):
            _all_there(name, values, block, problems)
        read = {name: _numbers(name, parts[places[name]], block, columns, problems) for name in wanted}
        if not problems.found:
            recorder.add(units, variants, read)
            if propensity:
                chances.add(variants, read[columns.propensity])
    problems.raise_if_any()
    try:
        return recorder.observations(by_policy=chances.vary)
    except ValueError:
        raise StartupError(f"{path} has no rows.", "Give a CSV file with a header and one observation a row.") from None


def _place(name: str, names: Sequence[str], path: Path) -> int:
    if name not in names:
        raise StartupError(f"{path} has no column {name!r}.", suggestion(name, names))
    if names.count(name) > 1:
        raise StartupError(f"{path} has two columns {name!r}.", "Rename one of them.")
    return names.index(name)


def _blocks(source: TextIO, delimiter: str) -> Iterator[Rows]:
    reader = csv.reader(source, delimiter=delimiter)
    # The header's line was read before; empty lines are no rows.
    numbered = ((reader.line_num + 1, row) for row in reader if row)
    while block := list(islice(numbered, BLOCK_ROWS)):
        yield block


class _Problems:
    """The first few unreadable rows, and how many there are."""

    def __init__(self, path: Path) -> None:
        self.found = 0
        self._path = path
        self._told: list[str] = []

    def add(self, line: int, text: str) -> None:
        self.found += 1
        if len(self._told) < MAX_TOLD:
            self._told.append(f"line {line}: {text}")

    def raise_if_any(self) -> None:
        if self.found:
            more = f"; and {self.found - len(self._told):,} more" if self.found > len(self._told) else ""
            values = "value" if self.found == 1 else "values"
            remedy = "Correct them, or leave empty what is not known."
            problem = f"{self._path}: {self.found:,} unreadable {values}: {'; '.join(self._told)}{more}."
            raise StartupError(problem, remedy)


def _same_width(block: Rows, width: int, problems: _Problems) -> None:
    for line, row in block:
        if len(row) != width:
            problems.add(line, f"{len(row)} fields instead of {width}")


def _all_there(name: str, values: Sequence[str], block: Rows, problems: _Problems) -> None:
    if "" in values:
        for (line, _), value in zip(block, values, strict=True):
            if not value:
                problems.add(line, f"{name} is empty")


def _numbers(name: str, texts: Sequence[str], block: Rows, columns: Columns, problems: _Problems) -> Doubles:
    import numpy as np

    try:
        found = np.array([float(text) if text else math.nan for text in texts])
    except ValueError:
        found = np.array([_number(text) for text in texts])
    known = np.array([bool(text) for text in texts])
    if name in columns.binary:
        wrong, expected = known & (found != 0.0) & (found != 1.0), "is not 0, 1, true, false, yes or no"
    else:
        wrong, expected = known & ~np.isfinite(found), "is not a number"
    for place in np.flatnonzero(wrong).tolist():
        # NaN is what a word became; some words say that nothing is known.
        if texts[place].strip().lower() not in UNKNOWN:
            problems.add(block[place][0], f"{name} {texts[place]!r} {expected}")
    return found


def _number(text: str) -> float:
    word = text.strip().lower()
    try:
        return _TRUTH[word] if word in _TRUTH else float(word)
    except ValueError:
        return math.nan


class _Chances:
    """Whether a variant's propensity changes from row to row, as it does where a policy learns."""

    def __init__(self) -> None:
        self.vary = False
        self._seen: dict[str, float] = {}

    def add(self, variants: Sequence[str], chances: Doubles) -> None:
        for variant, chance in dict.fromkeys(zip(variants, chances.round(6).tolist(), strict=True)):
            if self._seen.setdefault(variant, chance) != chance:
                self.vary = True
