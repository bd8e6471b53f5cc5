"""From the log, and from snapshots of what it had come to, to a policy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.personas import Persona
from adapters.policies import Policy, codec, make_policy
from server.chat.fold import Fold, pseudonym
from server.chat.learning import Learner
from server.chat.replay import LogGap, Replay, snapshot_of
from server.clock import ManualClock
from server.errors import Unavailable
from server.store.policy_ports import ChangeKind, PolicyChange, Repeats, Snapshot
from server.store.ports import Combine, RewardEvent, RewardParts, Store
from tests.unit.chat.loopback import loopback
from tests.unit.chat.test_lineage import FILE, document

DIM = 3


@dataclass
class Maker:
    """Policies of two arms, or of those that changes bring."""

    personas: tuple[Persona, ...] = FILE
    algorithm: str = "linucb"
    belief: float | None = None
    made: int = 0

    def make(self, personas: Sequence[Persona]) -> tuple[Policy, int]:
        self.made += 1
        policy = make_policy(self.algorithm, arms=[one.name for one in personas], dim=DIM, seed=self.made)
        if self.belief is not None:
            policy.learn("a", np.ones(DIM), self.belief)
        return policy, self.made

    def add(self, policy: Policy, persona: Persona, among: Sequence[Persona], like: str | None, weight: float) -> None:
        policy.add_arm(persona.name, like, weight)


@dataclass
class FakeLog:
    """A ledger of one policy, as SQL keeps it."""

    entries: list[RewardEvent | PolicyChange] = field(default_factory=list)
    kept: dict[int, Snapshot] = field(default_factory=dict)
    reads: int = 0
    away: bool = False
    last: dict[str, RewardEvent] = field(default_factory=dict)
    others: dict[str, int] = field(default_factory=dict)  # where other logs end

    @property
    def end(self) -> int:
        return len(self.entries)

    def reward(self, decision: str, arm: str, reward: float) -> RewardEvent:
        number = sum(map(ord, decision))
        x = tuple(float(np.sin(number * (i + 1))) for i in range(DIM))
        before = self.last.get(decision)
        event = RewardEvent(
            "p", self.end + 1, decision, arm, x, reward, before.reward if before else None, 2, 1, 0.5,
            before.log_offset if before else None,
        )  # fmt: skip
        self.entries.append(event)
        self.last[decision] = event
        return event

    def change(self, kind: str, **data: Any) -> None:
        self.entries.append(PolicyChange("p", self.end + 1, kind, data, "ada", 0))

    async def log_ends(self) -> dict[str, int]:
        return {**self.others, "p": self.end} if self.entries else self.others

    async def change_policy(
        self, policy: str, kind: ChangeKind, data: Mapping[str, Any], by: str, at_ms: int
    ) -> PolicyChange:
        self.entries.append(PolicyChange(policy, self.end + 1, kind, data, by, at_ms))
        return cast(PolicyChange, self.entries[-1])

    async def policy_salt(self) -> int:
        return 7

    async def log_after(self, policy: str, log_offset: int, limit: int) -> list[RewardEvent | PolicyChange]:
        found = [entry for entry in self.entries if entry.log_offset > log_offset][:limit]
        self.reads += len(found)
        return found

    async def policy_changes(self, policy: str) -> list[PolicyChange]:
        return [entry for entry in self.entries if isinstance(entry, PolicyChange)]

    async def reward_event(self, policy: str, log_offset: int) -> RewardEvent | None:
        entry = self.entries[log_offset - 1]
        return entry if isinstance(entry, RewardEvent) else None

    async def snapshots(self, policy: str, limit: int) -> list[Snapshot]:
        return [replace(self.kept[at], state=b"") for at in sorted(self.kept, reverse=True)][:limit]

    async def snapshot(self, policy: str, log_offset: int) -> Snapshot | None:
        return self.kept.get(log_offset)

    async def save_snapshot(self, snapshot: Snapshot, keep: int) -> bool:
        if self.away:
            raise Unavailable("the database is away")
        return self.kept.setdefault(snapshot.log_offset, snapshot) is snapshot

    async def add_reward(
        self, found: RewardParts, combine: Combine, at_ms: int, repeats: Repeats = "last"
    ) -> RewardEvent | None:
        return self.reward(found.decision_id, "a", combine(found.parts) or 0.0)


def replay(log: FakeLog, maker: Maker | None = None) -> Replay:
    return Replay(cast(Store, log), "p", maker or Maker())


async def keep(log: FakeLog, log_offset: int) -> None:
    """A snapshot of what the log has come to by then."""
    fold = await replay(log).state_at(log_offset)
    log.kept[log_offset] = snapshot_of(fold, Maker(), "p", reason="interval", by="w", created_ms=0)


def learned(fold: Fold) -> dict[str, Any]:
    header, arrays = codec.unpack(fold.policy.state())
    return {name: arrays[name].tolist() for name in ("gram", "b", "count")} | {"arms": header["arms"]}


def close(one: Fold, other: Fold) -> bool:
    mine, theirs = learned(one), learned(other)
    arms = mine.pop("arms"), theirs.pop("arms")
    return arms[0] == arms[1] and all(np.allclose(mine[name], theirs[name], atol=1e-9) for name in mine)


def filled(events: int = 10) -> FakeLog:
    log = FakeLog()
    for number in range(events):
        log.reward(f"d{number % 7}", "ab"[number % 7 % 2], number / events)
    return log


async def test_a_start_reads_only_what_the_snapshot_does_not_know() -> None:
    log = filled()
    await keep(log, 4)
    await keep(log, 8)
    whole = await replay(FakeLog(log.entries)).state_at()
    log.reads = 0
    fold = await replay(log).state_at()
    assert (fold.version, log.reads) == (10, 2)
    assert close(fold, whole)
    log.reads = 0
    assert (await replay(log).state_at(7)).version == 7
    assert log.reads > 2  # from the one at 4


@pytest.mark.parametrize("harm", ["bits", "digest", "gone"])
async def test_a_damaged_snapshot_is_refused_and_an_older_one_taken(
    harm: str, capsys: pytest.CaptureFixture[str]
) -> None:
    log = filled()
    await keep(log, 4)
    await keep(log, 8)
    bad = log.kept[8]
    if harm == "bits":
        log.kept[8] = replace(bad, state=bad.state[:-40] + b"x" + bad.state[-39:])
    elif harm == "digest":
        log.kept[8] = replace(bad, digest="0" * 64)
    else:
        log.snapshots = _listing([*await log.snapshots("p", 9)])  # type: ignore[method-assign]
        del log.kept[8]
    log.reads = 0
    fold = await replay(log).state_at()
    assert log.reads == 6
    assert close(fold, await replay(FakeLog(log.entries)).state_at())
    assert "policy snapshot refused: damaged" in capsys.readouterr().out


def _listing(listed: list[Snapshot]) -> Any:
    async def snapshots(policy: str, limit: int) -> list[Snapshot]:
        return listed

    return snapshots


async def test_a_snapshot_of_another_policy_is_passed_over(capsys: pytest.CaptureFixture[str]) -> None:
    log = filled()
    await keep(log, 8)
    for maker in (Maker(algorithm="lints"), Maker(personas=FILE[:1]), Maker(belief=0.9)):
        fold = await replay(log, maker).state_at()
        assert fold.version == 10
        assert close(fold, await replay(FakeLog(log.entries), maker).state_at())
    assert "made for other personas or parameters" in capsys.readouterr().out


async def test_a_rollback_is_the_state_of_then_and_what_came_after() -> None:
    log = filled(6)
    then = await replay(log).state_at(4)
    log.change("rollback", to=4)
    assert close(await replay(log).state_at(), then)
    log.reward("new", "a", 0.75)
    here = await replay(log).state_at()
    other = FakeLog(log.entries[:4])
    other.reward("new", "a", 0.75)
    assert close(here, await replay(other).state_at())


async def test_a_decision_whose_reward_was_forgotten_is_learned_anew_by_the_next() -> None:
    log = FakeLog()
    log.reward("kept", "a", 0.25)
    log.reward("kept", "a", 0.5)  # forgotten
    log.reward("lost", "b", 0.5)  # forgotten
    log.change("rollback", to=1)
    log.reward("kept", "a", 1.0)
    log.reward("lost", "b", 0.75)
    log.reward("lost", "b", 0.0)
    plain = FakeLog()
    plain.reward("kept", "a", 1.0)
    plain.reward("lost", "b", 0.0)
    assert close(await replay(log).state_at(), await replay(plain).state_at())


@settings(max_examples=40)
@given(
    steps=st.lists(
        st.one_of(
            st.tuples(st.just("reward"), st.sampled_from(["d1", "d2", "d3", "d4"])),
            st.tuples(st.just("rollback"), st.floats(0, 1)),
            st.tuples(st.sampled_from(["add", "remove", "pause", "resume"]), st.sampled_from("abc")),
        ),
        max_size=25,
    ),
    kept=st.lists(st.integers(0, 25), max_size=3),
)
async def test_snapshots_and_steps_change_nothing_about_the_fold(steps: list[tuple[str, Any]], kept: list[int]) -> None:
    log, maker = FakeLog(), Maker()
    lived = await replay(log, maker).state_at()
    follower = replay(log, maker)
    for number, (kind, value) in enumerate(steps):
        if kind == "reward":
            log.reward(value, "abca"[int(value[1]) - 1], (number % 5) / 4)
        elif kind == "add":
            log.change("add", persona=document(value))
        elif kind == "rollback":
            log.change("rollback", to=int(value * log.end))
        else:
            log.change(kind, arm=value)
        await follower.advance(lived)
        if number in kept:
            log.kept[lived.version] = snapshot_of(lived, maker, "p", reason="interval", by="w", created_ms=0)
    plain, quick = await replay(FakeLog(log.entries)).state_at(), await replay(log).state_at()
    assert lived.version == plain.version == quick.version == log.end
    assert lived.lineage == plain.lineage == quick.lineage
    assert lived.policy.paused == plain.policy.paused == quick.policy.paused == lived.lineage.paused
    assert lived.policy.arms == lived.lineage.arms
    assert close(lived, plain)
    assert close(quick, plain)


async def test_a_policy_made_anew_draws_its_own_numbers() -> None:
    log, maker = filled(), Maker()
    follower = replay(log, maker)
    fold = await follower.state_at()
    seed = fold.seed
    log.change("rollback", to=3)
    await follower.advance(fold)
    assert seed is not None and fold.seed is not None and fold.seed > seed


async def test_nothing_is_folded_behind_a_gap(capsys: pytest.CaptureFixture[str]) -> None:
    log = filled(3)
    del log.entries[1]
    fold = await replay(log).state_at()
    assert fold.version == 1
    assert "no entry 2; the next is 3" in capsys.readouterr().out
    with pytest.raises(LogGap):
        await replay(log).step(fold, log.entries[1])


def learner(log: FakeLog, snapshot_events: int = 4) -> Learner:
    maker = Maker()
    return Learner(
        store=cast(Store, log), policy=maker.make(FILE)[0], name="p", combine=lambda parts: parts["feedback"],
        signals=loopback()[0], clock=ManualClock(), on_reward=lambda _: None, maker=maker,
        snapshot_events=snapshot_events, worker="w1",
    )  # fmt: skip


async def test_whoever_appends_the_nth_entry_makes_the_snapshot() -> None:
    log = filled(3)
    here, there = learner(log), learner(log)
    await here.start()
    await there.start()
    await here.reward(RewardParts("x", {"feedback": 1.0}))
    await here.reward(RewardParts("y", {"feedback": 1.0}))
    await there.catch_up()
    for one in (here, there):
        await one._store_snapshot()
    (made,) = log.kept.values()
    assert (made.log_offset, made.reason, made.by) == (4, "interval", "w1")
    assert close(await replay(log).state_at(4), await replay(FakeLog(log.entries)).state_at(4))


async def test_a_clean_end_stores_what_no_snapshot_knows(capsys: pytest.CaptureFixture[str]) -> None:
    log = filled(3)
    made = learner(log)
    await made.start()
    await made.close()
    assert log.kept == {}  # nothing was learned since the start
    await made.reward(RewardParts("x", {"feedback": 1.0}))
    log.away = True
    await made.close()
    assert "policy snapshot not stored" in capsys.readouterr().out
    log.away = False
    await made.close()
    assert (log.kept[4].reason, log.kept[4].log_offset) == ("shutdown", 4)
    off = learner(log, snapshot_events=0)
    await off.start()
    await off.reward(RewardParts("y", {"feedback": 1.0}))
    await off.close()
    assert set(log.kept) == {4}


async def test_who_speaks_hears_of_other_personas_before_one_is_drawn() -> None:
    log = filled(3)
    made, heard = learner(log), []
    made.on_personas(lambda personas: heard.append([one.name for one in personas] + [list(made.policy.arms)]))
    await made.start()
    log.change("add", persona=document("c"))
    log.change("remove", arm="a")
    await made.catch_up()
    assert heard == [["a", "b", ["a", "b"]], ["a", "b", "c", ["a", "b", "c"]], ["b", "c", ["b", "c"]]]


async def test_who_counts_rewards_counts_each_decision_once_after_a_snapshot() -> None:
    log = FakeLog()
    log.reward("old", "a", 0.25)
    log.reward("new", "a", 0.5)
    await keep(log, 1)
    log.reward("old", "a", 0.75)
    log.reward("old", "a", 1.0)
    made, heard = learner(log), []
    made._on_reward = lambda event: heard.append((event.decision_id, event.reward, event.previous))
    await made.start()
    assert heard == [("new", 0.5, None), ("old", 0.75, None), ("old", 1.0, 0.75)]


async def test_a_snapshot_holds_no_name_of_anybody_and_still_knows_them() -> None:
    log = FakeLog()
    for number in range(40):
        event = log.reward(f"d{number}", "ab"[number % 2], 1.0 - number % 2)
        log.entries[-1] = replace(event, user="user-ann-4711", segment="partner")
    fold = await Replay(cast(Store, log), "p", Maker(algorithm="personal")).state_at()
    state = fold.policy.state()
    assert b"user-ann" not in state and b"4711" not in state
    assert b"partner" in state, "a segment is no person"
    made = snapshot_of(fold, Maker(algorithm="personal"), "p", reason="manual", by="ada", created_ms=0)
    log.kept[made.log_offset] = made
    again = await Replay(cast(Store, log), "p", Maker(algorithm="personal")).state_at()
    assert log.reads == 40, "from the snapshot"
    x, known = np.zeros(DIM), pseudonym("user-ann-4711", 7)
    own = [arm.exploit for arm in again.policy.explain(x, user=known)]
    assert own == [arm.exploit for arm in fold.policy.explain(x, user=known)]
    assert own != [arm.exploit for arm in again.policy.explain(x, user="user-ann-4711")]


def test_pseudonyms_are_of_one_database() -> None:
    names = {pseudonym(name, salt) for name in ("ann", "bea", "\ud800") for salt in (1, 2, 2**63 - 1)}
    assert len(names) == 9 and all(name is not None and len(name) == 32 for name in names)
    assert pseudonym("", 1) is None and pseudonym(None, 1) is None and pseudonym("x" * 257, 1) is None


async def test_a_snapshot_of_an_older_release_that_names_users_is_passed_over() -> None:
    log = FakeLog()
    log.reward("d", "a", 1.0)
    maker = Maker(algorithm="personal")
    fold = await Replay(cast(Store, log), "p", maker).state_at()
    made = snapshot_of(fold, maker, "p", reason="manual", by="ada", created_ms=0)
    log.kept[1] = replace(made, parameters={**made.parameters, "users": []})
    reads = log.reads
    await Replay(cast(Store, log), "p", maker).state_at()
    assert log.reads == reads + 1
