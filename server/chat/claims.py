"""Claims lapse: an agent without any device for long enough gives its conversations back to the queue (PROTOCOL §5).

Every worker looks, none is in charge. How long an agent has been away is counted by the database's clock, and a release
names the claim it has seen, so that of two workers only one ends it, and neither ends a later one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog

from server.backplane.ports import Registry
from server.chat.connected import Connected
from server.chat.messages import Messages
from server.chat.roll import is_device
from server.clock import Clock
from server.errors import Conflict, NotFound, ProtocolError, Unavailable
from server.store.ports import ClaimRow, Release, Store
from server.telemetry import Metrics

LOOK_EVERY_MS = 5_000

_log = structlog.get_logger(__name__)


class ClaimKeeper:
    """``absence_ms``: how long an agent may be away. The registry says who is there, and this worker's own connections;
    a worker that can't reach the registry ends no claim.

    Nor does one that has not looked for ``absence_ms`` without an interruption: nobody could have come back while there
    was no server, or no registry, however long that was.
    """

    def __init__(
        self,
        *,
        store: Store,
        registry: Registry,
        connected: Connected,
        messages: Messages,
        metrics: Metrics,
        clock: Clock,
        new_id: Callable[[], str],
        absence_ms: int,
    ) -> None:
        self._store = store
        self._registry = registry
        self._connected = connected
        self._messages = messages
        self._metrics = metrics
        self._clock = clock
        self._new_id = new_id
        self._absence_ms = absence_ms
        self._looks_since_ms: float | None = None

    async def keep(self) -> None:
        """Look from time to time, for ever: several times within the absence allowed."""
        while True:
            await asyncio.sleep(min(LOOK_EVERY_MS, self._absence_ms / 4) / 1000)
            try:
                await self.look()
            except ProtocolError as error:
                _log.warning("claims not looked at", reason=str(error))
            except Exception:  # whatever it was, the next look must come
                _log.exception("claims not looked at")

    async def look(self) -> None:
        """One round. ``Unavailable`` where registry or store is away: then nobody lapses any more."""
        try:
            claims = await self._store.claims()
            present = await self._note(claims) if claims else set()
        except BaseException:
            self._looks_since_ms = None
            raise
        now_ms = self._clock.mono_ms()
        if self._looks_since_ms is None:
            self._looks_since_ms = now_ms
        if now_ms - self._looks_since_ms < self._absence_ms:
            return
        for claim in claims:
            if claim.agent.id not in present and claim.absent_ms is not None and claim.absent_ms >= self._absence_ms:
                await self._lapse(claim)

    async def _note(self, claims: list[ClaimRow]) -> set[str]:
        """Note which agents have gone and come; who is there."""
        here = {claim.agent.id for claim in claims if self._connected.of(claim.agent.id)}
        try:
            found = await self._registry.devices(sorted({claim.agent.id for claim in claims} - here))
        except Unavailable:
            if here:  # workers that do reach the registry may miss them there
                await self._store.note_agents([], sorted(here))
            raise
        present = here | {user_id for user_id, devices in found.items() if any(map(is_device, devices))}
        gone = {claim.agent.id for claim in claims if claim.agent.id not in present and claim.absent_ms is None}
        back = {claim.agent.id for claim in claims if claim.agent.id in present and claim.absent_ms is not None}
        if gone or back:
            await self._store.note_agents(sorted(gone), sorted(back))
        return present

    async def _lapse(self, claim: ClaimRow) -> None:
        try:
            changed = await self._store.release(
                Release(
                    channel=claim.channel,
                    by=claim.agent,
                    message_id=self._new_id(),
                    at_ms=self._clock.now_ms(),
                    to="waiting",
                    claim_number=claim.claim_number,
                )
            )
        except (Conflict, NotFound):
            return  # released or claimed anew since it was read, or another worker was faster
        _log.info("claim lapsed", channel=claim.channel, agent=claim.agent.id, absent_ms=claim.absent_ms)
        self._metrics.claims_lapsed.inc()
        for message in changed.messages:
            await self._messages.publish(message)
