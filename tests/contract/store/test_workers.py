"""Several workers on one database, in whatever order their calls come: one ledger, and nobody waits in a circle."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable

import pytest

from server.errors import Conflict, ProtocolError
from server.store.ports import Assessment, Notice, OpenTurn, Rating, RewardParts
from server.store.sql import SqlStore
from server.wire.parts import User
from tests.contract.store.harness import Harness, new_id
from tests.contract.store.people import (
    ANN,
    EVE,
    FAY,
    NOW_MS,
    answer,
    claim,
    decision,
    handoff,
    message,
    opened,
    opening,
    receipt,
    release,
    resolution,
)

WORKERS = 3
POLICIES = ("linucb", "uniform")


async def workers(harness: Harness) -> list[SqlStore]:
    stores = [harness.store(timeout_s=60.0) for _ in range(WORKERS)]
    await asyncio.gather(*(store.start() for store in stores))
    return stores


async def test_one_key_sent_to_all_workers_at_once_is_one_row(harness: Harness) -> None:
    stores = await workers(harness)
    channel = await opened(stores[0])
    for key in ("a", "b", "c", "d"):
        done = await asyncio.gather(*(store.append(message(channel, key=key)) for store in stores * 4))
        assert len({(one.message.message_id, one.message.offset) for one in done}) == 1
        assert [one.duplicate for one in done].count(False) == 1
    stored = await stores[0].messages_after(channel, 0, 100)
    assert [(one.key, one.offset) for one in stored] == [("a", 1), ("b", 2), ("c", 3), ("d", 4)]


async def test_one_key_with_two_contents_is_one_of_them(harness: Harness) -> None:
    stores = await workers(harness)
    channel = await opened(stores[0])
    sends = [stores[place % WORKERS].append(message(channel, f"text {place}", key="k")) for place in range(12)]
    done = await asyncio.gather(*sends, return_exceptions=True)
    (stored,) = await stores[0].messages_after(channel, 0, 100)
    assert [type(one) for one in done].count(Conflict) == 11
    assert stored.text in {f"text {place}" for place in range(12)}


class Bustle:
    """Calls of every kind, by chance, on any worker; what they return feeds later ones."""

    def __init__(self, stores: list[SqlStore], rng: random.Random) -> None:
        self.stores = stores
        self.rng = rng
        self.users = [User(f"user-{place}", "customer", "x") for place in range(6)]
        self.channels: list[str] = []
        self.turns: list[OpenTurn] = []
        self.said: list[str] = []
        self.decisions: list[str] = []
        self.done: Counter[str] = Counter()

    async def begin(self) -> None:
        for user in (*self.users, ANN, EVE, FAY):
            await self.stores[0].save_user(user, NOW_MS)
        self.channels = [await opened(self.stores[0], user) for user in self.users]

    async def some(self, count: int) -> None:
        """That many calls at once. A refusal is an answer too; anything else is a failure."""
        kinds: list[Callable[[SqlStore, str, User], Awaitable[object]]] = [
            *[self.send] * 6, *[self.reply] * 4, *[self.reward] * 2, self.rate, self.take, self.renew, self.open,
            self.save, self.see_off, self.agents, self.status, self.resolve, self.hand_off, self.take_over, self.give,
            self.member, self.mark, self.notify, self.assess, self.revoke,
        ]  # fmt: skip
        calls = [
            self.call(self.rng.choice(kinds), self.rng.choice(self.stores), self.rng.choice(self.channels))
            for _ in range(count)
        ]
        await asyncio.gather(*calls)

    async def call(
        self, kind: Callable[[SqlStore, str, User], Awaitable[object]], store: SqlStore, channel: str
    ) -> None:
        try:
            await kind(store, channel, self.rng.choice(self.users))
        except ProtocolError as error:
            assert not error.temporary, error.__cause__
            self.done["refused"] += 1
        else:
            self.done[kind.__name__] += 1

    async def send(self, store: SqlStore, channel: str, user: User) -> None:
        lease_ms = self.rng.choice([0, 60_000])
        done = await store.append(message(channel, sender=user, wants_turn=True, lease_ms=lease_ms))
        if done.turn is not None:
            self.turns.append(done.turn)

    async def reply(self, store: SqlStore, _channel: str, _user: User) -> None:
        if self.turns:
            chosen = decision(self.rng.choice(POLICIES))
            said = await store.answer(answer(self.rng.choice(self.turns[-30:]), chosen=chosen))
            if said is not None:
                self.said.append(said.message_id)
                self.decisions.append(chosen.decision_id)

    async def reward(self, store: SqlStore, _channel: str, _user: User) -> None:
        if self.decisions:
            parts = RewardParts(self.rng.choice(self.decisions), {self.rng.choice("abc"): self.rng.random()})
            await store.add_reward(parts, lambda given: sum(given.values()) / len(given), NOW_MS)

    async def rate(self, store: SqlStore, _channel: str, user: User) -> None:
        if self.said:
            await store.rate(Rating(self.rng.choice(self.said), user.id, self.rng.random(), None, NOW_MS, True))

    async def take(self, store: SqlStore, _channel: str, _user: User) -> None:
        self.turns.extend(await store.take_turns(self.rng.choice("vw"), self.rng.choice([0, 60_000]), 5))

    async def renew(self, store: SqlStore, _channel: str, _user: User) -> None:
        some = self.rng.sample(self.turns, min(10, len(self.turns)))
        await store.renew_turns(self.rng.choice("vw"), [turn.turn_id for turn in some], 60_000)

    async def open(self, store: SqlStore, _channel: str, user: User) -> None:
        await store.open_conversation(opening(user, key=f"k-{self.rng.randrange(4)}"))

    async def save(self, store: SqlStore, _channel: str, user: User) -> None:
        await store.save_user(User(user.id, "customer", str(self.rng.random())), NOW_MS)

    async def see_off(self, store: SqlStore, _channel: str, _user: User) -> None:
        await store.saw([user.id for user in self.rng.sample(self.users, 4)], NOW_MS)

    async def agents(self, store: SqlStore, _channel: str, _user: User) -> None:
        absent, present = self.rng.sample([EVE.id, FAY.id], 2)
        await store.note_agents([absent], [present])

    async def status(self, store: SqlStore, _channel: str, user: User) -> None:
        await store.set_status(user.id, "busy", str(self.rng.random()))

    async def revoke(self, store: SqlStore, _channel: str, user: User) -> None:
        await store.revoke_tokens(user.id, NOW_MS)

    async def resolve(self, store: SqlStore, channel: str, user: User) -> None:
        await store.resolve(resolution(channel, self.rng.random() < 0.5, user))

    async def hand_off(self, store: SqlStore, channel: str, user: User) -> None:
        await store.handoff(handoff(channel, user))

    async def take_over(self, store: SqlStore, channel: str, _user: User) -> None:
        await store.claim(claim(channel, self.rng.choice([EVE, FAY])))

    async def give(self, store: SqlStore, channel: str, _user: User) -> None:
        await store.release(release(channel, self.rng.choice([EVE, FAY]), to=self.rng.choice(["bot", "waiting"])))

    async def member(self, store: SqlStore, channel: str, user: User) -> None:
        other = self.rng.choice(self.users)
        await store.change_members(channel, [user.id], [other.id] if other is not user else [], NOW_MS)

    async def mark(self, store: SqlStore, channel: str, user: User) -> None:
        await store.mark(receipt(channel, (await store.head(channel)).offset, user))

    async def notify(self, store: SqlStore, _channel: str, user: User) -> None:
        to = self.rng.choice([None, user.id])
        await store.notify(Notice(new_id(), to, "normal", "title", "body", None, NOW_MS))

    async def assess(self, store: SqlStore, channel: str, user: User) -> None:
        await store.assess(Assessment(channel, user, self.rng.random(), None, (), NOW_MS))


@pytest.mark.parametrize("seed", [1, 2])
async def test_nobody_waits_in_a_circle(harness: Harness, seed: int) -> None:
    stores = await workers(harness)
    bustle = Bustle(stores, random.Random(seed))
    await bustle.begin()
    for _ in range(6):
        await bustle.some(150)
    assert [store.stats.failed_commits for store in stores] == [0] * WORKERS
    assert set(bustle.done) > {"send", "reply", "reward", "take_over", "member", "mark", "notify"}
    for channel in bustle.channels:
        await check_conversation(stores[0], channel)
    for policy in POLICIES:
        log = await stores[0].rewards_after(policy, 0, 10_000)
        assert [event.log_offset for event in log] == list(range(1, len(log) + 1))


async def check_conversation(store: SqlStore, channel: str) -> None:
    """Offsets without a gap, one answer per message, and no bot while somebody holds the conversation."""
    stored = await store.messages_after(channel, 0, 10_000)
    assert [one.offset for one in stored] == list(range(1, len(stored) + 1))
    answered = [one.reply_to for one in stored if one.sender.kind == "bot"]
    assert len(answered) == len(set(answered))
    claimed = False
    for one in stored:
        event = (one.data or {}).get("event") if one.sender.kind == "system" else None
        claimed = event == "claimed" or (claimed and event not in ("released", "waiting"))
        assert not (claimed and one.sender.kind == "bot")
