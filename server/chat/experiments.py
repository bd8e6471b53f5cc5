"""Experiments as admins and commands handle them: made, started, paused, widened, completed, read.

Every change is a new revision with who, when and why; of two changes at once the second is told to look again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from adapters.experiments.design import DAY_MS, Experiment, ExperimentError
from adapters.experiments.documents import from_document, to_document
from adapters.experiments.templates import from_template
from server.chat.treatments import Abilities, objections
from server.clock import Clock
from server.errors import Conflict, Invalid
from server.store.experiment_ports import ExperimentRow, Refuse, UnitRecord, Window
from server.store.ports import Store

if TYPE_CHECKING:
    from adapters.experiments.report import Report

PAGE_UNITS: Final = 1_000
"""Users of one query: it takes some ten milliseconds, on a connection that others wait for."""

OWN_KEYS: Final = ("state", "started_ms", "completed_ms", "winner")
"""What only the verbs write."""

MAX_NOTE_CODE_POINTS: Final = 500


@dataclass(frozen=True, slots=True)
class Found:
    """An experiment with the revision that it was read from."""

    experiment: Experiment
    row: ExperimentRow


@dataclass(frozen=True, slots=True)
class Read:
    """An experiment's report, None while nobody was shown it, and what it was made of."""

    found: Found
    report: Report | None
    window: Window


class Experiments:
    """``changed`` is told of every change. ``silence_ms``: after which an answer counts as not replied to.

    Raises ``NotFound``, ``Invalid`` for what is written wrongly or can't act here, ``Conflict`` for what an
    experiment's state does not allow.
    """

    def __init__(
        self,
        *,
        store: Store,
        clock: Clock,
        can: Abilities,
        silence_ms: int,
        changed: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self._store = store
        self._clock = clock
        self._can = can
        self._silence_ms = silence_ms
        self._changed = changed

    # ------------------------------------------------------------------ reading

    async def all(self) -> list[Found]:
        """By id."""
        return [_found(row) for row in await self._store.experiments()]

    async def one(self, experiment_id: str) -> Found:
        """As it stands."""
        return _found(await self._store.experiment(experiment_id))

    async def history(self, experiment_id: str) -> list[ExperimentRow]:
        """Every revision, the first first."""
        return await self._store.experiment_history(experiment_id)

    async def report(self, experiment_id: str) -> Read:
        """The analysis of what is recorded now, made in a thread."""
        found = await self.one(experiment_id)
        return await self.read(found)

    async def read(self, found: Found) -> Read:
        """Likewise."""
        window = window_of(found.experiment, self._clock.now_ms(), self._silence_ms)
        records: list[UnitRecord] = []
        while page := await self._store.unit_records(window, records[-1].unit if records else None, PAGE_UNITS):
            records += page
        return Read(found, await asyncio.to_thread(_analysed, found.experiment, records, window), window)

    # ------------------------------------------------------------------ changing

    async def create(self, document: Mapping[str, Any], by: str) -> Found:
        """A draft, from a document or from the template that its key ``template`` names, whose other keys replace the
        template's. The same document again is what there is."""
        draft = self._drafted(document)
        await self._check_salt(draft)
        row = ExperimentRow(draft.id, 1, "draft", to_document(draft), "create", by, self._clock.now_ms())
        try:
            await self._store.put_experiment(row)
        except Conflict:
            there = await self.one(draft.id)
            if there.experiment == draft:
                return there
            raise
        await self._tell()
        return Found(draft, row)

    async def edit(self, experiment_id: str, document: Mapping[str, Any], revision: int, by: str) -> Found:
        """Another document for a draft, in place of the one that was read at ``revision``."""
        found = await self.one(experiment_id)
        if found.row.revision != revision:
            raise Conflict(f"The experiment {experiment_id!r} was changed meanwhile; look at it again.")
        draft = self._drafted({**document, "id": document.get("id", experiment_id)})
        if draft.id != experiment_id:
            raise Invalid(f"experiment {experiment_id!r}: the id stays. Make another experiment for another id.")
        await self._check_salt(draft)
        return await self._change(found, "edit", by, lambda own: own.rewritten(draft))

    async def start(self, experiment_id: str, by: str) -> Found:
        """Let it take users; what it would do is looked at again."""
        found = await self.one(experiment_id)
        self._object(found.experiment)
        now_ms = self._clock.now_ms()
        refuse = partial(_slice_is_taken, found.experiment)
        return await self._change(found, "start", by, lambda own: own.start(now_ms), refuse=refuse)

    async def pause(self, experiment_id: str, by: str) -> Found:
        """Take nobody new; who is in stays."""
        return await self._change(await self.one(experiment_id), "pause", by, lambda own: own.pause())

    async def ramp(self, experiment_id: str, exposure: float, by: str) -> Found:
        """Take in more users."""
        return await self._change(await self.one(experiment_id), "ramp", by, lambda own: own.ramp(exposure))

    async def complete(self, experiment_id: str, winner: str | None, by: str, note: str | None = None) -> Found:
        """End it; from now on everybody gets the winner, or without one what there was before."""
        found = await self.one(experiment_id)
        return await self.settle(found, winner, by, note)

    async def settle(self, found: Found, winner: str | None, by: str, note: str | None) -> Found:
        """Likewise, of the revision that was read: a change since then is a ``Conflict``."""
        now_ms = self._clock.now_ms()
        return await self._change(found, "complete", by, lambda own: own.complete(now_ms, winner), note=note)

    async def withdraw(self, experiment_id: str, by: str) -> Found:
        """Of a completed one: nobody gets its winner any more."""
        return await self._change(await self.one(experiment_id), "withdraw", by, lambda own: own.withdraw())

    async def _change(
        self,
        found: Found,
        verb: str,
        by: str,
        change: Callable[[Experiment], Experiment],
        *,
        note: str | None = None,
        refuse: Refuse | None = None,
    ) -> Found:
        try:
            own = change(found.experiment)
        except ExperimentError as error:
            raise Conflict(str(error)) from None
        row = ExperimentRow(
            id=own.id,
            revision=found.row.revision + 1,
            state=own.state,
            document=to_document(own),
            verb=verb,
            by=by,
            at_ms=self._clock.now_ms(),
            note=None if note is None else note[:MAX_NOTE_CODE_POINTS],
        )
        await self._store.put_experiment(row, refuse)
        await self._tell()
        return Found(own, row)

    async def _tell(self) -> None:
        if self._changed is not None:
            await self._changed()

    # ------------------------------------------------------------------ what is refused

    def _drafted(self, document: Mapping[str, Any]) -> Experiment:
        given = dict(document)
        template = given.pop("template", None)
        try:
            for key in OWN_KEYS:
                if key in given:
                    raise ExperimentError(f"{key} is not for a new experiment: it begins as a draft. Leave it out.")
            if template is not None:
                ready = to_document(from_template(_text(template), _text(given.get("id", template))))
                if given.get("factors"):
                    del ready["variants"]  # the factors make them
                given = {**ready, **given}
                given = {key: value for key, value in given.items() if key not in OWN_KEYS}
            draft = from_document(given)
        except ValueError as error:
            raise Invalid(str(error)) from None
        self._object(draft)
        return draft

    def _object(self, experiment: Experiment) -> None:
        for problem in objections(experiment, self._can):
            raise Invalid(f"experiment {experiment.id!r}: {problem}")

    async def _check_salt(self, draft: Experiment) -> None:
        salt = draft.salt or draft.id
        for other in await self.all():
            own = other.experiment
            if own.id != draft.id and salt == (own.salt or own.id):
                raise Conflict(
                    f"experiment {draft.id!r}: the salt {salt!r} is that of {own.id!r}, and both would split users"
                    " alike. Give another salt, or none."
                )


def _slice_is_taken(starting: Experiment, others: Sequence[ExperimentRow]) -> str | None:
    """Why ``starting`` can't have its slice of a layer beside ``others``, which take users or keep those they have."""
    for row in others if starting.slice is not None else ():
        if row.id == starting.id:
            continue
        try:
            own = from_document(row.document)
        except ExperimentError as error:
            return f"The experiment {row.id!r} was written by another release, and may have that slice: {error}"
        if own.slice is not None and starting.slice is not None and own.slice.overlaps(starting.slice):
            return (
                f"experiment {starting.id!r}: {own.id!r} has users of the same slice of the layer"
                f" {own.slice.layer!r}. Complete it, or take another slice."
            )
    return None


def window_of(experiment: Experiment, now_ms: int, silence_ms: int) -> Window:
    """What counts of an experiment that is looked at now. ``silence_ms``: after which an answer gets no reply."""
    until_ms = now_ms if experiment.completed_ms is None else experiment.completed_ms
    return Window(
        experiment_id=experiment.id,
        until_ms=until_ms,
        settled_before_ms=until_ms - silence_ms,
        retention_ms=round(experiment.retention_days * DAY_MS),
        goal=experiment.goal,
    )


def _analysed(experiment: Experiment, records: list[UnitRecord], window: Window) -> Report | None:
    from server.chat.outcomes import report_of  # late, and in the thread: SciPy takes a second to load

    return report_of(experiment, records, window)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ExperimentError(f"{value!r} is no name: give a text.")
    return value


def _found(row: ExperimentRow) -> Found:
    try:
        return Found(from_document(row.document), row)
    except ExperimentError as error:
        raise Conflict(f"The experiment {row.id!r} was written by another release: {error}") from None


def document_of(found: Found) -> dict[str, Any]:
    """The experiment as JSON, without what there is not, with its revision and who changed it last."""
    row = found.row
    told = {"revision": row.revision, "changed_by": row.by, "changed_at_ms": row.at_ms}
    return {name: value for name, value in {**to_document(found.experiment), **told}.items() if value is not None}
