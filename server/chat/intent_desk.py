"""A user's own intents for admins: what there is, examples added, labels of the inbox taken over, learned, put to use.

The files stay what they are to the commands (docs/intents.md); this does what those do, on a running server.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final, Protocol, TypeVar

import structlog

from inference.intents.relabelled import FILE, Merged, Relabelled, merge
from inference.intents.trained import Manifest
from inference.intents.validate import MAX_CODE_POINTS, folded, validate
from inference.intents.values import Intent, IntentSet
from server.chat.inbox import Redact, checked_label, redacted
from server.chat.peer import Caller
from server.errors import Conflict, Forbidden, Invalid, NotFound, StartupError
from server.store.inbox_ports import NO_INTENT, DoubtState, InboxItem, InboxStore, judged
from server.store.ports import Store

PAGE_ITEMS: Final = 500
SHOWN_EXAMPLES: Final = 50

Json = dict[str, Any]
T = TypeVar("T")

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Trained:
    """A file of trained intents: what it says of itself, its SHA-256 (hex), and when it was written."""

    manifest: Manifest
    digest: str
    at_ms: int


class Files(Protocol):
    """The folder and the trained files. ``StartupError`` says what is wrong with them; ``train`` alone is no
    blocking work, and raises ``Invalid`` or ``Conflict``."""

    @property
    def missing(self) -> str: ...

    def read(self) -> tuple[IntentSet | None, Mapping[str, Any]]: ...

    def update(self, change: Callable[[IntentSet | None, Mapping[str, Any]], Merged]) -> Merged: ...

    async def train(self) -> None: ...

    def trained(self, which: str = "") -> Trained | None: ...

    def activate(self) -> None: ...

    def roll_back(self) -> None: ...


class IntentDesk:
    """``known``: the intents that are understood now. For admins: everything raises ``Forbidden`` for others, and
    ``Conflict`` where the settings name no files, or the files can't be used."""

    def __init__(
        self, *, files: Files, store: Store, known: Callable[[], Collection[str]], redact: Redact | None
    ) -> None:
        self._files = files
        self._store = store
        self._known = known
        self._redact = redact
        self._training = asyncio.Lock()

    async def show(self, caller: Caller) -> Json:
        """What there is, and whether it is what answers."""
        _require_admin(caller)
        known = sorted({*self._known(), *await self._store.inbox_labels()} - {NO_INTENT})
        missing = self._files.missing
        if missing:
            return {"missing": missing, "known": known, "intents": [], "findings": [], "changed": False}
        return {"known": known, **await self._blocking(self._shown)}

    def _shown(self) -> Json:
        intents, document = self._files.read()
        used, candidate = self._files.trained(), self._files.trained("candidate")
        if candidate is not None and used is not None and candidate.digest == used.digest:
            candidate = None
        digest = None if intents is None else intents.digest()
        own = _own(document)
        return {
            "intents": [_told_intent(intent, own) for intent in (intents.intents if intents is not None else ())],
            "findings": [asdict(finding) for finding in (validate(intents) if intents is not None else ())],
            "changed": digest is not None and (used is None or used.manifest.examples != digest),
            "used": _told(used, digest),
            "candidate": _told(candidate, digest),
            "can_roll_back": self._files.trained("previous") is not None,
        }

    async def add(self, caller: Caller, intent: str, text: str, *, new: bool) -> Json:
        """Another example of an intent. ``Invalid`` for a text that can't be one, for an intent that is not there
        unless it is ``new``, and for an example of another intent."""
        _require_admin(caller)

        def change(intents: IntentSet | None, document: Mapping[str, Any]) -> Merged:
            there = intents.names if intents is not None else ()
            name = checked_label(intent, () if new else there, new=new)
            if name == NO_INTENT:
                raise Invalid(f"{NO_INTENT!r} means that no intent fits: it has no examples.")
            _check_free(text, name, intents)
            merged = merge([Relabelled(text, name)], intents, document)
            if merged.unfit:
                raise Invalid(f"An example has a word in it, and at most {MAX_CODE_POINTS} characters.")
            return merged

        return await self._changed(caller, change)

    async def remove(self, caller: Caller, intent: str, text: str) -> Json:
        """Take an example back that was added here, or over the inbox. ``NotFound`` for others: they stand in files
        of yours."""
        _require_admin(caller)

        def change(intents: IntentSet | None, document: Mapping[str, Any]) -> Merged:
            merged = merge([Relabelled(text, None)], intents, document)
            if not any(one.intent == intent for one in merged.removed):
                raise NotFound(f"{FILE} has no such example of {intent}; others are removed in their own files.")
            return merged

        return await self._changed(caller, change)

    async def export(self, caller: Caller) -> Json:
        """Take over what was labelled in the inbox."""
        _require_admin(caller)
        said = await relabelled_of(self._store, self._redact)
        return await self._changed(caller, lambda intents, document: merge(said, intents, document))

    async def train(self, caller: Caller) -> Json:
        """Learn the folder; the result waits beside what is in use. ``Invalid`` says what is wrong with the
        intents."""
        self._require(caller)
        if self._training.locked():
            raise Conflict("They are being learned already.")
        async with self._training:
            await self._files.train()
        _log.info("intents trained", by=caller.user.id)
        return await self.show(caller)

    async def activate(self, caller: Caller, digest: str) -> Json:
        """Let the candidate answer, on every worker that has these files, within seconds. ``Conflict`` for another
        than was looked at."""
        self._require(caller)
        candidate = await self._blocking(lambda: self._files.trained("candidate"))
        if candidate is None or candidate.digest != digest:
            raise Conflict("What was trained is another now; look at it again.")
        await self._blocking(self._files.activate)
        _log.info("intents activated", digest=digest, by=caller.user.id)
        return await self.show(caller)

    async def roll_back(self, caller: Caller) -> Json:
        """Let those that were in use before answer again; once more, and these do."""
        self._require(caller)
        await self._blocking(self._files.roll_back)
        _log.info("intents rolled back", by=caller.user.id)
        return await self.show(caller)

    async def _changed(self, caller: Caller, change: Callable[[IntentSet | None, Mapping[str, Any]], Merged]) -> Json:
        self._require(caller)
        merged = await self._blocking(lambda: self._files.update(change))
        _log.info("examples changed", added=len(merged.added), removed=len(merged.removed), by=caller.user.id)
        told = {"added": len(merged.added), "removed": len(merged.removed), "present": merged.present}
        return {**told, "unfit": merged.unfit}

    async def _blocking(self, work: Callable[[], T]) -> T:
        try:
            return await asyncio.to_thread(work)
        except StartupError as error:
            raise Conflict(str(error)) from None

    def _require(self, caller: Caller) -> None:
        _require_admin(caller)
        if self._files.missing:
            raise Conflict(f"Own intents can't be changed here: set {self._files.missing} (docs/intents.md).")


async def relabelled_of(store: InboxStore, redact: Redact | None) -> list[Relabelled]:
    """All that people have said of doubtful turns, in the order in which it counts."""
    found: list[InboxItem] = []
    states: tuple[DoubtState, ...] = ("labelled", "dismissed")
    for state in states:
        before = None
        while page := await store.inbox(state=state, before=before, limit=PAGE_ITEMS):
            found += page
            before = page[-1].turn_id
    items = judged(found)
    if redact is not None:
        items = await asyncio.to_thread(redacted, items, redact)
    # A label outweighs whoever dismissed the same text when it came again.
    items.sort(key=lambda item: item.state == "labelled")
    return [Relabelled(item.text, None if item.label == NO_INTENT else item.label) for item in items]


def _check_free(text: str, name: str, intents: IntentSet | None) -> None:
    """``Invalid`` where the text is an example of another intent: it could not be learned."""
    key = folded(text)
    for intent in intents.intents if intents is not None else ():
        for example in intent.examples:
            if intent.name != name and folded(example.text) == key:
                raise Invalid(f"It is an example of {intent.name!r} already ({example.place}).")


def _own(document: Mapping[str, Any]) -> frozenset[tuple[str, str]]:
    """The examples that were written here."""
    sections = (document.get("intents") or {}).items()
    given = ((name, value if isinstance(value, list) else value.get("examples", ())) for name, value in sections)
    return frozenset((name, text) for name, texts in given for text in texts)


def _told_intent(intent: Intent, own: frozenset[tuple[str, str]]) -> Json:
    shown = intent.examples[-SHOWN_EXAMPLES:]
    examples = [{"text": one.text, "here": (intent.name, one.text) in own} for one in shown]
    return {"intent": intent.name, "ask": intent.ask, "count": len(intent.examples), "examples": examples}


def _told(found: Trained | None, digest: str | None) -> Json | None:
    if found is None:
        return None
    manifest = found.manifest
    return {
        "digest": found.digest,
        "at_ms": found.at_ms,
        "intents": len(manifest.labels),
        "threshold": round(manifest.threshold, 4),
        "figures": {name: round(value, 4) for name, value in manifest.figures.items()},
        "model": manifest.space.model,
        "fresh": manifest.examples == digest,
    }


def _require_admin(caller: Caller) -> None:
    if not caller.is_admin:
        raise Forbidden("the intents' examples are for admins")
