"""What locust wrote down, read again."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Entry:
    """One kind of request. Times in ms; ``percentiles`` as locust's CSV names them, e.g. ``95%``."""

    name: str
    requests: int
    failures: int
    per_s: float
    median_ms: float
    mean_ms: float
    max_ms: float
    percentiles_ms: dict[str, float]


@dataclass(frozen=True, slots=True)
class Moment:
    """One second of one kind of request, of the last ten seconds then; ``name`` "" is all of them together."""

    at_s: int
    users: int
    name: str
    per_s: float
    failures_per_s: float
    percentiles_ms: dict[str, float]
    failures: int
    requests: int


def read_entries(prefix: Path) -> list[Entry]:
    """The rows of locust's ``<prefix>_stats.csv``, without its total over unlike requests."""
    with Path(f"{prefix}_stats.csv").open(encoding="utf-8", newline="") as file:
        return [_entry(row) for row in csv.DictReader(file) if row["Name"] != "Aggregated"]


def _entry(row: dict[str, str]) -> Entry:
    return Entry(
        name=row["Name"],
        requests=int(row["Request Count"]),
        failures=int(row["Failure Count"]),
        per_s=float(row["Requests/s"]),
        median_ms=float(row["Median Response Time"]),
        mean_ms=float(row["Average Response Time"]),
        max_ms=float(row["Max Response Time"]),
        percentiles_ms=_percentiles(row),
    )


def _percentiles(row: dict[str, str]) -> dict[str, float]:
    return {name: float(value) for name, value in row.items() if name.endswith("%") and value not in ("N/A", "", None)}


def read_failures(prefix: Path) -> list[str]:
    """``<times> × <entry>: <error>``, the most frequent first."""
    with Path(f"{prefix}_failures.csv").open(encoding="utf-8", newline="") as file:
        rows = sorted(csv.DictReader(file), key=lambda row: -int(row["Occurrences"]))
    return [f"{row['Occurrences']} × {row['Name']}: {row['Error']}" for row in rows]


def read_history(prefix: Path) -> list[Moment]:
    """Second by second, as far as it is written; empty while there is nothing."""
    path = Path(f"{prefix}_stats_history.csv")
    if not path.exists():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return [_moment(row) for row in csv.DictReader(file) if row.get("Total Failure Count")]


def _moment(row: dict[str, str]) -> Moment:
    return Moment(
        at_s=int(row["Timestamp"]),
        users=int(row["User Count"]),
        name="" if row["Name"] == "Aggregated" else row["Name"],
        per_s=float(row["Requests/s"]),
        failures_per_s=float(row["Failures/s"]),
        percentiles_ms=_percentiles(row),
        failures=int(row["Total Failure Count"]),
        requests=int(row["Total Request Count"]),
    )
