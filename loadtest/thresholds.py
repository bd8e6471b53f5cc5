"""Limits that a load test has to keep, as a person writes them: ``send -> answer: p95 < 200``. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

ALL = "all"
_LIMIT = re.compile(r"(?P<entry>.+?)\s*:\s*(?P<metric>[a-z0-9._]+)\s*(?P<sign>[<>])\s*(?P<value>\d+(?:\.\d+)?)")
_PERCENTILES = {"p50": "50%", "p75": "75%", "p90": "90%", "p95": "95%", "p98": "98%", "p99": "99%", "p99.9": "99.9%"}
METRICS = (*_PERCENTILES, "mean", "max", "failures", "per_s", "count")


class Measured(Protocol):
    """One kind of request, as ``loadtest.results`` reads it."""

    @property
    def name(self) -> str: ...
    @property
    def requests(self) -> int: ...
    @property
    def failures(self) -> int: ...
    @property
    def per_s(self) -> float: ...
    @property
    def mean_ms(self) -> float: ...
    @property
    def max_ms(self) -> float: ...
    @property
    def percentiles_ms(self) -> dict[str, float]: ...


class ThresholdError(ValueError):
    """A text that is no threshold; says what to write."""


@dataclass(frozen=True, slots=True)
class Threshold:
    """``entry``: a kind of request, or ``all``. ``metric``: p50 … p99.9, mean, max in ms; failures as a share from 0
    to 1; per_s; count."""

    entry: str
    metric: str
    sign: str
    value: float

    def __str__(self) -> str:
        return f"{self.entry}: {self.metric} {self.sign} {self.value:g}"


@dataclass(frozen=True, slots=True)
class Verdict:
    """``measured``: None where there was nothing to measure, which keeps no limit."""

    threshold: str
    measured: float | None
    kept: bool


def parse(text: str) -> Threshold:
    """Raises ``ThresholdError``."""
    found = _LIMIT.fullmatch(text.strip())
    if found is None or found["metric"] not in METRICS:
        metrics = ", ".join(METRICS)
        raise ThresholdError(f"{text!r} is no threshold: write one such as 'send -> answer: p95 < 200' ({metrics})")
    if found["entry"] == ALL and found["metric"] not in ("failures", "per_s", "count"):
        raise ThresholdError(f"{text!r}: unlike requests have no common {found['metric']}: name one of them")
    return Threshold(found["entry"], found["metric"], found["sign"], float(found["value"]))


def judge(threshold: Threshold, entries: Sequence[Measured]) -> Verdict:
    """Whether a run kept it."""
    chosen = [entry for entry in entries if threshold.entry in (ALL, entry.name) and entry.requests]
    measured = _value(threshold.metric, chosen) if chosen else None
    if measured is None:
        return Verdict(str(threshold), None, kept=False)
    kept = measured < threshold.value if threshold.sign == "<" else measured > threshold.value
    return Verdict(str(threshold), measured, kept)


def _value(metric: str, entries: Sequence[Measured]) -> float | None:
    requests = sum(entry.requests for entry in entries)
    if metric == "failures":
        return sum(entry.failures for entry in entries) / requests
    if metric == "per_s":
        return sum(entry.per_s for entry in entries)
    if metric == "count":
        return float(requests)
    if metric in _PERCENTILES:
        return entries[0].percentiles_ms.get(_PERCENTILES[metric])
    return entries[0].mean_ms if metric == "mean" else entries[0].max_ms
