"""Who a ``connect`` is from: a token's user, or a new guest where guests are allowed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from server.chat.peer import GUEST_NAME, Claims
from server.chat.quotas import Doorkeeper
from server.clock import Clock
from server.errors import RateLimited, Unauthenticated
from server.tokens import Tokens, Unsigned
from server.wire.parts import User
from server.wire.requests import Connect


@dataclass(frozen=True, slots=True)
class Gate:
    """``guest_ttl_s``: how long a new guest's token is valid."""

    tokens: Tokens
    guests_allowed: bool
    guest_ttl_s: int
    clock: Clock
    new_id: Callable[[], str]
    doorkeeper: Doorkeeper

    async def authenticate(self, frame: Connect, address: str = "") -> Claims:
        """``Unauthenticated`` for a bad token, and for none where guests are not allowed.

        ``address``: the client's; ``RateLimited`` where it has presented too many forged tokens, or made too many
        guests. Good tokens pass even then, since many people may share an address; expired ones are nobody's guesses.
        """
        now_s = self.clock.now_ms() / 1000
        if frame.token is not None:
            try:
                claims = self.tokens.verify(frame.token, now_s)
            except Unsigned:
                if barred_ms := self.doorkeeper.barred_ms(address):
                    raise RateLimited("too many forged tokens; wait a moment", retry_after_ms=barred_ms) from None
                await self.doorkeeper.token_failed(address)
                raise
            return Claims(claims.user, claims.exp_ms, issued_ms=claims.issued_ms)
        if not self.guests_allowed:
            raise Unauthenticated("a token is needed; guests are not allowed here")
        await self.doorkeeper.charge_address(self.doorkeeper.quotas.guests, address)
        guest = User(id=self.new_id(), kind="customer", name=GUEST_NAME)
        token = self.tokens.issue("customer", guest.id, guest.name, self.guest_ttl_s, now_s)
        made = self.tokens.verify(token, now_s)
        return Claims(guest, made.exp_ms, new_token=token, issued_ms=made.issued_ms)
