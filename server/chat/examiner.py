"""Stops experiments by their own rules: whoever has won, whatever can't, and what has run long enough.

Every worker would look, and one does at a time: looks are taken in the ledger, in its time. A verdict that holds for an
experiment that somebody has changed meanwhile changes nothing.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import structlog

from adapters.experiments.documents import from_document
from server.chat.experiments import Experiments, Found, Read
from server.errors import Conflict, ProtocolError
from server.store.ports import Store
from server.telemetry import Metrics

if TYPE_CHECKING:
    from adapters.experiments.verdict import Verdict

BY = "parlance"
"""Whom the history names for what nobody did by hand."""

WAKE_S = 30.0

_log = structlog.get_logger(__name__)


class Examiner:
    """Looks at each running experiment once in ``every_ms``. ``stops``: whether it acts on what it sees."""

    def __init__(self, *, store: Store, experiments: Experiments, metrics: Metrics, every_ms: int, stops: bool) -> None:
        self._store = store
        self._experiments = experiments
        self._metrics = metrics
        self._every_ms = every_ms
        self._stops = stops

    async def keep(self) -> None:
        """Run for ever."""
        while True:
            await asyncio.sleep(min(WAKE_S, self._every_ms / 1000))
            try:
                await self.look()
            except ProtocolError as error:
                _log.warning("experiments not looked at", reason=str(error))
            except Exception:  # whatever it was, the next look must come
                _log.exception("experiments not looked at")

    async def look(self) -> None:
        """One round. A report that fails must not keep the others from theirs."""
        for row in await self._store.experiments(("running",)):
            if not await self._store.take_look(row.id, self._every_ms):
                continue
            try:
                await self._judge(Found(from_document(row.document), row))
            except Conflict as error:  # changed since it was read
                _log.info("verdict dropped", experiment=row.id, reason=str(error))
            except ValueError as error:
                _log.warning("experiment not analysed", experiment=row.id, reason=str(error))

    async def _judge(self, found: Found) -> None:
        verdict = verdict_of(await self._experiments.read(found))
        self._metrics.experiment_look(verdict.action)
        _log.info("experiment looked at", experiment=found.experiment.id, verdict=verdict.action, why=verdict.reason)
        if verdict.action == "blocked":
            _log.warning("experiment blocked", experiment=found.experiment.id, why=verdict.reason)
        elif verdict.action == "stop" and self._stops:
            await self._experiments.settle(found, verdict.winner, BY, verdict.reason)


def verdict_of(read: Read) -> Verdict:
    """The report's; of an experiment that nobody was shown, that its time is over or not."""
    from adapters.experiments.verdict import Verdict  # late: it knows of SciPy, which the report has loaded by then

    own = read.found.experiment
    if read.report is not None:
        return read.report.verdict
    if own.days(read.window.until_ms) >= own.max_days:
        return Verdict("stop", None, f"{own.max_days:g} days are over, and nobody was shown it.")
    return Verdict("continue", None, "Nobody was shown it yet.")
