"""From what users did to the report of an experiment: one row of observations per user, then the analysis.

Apart from the verbs, and imported late: analysing loads SciPy, which no worker needs to answer anybody.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

import numpy as np

from adapters.experiments.design import Experiment
from adapters.experiments.observations import Observations
from adapters.experiments.plan import plan_of
from adapters.experiments.report import Report, analyse
from server.store.experiment_ports import UnitRecord, Window

UNKNOWN: Final = math.nan


def _mean(total: float, count: int) -> float:
    return total / count if count else UNKNOWN


def _returned(record: UnitRecord, window: Window) -> float:
    # Known of everybody at the same age, or early returners would be all that is known.
    is_over = record.exposed_ms + window.retention_ms <= window.until_ms
    return float(record.returns > 0) if is_over else UNKNOWN


_COLUMNS: Final[Mapping[str, Callable[[UnitRecord, Window], float]]] = MappingProxyType(
    {
        "replies": lambda own, _: float(own.replies),
        "answers": lambda own, _: float(own.answers),
        "turns": lambda own, _: _mean(own.turns, own.conversations),
        "response_ms": lambda own, _: _mean(own.response_ms_sum, own.turns),
        "sentiment_score": lambda own, _: _mean(own.sentiment_sum, own.sentiments),
        "rating": lambda own, _: 1.0 + 4.0 * _mean(own.rating_sum, own.ratings),  # stars
        "returned": _returned,
        "converted": lambda own, _: float(own.goals > 0),
        "handoffs": lambda own, _: float(own.handoffs),
        "conversations": lambda own, _: float(own.conversations),
        "resolved": lambda own, _: float(own.resolved),
    }
)


def observations_of(experiment: Experiment, records: Sequence[UnitRecord], window: Window) -> Observations:
    """One row a user. What is not known is NaN."""
    names = tuple(variant.name for variant in experiment.variants)
    own = [record for record in records if record.variant in names]
    place = {name: at for at, name in enumerate(names)}
    return Observations(
        variants=names,
        unit=np.arange(len(own), dtype=np.int64),
        variant=np.array([place[record.variant] for record in own], dtype=np.int64),
        columns={
            name: np.array([column(record, window) for record in own], dtype=np.float64)
            for name, column in _COLUMNS.items()
        },
    )


def report_of(experiment: Experiment, records: Sequence[UnitRecord], window: Window) -> Report | None:
    """The analysis; None while nobody was shown anything. Takes tens of milliseconds and more: not on the loop."""
    observations = observations_of(experiment, records, window)
    if not len(observations.unit):
        return None
    # No generator is drawn from: a plan of an experiment resamples nothing.
    days = experiment.days(window.until_ms)
    return analyse(observations, plan_of(experiment), np.random.default_rng(0), days=days)


def told(experiment: Experiment, report: Report | None, window: Window) -> dict[str, Any]:
    """The report as JSON; without anybody in it, only that."""
    head = {"experiment": experiment.id, "state": experiment.state, "until_ms": window.until_ms}
    if report is None:
        names = [variant.name for variant in experiment.variants]
        reason = "Nobody was shown it yet."
        return {
            **head,
            "units": dict.fromkeys(names, 0),
            "verdict": {"action": "continue", "winner": None, "reason": reason},
            "insights": [reason],
        }
    return {**head, "days": experiment.days(window.until_ms), **report.to_json()}
