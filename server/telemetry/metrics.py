"""Prometheus metrics. docs/metrics.md explains each; a test holds the two together."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Info,
    ProcessCollector,
    Summary,
    generate_latest,
)
from prometheus_client import disable_created_metrics as _disable_created_metrics
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from prometheus_client.samples import Sample

from server import __version__
from server.telemetry.alerts import AlertMetrics
from server.telemetry.articles import ArticleMetrics
from server.telemetry.language import LanguageMetrics
from server.telemetry.totals import ANALYSIS_S, TURN_S, Totals
from server.telemetry.versions import VersionsCollector

if TYPE_CHECKING:
    from inference.engine import EngineStats
    from inference.registry.everywhere import ClusterFigures
    from inference.registry.live import VersionFigures

# Around the target of 20 µs a decision, and of 0.4 ms a commit of 50 rows.
DECIDE_S = (0.000005, 0.00001, 0.00002, 0.00003, 0.00005, 0.000075, 0.0001, 0.0002, 0.0005, 0.001, 0.005)
COMMIT_S = (0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 5.0)
COMMIT_ROWS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)
SENTIMENT = (-0.8, -0.6, -0.4, -0.2, 0.0, 0.2, 0.4, 0.6, 0.8, 1.0)


class Metrics:
    """The process's Prometheus metrics, on a registry of their own. Names carry their unit; one call costs 1 to 10 µs.

    Counters only grow; a metric of the whole cluster is the sum over its processes, unless its meaning says otherwise.
    """

    def __init__(self) -> None:
        _disable_created_metrics()  # type: ignore[no-untyped-call]  # a second series per metric that nobody reads
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        Info("parlance_build", "The release that runs.", registry=self.registry).info({"version": __version__})
        self._traffic()
        self._work()
        self._people()
        self._neighbours()
        self.language = LanguageMetrics(self.registry)
        self.alerts = AlertMetrics(self.registry)
        self.articles = ArticleMetrics(self.registry)

    def _traffic(self) -> None:
        self.connections = self._gauge("connections", "Open WebSocket connections.")
        self.frames_in = self._counter("frames_in", "Frames received from clients.")
        self.frames_out = self._counter("frames_out", "Frames written to clients.")
        self.deliveries = self._counter("deliveries", "Frames of a channel handed to its subscribers.")
        self.outbox_drops = self._counter("outbox_drops", "Frames dropped because their reader was too slow.")
        self.errors = self._counter("errors", "Error frames sent, by code (PROTOCOL section 8).", "code")
        self.rate_limited = self._counter("rate_limited", "Actions refused by a limit, by its name.", "quota")

    def _work(self) -> None:
        self.messages = self._counter("messages", "Messages stored, by whomever.")
        self.commit_rows = self._histogram("commit_rows", "Operations that one transaction stored.", COMMIT_ROWS)
        self.commit_seconds = self._histogram("commit_seconds", "Transactions that stored something.", COMMIT_S)
        self.turns = self._counter("turns", "Customer messages answered by the bot.")
        self.apologies = self._counter("apologies", "Customer messages that the bot could only apologise for.")
        self.turn_seconds = self._histogram("turn_seconds", "Start of a turn to its answer's commit.", TURN_S)
        self.analysis_seconds = self._histogram("analysis_seconds", "Understanding one text.", ANALYSIS_S)
        self.decide_seconds = self._histogram("decide_seconds", "Choosing a persona.", DECIDE_S)
        self.sentiment = self._histogram("sentiment", "Sentiment of customer messages, from -1 to 1.", SENTIMENT)
        self._sentiment_sum = 0.0  # Prometheus keeps no sum of what may be negative
        self.decisions = self._counter("decisions", "Answers by the persona chosen.", "persona")
        meaning = "Times that a version could not be taken into use; the log says why."
        self.model_faults = self._counter("model_faults", meaning, "version")
        self.rewards = self._counter("rewards", "Reward events of the cluster that this process has learned.")
        meaning = "Reward events that this process could not learn from, by what did not fit."
        self.rewards_skipped = self._counter("rewards_skipped", meaning, "reason")
        meaning = "Rewards told after the waiting window, and whether they count."
        self.rewards_late = self._counter("rewards_late", meaning, "counts")
        self.rewards_defaulted = self._counter(
            "rewards_defaulted", "Decisions that this process gave the default reward."
        )
        meaning = "Parts of rewards told to this process, each from 0 to 1: how many, and their sum."
        self.reward_parts = Summary("parlance_reward_part", meaning, ("part",), registry=self.registry)
        self.doubts = self._counter("doubts", "Answered turns that went into the inbox to be relabelled.")
        self.inbox_open = self._gauge("inbox_open", "Turns of the cluster in the inbox that nobody has judged yet.")
        self.relabelled = self._gauge("relabelled", "Turns of the cluster with a label from the inbox.", "model")
        self.agreement = self._gauge("relabel_agreement_ratio", "Share of them that the model had said so.", "model")

        meaning = "Questions held against the knowledge, by what came of it: answered, offered, nothing."
        self.knowledge_turns = self._counter("knowledge_turns", meaning, "outcome")
        self._experiments()

    def _experiments(self) -> None:
        self.experiments_running = self._gauge("experiments_running", "Experiments of the cluster that take users.")
        meaning = "Users to whom this process showed a variant for the first time."
        self.exposures = self._counter("exposures", meaning, "experiment", "variant")
        meaning = "Analyses of running experiments for their automatic stop, by what followed."
        self.experiment_looks = self._counter("experiment_looks", meaning, "action")

    def _people(self) -> None:
        self.handoffs = self._counter("handoffs", "Conversations handed to the queue, lapsed claims not counted.")
        self.claims = self._counter("claims", "Conversations claimed by an agent.")
        self.claims_lapsed = self._counter("claims_lapsed", "Claims ended because their agent was away.")
        self.queue_length = self._gauge("queue_length", "Waiting conversations of the cluster, at most 500.")

    def _neighbours(self) -> None:
        self.registry_up = self._gauge("registry_up", "Whether the presence registry answered the last time.")
        self.backplane_reconnects = self._counter("backplane_reconnects", "Interruptions of the backplane that healed.")
        self.envelopes_malformed = self._counter("envelopes_malformed", "Envelopes of other workers nobody can read.")
        self.limited_locally = self._counter("limited_locally", "Actions that this worker counted alone for a limit.")

    def delivered(self, frames: int) -> None:
        """Count frames of a channel that were handed to its subscribers."""
        if frames:
            self.deliveries.inc(frames)
            self.frames_out.inc(frames)

    def error(self, code: int) -> None:
        """Count an error frame of ``code``."""
        self.errors.labels(str(code)).inc()

    def limited(self, quota: str) -> None:
        """Count an action that the limit of this name refused."""
        self.rate_limited.labels(quota).inc()

    def model_fault(self, version: str) -> None:
        """Count that this version could not be taken into use."""
        self.model_faults.labels(version).inc()

    def parts(self, parts: Mapping[str, float]) -> None:
        """Count the parts of a reward by their names."""
        for name, value in parts.items():
            self.reward_parts.labels(name).observe(value)

    def late(self, *, counts: bool) -> None:
        """Count a reward that came after the waiting window."""
        self.rewards_late.labels(str(counts).lower()).inc()

    def exposure(self, experiment: str, variant: str) -> None:
        """Count a user to whom a variant was shown for the first time."""
        self.exposures.labels(experiment, variant).inc()

    def experiment_look(self, action: str) -> None:
        """Count an analysis of a running experiment, by its verdict."""
        self.experiment_looks.labels(action).inc()

    def knowledge(self, outcome: str) -> None:
        """Count what the knowledge had on a turn."""
        self.knowledge_turns.labels(outcome).inc()

    def turn(self, *, total_s: float, analysis_s: float, decide_s: float, sentiment: float, persona: str) -> None:
        """Count an answered turn: what it took, and what was found and chosen."""
        self.turns.inc()
        self.turn_seconds.observe(total_s)
        self.analysis_seconds.observe(analysis_s)
        self.decide_seconds.observe(decide_s)
        self.sentiment.observe(sentiment)
        self._sentiment_sum += sentiment
        self.decisions.labels(persona).inc()

    def inbox(self, waiting: int, agreement: Sequence[Agreement]) -> None:
        """Show how many turns wait to be relabelled, and how often labels agreed with the model."""
        self.inbox_open.set(waiting)
        self.relabelled.clear()
        self.agreement.clear()
        for one in agreement:
            self.relabelled.labels(one.model).set(one.labelled)
            self.agreement.labels(one.model).set(one.share)

    def commit(self, rows: int, took_s: float) -> None:
        """Count a transaction that stored ``rows`` rows."""
        self.commit_rows.observe(rows)
        self.commit_seconds.observe(took_s)

    def watch_engine(self, engine: Understanding) -> None:
        """Show the engine's own counts, read when somebody asks for the metrics."""
        self.registry.register(_EngineCollector(engine))

    def watch_models(
        self,
        roles: Callable[[], Mapping[str, str]],
        figures: Callable[[], Mapping[str, VersionFigures]],
        everywhere: Callable[[], Mapping[str, ClusterFigures]],
    ) -> None:
        """Show what the versions of the model have done here and on all workers, read likewise."""
        self.registry.register(VersionsCollector(roles, figures, everywhere))

    def render(self) -> bytes:
        """Everything in the Prometheus text format 0.0.4."""
        return generate_latest(self.registry)

    def totals(self) -> Totals:
        """What has been counted since the start, as numbers; about 0.2 ms."""
        return Totals(
            connections=_sum(self.connections),
            messages=_sum(self.messages),
            turns=_sum(self.turns),
            deliveries=_sum(self.deliveries),
            outbox_drops=_sum(self.outbox_drops),
            errors=_sum(self.errors),
            handoffs=_sum(self.handoffs),
            sentiment_sum=self._sentiment_sum,
            sentiment_count=sum(_counts(self.sentiment)),
            turn_counts=_counts(self.turn_seconds),
            analysis_counts=_counts(self.analysis_seconds),
            decisions={sample.labels["persona"]: int(sample.value) for sample in _samples(self.decisions)},
            apologies=_sum(self.apologies),
        )

    def _counter(self, name: str, meaning: str, *labels: str) -> Counter:
        return Counter(f"parlance_{name}", meaning, labels, registry=self.registry)

    def _gauge(self, name: str, meaning: str, *labels: str) -> Gauge:
        return Gauge(f"parlance_{name}", meaning, labels, registry=self.registry)

    def _histogram(self, name: str, meaning: str, bounds: Sequence[float]) -> Histogram:
        return Histogram(f"parlance_{name}", meaning, registry=self.registry, buckets=tuple(bounds))


def _samples(metric: Collector) -> list[Sample]:
    return [sample for family in metric.collect() for sample in family.samples]


def _sum(metric: Counter | Gauge) -> int:
    return int(sum(sample.value for sample in _samples(metric)))


def _counts(histogram: Histogram) -> tuple[int, ...]:
    """Observations per bucket; Prometheus itself counts those of the lower buckets again."""
    upto = [int(sample.value) for sample in _samples(histogram) if sample.name.endswith("_bucket")]
    return tuple(above - below for below, above in zip([0, *upto], upto, strict=False))


class Understanding(Protocol):
    """What can say how much it has understood."""

    def stats(self) -> EngineStats: ...


class Agreement(Protocol):
    """How often labels are what a version of the model had said; ``share`` of ``labelled`` ones in [0, 1]."""

    @property
    def model(self) -> str: ...

    @property
    def labelled(self) -> int: ...

    @property
    def share(self) -> float: ...


class _EngineCollector(Collector):
    def __init__(self, engine: Understanding) -> None:
        self._engine = engine

    def collect(self) -> Iterator[Metric]:
        stats = self._engine.stats()
        for name, meaning, value in (
            ("analyses", "Texts that went through a model, a shadow's included.", stats.analysed),
            ("analysis_batches", "Runs of the model; analyses divided by these: texts per run.", stats.batches),
            ("analysis_cache_hits", "Texts whose analysis was in the cache.", stats.cache_hits),
            ("analysis_cache_misses", "Texts whose analysis was not in the cache.", stats.cache_misses),
        ):
            yield CounterMetricFamily(f"parlance_{name}", meaning, value=value)
        waiting = "Texts that wait for a model that answers now."
        yield GaugeMetricFamily("parlance_analysis_waiting", waiting, value=stats.waiting)
        ratio = "Share of texts since the start whose analysis was in the cache."
        yield GaugeMetricFamily("parlance_analysis_cache_hit_ratio", ratio, value=stats.hit_rate)
        entries = "Analyses in the cache now."
        yield GaugeMetricFamily("parlance_analysis_cache_entries", entries, value=stats.cache_entries)
