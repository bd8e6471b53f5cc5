"""What the versions of the model in use have done, read when somebody asks for the metrics."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

if TYPE_CHECKING:
    from inference.registry.everywhere import ClusterFigures
    from inference.registry.live import VersionFigures

_COUNTED: tuple[tuple[str, str, Callable[[VersionFigures], int]], ...] = (
    ("model_turns", "Texts read for an answer, by version.", lambda found: found.answered),
    ("model_failures", "Texts that a canary or a shadow could not read.", lambda found: found.failed),
    ("shadow_compared", "Texts that the shadow has read beside the one that answered.", lambda found: found.compared),
    ("shadow_dropped", "Texts not compared, since the shadow could not keep up.", lambda found: found.dropped),
)


class VersionsCollector(Collector):
    """``roles``: what each version in use does; ``figures``: of all that have been in use here, ``everywhere``: on any
    worker."""

    def __init__(
        self,
        roles: Callable[[], Mapping[str, str]],
        figures: Callable[[], Mapping[str, VersionFigures]],
        everywhere: Callable[[], Mapping[str, ClusterFigures]],
    ) -> None:
        self._roles = roles
        self._figures = figures
        self._everywhere = everywhere

    def collect(self) -> Iterator[Metric]:
        """Some thirty samples for each version."""
        figures = self._figures()
        info = GaugeMetricFamily("parlance_model_info", "Versions of the model in use.", labels=("version", "role"))
        for version, role in self._roles().items():
            info.add_metric((version, role), 1.0)
        yield info
        for name, meaning, count in _COUNTED:
            counter = CounterMetricFamily(f"parlance_{name}", meaning, labels=("version",))
            for version, found in figures.items():
                counter.add_metric((version,), count(found))
            yield counter
        yield from self._by_head(figures)
        yield from self._of_the_cluster()

    def _by_head(self, figures: Mapping[str, VersionFigures]) -> Iterator[Metric]:
        meaning = "Texts of which the shadow says otherwise, by head."
        differing = CounterMetricFamily("parlance_shadow_disagreements", meaning, labels=("version", "head"))
        meaning = "Drift of what the version says on this worker: population stability index, by measure."
        drift = GaugeMetricFamily("parlance_model_drift_psi", meaning, labels=("version", "measure"))
        for version, found in figures.items():
            for head, count in found.disagreed.items():
                differing.add_metric((version, head), count)
            for measure, index in found.psi.items():
                drift.add_metric((version, measure), index)
        yield differing
        yield drift

    def _of_the_cluster(self) -> Iterator[Metric]:
        """The same on every worker: take one of them, not their sum."""
        found = self._everywhere()
        for name, meaning, value in _OF_THE_CLUSTER:
            gauge = GaugeMetricFamily(f"parlance_cluster_model_{name}", meaning, labels=("version",))
            for version, figures in found.items():
                shown = value(figures)
                if shown is not None:
                    gauge.add_metric((version,), shown)
            yield gauge
        meaning = "Drift of what the version says on all workers: population stability index, by measure."
        drift = GaugeMetricFamily("parlance_cluster_model_drift_psi", meaning, labels=("version", "measure"))
        for version, figures in found.items():
            for measure, index in figures.psi.items():
                drift.add_metric((version, measure), index)
        yield drift


def _seconds(latency_us: float | None) -> float | None:
    return None if latency_us is None else latency_us / 1e6


_OF_THE_CLUSTER: tuple[tuple[str, str, Callable[[ClusterFigures], float | None]], ...] = (
    ("turns_day", "Texts read for an answer in the last day.", lambda found: found.answered),
    ("share_ratio", "Share of the last day's texts that the version read.", lambda found: found.share),
    ("latency_p50_seconds", "Median of the last day's analyses.", lambda found: _seconds(found.latency_p50_us)),
    ("latency_p95_seconds", "95th percentile of them.", lambda found: _seconds(found.latency_p95_us)),
    ("confidence_ratio", "Mean confidence of the last day's intents.", lambda found: found.confidence),
    ("agreement_low_ratio", "Lower end of the labels' agreement.", lambda found: found.agreement_low),
    ("agreement_high_ratio", "Upper end of the labels' agreement.", lambda found: found.agreement_high),
)
