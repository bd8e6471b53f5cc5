"""What is asked over HTTP only: who may, for whom, and what is told of whom."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from server.backplane.ports import Envelope
from server.chat.administration import Administration, NotSupported
from server.chat.peer import Caller
from server.chat.standing import Standing
from server.clock import ManualClock
from server.errors import Conflict, Forbidden, Invalid, NotFound, TooLarge, Unavailable
from server.store.ports import Account, Notice, Revocation
from server.tokens import KINDS, TokenKind, Tokens
from server.wire.codec import JSON
from server.wire.frames import Event, Notification
from server.wire.parts import User

SECRET = b"a secret of the tests, long enough for HS256"
NOTICE = Notice("", None, "normal", "t", "b", None, 0)


def account(kind: TokenKind, user_id: str, **changes: Any) -> Account:
    known = Account(User(user_id, kind, user_id.title()), "online", None, 7, tokens_from_ms=0, banned=False)
    return replace(known, **changes)


class Town:
    """The users, and whom the verbs below turned to."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.known = {
            one.user.id: one
            for one in (
                account("customer", "carl"),
                account("customer", "dora", status="invisible", status_text="hiding"),
                account("customer", "eve", banned=True),
                account("agent", "ann"),
                account("service", "shop"),
                account("admin", "root"),
            )
        }
        self.registry_away = False
        self.revoked: list[tuple[str, bool | None]] = []
        self.published: list[Envelope] = []
        self.noted: list[Notice] = []

    # store
    async def accounts(self, user_ids: Sequence[str]) -> dict[str, Account]:
        return {user_id: self.known[user_id] for user_id in user_ids if user_id in self.known}

    async def list_accounts(self, after: str | None, limit: int) -> list[Account]:
        return [self.known[user_id] for user_id in sorted(self.known) if after is None or user_id > after][:limit]

    # accounts
    async def revoke(self, user_id: str, *, banned: bool | None = None) -> Revocation:
        self.revoked.append((user_id, banned))
        return Revocation(user_id, self.clock.now_ms(), bool(banned))

    # notices
    async def notify(self, notice: Notice) -> tuple[Notification, int]:
        self.noted.append(notice)
        return Notification("user:", "n", notice.priority, notice.title, notice.body, 0), 1

    # fan-out
    async def publish(self, envelope: Envelope) -> None:
        self.published.append(envelope)

    async def standings(self, user_ids: Sequence[str]) -> dict[str, Standing]:
        if self.registry_away:
            raise Unavailable("the registry is away")
        return {user_id: Standing(self.known[user_id], 2, True, 99) for user_id in user_ids if user_id in self.known}

    def caller(self, user_id: str) -> Caller:
        return Caller(self.known[user_id].user)

    def administration(self, tokens: Tokens | None = None) -> Administration:
        me = cast(Any, self)
        tokens = tokens or Tokens("HS256", SECRET)
        return Administration(
            store=me, accounts=me, notices=me, fanout=me, standings=self.standings, tokens=tokens, clock=self.clock
        )


@pytest.fixture
def town() -> Town:
    return Town()


# ------------------------------------------------------------------ users


async def test_office_reads_everybody_others_themselves(town: Town) -> None:
    office = town.administration()
    for caller in ("root", "shop"):
        profile = await office.user(town.caller(caller), "carl")
        assert profile.standing is not None and profile.standing.shown().status == "online"
        with pytest.raises(NotFound):
            await office.user(town.caller(caller), "nobody")
    for caller in ("carl", "ann"):
        assert (await office.user(town.caller(caller), caller)).account.user.id == caller
        for other in ("root", "nobody"):
            with pytest.raises(Forbidden):
                await office.user(town.caller(caller), other)
        with pytest.raises(Forbidden):
            await office.users(town.caller(caller), None, 5)


async def test_pages_say_whether_there_are_more(town: Town) -> None:
    office = town.administration()
    page, more = await office.users(town.caller("root"), None, 4)
    assert ([profile.account.user.id for profile in page], more) == (["ann", "carl", "dora", "eve"], True)
    page, more = await office.users(town.caller("root"), "eve", 2)
    assert ([profile.account.user.id for profile in page], more) == (["root", "shop"], False)


async def test_somebody_invisible_looks_offline_to_all_others(town: Town) -> None:
    office = town.administration()
    seen = (await office.user(town.caller("root"), "dora")).standing
    assert seen is not None and (seen.devices, seen.is_present, seen.seen_ms) == (0, False, 7)
    assert seen.account.status_text is None
    own = (await office.user(town.caller("dora"), "dora")).standing
    assert own is not None and (own.devices, own.is_present) == (2, True)


async def test_without_the_registry_users_are_told_without_their_devices(town: Town) -> None:
    town.registry_away = True
    page, _ = await town.administration().users(town.caller("root"), None, 2)
    assert [profile.standing for profile in page] == [None, None]


# ------------------------------------------------------------------ revoking and banning


@pytest.mark.parametrize(
    ("caller", "user_id", "allowed"),
    [
        ("root", "ann", True), ("root", "root", True), ("shop", "carl", True), ("shop", "shop", True),
        ("shop", "ann", False), ("shop", "root", False), ("ann", "carl", False), ("ann", "ann", True),
        ("carl", "carl", True), ("carl", "dora", False),
    ],
)  # fmt: skip
async def test_who_revokes_whose_tokens(town: Town, caller: str, user_id: str, allowed: bool) -> None:
    work = town.administration().revoke(town.caller(caller), user_id)
    if allowed:
        assert (await work).user_id == user_id
        assert town.revoked == [(user_id, None)]
    else:
        with pytest.raises(Forbidden):
            await work
        assert town.revoked == []


async def test_admins_ban_others_only(town: Town) -> None:
    office = town.administration()
    await office.ban(town.caller("root"), "carl", True)
    await office.ban(town.caller("root"), "carl", False)
    assert town.revoked == [("carl", True), ("carl", False)]
    with pytest.raises(Conflict):
        await office.ban(town.caller("root"), "root", True)
    for caller in ("carl", "ann", "shop"):
        with pytest.raises(Forbidden):
            await office.ban(town.caller(caller), "carl", True)
    assert len(town.revoked) == 2


# ------------------------------------------------------------------ tokens


async def test_an_issued_token_is_the_users(town: Town) -> None:
    tokens = Tokens("HS256", SECRET)
    issued = await town.administration(tokens).issue(town.caller("shop"), "new", "customer", "Nia", 60)
    claims = tokens.verify(issued.token, town.clock.now_ms() / 1000)
    assert claims.user == issued.user == User("new", "customer", "Nia")
    assert claims.exp_ms == issued.exp_ms == town.clock.now_ms() + 60_000
    assert claims.issued_ms == town.clock.now_ms()  # so that an earlier revocation does not void it
    issued = await town.administration(tokens).issue(town.caller("root"), "ann", "agent", None, 60)
    assert issued.user.name == "Ann"


@pytest.mark.parametrize("kind", sorted(KINDS))
@pytest.mark.parametrize("caller", ["root", "shop", "ann", "carl"])
@pytest.mark.parametrize("user_id", ["new", "carl", "ann", "shop", "root"])
async def test_nobody_issues_a_token_above_their_own_rank(
    town: Town, caller: str, user_id: str, kind: TokenKind
) -> None:
    known = town.known.get(user_id)
    for_customers = kind == "customer" and (known is None or known.user.kind == "customer")
    work = town.administration().issue(town.caller(caller), user_id, kind, None, 60)
    if caller == "root" or (caller == "shop" and for_customers):
        assert (await work).user.kind == kind
    else:
        with pytest.raises(Forbidden):
            await work


async def test_what_no_token_may_have_is_invalid_and_a_ban_is_no_door(town: Town) -> None:
    office = town.administration()
    for user_id, name in (("new", "a\nb"), ("\u2028", None), ("n" * 129, None)):
        with pytest.raises(Invalid):
            await office.issue(town.caller("root"), user_id, "customer", name, 60)
    with pytest.raises(Conflict):
        await office.issue(town.caller("root"), "eve", "customer", None, 60)


async def test_where_tokens_are_made_elsewhere_none_is_issued(town: Town) -> None:
    key = generate_private_key(65_537, 2_048).public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    with pytest.raises(NotSupported, match="RS256") as raised:
        await town.administration(Tokens("RS256", key)).issue(town.caller("root"), "new", "customer", None, 60)
    assert (raised.value.code, raised.value.name) == (501, "not_supported")


# ------------------------------------------------------------------ word to others


async def test_office_notifies(town: Town) -> None:
    for caller in ("root", "shop"):
        await town.administration().notify(town.caller(caller), NOTICE)
    for caller in ("carl", "ann"):
        with pytest.raises(Forbidden):
            await town.administration().notify(town.caller(caller), NOTICE)
    assert town.noted == [NOTICE, NOTICE]


async def test_admins_announce_to_everybody(town: Town) -> None:
    office = town.administration()
    event = await office.announce(town.caller("root"), "security", {"text": "change your password"})
    (envelope,) = town.published
    assert (envelope.channel, envelope.offset, envelope.audience) == ("system", 0, "everyone")
    assert (
        envelope.body
        == JSON.encode(event)
        == JSON.encode(Event(channel="system", name="security", data={"text": "change your password"}))
    )
    with pytest.raises(TooLarge):
        await office.announce(town.caller("root"), "status", {"x": "y" * 9_000})
    for caller in ("carl", "ann", "shop"):
        with pytest.raises(Forbidden):
            await office.announce(town.caller(caller), "status", {})
    assert len(town.published) == 1
