"""The inbox of doubtful turns, for agents and admins: what was meant, which the next training learns from."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from difflib import get_close_matches
from typing import Final

import structlog

from inference.intents.parsing import NAME
from server.chat.access import require_agent
from server.chat.peer import Caller
from server.clock import Clock
from server.errors import Invalid, ProtocolError
from server.store.inbox_ports import NO_INTENT, Agreement, DoubtState, InboxItem, Judgement
from server.store.ports import Store
from server.telemetry import Metrics

MAX_ITEMS: Final = 100
COUNT_S: Final = 60.0
ROUNDS_PER_LAPSE: Final = 60
# Short enough that no turn notices the commit that they share.
MAX_LAPSING: Final = 1_000
DAY_MS: Final = 86_400_000

_log = structlog.get_logger(__name__)

Redact = Callable[[str], str]


class Inbox:
    """``known``: the names of the intents that are understood now. ``redact`` takes personal data out of texts; None
    leaves them as they were written. ``kept_ms`` and ``kept_items``: how long and how many wait to be judged."""

    def __init__(
        self,
        *,
        store: Store,
        clock: Clock,
        metrics: Metrics,
        known: Callable[[], Collection[str]],
        redact: Redact | None,
        kept_ms: int,
        kept_items: int,
    ) -> None:
        self._store = store
        self._clock = clock
        self._metrics = metrics
        self._known = known
        self._redact = redact
        self._kept_ms = kept_ms
        self._kept_items = kept_items

    async def page(
        self, caller: Caller, *, state: DoubtState | None, model: str | None, before: str | None, limit: int
    ) -> tuple[list[InboxItem], bool]:
        """The newest first, and whether there are more. ``Forbidden`` for customers and services."""
        require_agent(caller, "the inbox")
        found = await self._store.inbox(state=state, model=model, before=before, limit=limit + 1)
        return await self._shown(found[:limit]), len(found) > limit

    async def label(self, caller: Caller, turn_id: str, intent: str | None, *, new: bool) -> InboxItem:
        """Say which intent was meant, None for none of them. ``Forbidden``, ``NotFound``; ``Invalid``: see
        ``checked_label``."""
        require_agent(caller, "the inbox")
        known = () if new else (*self._known(), *await self._store.inbox_labels())
        return await self._judge(caller, turn_id, checked_label(intent, known, new=new))

    async def dismiss(self, caller: Caller, turn_id: str) -> InboxItem:
        """The turn tells nothing: it counts for nothing. ``Forbidden``, ``NotFound``."""
        require_agent(caller, "the inbox")
        return await self._judge(caller, turn_id, None)

    async def agreement(self, caller: Caller) -> list[Agreement]:
        """How often the labels are what the model had said, by its version. ``Forbidden``."""
        require_agent(caller, "the inbox")
        return await self._store.relabel_agreement()

    async def keep(self) -> None:
        """Run for ever: count what waits, and let go what is old."""
        rounds = 0
        while True:
            try:
                await self.look_after(lapsing=rounds % ROUNDS_PER_LAPSE == 0)
            except ProtocolError as error:
                _log.warning("inbox not looked after", reason=str(error))
            except Exception:  # whatever it was, the next round must come
                _log.exception("inbox not looked after")
            rounds += 1
            await asyncio.sleep(COUNT_S)

    async def look_after(self, *, lapsing: bool) -> None:
        """One round of ``keep``."""
        while lapsing:
            before_ms = self._clock.now_ms() - self._kept_ms
            lapsing = await self._store.lapse_doubts(before_ms, self._kept_items, MAX_LAPSING) >= MAX_LAPSING
        self._metrics.inbox(await self._store.count_open_doubts(), await self._store.relabel_agreement())

    async def _judge(self, caller: Caller, turn_id: str, label: str | None) -> InboxItem:
        now = await self._store.judge(Judgement(turn_id, label, caller.user.id, self._clock.now_ms()))
        return (await self._shown([now]))[0]

    async def _shown(self, items: list[InboxItem]) -> list[InboxItem]:
        if self._redact is None or not items:
            return items
        # Telling phone numbers takes a fraction of a millisecond a text: too long for a page on the event loop.
        return await asyncio.to_thread(redacted, items, self._redact)


def redacted(items: Sequence[InboxItem], redact: Redact) -> list[InboxItem]:
    """The same items, their texts as ``redact`` leaves them."""
    return [replace(item, text=redact(item.text)) for item in items]


def checked_label(intent: str | None, known: Collection[str], *, new: bool) -> str:
    """The label to store. ``Invalid`` for what can't name an intent, and for a name that nobody knows unless ``new``
    says that it is meant: a slip of the pen would make an intent of its own. ``known``: the intents that are
    understood, and the labels given already."""
    if intent is None or intent == NO_INTENT:
        return NO_INTENT
    if not NAME.fullmatch(intent):
        raise Invalid(f"{intent!r} is no name of an intent: small letters, digits and _, at most 64, a letter first.")
    if not new and intent not in known:
        near = get_close_matches(intent, known, n=1)
        meant = f" Did you mean {near[0]!r}?" if near else ""
        raise Invalid(f"There is no intent {intent!r} yet.{meant} Say that it is new to make it one.")
    return intent
