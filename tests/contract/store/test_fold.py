"""Many workers fold one log: whatever becomes of word between them, they come to the same state (DESIGN's law 5)."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import cast

import numpy as np
import pytest
from sqlalchemy import Connection, insert

from adapters.personas import Persona
from adapters.policies import Policy, codec, make_policy
from adapters.rewards import RewardWeights
from adapters.traits import Traits
from server.backplane.ports import Envelope
from server.chat import learning
from server.chat.fold import Fold
from server.chat.joining import RewardJoin
from server.chat.learning import Learner
from server.chat.replay import Replay
from server.chat.signals import Signals
from server.clock import ManualClock
from server.fanout.hub import Fanout
from server.store import schema
from server.store.codec import pack_floats
from server.store.policy_ports import ChangeKind
from server.store.ports import RewardParts, Store
from server.store.sql import SqlStore
from server.telemetry import Metrics
from tests.contract.store.harness import Harness, SqliteHarness
from tests.contract.store.people import NOW_MS, conversation_of, opened

DIM = 8
ARMS = ("calm", "warm", "brisk", "dry")
PERSONAS = tuple(Persona(name, name, name, Traits().as_dict(), {}) for name in ARMS)
DAY_MS = 86_400_000
TOLERANCE = 1e-9


@pytest.fixture(autouse=True)
def quick() -> Iterator[None]:
    """Word that was lost is made good soon."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(learning, "GATHER_S", 0.001)
        patch.setattr(learning, "LOOK_EVERY_S", 0.05)
        yield


@dataclass(frozen=True)
class Maker:
    """Policies for tests: arms that come later know nothing."""

    half_life_days: float | None = None
    personas: tuple[Persona, ...] = PERSONAS

    def make(self, personas: Sequence[Persona]) -> tuple[Policy, int]:
        arms = [persona.name for persona in personas]
        return make_policy("linucb", arms=arms, dim=DIM, seed=0, half_life_days=self.half_life_days), 0

    def add(self, policy: Policy, persona: Persona, among: Sequence[Persona], like: str | None, weight: float) -> None:
        policy.add_arm(persona.name, like, weight)


class BadBell:
    """A doorbell that loses, repeats and delays."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._held: list[Envelope] = []
        self.workers: list[Signals] = []
        self.lost = self.rung = 0

    async def publish(self, envelope: Envelope) -> None:
        self._held += [envelope] * self._rng.choice((0, 1, 1, 2))
        self._rng.shuffle(self._held)
        while len(self._held) > 3:
            late = self._held.pop()
            for worker in self.workers:
                if self._rng.random() < 0.3:
                    self.lost += 1
                else:
                    self.rung += 1
                    worker.receive(late)


@dataclass
class House:
    """Workers over one log. ``stores``: one per worker, or one for all."""

    stores: list[SqlStore]
    maker: Maker
    rng: random.Random
    bell: BadBell
    metrics: Metrics = field(default_factory=Metrics)
    clock: ManualClock = field(default_factory=ManualClock)
    working: dict[Learner, asyncio.Task[None]] = field(default_factory=dict)
    started: int = 0

    async def start(self) -> Learner:
        signals = Signals()
        signals.connect(cast(Fanout, self.bell))
        self.bell.workers.append(signals)
        made = Learner(
            store=self.stores[self.started % len(self.stores)],
            policy=self.maker.make(PERSONAS)[0],
            name="linucb",
            combine=RewardWeights().combine,
            signals=signals,
            clock=self.clock,
            on_reward=lambda _: None,
            metrics=self.metrics,
            join=RewardJoin(window_ms=30 * DAY_MS),
            maker=self.maker,
            snapshot_events=700,
            worker=f"w{self.started}",
        )
        await made.start()
        self.started += 1
        self.working[made] = asyncio.create_task(made.follow())
        return made

    async def kill(self, worker: Learner) -> None:
        """No farewell: what it had not folded or told stays so."""
        task = self.working.pop(worker)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    async def tell(self, rewards: Sequence[RewardParts]) -> None:
        """Each to any worker, 100 under way at a time."""
        workers = list(self.working)
        for start in range(0, len(rewards), 100):
            told = rewards[start : start + 100]
            await asyncio.gather(*(self.rng.choice(workers).reward(found) for found in told))

    async def settle(self) -> int:
        """Until every worker has folded the whole log; its end."""
        end = (await self.stores[0].log_ends())["linucb"]
        while any(worker.version < end for worker in self.working):
            await asyncio.sleep(0.01)
        return end

    async def replayed(self, log_offset: float = float("inf")) -> Fold:
        """What the log alone makes of a new policy, without any snapshot."""

        class OnlyTheLog:
            def __getattr__(self, name: str) -> object:
                return getattr(store, name)

            async def snapshots(self, policy: str, limit: int) -> list[object]:
                return []

        store = self.stores[0]
        return await Replay(cast(Store, OnlyTheLog()), "linucb", self.maker).state_at(log_offset)


@pytest.fixture
async def house_of(harness: Harness) -> Callable[[Maker], House]:
    made = [harness.store(group_max=100) for _ in range(1 if isinstance(harness, SqliteHarness) else 4)]
    for store in made:
        await store.start()
    rng = random.Random(7)
    return lambda maker: House(made, maker, rng, BadBell(rng))


async def decide(store: SqlStore, ids: Sequence[str], now_ms: int, dim: int = DIM) -> None:
    """Decisions in the ledger, 90 days of them, without the turns that they were made in."""
    channel = await opened(store)
    x = np.random.default_rng(len(ids)).normal(size=(len(ids), dim)) / np.sqrt(dim)
    messages = [
        {
            "message_id": name, "conversation_id": conversation_of(channel), "offset": 1 + number, "sender_id": "bot",
            "sender_kind": "bot", "sender_name": "Bot", "text": "", "at_ms": NOW_MS,
        }
        for number, name in enumerate(ids)
    ]  # fmt: skip
    decisions = [
        {
            "decision_id": name, "message_id": name, "policy": "linucb", "version": 0,
            "arm": ARMS[number % 4], "propensity": 0.25, "arms_json": "[]", "probabilities": b"",
            "features": pack_floats(x[number].tolist()), "parts_json": "{}",
            "at_ms": decided_ms(name, now_ms),
        }
        for number, name in enumerate(ids)
    ]  # fmt: skip

    def write(connection: Connection) -> None:
        connection.execute(insert(schema.messages), messages)
        connection.execute(insert(schema.decisions), decisions)

    await store._work(("0 test",), write)


def decided_ms(name: str, now_ms: int) -> int:
    return now_ms - (int(name[3:]) * 7919 * 60_000) % (90 * DAY_MS)


def rewards_of(ids: Sequence[str], rng: random.Random, now_ms: int) -> list[RewardParts]:
    """In any order: some decisions have none, some several, some are told again or late; a few are nobody's."""
    told: list[RewardParts] = []
    for name in ids:
        at_ms = decided_ms(name, now_ms)
        for part in rng.sample(("feedback", "sentiment", "reply", "answer_time"), rng.choice((0, 1, 1, 1, 2))):
            told += [RewardParts(name, {part: rng.random()}, decided_ms=at_ms)] * rng.choice((1, 1, 1, 1, 2))
    told += [RewardParts(f"nobody's {number}", {"feedback": 1.0}) for number in range(len(ids) // 100)]
    rng.shuffle(told)
    return told


def apart(one: Policy, other: Policy) -> float:
    """The largest difference between what two policies have learned."""
    mine, theirs = (codec.unpack(policy.state())[1] for policy in (one, other))
    assert one.arms == other.arms and mine.keys() == theirs.keys()
    return max(float(np.abs(mine[name] - theirs[name]).max()) for name in mine)


async def test_four_workers_and_ten_thousand_decisions_come_to_one_state(
    house_of: Callable[[Maker], House], harness: Harness
) -> None:
    house = house_of(Maker())
    ids = [f"01D{number:05d}" for number in range(10_000)]
    rewards = rewards_of(ids, house.rng, house.clock.now_ms())
    third = len(rewards) // 3
    await decide(house.stores[0], ids[:7_000], house.clock.now_ms())
    killed, *_ = [await house.start() for _ in range(4)]
    await house.tell(rewards[:third])  # what is about decisions to come is lost
    await house.kill(killed)
    await decide(house.stores[0], ids[7_000:], house.clock.now_ms())
    await house.tell(rewards[third : 2 * third])
    late = await house.start()
    assert late.version > 0
    await house.tell(rewards[2 * third :])
    end = await house.settle()

    replayed = await house.replayed()
    assert replayed.version == end > 9_000
    assert len(house.working) == 4
    assert 'parlance_rewards_late_total{counts="true"}' in house.metrics.render().decode()
    assert house.bell.lost > 0 and house.bell.rung > 0
    for worker in house.working:
        assert apart(worker.policy, replayed.policy) < TOLERANCE
    assert 0 < killed.version < end
    assert apart(killed.policy, (await house.replayed(killed.version)).policy) < TOLERANCE
    assert apart(replayed.policy, by_hand(harness)) < 1e-6


def by_hand(harness: Harness) -> Policy:
    """The same from the rewards as they stand in the end, each learned once, in no log's order."""
    policy = Maker().make(PERSONAS)[0]
    rows = harness.sql(
        "SELECT arm, features, reward, at_ms FROM decisions WHERE reward IS NOT NULL ORDER BY decision_id"
    )
    for arm, features, reward, at_ms in rows:
        policy.learn(arm, np.frombuffer(features, "<f8"), reward, at_ms=at_ms)
    return policy


NEW = {
    "name": "sunny", "title": "Sunny", "description": "Light.", "traits": Traits().as_dict(),
    "style": {
        key: ["Hm."] for key in ("greetings", "openers", "empathy", "closers", "sign_offs")
    },
}  # fmt: skip


async def test_workers_follow_changes_at_the_same_place(house_of: Callable[[Maker], House]) -> None:
    house = house_of(Maker(half_life_days=20.0))
    ids = [f"01D{number:05d}" for number in range(2_000)]
    rewards = rewards_of(ids, house.rng, house.clock.now_ms())
    await decide(house.stores[0], ids, house.clock.now_ms(), dim=DIM - 2)  # of an older release
    workers = [await house.start() for _ in range(3)]
    fifth = len(rewards) // 5
    changes: list[tuple[ChangeKind, dict[str, object]]] = [
        ("add", {"persona": NEW, "like": "warm", "weight": 0.5}),
        ("rollback", {"to": 137}),
        ("remove", {"arm": "dry"}),
        ("pause", {"arm": "calm"}),
    ]
    for step, (kind, data) in enumerate(changes):
        await house.tell(rewards[step * fifth : (step + 1) * fifth])
        await asyncio.gather(
            house.stores[-1].change_policy("linucb", kind, data, "ada", NOW_MS),
            house.tell(rewards[step * fifth : step * fifth + 50]),
        )
    await house.tell(rewards[4 * fifth :])
    workers.append(await house.start())
    end = await house.settle()

    replayed = await house.replayed()
    assert replayed.version == end
    assert replayed.policy.arms == ("calm", "warm", "brisk", "sunny")
    (rolled,) = [one for one in await house.stores[0].policy_changes("linucb") if one.kind == "rollback"]
    assert replayed.lineage.forgotten == ((137, rolled.log_offset),)
    for worker in workers:
        assert worker.lineage == replayed.lineage
        assert worker.policy.paused == {"calm"}
        assert apart(worker.policy, replayed.policy) < TOLERANCE
