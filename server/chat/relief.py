"""A person takes over because a rule or the customer's words say so: the conversation goes to the queue."""

from __future__ import annotations

from collections.abc import Callable

import structlog

from server.clock import Clock
from server.fanout.hub import Fanout
from server.store.ports import Handoff, Store
from server.telemetry import Metrics
from server.wire.parts import User

_log = structlog.get_logger(__name__)


class Relief:
    """Hands conversations over in the name of ``identity``."""

    def __init__(
        self,
        *,
        store: Store,
        fanout: Fanout,
        identity: User,
        clock: Clock,
        new_id: Callable[[], str],
        metrics: Metrics,
    ) -> None:
        self._store = store
        self._fanout = fanout
        self._identity = identity
        self._clock = clock
        self._new_id = new_id
        self._metrics = metrics

    async def __call__(self, channel: str, reason: str) -> None:
        """bot → waiting; a conversation that waits already goes on waiting. Its answer is stored by now, so that a
        failure here must not look like the turn's: the next turn that is like this one tries again."""
        try:
            changed = await self._store.handoff(
                Handoff(channel, self._identity, reason, self._new_id(), self._clock.now_ms())
            )
            for message in changed.messages:
                await self._fanout.publish_message(message)
        except Exception as error:
            _log.warning("not handed over", channel=channel, reason=repr(error))
            return
        if changed.messages:
            self._metrics.handoffs.inc()
