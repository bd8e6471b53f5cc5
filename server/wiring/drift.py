"""Whether what the model reads drifts from what it was, over all workers: alerts by the usual thresholds of PSI, and
where people agree less with it than before."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Final

import structlog

from inference.registry.everywhere import ClusterFigures
from inference.registry.fleet import Roster
from inference.registry.psi import ALARM, WATCH, Level, level
from server.chat.alerts import Alerts, Severity

LOOK_S = 10.0
"""A window of 500 turns moves no faster."""

FALLS_BELOW: Final = 0.8
"""Of the threshold: an index that trembles about it is told once."""

_SEVERITY: Final[dict[Level, Severity]] = {"watch": "warning", "alarm": "critical"}
_RULE: Final = "model_drift_"
_AGREEMENT: Final = "model_agreement"

_log = structlog.get_logger(__name__)


def steadied(before: Level, index: float) -> Level:
    """The level of ``index``; it falls only where the index is clearly below the threshold."""
    now = level(index)
    if before == "alarm" and now != "alarm" and index >= FALLS_BELOW * ALARM:
        return "alarm"
    if before != "ok" and now == "ok" and index >= FALLS_BELOW * WATCH:
        return "watch"
    return now


class Drift:
    """``roster`` says who answers now; what others read is not watched any more."""

    def __init__(
        self, figures: Callable[[], Mapping[str, ClusterFigures]], alerts: Alerts, roster: Callable[[], Roster]
    ) -> None:
        self._figures = figures
        self._alerts = alerts
        self._roster = roster
        self._levels: dict[tuple[str, str], Level] = {}
        self._disputed: set[str] = set()

    async def watch(self) -> None:
        """Run for ever."""
        while True:
            await asyncio.sleep(LOOK_S)
            try:
                await self.look()
            except Exception:  # whatever it was, the next round must come
                _log.exception("drift not looked at")

    async def look(self) -> None:
        """Raise and clear alerts, once for each crossing of a threshold."""
        roster = self._roster()
        answering = {roster.champion.model, *([roster.canary[0].version] if roster.canary is not None else [])}
        figures = {version: found for version, found in self._figures().items() if version in answering}
        found = {(version, measure): index for version, one in figures.items() for measure, index in one.psi.items()}
        for subject in {*found, *self._levels}:
            await self._tell(*subject, found.get(subject, 0.0))
        for version in {*figures, *self._disputed}:
            await self._tell_of_agreement(version, figures.get(version))

    async def _tell(self, version: str, measure: str, index: float) -> None:
        before = self._levels.get((version, measure), "ok")
        now = steadied(before, index)
        self._levels[version, measure] = now
        if now == "ok":
            if before != "ok":
                await self._alerts.clear(_RULE + measure, round(index, 4), version=version)
        elif now != before:
            await self._alerts.raise_(_RULE + measure, _SEVERITY[now], round(index, 4), version=version)

    async def _tell_of_agreement(self, version: str, figures: ClusterFigures | None) -> None:
        share = round(figures.agreement, 4) if figures is not None and figures.agreement is not None else 0.0
        if figures is not None and figures.agreement_fell:
            if version not in self._disputed:
                self._disputed.add(version)
                await self._alerts.raise_(_AGREEMENT, "warning", share, version=version)
        elif version in self._disputed:
            self._disputed.remove(version)
            await self._alerts.clear(_AGREEMENT, share, version=version)
