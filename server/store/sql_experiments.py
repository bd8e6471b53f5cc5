"""Experiments: these methods of ``ports.Store``; ``experiment_ports`` says what they promise."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import cast

from server.store import experiments, trial_records, unit_records
from server.store.experiment_ports import ExperimentRow, ExperimentState, GoalEvent, Refuse, UnitRecord, Window
from server.store.prepare import check_texts
from server.store.roads import Roads

_ORDER = "5 experiments"


class ExperimentMethods(Roads):
    """Part of ``SqlStore``."""

    async def put_experiment(self, row: ExperimentRow, refuse: Refuse | None = None) -> None:
        check_texts(experiment_id=row.id, by=row.by, note=row.note)
        # Whoever asks locks all experiments, so before those who lock one.
        order = (_ORDER, row.id) if refuse is None else (_ORDER, "")
        await self._work(order, partial(experiments.put, row=row, refuse=refuse))

    async def experiment(self, experiment_id: str) -> ExperimentRow:
        check_texts(experiment_id=experiment_id)
        found = await self._read(partial(experiments.one, experiment_id=experiment_id))
        if found is None:
            raise experiments.unknown(experiment_id)
        return found

    async def experiments(self, states: Sequence[ExperimentState] | None = None) -> list[ExperimentRow]:
        return await self._read(partial(experiments.several, states=states))

    async def experiment_history(self, experiment_id: str) -> list[ExperimentRow]:
        check_texts(experiment_id=experiment_id)
        return await self._read(partial(experiments.history, experiment_id=experiment_id))

    async def experiments_version(self) -> int:
        return await self._read(experiments.version)

    async def take_look(self, experiment_id: str, every_ms: int) -> bool:
        order = (_ORDER, experiment_id)
        return await self._work(order, partial(experiments.take_look, experiment_id=experiment_id, every_ms=every_ms))

    async def exposures_of(self, user_id: str) -> dict[str, str]:
        return await self._read(partial(trial_records.exposures_of, user_id=user_id))

    async def add_event(self, event: GoalEvent) -> bool:
        check_texts(user_id=event.user_id, key=event.key, name=event.name)
        order = ("6 events", event.user_id, event.key)
        return cast(bool, await self._work(order, partial(trial_records.add_event, event=event)))

    async def unit_records(self, window: Window, after: str | None, limit: int) -> list[UnitRecord]:
        values = unit_records.values_of(window, after)
        found = await self._read(partial(unit_records.page, values=values, limit=limit))
        if not found:
            return []
        values["last"] = next(reversed(found))  # as the database orders texts
        await self._read(partial(unit_records.add_talks, found=found, window=window, values=values))
        for query in (unit_records.HANDOFFS, unit_records.RATINGS):
            await self._read(partial(unit_records.add_sums, found=found, query=query, values=values))
        if window.goal:
            values["goal"] = window.goal
            await self._read(partial(unit_records.add_sums, found=found, query=unit_records.GOALS, values=values))
        return list(found.values())
