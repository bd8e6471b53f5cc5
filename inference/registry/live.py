"""What each version has done in this process: the figures that a measured quality never tells."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import median

from inference.analysis import Analysis
from inference.registry.comparison import HEADS
from inference.registry.psi import DriftWindow
from inference.registry.slices import Counts

LATENCIES_KEPT = 512


@dataclass(frozen=True, slots=True)
class VersionFigures:
    """Since this process began. ``answered`` texts were read for an answer, the last ones in ``latency_p50_us`` (None:
    none yet; of those that went through the model).

    As a shadow the version was compared ``compared`` times with who answered; ``disagreed`` by head. ``dropped`` texts
    were not compared, since it could not keep up. ``failed``: texts that it could not read as canary or shadow, the
    last for ``last_failure``. ``psi``: see ``DriftWindow``.
    """

    answered: int
    latency_p50_us: float | None
    compared: int
    disagreed: Mapping[str, int]
    dropped: int
    failed: int
    last_failure: str | None
    psi: Mapping[str, float]


class VersionLive:
    """One version's counts; a ``Tally`` while it is a shadow."""

    def __init__(self, drift: DriftWindow) -> None:
        self._drift = drift
        self._answered = self._compared = self._dropped = self._failed = 0
        self._latencies_us: deque[int] = deque(maxlen=LATENCIES_KEPT)
        self._disagreed: Counter[str] = Counter()
        self._last_failure: str | None = None
        self.fresh = Counts()
        """Since ``Live.drain``."""

    def answered(self, analysis: Analysis) -> None:
        """It has read a text for an answer."""
        self._answered += 1
        self._took(analysis)
        self._drift.add(analysis.intent, analysis.intent_confidence)
        self.fresh.answer(analysis)

    def compared(self, found: Analysis, differing: tuple[str, ...]) -> None:
        """It has read a text as the shadow; it says otherwise in these heads."""
        self._compared += 1
        self._took(found)
        self._disagreed.update(differing)
        self.fresh.compared += 1
        self.fresh.took(found)
        self.fresh.disagreed.update(differing)

    def dropped(self) -> None:
        """A text was not read, since the shadow's line was full."""
        self._dropped += 1
        self.fresh.dropped += 1

    def failed(self, error: Exception) -> None:
        """A text could not be read; nobody noticed."""
        self._failed += 1
        self.fresh.failed += 1
        self._last_failure = str(error)

    def figures(self) -> VersionFigures:
        """At this moment."""
        return VersionFigures(
            answered=self._answered,
            latency_p50_us=median(self._latencies_us) if self._latencies_us else None,
            compared=self._compared,
            disagreed={head: self._disagreed[head] for head in HEADS},
            dropped=self._dropped,
            failed=self._failed,
            last_failure=self._last_failure,
            psi=self._drift.psi(),
        )

    def _took(self, analysis: Analysis) -> None:
        if not analysis.cached:
            self._latencies_us.append(analysis.latency_us)


class Live:
    """Every version that has been in use since the start, by name."""

    def __init__(self, drift: Callable[[], DriftWindow] = DriftWindow) -> None:
        self._new_drift = drift
        self._versions: dict[str, VersionLive] = {}

    def of(self, version: str) -> VersionLive:
        """That version's counts, begun where there are none."""
        found = self._versions.get(version)
        if found is None:
            found = self._versions[version] = VersionLive(self._new_drift())
        return found

    def observe(self, analysis: Analysis) -> None:
        """A text was read for an answer; see ``Engine``."""
        self.of(analysis.model).answered(analysis)

    def failed(self, version: str, error: Exception) -> None:
        """A canary could not read a text."""
        self.of(version).failed(error)

    def figures(self) -> dict[str, VersionFigures]:
        """Of all, by version."""
        return {name: live.figures() for name, live in self._versions.items()}

    def drain(self) -> dict[str, Counts]:
        """What was counted since the last time, by version."""
        taken = {name: live.fresh for name, live in self._versions.items() if not live.fresh.is_empty}
        for name in taken:
            self._versions[name].fresh = Counts()
        return taken

    def give_back(self, taken: Mapping[str, Counts]) -> None:
        """What was drained could not be stored: it is drained again."""
        for name, counts in taken.items():
            self.of(name).fresh.add(counts)
