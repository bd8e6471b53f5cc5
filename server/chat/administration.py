"""What is asked over HTTP only: users and their tokens, notifications to others, word to everybody.

No socket verb does these things, so their rules stand here: who may, and for whom.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from server.backplane.ports import Envelope
from server.chat.access import SYSTEM_CHANNEL
from server.chat.accounts import Accounts
from server.chat.content import plain_data
from server.chat.notices import Notices
from server.chat.peer import Caller
from server.chat.standing import Standing
from server.clock import Clock
from server.errors import Conflict, Forbidden, Invalid, NotFound, ProtocolError, StartupError, Unavailable
from server.fanout.hub import Fanout
from server.store.ports import Account, Notice, Revocation, Store
from server.tokens import TokenKind, Tokens
from server.wire.codec import JSON
from server.wire.frames import Event, Notification
from server.wire.parts import User

SystemEvent = Literal["maintenance", "status", "security"]
MAX_USERS = 200
MAX_TTL_S = 3_650 * 86_400

Standings = Callable[[Sequence[str]], Awaitable[dict[str, Standing]]]


class NotSupported(ProtocolError):
    """This server can't do it as it is configured; HTTP only, no row of the protocol's table."""

    code = 501
    name = "not_supported"


@dataclass(frozen=True, slots=True)
class Profile:
    """A user as administrators and the user see it. ``standing`` is None while nobody can say who is connected."""

    account: Account
    standing: Standing | None


@dataclass(frozen=True, slots=True)
class Issued:
    """A token and whom it is for. ``exp_ms``: after that it is void."""

    token: str
    user: User
    exp_ms: int


class Administration:
    """``standings`` tells how known users stand; it raises ``Unavailable`` when the registry can't be reached."""

    def __init__(
        self,
        *,
        store: Store,
        accounts: Accounts,
        notices: Notices,
        fanout: Fanout,
        standings: Standings,
        tokens: Tokens,
        clock: Clock,
    ) -> None:
        self._store = store
        self._accounts = accounts
        self._notices = notices
        self._fanout = fanout
        self._standings = standings
        self._tokens = tokens
        self._clock = clock

    # ------------------------------------------------------------------ users

    async def user(self, caller: Caller, user_id: str) -> Profile:
        """``Forbidden`` for others than admins, services and the user; ``NotFound``."""
        if user_id != caller.user.id:
            require_office(caller, "reading other users")
        account = await self._account(user_id)
        return (await self._profiles(caller, [account]))[0]

    async def users(self, caller: Caller, after: str | None, limit: int) -> tuple[list[Profile], bool]:
        """By id, those after ``after``, and whether there are more. ``Forbidden``."""
        require_office(caller, "listing users")
        accounts = await self._store.list_accounts(after, limit + 1)
        return await self._profiles(caller, accounts[:limit]), len(accounts) > limit

    async def revoke(self, caller: Caller, user_id: str) -> Revocation:
        """Void the user's tokens: admins anybody's, services customers', everybody their own."""
        if user_id != caller.user.id and not caller.is_admin:
            require_office(caller, "revoking the tokens of others")
            if (await self._account(user_id)).user.kind != "customer":
                raise Forbidden("services revoke the tokens of customers only")
        return await self._accounts.revoke(user_id)

    async def ban(self, caller: Caller, user_id: str, banned: bool) -> Revocation:
        """Keep the user out, or let it in again with a new token. ``Forbidden``, ``NotFound``, ``Conflict``."""
        if not caller.is_admin:
            raise Forbidden("banning is for admins")
        if banned and user_id == caller.user.id:
            raise Conflict("you can't ban yourself")
        return await self._accounts.revoke(user_id, banned=banned)

    async def _account(self, user_id: str) -> Account:
        account = (await self._store.accounts([user_id])).get(user_id)
        if account is None:
            raise NotFound("no such user")
        return account

    async def _profiles(self, caller: Caller, accounts: Sequence[Account]) -> list[Profile]:
        try:
            standings = await self._standings([account.user.id for account in accounts])
        except Unavailable:
            return [Profile(account, None) for account in accounts]
        return [Profile(account, _seen_by(caller, standings.get(account.user.id))) for account in accounts]

    # ------------------------------------------------------------------ tokens

    async def issue(self, caller: Caller, user_id: str, kind: TokenKind, name: str | None, ttl_s: int) -> Issued:
        """A token for a user, known or new. Admins for anybody, services for customers.

        ``name`` None: the one that is known. ``Forbidden``; ``Conflict`` for a banned user; ``Invalid`` for an id or a
        name that no token may have; ``NotSupported`` where tokens are made elsewhere.
        """
        require_office(caller, "issuing tokens")
        known = (await self._store.accounts([user_id])).get(user_id)
        kinds = {kind} if known is None else {kind, known.user.kind}
        if not caller.is_admin and kinds != {"customer"}:
            raise Forbidden("services issue tokens for customers only")
        if known is not None and known.banned:
            raise Conflict("the user is banned; end the ban first")
        if name is None and known is not None:
            name = known.user.name
        now_s = self._clock.now_ms() / 1000
        try:
            token = self._tokens.issue(kind, user_id, name, ttl_s, now_s)
        except ValueError as error:
            raise Invalid(str(error)) from None
        except StartupError as error:
            raise NotSupported(str(error)) from None
        claims = self._tokens.verify(token, now_s)
        return Issued(token, claims.user, claims.exp_ms)

    # ------------------------------------------------------------------ word to others

    async def notify(self, caller: Caller, notice: Notice) -> tuple[Notification, int]:
        """See ``Notices.notify``; ``Forbidden`` for others than admins and services."""
        require_office(caller, "notifying others")
        return await self._notices.notify(notice)

    async def announce(self, caller: Caller, name: SystemEvent, data: Mapping[str, Any]) -> Event:
        """Tell everybody who is connected, on the ``system`` channel. ``Forbidden`` for others than admins."""
        if not caller.is_admin:
            raise Forbidden("announcing is for admins")
        event = Event(channel=SYSTEM_CHANNEL, name=name, data=plain_data(data) or {})
        await self._fanout.publish(Envelope(SYSTEM_CHANNEL, 0, JSON.encode(event)))
        return event


def require_office(caller: Caller, what: str) -> None:
    """Raises ``Forbidden`` for customers and agents."""
    if caller.user.kind not in ("admin", "service"):
        raise Forbidden(f"{what} is for admins and services")


def _seen_by(caller: Caller, standing: Standing | None) -> Standing | None:
    """Somebody invisible looks offline to everybody else."""
    if standing is None or standing.account.user.id == caller.user.id or standing.account.status != "invisible":
        return standing
    account = replace(standing.account, status_text=None)
    return Standing(account, devices=0, is_present=False, seen_ms=account.last_seen_ms)
