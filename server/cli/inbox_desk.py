"""The inbox without a server: the same rules on the same database, which a running server may use meanwhile."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from inference.intents.relabelled import FILE, Merged, merge
from server.chat.inbox import Redact, checked_label, redacted
from server.chat.intent_desk import relabelled_of
from server.cli.ledger import with_store
from server.cli.options import load
from server.clock import SystemClock
from server.contents import read_intents_with, read_trained
from server.errors import StartupError
from server.store.inbox_ports import Agreement, DoubtState, InboxItem, Judgement
from server.store.sql import SqlStore
from server.wiring.intent_files import write_merged

if TYPE_CHECKING:
    from server.settings import Settings

T = TypeVar("T")


class InboxDesk:
    """What the commands do. Ends a command with 1 where an item or an intent is refused."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def page(
        self, state: DoubtState | None, model: str | None, before: str | None, limit: int
    ) -> tuple[list[InboxItem], bool]:
        """The newest first, and whether there are more."""
        found = self._run(lambda store: store.inbox(state=state, model=model, before=before, limit=limit + 1))
        return self._shown(found[:limit]), len(found) > limit

    def label(self, turn_id: str, intent: str | None, *, new: bool, by: str) -> InboxItem:
        """Say what was meant, None for none of the intents."""

        async def judge(store: SqlStore) -> InboxItem:
            known = () if new else (*self._known(), *await store.inbox_labels())
            name = checked_label(intent, known, new=new)
            return await store.judge(Judgement(turn_id, name, by, SystemClock().now_ms()))

        return self._shown([self._run(judge)])[0]

    def dismiss(self, turn_id: str, *, by: str) -> InboxItem:
        """Set it aside."""
        judgement = Judgement(turn_id, None, by, SystemClock().now_ms())
        return self._shown([self._run(lambda store: store.judge(judgement))])[0]

    def agreement(self) -> list[Agreement]:
        """By model."""
        return self._run(lambda store: store.relabel_agreement())

    def export(self, folder: Path) -> Merged:
        """Bring ``folder``'s file up to what was said; it is written only where that changes it."""
        intents, document = read_intents_with(folder, FILE)
        redact = _redact() if self._settings.inbox_redact else None
        merged = merge(self._run(lambda store: relabelled_of(store, redact)), intents, document)
        write_merged(folder, merged)
        return merged

    def _shown(self, items: list[InboxItem]) -> list[InboxItem]:
        if not self._settings.inbox_redact:
            return items
        return redacted(items, _redact())

    def _known(self) -> Collection[str]:
        from inference.errors import ModelError
        from inference.pack import verify_pack

        if self._settings.intents is not None:
            return read_trained(self._settings.intents, None).manifest.labels
        try:
            return verify_pack(self._settings.model_path).heads.intent.labels
        except ModelError as error:
            raise StartupError(str(error)) from error

    def _run(self, work: Callable[[SqlStore], Awaitable[T]]) -> T:
        return with_store(self._settings, work)


def open_desk(**flags: Any) -> InboxDesk:
    """With the settings of this call."""
    return InboxDesk(load(check=False, make=False, **flags).settings)


def _redact() -> Redact:
    from inference.pii import redact

    return redact
