"""The audit log: who changed what when, over REST. Changes by commands stand in the histories of what they change."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import structlog

from server.chat.peer import Caller
from server.clock import Clock
from server.errors import Forbidden, ProtocolError
from server.store.alert_ports import AuditRow
from server.store.ports import Store

MAX_ROWS: Final = 200
MAX_DETAIL_BYTES: Final = 4_000
MAX_TEXT: Final = 500
HIDDEN: Final = "********"
# Keys whose values are nobody's to read later.
SECRETS: Final = frozenset(("token", "secret", "password", "key", "api_key", "authorization"))

_log = structlog.get_logger(__name__)


class Audit:
    """Notes changes that were made, and tells of them to admins."""

    def __init__(self, *, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def note(self, caller: Caller, action: str, subject: str, given: object) -> None:
        """``action`` was done to ``subject`` with what was ``given``. It is done already, so a ledger that is away
        only leaves a line in the log."""
        detail = detail_of(given)
        row = AuditRow(self._clock.now_ms(), caller.user.id, caller.user.kind, action, subject[:MAX_TEXT], detail)
        try:
            await self._store.add_audit(row)
        except ProtocolError as error:
            _log.error("change not noted", action=action, subject=subject, by=caller.user.id, reason=str(error))

    async def page(
        self, caller: Caller, *, by: str | None, action: str | None, before: int | None, limit: int
    ) -> tuple[list[AuditRow], bool]:
        """The newest first, and whether there are more. ``Forbidden``."""
        if not caller.is_admin:
            raise Forbidden("the audit log is for admins")
        found = await self._store.audit(by=by, action=action, before=before, limit=limit + 1)
        return found[:limit], len(found) > limit


def detail_of(given: object) -> dict[str, Any]:
    """What was given, without secrets and without what is too long to read."""
    if not isinstance(given, Mapping):
        return {}
    shown = {str(name): _shown(str(name), value) for name, value in given.items()}
    size = 0
    kept: dict[str, Any] = {}
    for name, value in shown.items():
        size += len(name) + len(repr(value))
        if size > MAX_DETAIL_BYTES:
            kept["…"] = f"{len(shown) - len(kept)} more"
            break
        kept[name] = value
    return kept


def _shown(name: str, value: object) -> Any:
    if name.lower() in SECRETS and value is not None:
        return HIDDEN
    if isinstance(value, Mapping):
        return {str(key): _shown(str(key), part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_shown("", part) for part in value]
    if isinstance(value, str) and len(value) > MAX_TEXT:
        return f"{value[: MAX_TEXT - 1]}…"
    return value
