"""What rules may look at: each measure with its unit, and what makes its readings of figures and of the ledger (pure).

Shares lie in [0, 1]. What nothing is known about has no reading, never a zero.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from types import MappingProxyType
from typing import Final

from server.chat.alerting.values import Reading
from server.chat.rollup import percentile
from server.chat.signals import WorkerFigures
from server.store.alert_ports import Evidence
from server.telemetry.totals import ANALYSIS_S, TURN_S

RATING_MIN: Final = 1.0
RATING_SPAN: Final = 4.0
"""Ratings in [0, 1] are told as 1 to 5."""


@dataclass(frozen=True, slots=True)
class Measure:
    """``counted``: its readings are means over observations, of which a rule may ask for enough. ``is_near``: one
    worker knows it alone, even where neither the ledger nor the others can be asked."""

    unit: str
    meaning: str
    counted: bool = False
    is_near: bool = False


MEASURES: Final[Mapping[str, Measure]] = MappingProxyType({
    "accuracy": Measure(
        "share",
        "Turns of the last day whose intent was right: those that nobody doubted, and of the doubted ones the share "
        "that people's labels confirm. An upper bound. Counted: labels.", counted=True,
    ),
    "label_agreement": Measure(
        "share", "Labels given to the last day's doubtful turns that are what the model had said.", counted=True,
    ),
    "satisfaction": Measure(
        "1 to 5", "Mean rating of whole conversations by their customers in the last hour.", counted=True
    ),
    "success": Measure(
        "share",
        "Of the conversations that came to an end in the last hour, resolved or handed to a person, those resolved "
        "without one.", counted=True,
    ),
    "handoffs": Measure("share", "Hand-offs per turn over five minutes. Counted: turns.", counted=True),
    "apologies": Measure(
        "share", "Turns of five minutes that the bot could only apologise for. Counted: turns.", counted=True
    ),
    "sentiment": Measure("-1 to 1", "Mean sentiment of customers' messages over five minutes.", counted=True),
    "turn_p95_ms": Measure("ms", "95th percentile of the last minute's turns.", counted=True),
    "turn_p99_ms": Measure("ms", "99th percentile of the last minute's turns.", counted=True),
    "analysis_p99_ms": Measure("ms", "99th percentile of the last minute's analyses.", counted=True),
    "errors_per_s": Measure("1/s", "Error frames sent, over five seconds."),
    "drops": Measure("frames", "Frames dropped in the last minute because their readers were too slow."),
    "connections": Measure("connections", "Open WebSocket connections."),
    "messages_per_s": Measure("1/s", "Messages stored, over five seconds."),
    "turns_per_s": Measure("1/s", "Turns answered, over five seconds."),
    "workers": Measure("workers", "Workers heard in the last three seconds."),
    "cpu_cores": Measure("cores", "Processor time of the busiest worker, over five seconds."),
    "rss_bytes": Measure("bytes", "Resident memory of the largest worker."),
    "queue_length": Measure("conversations", "Conversations that wait for a person, at most 500."),
    "queue_wait_s": Measure("s", "How long the longest of them has waited."),
    "drift_class": Measure(
        "PSI", "Population stability index of the intents, over all workers. About: version."
    ),
    "drift_confidence": Measure("PSI", "The same, of the confidences. About: version."),
    "disputed": Measure(
        "0 or 1", "1 while people who label its unsure turns agree less with a version than before. About: version."
    ),
    "disk_free": Measure("share", "Free space of the data directory's file system, where it is least.", is_near=True),
    "redis_away": Measure("0 or 1", "1 while the presence registry does not answer.", is_near=True),
    "database_away": Measure("0 or 1", "1 while the database can't be written.", is_near=True),
    "model_away": Measure("0 or 1", "1 while a worker's circuit to the language model is open."),
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What one worker knows by itself. ``longest_wait_ms``: 0 where nobody waits."""

    disk_free: float | None = None
    redis_away: bool = False
    database_away: bool = False
    queue_length: int | None = None
    longest_wait_ms: int = 0


Readings = dict[str, tuple[Reading, ...]]


def near(known: Surroundings) -> Readings:
    """What holds whoever can be asked."""
    found: Readings = {
        "redis_away": (Reading(float(known.redis_away)),),
        "database_away": (Reading(float(known.database_away)),),
    }
    if known.disk_free is not None:
        found["disk_free"] = (Reading(known.disk_free),)
    if known.queue_length is not None:
        found["queue_length"] = (Reading(float(known.queue_length)),)
        found["queue_wait_s"] = (Reading(known.longest_wait_ms / 1000),)
    return found


def of_figures(reports: Sequence[WorkerFigures]) -> Readings:
    """What the workers' figures say together; nothing where no worker was heard."""
    if not reports:
        return {}
    turns = sum(one.turns for one in reports)
    found: Readings = {
        "workers": (Reading(float(len(reports))),),
        "connections": (Reading(float(sum(one.connections for one in reports))),),
        "messages_per_s": (Reading(sum(one.messages_per_s for one in reports)),),
        "turns_per_s": (Reading(sum(one.turns_per_s for one in reports)),),
        "errors_per_s": (Reading(sum(one.errors_per_s for one in reports)),),
        "drops": (Reading(float(sum(one.outbox_drops for one in reports))),),
        "cpu_cores": (Reading(max(one.cpu for one in reports)),),
        "rss_bytes": (Reading(float(max(one.rss_bytes for one in reports))),),
        **_shares(reports, turns),
        **_latency("turn_p95_ms", 0.95, TURN_S, [one.turn_counts for one in reports]),
        **_latency("turn_p99_ms", 0.99, TURN_S, [one.turn_counts for one in reports]),
        **_latency("analysis_p99_ms", 0.99, ANALYSIS_S, [one.analysis_counts for one in reports]),
        **_drift(reports),
    }
    healths = [one.health for one in reports]
    free = [one.disk_free for one in healths if one.disk_free is not None]
    if free:
        found["disk_free"] = (Reading(min(free)),)
    away = [one.model_away for one in healths if one.model_away is not None]
    if away:
        found["model_away"] = (Reading(float(any(away))),)
    return found


def _shares(reports: Sequence[WorkerFigures], turns: int) -> Readings:
    found: Readings = {}
    handoffs, apologies = sum(one.handoffs for one in reports), sum(one.apologies for one in reports)
    moods = sum(one.sentiment_count for one in reports)
    # Hand-offs may come without a turn, from a customer who asks at once; a share is never above 1.
    if turns or handoffs:
        seen = max(turns, handoffs)
        found["handoffs"] = (Reading(handoffs / seen, seen),)
    if turns or apologies:  # an apology is no turn of the metric
        found["apologies"] = (Reading(apologies / (turns + apologies), turns + apologies),)
    if moods:
        found["sentiment"] = (Reading(sum(one.sentiment_sum for one in reports) / moods, moods),)
    return found


def _latency(name: str, share: float, bounds: Sequence[float], parts: Sequence[Sequence[int]]) -> Readings:
    fitting = [counts for counts in parts if len(counts) == len(bounds) + 1]  # not another release's buckets
    counts = [sum(column) for column in zip(*fitting, strict=True)]
    if not sum(counts):
        return {}
    return {name: (Reading(percentile(bounds, counts, share) * 1000, sum(counts)),)}


def _drift(reports: Sequence[WorkerFigures]) -> Readings:
    """Every worker tells the cluster's figures as it last read them; the largest counts."""
    found: dict[tuple[str, str], float] = {}
    told = chain.from_iterable(
        (
            *((version, f"drift_{measure}", index) for version, measure, index in one.health.psi),
            *((version, "disputed", float(fell)) for version, fell in one.health.disputed),
        )
        for one in reports
    )
    for version, name, value in told:
        found[name, version] = max(value, found.get((name, version), 0.0))
    return {
        name: tuple(
            Reading(value, about={"version": version}) for (which, version), value in sorted(found.items())
            if which == name
        )
        for name in ("drift_class", "drift_confidence", "disputed")
    }  # fmt: skip


def of_evidence(evidence: Evidence) -> Readings:
    """What the ledger says of the last hour, and of the last day's labels."""
    found: Readings = {}
    if evidence.labelled and evidence.answered:
        agreement = evidence.agreed / evidence.labelled
        doubted = min(1.0, evidence.doubted / evidence.answered)
        found["label_agreement"] = (Reading(agreement, evidence.labelled),)
        found["accuracy"] = (Reading(1.0 - doubted * (1.0 - agreement), evidence.labelled),)
    if evidence.ratings:
        mean = evidence.rating_sum / evidence.ratings
        found["satisfaction"] = (Reading(RATING_MIN + RATING_SPAN * mean, evidence.ratings),)
    ended = evidence.resolved + evidence.handed_over
    if ended:
        found["success"] = (Reading(evidence.resolved / ended, ended),)
    return found
