"""``admin:alerts``: what admins should look at (PROTOCOL §7).

One worker of all looks after the alerts (``server.chat.alerting.keeper``); they stand in the ledger, so every worker
shows the same ones to who subscribes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

import structlog

from server.backplane.ports import Envelope
from server.chat.access import ALERTS_CHANNEL
from server.chat.alerting.letters import shown
from server.chat.alerting.values import Plan, silenced_until_ms
from server.chat.peer import Caller
from server.clock import Clock
from server.errors import ProtocolError, Unavailable
from server.fanout.hub import Fanout
from server.store.alert_ports import AlertRow, SilenceRow
from server.store.ports import Store
from server.wire.codec import JSON
from server.wire.frames import Event

MAX_STANDING: Final = 500

_log = structlog.get_logger(__name__)


class Alerts:
    """What stands, shown and told. ``plan``: the rules of this worker, whose words stand beside each alert."""

    def __init__(self, *, store: Store, fanout: Fanout, clock: Clock, plan: Plan) -> None:
        self._store = store
        self._fanout = fanout
        self._clock = clock
        self.plan = plan
        self._own: Sequence[AlertRow] = ()

    async def snapshot(self, _: Caller) -> dict[str, Any]:
        """Those that stand, the newest first; while the ledger is away those that this worker raised itself."""
        try:
            standing = await self._store.alerts(state="raised", limit=MAX_STANDING)
            silences = await self._store.silences(self._clock.now_ms())
        except Unavailable:
            if not self._own:
                raise
            standing, silences = list(self._own), []
        return {"items": [self.told(alert, silences) for alert in standing]}

    def keep(self, standing: Iterable[AlertRow]) -> None:
        """What this worker knows to stand, for when nobody else can be asked."""
        self._own = tuple(standing)

    def told(self, alert: AlertRow, silences: Sequence[SilenceRow] = ()) -> dict[str, Any]:
        """An alert as clients see it."""
        told = shown(alert, self.plan)
        until_ms = silenced_until_ms(alert, tuple(silences), self._clock.now_ms())
        return told if until_ms is None else {**told, "silenced_until_ms": until_ms}

    async def tell(self, alert: AlertRow, silences: Sequence[SilenceRow] = ()) -> None:
        """To every subscriber on every worker; what is lost stands in the next snapshot."""
        event = Event(channel=ALERTS_CHANNEL, name="alert", data=self.told(alert, silences))
        try:
            await self._fanout.publish(Envelope(ALERTS_CHANNEL, 0, JSON.encode(event)))
        except ProtocolError as error:
            _log.warning("alert not told", rule=alert.rule, reason=str(error))
