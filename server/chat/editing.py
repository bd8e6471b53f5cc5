"""Personas and mood rules, edited while the bot speaks: validated as their files are, kept with who did it, followed
by every worker, and taken back by saving what was before."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import structlog

from server.chat.peer import Caller
from server.chat.signals import EditsMoved, Signals
from server.clock import Clock
from server.errors import Forbidden, Invalid, NotFound, ProtocolError
from server.store.edit_ports import Edit
from server.store.ports import Store

LOOK_EVERY_S: Final = 2.0
HISTORY: Final = 20

Json = dict[str, Any]

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Editable:
    """``document``: what the file says; ``take`` puts a document to use, and ``check`` raises ``ValueError`` for one
    that can't be."""

    document: Mapping[str, Any]
    check: Callable[[Mapping[str, Any]], None]
    take: Callable[[Mapping[str, Any]], None]


class Editing:
    """``kinds``: what may be edited, by name."""

    def __init__(self, *, store: Store, signals: Signals, clock: Clock, kinds: Mapping[str, Editable]) -> None:
        self._store = store
        self._signals = signals
        self._clock = clock
        self._kinds = kinds
        self._taken: dict[str, int] = {}
        self._stirred = asyncio.Event()
        signals.on(EditsMoved, lambda _: self._stirred.set())

    async def look(self) -> None:
        """Take up what has changed in the ledger. ``Unavailable``."""
        for kind, revision in (await self._store.edit_revisions()).items():
            if kind in self._kinds and self._taken.get(kind) != revision:
                await self._take(kind)

    async def follow(self) -> None:
        """Run for ever: look when a worker says so, and from time to time, since word may be lost."""
        while True:
            try:
                async with asyncio.timeout(LOOK_EVERY_S):
                    await self._stirred.wait()
            except TimeoutError:
                pass
            self._stirred.clear()
            try:
                await self.look()
            except ProtocolError as error:
                _log.warning("edits not read", reason=str(error))
            except Exception:  # whatever it was, the next look must come
                _log.exception("edits not read")

    async def show(self, caller: Caller, kind: str) -> Json:
        """The document that holds, and who changed it. ``Forbidden``, ``NotFound``."""
        editable = self._editable(caller, kind)
        history = await self._store.edits(kind, HISTORY)
        last = history[0] if history else None
        document = editable.document if last is None or last.document is None else last.document
        return {
            "kind": kind,
            "revision": 0 if last is None else last.revision,
            "edited": last is not None and last.document is not None,
            "document": dict(document),
            "history": [{"revision": one.revision, "by": one.by, "at_ms": one.at_ms} for one in history],
        }

    async def change(self, caller: Caller, kind: str, revision: int, document: Mapping[str, Any] | None) -> Json:
        """Let ``document`` hold in place of revision ``revision``; None: the file's own again. ``Forbidden``,
        ``NotFound``, ``Invalid`` where something is written wrongly, ``Conflict``."""
        editable = self._editable(caller, kind)
        if document is not None:
            try:
                editable.check(document)
            except ValueError as error:
                raise Invalid(str(error)) from None
        now_ms = self._clock.now_ms()
        await self._store.add_edit(Edit(kind, revision + 1, document, caller.user.id, now_ms))
        _log.info("document edited", kind=kind, revision=revision + 1, by=caller.user.id)
        await self._take(kind)
        await self._signals.send(EditsMoved())
        return await self.show(caller, kind)

    async def _take(self, kind: str) -> None:
        (last,) = await self._store.edits(kind, 1)
        editable = self._kinds[kind]
        document = editable.document if last.document is None else last.document
        try:
            editable.check(document)
        except ValueError as error:  # a newer release's, or the file's personas are others now
            _log.error("edited document not usable", kind=kind, revision=last.revision, reason=str(error))
        else:
            editable.take(document)
        self._taken[kind] = last.revision

    def _editable(self, caller: Caller, kind: str) -> Editable:
        if not caller.is_admin:
            raise Forbidden("editing personas and rules is for admins")
        if kind not in self._kinds:
            raise NotFound(f"There is nothing to edit named {kind!r}; there are {', '.join(self._kinds)}.")
        return self._kinds[kind]
