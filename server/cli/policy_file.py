"""Somebody else's decision log, as CSV or JSON lines; ``docs/policies.md`` has its columns."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from server.errors import StartupError

if TYPE_CHECKING:
    from adapters.ope.log import Log, Matrix

UNKNOWN = frozenset({"", "na", "n/a", "nan", "null", "none", "unknown", "-"})
CERTAIN = 1.0
PREFIXES = {"p_": "probabilities", "target_": "target", "x_": "features"}


@dataclass(frozen=True, slots=True, eq=False)
class FileLog:
    """``log``: the rows with a known reward. ``target`` (rows, arms): the file's own, None where it has none.
    ``times_ms`` of the decisions, None where the file has none. ``unknown``: rows without a reward."""

    log: Log
    target: Matrix | None
    times_ms: list[float] | None
    unknown: int


@dataclass(slots=True)
class _Row:
    """One decision as written; ``line`` of the file. ``reward`` and ``at_ms`` None: not known."""

    line: int
    arm: str
    reward: float | None
    propensity: float | None
    at_ms: float | None
    probabilities: dict[str, float] = field(default_factory=dict)
    target: dict[str, float] = field(default_factory=dict)
    features: dict[str, float] = field(default_factory=dict)


def read_log(path: Path, reward_low: float, reward_high: float) -> FileLog:
    """``StartupError`` names the file, the line and what to do."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as source:
            lines = _json_rows(source) if path.suffix in (".jsonl", ".ndjson", ".json") else _csv_rows(source)
            rows = [_row(line, values) for line, values in lines]
    except OSError as error:
        raise StartupError(
            f"{path} can't be read: {error.strerror}.", "Give the path of a CSV or JSONL file."
        ) from None
    except UnicodeDecodeError:
        raise StartupError(
            f"{path} is not UTF-8.", "Convert it, for example with `iconv -f latin1 -t utf-8`."
        ) from None
    except (ValueError, csv.Error) as error:
        raise StartupError(f"{path}, {error}.", "`docs/policies.md` has the columns.") from None
    return _assembled(path, rows, reward_low, reward_high)


def _csv_rows(source: Any) -> Iterator[tuple[int, dict[str, Any]]]:
    reader = csv.DictReader(source, restval="")
    for cells in reader:
        nested: dict[str, Any] = {"probabilities": {}, "target": {}, "features": {}}
        for name, text in cells.items():
            if name is None:
                raise ValueError(f"line {reader.line_num}: more fields than columns")
            prefix = next((known for known in PREFIXES if name.startswith(known)), None)
            if prefix is not None and text.strip():
                nested[PREFIXES[prefix]][name.removeprefix(prefix)] = text
            elif prefix is None:
                nested[name] = text if name != "target" else _certainly(text, nested["target"])
        yield reader.line_num, nested


def _certainly(text: str, others: dict[str, Any]) -> dict[str, Any]:
    return {text: CERTAIN} if text.strip() else others


def _json_rows(source: Any) -> Iterator[tuple[int, dict[str, Any]]]:
    for number, line in enumerate(source, 1):
        if line.strip():
            try:
                values = json.loads(line)
            except ValueError:
                raise ValueError(f"line {number}: no JSON") from None
            if not isinstance(values, dict):
                raise ValueError(f"line {number}: no JSON object")
            if isinstance(values.get("target"), str):
                values["target"] = {values["target"]: CERTAIN}
            if isinstance(values.get("features"), list):
                values["features"] = {str(place): value for place, value in enumerate(values["features"])}
            yield number, values


def _row(line: int, values: Mapping[str, Any]) -> _Row:
    arm = values.get("arm")
    if not isinstance(arm, str) or not arm:
        raise ValueError(f"line {line}: there is no arm")
    found = {name: _number(line, name, values.get(name)) for name in ("reward", "propensity", "at_ms")}
    made = _Row(line, arm, found["reward"], found["propensity"], found["at_ms"])
    for name in PREFIXES.values():
        numbers = values.get(name) or {}
        if not isinstance(numbers, dict):
            raise ValueError(f"line {line}: {name} is no object of names and numbers")
        for key, value in numbers.items():
            number = _number(line, f"{name} {key}", value)
            if number is None:
                raise ValueError(f"line {line}: {name} {key} is not known")
            getattr(made, name)[key] = number
    if not made.probabilities and made.propensity is None:
        raise ValueError(f"line {line}: neither a propensity nor probabilities")
    return made


def _number(line: int, name: str, value: object) -> float | None:
    if value is None or (isinstance(value, str) and value.strip().lower() in UNKNOWN):
        return None
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number):
        raise ValueError(f"line {line}: {name} {value!r} is no number")
    return number


def _assembled(path: Path, rows: list[_Row], reward_low: float, reward_high: float) -> FileLog:
    import numpy as np

    from adapters.ope.log import Log, LogError

    names = [name for row in rows for name in (*row.probabilities, row.arm, *row.target)]
    arms = {arm: place for place, arm in enumerate(dict.fromkeys(names))}
    features = {name: place for place, name in enumerate(dict.fromkeys(name for row in rows for name in row.features))}
    known = [row for row in rows if row.reward is not None]
    contexts = np.zeros((len(known), len(features)))
    probabilities, target = np.full((len(known), len(arms)), np.nan), np.zeros((len(known), len(arms)))
    for place, row in enumerate(known):
        for name, value in row.features.items():
            contexts[place, features[name]] = value
        for name, value in row.target.items():
            target[place, arms[name]] = value
        if row.probabilities:
            probabilities[place] = 0.0
            for name, value in row.probabilities.items():
                probabilities[place, arms[name]] = value
        elif row.propensity is not None:
            probabilities[place, arms[row.arm]] = row.propensity
    has_target = any(row.target for row in known)
    missing = next((row.line for row in known if not row.target), None)
    if has_target and missing is not None:
        raise StartupError(f"{path}, line {missing}: no target, where other lines have one.", "Give it on every line.")
    try:
        log = Log.of(
            list(arms), contexts, np.array([arms[row.arm] for row in known], dtype=int),
            np.array([row.reward for row in known], dtype=float), probabilities,
            reward_low=reward_low, reward_high=reward_high,
        )  # fmt: skip
    except LogError as error:
        where = f", line {known[error.row - 1].line}" if error.row else ""
        remedy = "Rewards in another range: --reward-low, --reward-high."
        raise StartupError(f"{path}{where}: {error.problem}", remedy if "reward" in error.problem else "") from None
    times_ms = [row.at_ms for row in known if row.at_ms is not None]
    timed = times_ms if times_ms and len(times_ms) == len(known) else None
    return FileLog(log, target if has_target else None, timed, len(rows) - len(known))
