"""What the versions of the model in use have done, read when somebody asks for the metrics."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

if TYPE_CHECKING:
    from inference.registry.live import VersionFigures

_COUNTED: tuple[tuple[str, str, Callable[[VersionFigures], int]], ...] = (
    ("model_turns", "Texts read for an answer, by version.", lambda found: found.answered),
    ("model_failures", "Texts that a canary or a shadow could not read.", lambda found: found.failed),
    ("shadow_compared", "Texts that the shadow has read beside the one that answered.", lambda found: found.compared),
    ("shadow_dropped", "Texts not compared, since the shadow could not keep up.", lambda found: found.dropped),
)


class VersionsCollector(Collector):
    """``roles``: what each version in use does; ``figures``: of all that have been in use."""

    def __init__(
        self, roles: Callable[[], Mapping[str, str]], figures: Callable[[], Mapping[str, VersionFigures]]
    ) -> None:
        self._roles = roles
        self._figures = figures

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

    def _by_head(self, figures: Mapping[str, VersionFigures]) -> Iterator[Metric]:
        meaning = "Texts of which the shadow says otherwise, by head."
        differing = CounterMetricFamily("parlance_shadow_disagreements", meaning, labels=("version", "head"))
        meaning = "Drift of what the version says: population stability index, by measure."
        drift = GaugeMetricFamily("parlance_model_drift_psi", meaning, labels=("version", "measure"))
        for version, found in figures.items():
            for head, count in found.disagreed.items():
                differing.add_metric((version, head), count)
            for measure, index in found.psi.items():
                drift.add_metric((version, measure), index)
        yield differing
        yield drift
