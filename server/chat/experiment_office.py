"""Experiments and goal events over HTTP: who may do what, and the answers as JSON."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

import structlog

from adapters.experiments.documents import to_document
from adapters.experiments.templates import TEMPLATES, from_template
from server.chat.administration import require_office
from server.chat.experiments import OWN_KEYS, Experiments, Found, document_of
from server.chat.peer import Caller
from server.clock import Clock
from server.errors import Forbidden, Invalid
from server.store.experiment_ports import ExperimentRow, GoalEvent
from server.store.ports import Store

EVENT_NAME: Final = re.compile(r"[a-z][a-z0-9_.-]{0,63}")
MAX_AHEAD_MS: Final = 60_000
"""Clocks of others may be ahead by so much."""

Json = dict[str, Any]

_log = structlog.get_logger(__name__)


class ExperimentOffice:
    """For admins; goal events also from services."""

    def __init__(self, *, experiments: Experiments, store: Store, clock: Clock) -> None:
        self._experiments = experiments
        self._store = store
        self._clock = clock

    async def all(self, caller: Caller) -> list[Json]:
        """Every experiment, by id. ``Forbidden``."""
        _require_admin(caller)
        return [document_of(found) for found in await self._experiments.all()]

    def templates(self, caller: Caller) -> list[Json]:
        """What to start from: each template's name and the draft that it makes. ``Forbidden``."""
        _require_admin(caller)
        return [{"name": name, "experiment": _draft_of(name)} for name in TEMPLATES]

    async def one(self, caller: Caller, experiment_id: str) -> Json:
        """With its history. ``Forbidden``, ``NotFound``."""
        _require_admin(caller)
        found = await self._experiments.one(experiment_id)
        history = await self._experiments.history(experiment_id)
        return {**document_of(found), "history": [told_of(row) for row in history]}

    async def report(self, caller: Caller, experiment_id: str) -> Json:
        """What is recorded, analysed. ``Forbidden``, ``NotFound``."""
        _require_admin(caller)
        read = await self._experiments.report(experiment_id)
        from server.chat.outcomes import told

        report = told(read.found.experiment, read.report, read.window)
        return _without_none({**report, "verdict": _without_none(report["verdict"])})

    async def create(self, caller: Caller, document: Mapping[str, Any]) -> Json:
        """See ``Experiments.create``. ``Forbidden``, ``Invalid``, ``Conflict``."""
        _require_admin(caller)
        return _logged(await self._experiments.create(document, caller.user.id))

    async def change(self, caller: Caller, change: Callable[[Experiments, str], Awaitable[Found]]) -> Json:
        """A verb of ``Experiments``, in the caller's name. ``Forbidden``, ``NotFound``, ``Conflict``."""
        _require_admin(caller)
        return _logged(await change(self._experiments, caller.user.id))

    async def event(self, caller: Caller, user_id: str, key: str, name: str, at_ms: int | None) -> bool:
        """Something that a user did; whether it was new. ``Forbidden`` for others than admins and services,
        ``Invalid``, ``Conflict`` where the key has another name."""
        require_office(caller, "telling of events")
        now_ms = self._clock.now_ms()
        if not EVENT_NAME.fullmatch(name):
            raise Invalid(f"the event's name {name!r}: give 1 to 64 small letters, digits, '_', '.' or '-'.")
        if at_ms is not None and not 0 <= at_ms <= now_ms + MAX_AHEAD_MS:
            raise Invalid(f"the event's at_ms {at_ms} lies in the future: give milliseconds since the Unix epoch.")
        return await self._store.add_event(GoalEvent(user_id, key, name, now_ms if at_ms is None else at_ms))


def _draft_of(template: str) -> Json:
    document = to_document(from_template(template, template))
    return {name: value for name, value in document.items() if name not in OWN_KEYS and value is not None}


def told_of(row: ExperimentRow) -> Json:
    """One line of the history."""
    told = {"revision": row.revision, "state": row.state, "verb": row.verb, "by": row.by, "at_ms": row.at_ms}
    return told if row.note is None else {**told, "note": row.note}


def _without_none(values: Mapping[str, Any]) -> Json:
    return {name: value for name, value in values.items() if value is not None}


def _logged(found: Found) -> Json:
    row = found.row
    _log.info("experiment changed", experiment=row.id, verb=row.verb, by=row.by, state=row.state)
    return document_of(found)


def _require_admin(caller: Caller) -> None:
    if not caller.is_admin:
        raise Forbidden("experiments are for admins")
