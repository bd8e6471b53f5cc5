"""Who may come in, and whose tokens are void (PROTOCOL §8: 4401 and 4403)."""

from __future__ import annotations

import asyncio

import structlog

from server.chat.connected import Connected
from server.chat.peer import Claims
from server.chat.signals import Revoked, Signals
from server.clock import Clock
from server.errors import Banned, ProtocolError, Unauthenticated
from server.store.ports import Account, Revocation, Store

# Without the doorbell open sockets of a revoked user still close within this time (the contract is a second).
LOOK_EVERY_S = 0.8
REVOCATIONS_PER_LOOK = 500

_log = structlog.get_logger(__name__)


class Accounts:
    """Admits users and throws out those whose tokens were revoked, on this worker."""

    def __init__(self, *, store: Store, signals: Signals, connected: Connected, clock: Clock) -> None:
        self._store = store
        self._signals = signals
        self._connected = connected
        self._clock = clock
        self._seen_number = 0
        signals.on(Revoked, self._throw_out)

    async def admit(self, claims: Claims) -> Account:
        """Save the user; ``Unauthenticated`` for a revoked token, ``Banned``."""
        account = await self._store.save_user(claims.user, self._clock.now_ms())
        if account.banned:
            raise Banned("this user is banned")
        if claims.issued_ms < account.tokens_from_ms:
            raise Unauthenticated("the token was revoked; get a new one")
        return account

    async def revoke(self, user_id: str, *, banned: bool | None = None) -> Revocation:
        """Void every token of the user that was issued until now, and close what is open on every worker.

        ``NotFound``.
        """
        revocation = await self._store.revoke_tokens(user_id, self._clock.now_ms(), banned=banned)
        await self._signals.send(Revoked(user_id, revocation.tokens_from_ms, revocation.banned))
        return revocation

    def _throw_out(self, word: Revoked) -> None:
        for peer in self._connected.of(word.user_id):
            if word.banned:
                peer.turn_away(Banned("this user is banned"))
            elif peer.claims.issued_ms < word.tokens_from_ms:
                peer.turn_away(Unauthenticated("the token was revoked; get a new one"))

    async def watch(self) -> None:
        """Read what was revoked, for ever: a doorbell may be lost, a revocation may not."""
        while True:
            try:
                await self._look()
            except ProtocolError as error:
                _log.warning("revocations not read", reason=str(error))
            except Exception:  # whatever it was, the next look must come
                _log.exception("revocations not read")
            await asyncio.sleep(LOOK_EVERY_S)

    async def _look(self) -> None:
        number, revocations = await self._store.revocations_after(self._seen_number, REVOCATIONS_PER_LOOK)
        self._seen_number = number
        for found in revocations:
            self._throw_out(Revoked(found.user_id, found.tokens_from_ms, found.banned))
