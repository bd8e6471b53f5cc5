"""Observations from a CSV file: one row each, a million in seconds, every unreadable row with its line number."""

from __future__ import annotations

import csv
import gc
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from adapters.names import suggestion
from server.errors import StartupError

if TYPE_CHECKING:
    from adapters.experiments.observations import Doubles, Observations

BLOCK_ROWS = 8_192
"""Few enough for the processor's cache: a third faster than 65,536."""

MAX_TOLD = 5
"""Unreadable rows that are named; the first few show what is wrong with all."""

UNKNOWN = frozenset({"", "na", "n/a", "nan", "null", "none", "unknown", "-"})
_TRUTH = {"true": 1.0, "yes": 1.0, "false": 0.0, "no": 0.0}
_DELIMITERS = ",;\t|"


@dataclass(frozen=True, slots=True)
class Columns:
    """Of ``unit`` and ``variants`` the names, of ``numbers`` the values are read; those of ``binary`` are 0 or 1.
    ``variants``: one column, or those of two factors, whose levels make the variant together. ``propensity``: the
    chance with which each row's variant was chosen; "" where the file has none."""

    unit: str
    variants: tuple[str, ...]
    numbers: tuple[str, ...]
    binary: frozenset[str]
    propensity: str = ""


def read_observations(path: Path, columns: Columns) -> Observations:
    """``StartupError`` names the file, the lines and what to do."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as source, _without_collector():
            return _read(source, path, columns)
    except OSError as error:
        raise StartupError(f"{path} can't be read: {error.strerror}.", "Give the path of a CSV file.") from None
    except UnicodeDecodeError:
        raise StartupError(
            f"{path} is not UTF-8.", "Convert it, for example with `iconv -f latin1 -t utf-8`."
        ) from None
    except csv.Error as error:
        raise StartupError(f"{path} is no CSV file: {error}.", "Export it again.") from None


@contextmanager
def _without_collector() -> Iterator[None]:
    """Rows hold no cycles; to look for some among a million takes a third of the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


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
    places = {name: _place(name, names, path) for name in (columns.unit, *columns.variants, *wanted)}
    recorder, chances = Recorder(columns.numbers), _Chances()
    problems = _Problems(path)
    for block in _blocks(source, delimiter):
        rows = _same_width(block, len(names), problems)
        parts = list(
            zip(*(block.rows if len(rows) == len(block.rows) else map(block.rows.__getitem__, rows)), strict=True)
        )
        if not parts:
            continue
        found = {name: _Column(name, parts[place], rows, block) for name, place in places.items()}
        for name in (columns.unit, *columns.variants):
            found[name].all_there(problems)
        variants = _variants([found[name] for name in columns.variants], problems)
        read = {name: found[name].numbers(name in columns.binary, problems) for name in wanted}
        if problems.found:
            continue  # look for more of them, and record no more
        recorder.add(found[columns.unit].texts, variants, read)
        if propensity:
            chances.add(variants, read[columns.propensity])
    problems.raise_if_any()
    try:
        return recorder.observations(by_policy=chances.vary)
    except ValueError:
        raise StartupError(f"{path} has no rows.", "Give a CSV file with a header and one observation a row.") from None


def _variants(columns: Sequence[_Column], problems: _Problems) -> Sequence[str]:
    """Row by row, with the names that ``factorial.combinations`` gives."""
    if len(columns) == 1:
        return columns[0].texts
    from adapters.experiments.factorial import JOINT

    for column in columns:
        column.none_with(JOINT, problems)
    return [JOINT.join(levels) for levels in zip(*(column.texts for column in columns), strict=True)]


def _place(name: str, names: Sequence[str], path: Path) -> int:
    if name not in names:
        raise StartupError(f"{path} has no column {name!r}.", suggestion(name, names))
    if names.count(name) > 1:
        raise StartupError(f"{path} has two columns {name!r}.", "Rename one of them.")
    return names.index(name)


@dataclass(frozen=True, slots=True)
class _Block:
    """``rows`` in a row, ``before`` lines after the file's start."""

    before: int
    rows: list[list[str]]

    def line_of(self, place: int) -> int:
        """Of the end of the row at ``place``. Counted only where something is wrong: a row may have several lines."""
        return self.before + sum(1 + sum(field.count("\n") for field in row) for row in self.rows[: place + 1])


def _blocks(source: TextIO, delimiter: str) -> Iterator[_Block]:
    reader = csv.reader(source, delimiter=delimiter)
    before = 1  # the header
    while rows := list(islice(reader, BLOCK_ROWS)):
        yield _Block(before, rows)
        before = 1 + reader.line_num


class _Problems:
    """The first few unreadable rows, and how many there are."""

    def __init__(self, path: Path) -> None:
        self.found = 0
        self._path = path
        self._told: list[str] = []

    def add(self, block: _Block, place: int, text: str) -> None:
        self.found += 1
        if len(self._told) < MAX_TOLD:
            self._told.append(f"line {block.line_of(place)}: {text}")

    def raise_if_any(self) -> None:
        if self.found:
            more = f"; and {self.found - len(self._told):,} more" if self.found > len(self._told) else ""
            values = "value" if self.found == 1 else "values"
            remedy = "Correct them, or leave empty what is not known."
            problem = f"{self._path}: {self.found:,} unreadable {values}: {'; '.join(self._told)}{more}."
            raise StartupError(problem, remedy)


def _same_width(block: _Block, width: int, problems: _Problems) -> list[int]:
    """The places of the rows; empty lines are none."""
    if set(map(len, block.rows)) == {width}:
        return list(range(len(block.rows)))
    for place, row in enumerate(block.rows):
        if row and len(row) != width:
            problems.add(block, place, f"{len(row)} fields instead of {width}")
    return [place for place, row in enumerate(block.rows) if len(row) == width]


@dataclass(frozen=True, slots=True)
class _Column:
    """The ``texts`` of one column of a block, and the ``places`` of their rows in it."""

    name: str
    texts: Sequence[str]
    places: Sequence[int]
    block: _Block

    def all_there(self, problems: _Problems) -> None:
        """Complains of empty fields."""
        if "" in self.texts:
            for place, text in zip(self.places, self.texts, strict=True):
                if not text:
                    problems.add(self.block, place, f"{self.name} is empty")

    def none_with(self, sign: str, problems: _Problems) -> None:
        """Complains of fields that hold ``sign``."""
        if any(sign in text for text in set(self.texts)):
            for place, text in zip(self.places, self.texts, strict=True):
                if sign in text:
                    problems.add(self.block, place, f"{self.name} {text!r} holds {sign!r}, which joins two levels")

    def numbers(self, binary: bool, problems: _Problems) -> Doubles:
        """NaN where a field is empty or says that it is unknown."""
        import numpy as np

        try:
            found = np.array([float(text) if text else math.nan for text in self.texts])
        except ValueError:
            found = np.array([_number(text) for text in self.texts])
        fits = (found == 0.0) | (found == 1.0) if binary else np.isfinite(found)
        expected = "0, 1, true, false, yes or no" if binary else "a number"
        for at in np.flatnonzero(~fits).tolist():
            # NaN is what a word became; some words say that nothing is known.
            if self.texts[at].strip().lower() not in UNKNOWN:
                problems.add(self.block, self.places[at], f"{self.name} {self.texts[at]!r} is not {expected}")
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
        for variant, chance in set(zip(variants, chances.round(6).tolist(), strict=True)):
            if not math.isnan(chance) and self._seen.setdefault(variant, chance) != chance:
                self.vary = True
