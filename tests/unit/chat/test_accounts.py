"""Who may come in, whose tokens are void, and that word of it is never lost."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import cast

import pytest

from server.backplane.ports import Envelope
from server.chat import accounts as accounts_module
from server.chat.accounts import Accounts
from server.chat.connected import Connected
from server.chat.peer import ChatPeer, Claims
from server.chat.signals import Revoked, Signals
from server.clock import ManualClock
from server.errors import Banned, NotFound, ProtocolError, Unauthenticated, Unavailable
from server.fanout.hub import Fanout
from server.store.ports import Account, Revocation, Store
from server.wire.parts import User

ANN = User("ann", "customer", "Ann")
BOB = User("bob", "customer", "Bob")


class Ledger:
    """Accounts and revocations that workers share; ``away`` makes every call fail."""

    def __init__(self) -> None:
        self.known: dict[str, Account] = {}
        self.revoked: list[str] = []
        self.away = False
        self.broken = False

    def _reach(self) -> None:
        if self.broken:
            raise RuntimeError("a bug")
        if self.away:
            raise Unavailable("the database is away")

    async def save_user(self, user: User, at_ms: int) -> Account:
        self._reach()
        return self.known.setdefault(user.id, Account(user, "online", None, at_ms, 0, False))

    async def revoke_tokens(self, user_id: str, tokens_from_ms: int, *, banned: bool | None = None) -> Revocation:
        self._reach()
        if user_id not in self.known:
            raise NotFound("no such user")
        before = self.known[user_id]
        after = replace(before, tokens_from_ms=tokens_from_ms, banned=before.banned if banned is None else banned)
        self.known[user_id] = after
        self.revoked.append(user_id)
        return Revocation(user_id, after.tokens_from_ms, after.banned)

    async def revocations_after(self, number: int, limit: int) -> tuple[int, list[Revocation]]:
        self._reach()
        if number == 0:
            return len(self.revoked) + 1, []
        found = self.revoked[number - 1 :][:limit]
        told = [self.known[user_id] for user_id in dict.fromkeys(found)]
        return number + len(found), [Revocation(one.user.id, one.tokens_from_ms, one.banned) for one in told]


class Road:
    """A fan-out between workers that can lose what it is given."""

    def __init__(self) -> None:
        self.workers: list[Signals] = []
        self.deaf: set[Signals] = set()

    async def publish(self, envelope: Envelope) -> None:
        for worker in self.workers:
            if worker not in self.deaf:
                worker.receive(envelope)


@dataclass(eq=False)
class Phone:
    user_id: str
    claims: Claims
    closed: list[type[ProtocolError]] = field(default_factory=list)

    def turn_away(self, error: Banned | Unauthenticated) -> None:
        self.closed.append(type(error))


class Town:
    """Workers over one ledger."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.ledger = Ledger()
        self.road = Road()

    def worker(self) -> Worker:
        return Worker(self)


class Worker:
    def __init__(self, town: Town) -> None:
        self.town = town
        self.signals = Signals()
        self.signals.connect(cast(Fanout, town.road))
        town.road.workers.append(self.signals)
        self.connected = Connected()
        self.accounts = Accounts(
            store=cast(Store, town.ledger), signals=self.signals, connected=self.connected, clock=town.clock
        )

    async def connect(self, user: User, issued_ms: int | None = None) -> Phone:
        now_ms = self.town.clock.now_ms()
        claims = Claims(user, None, issued_ms=now_ms if issued_ms is None else issued_ms)
        await self.accounts.admit(claims)
        phone = Phone(user.id, claims)
        self.connected.add(cast(ChatPeer, phone))
        return phone


@pytest.fixture
def town() -> Town:
    return Town()


async def test_whoever_is_admitted_has_an_account(town: Town) -> None:
    await town.worker().connect(ANN)
    assert town.ledger.known["ann"].user == ANN


async def test_a_revocation_closes_every_connection_on_every_worker_and_nobody_elses(town: Town) -> None:
    here, there = town.worker(), town.worker()
    phones = [await here.connect(ANN), await here.connect(ANN), await there.connect(ANN)]
    bob = await there.connect(BOB)
    town.clock.advance(5)
    assert await here.accounts.revoke("ann") == Revocation("ann", town.clock.now_ms(), False)
    assert [phone.closed for phone in phones] == [[Unauthenticated]] * 3
    assert bob.closed == []


async def test_a_revoked_token_does_not_come_in_again_and_a_new_one_does(town: Town) -> None:
    worker = town.worker()
    old_ms = town.clock.now_ms()
    await worker.connect(ANN)
    town.clock.advance(5)
    await worker.accounts.revoke("ann")
    with pytest.raises(Unauthenticated, match="revoked"):
        await worker.connect(ANN, issued_ms=old_ms)
    with pytest.raises(Unauthenticated, match="revoked"):  # a token that does not say when it was made
        await worker.connect(ANN, issued_ms=0)
    phone = await worker.connect(ANN)
    assert phone.closed == []


async def test_a_connection_with_a_newer_token_stays(town: Town) -> None:
    """Word of an older revocation may come late, on a worker that has let somebody in anew."""
    here, there = town.worker(), town.worker()
    await here.connect(ANN)
    town.road.deaf.add(there.signals)
    town.clock.advance(5)
    await here.accounts.revoke("ann")
    fresh = await there.connect(ANN)
    there.accounts._throw_out(Revoked("ann", town.clock.now_ms(), False))
    assert fresh.closed == []


async def test_a_ban_closes_with_4403_and_keeps_out_whatever_the_token(town: Town) -> None:
    worker = town.worker()
    phone = await worker.connect(ANN)
    await worker.accounts.revoke("ann", banned=True)
    assert phone.closed == [Banned]
    with pytest.raises(Banned):
        await worker.connect(ANN, issued_ms=town.clock.now_ms() + 60_000)
    await worker.accounts.revoke("ann", banned=False)
    assert (await worker.connect(ANN)).closed == []


async def test_nobody_is_no_user(town: Town) -> None:
    with pytest.raises(NotFound):
        await town.worker().accounts.revoke("nobody")


async def test_without_the_ledger_nobody_comes_in(town: Town) -> None:
    """Who was revoked can't be known then, so letting in would be guessing."""
    town.ledger.away = True
    with pytest.raises(Unavailable):
        await town.worker().connect(ANN)


# ------------------------------------------------------------------ the watch


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0)


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accounts_module, "LOOK_EVERY_S", 0)


async def test_a_lost_doorbell_is_made_up_for(town: Town) -> None:
    here, there = town.worker(), town.worker()
    await here.connect(ANN)
    phone, bob = await there.connect(ANN), await there.connect(BOB)
    watching = asyncio.create_task(there.accounts.watch())
    await until(lambda: there.accounts._seen_number > 0)
    town.road.deaf.add(there.signals)
    town.clock.advance(5)
    await here.accounts.revoke("ann")
    await until(lambda: bool(phone.closed))
    watching.cancel()
    assert set(phone.closed) == {Unauthenticated}
    assert bob.closed == []


@pytest.mark.parametrize("fault", ["away", "broken"])
@pytest.mark.parametrize("when", ["from the start", "later"])
async def test_the_watch_outlives_a_ledger_that_is_away(town: Town, fault: str, when: str) -> None:
    here, there = town.worker(), town.worker()
    await here.connect(ANN)
    phone = await there.connect(ANN)
    town.road.deaf.add(there.signals)
    setattr(town.ledger, fault, when == "from the start")
    watching = asyncio.create_task(there.accounts.watch())
    for _ in range(5):
        await asyncio.sleep(0)
    setattr(town.ledger, fault, True)
    for _ in range(5):
        await asyncio.sleep(0)
    setattr(town.ledger, fault, False)
    await until(lambda: there.accounts._seen_number > 0)
    town.clock.advance(5)
    await here.accounts.revoke("ann")
    await until(lambda: bool(phone.closed))
    assert not watching.done()
    watching.cancel()


async def test_many_revocations_are_read_in_steps(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accounts_module, "REVOCATIONS_PER_LOOK", 2)
    here, there = town.worker(), town.worker()
    people = [User(f"u{number}", "customer", "U") for number in range(7)]
    phones = []
    for one in people:
        await here.connect(one)
        phones.append(await there.connect(one))
    watching = asyncio.create_task(there.accounts.watch())
    await until(lambda: there.accounts._seen_number > 0)
    town.road.deaf.add(there.signals)
    town.clock.advance(5)
    for one in people:
        await here.accounts.revoke(one.id)
    await until(lambda: all(phone.closed for phone in phones))
    watching.cancel()
