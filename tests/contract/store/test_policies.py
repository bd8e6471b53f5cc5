"""A policy's log beside its rewards: changes in one numbering with them, and snapshots."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from adapters.features import FEATURE_NAMES
from server.chat.fold import pseudonym
from server.chat.replay import Replay, snapshot_of
from server.contents import read_personas
from server.errors import Invalid
from server.settings import Settings
from server.store.policy_ports import PolicyChange, Snapshot, SnapshotReason
from server.store.ports import RewardEvent, RewardParts
from server.store.sql import SqlStore
from server.wiring.policies import SettingsMaker
from tests.contract.store.harness import Harness
from tests.contract.store.people import ANN, EVE, NOW_MS, answer, asked, decision, message, opened
from tests.contract.store.test_learning import decided, mean


async def rewarded(store: SqlStore, decision_id: str, value: float) -> RewardEvent:
    event = await store.add_reward(RewardParts(decision_id, {"feedback": value}), mean, NOW_MS)
    assert event is not None
    return event


async def test_changes_and_rewards_are_numbered_together(store: SqlStore) -> None:
    made, _ = await decided(store)
    first = await rewarded(store, made.decision_id, 1.0)
    change = await store.change_policy("linucb", "rollback", {"to": 1}, "ada", NOW_MS)
    last = await rewarded(store, made.decision_id, 0.25)
    assert change == PolicyChange("linucb", 2, "rollback", {"to": 1}, "ada", NOW_MS)
    assert (last.log_offset, last.previous, last.previous_offset) == (3, 1.0, 1)
    assert await store.log_after("linucb", 0, 9) == [first, change, last]
    assert await store.log_after("linucb", 0, 2) == [first, change]
    assert await store.log_after("linucb", 2, 1) == [last]
    assert await store.rewards_after("linucb", 0, 9) == [first, last]
    assert await store.policy_changes("linucb") == [change]
    assert await store.reward_event("linucb", 3) == last
    assert await store.reward_event("linucb", 2) is None
    assert await store.log_ends() == {"linucb": 3}
    assert await store.policy_changes("lints") == []


async def test_a_message_that_is_stored_gets_one_decision(store: SqlStore, harness: Harness) -> None:
    said = (await store.append(message(await opened(store), "I will look.", sender=EVE))).message
    made, late = (replace(decision(), mode="apprentice", seed=7) for _ in range(2))
    assert await store.log_decision(made, said.message_id)
    assert not await store.log_decision(late, said.message_id)
    assert harness.sql("SELECT decision_id, mode, seed FROM decisions") == [(made.decision_id, "apprentice", 7)]
    event = await rewarded(store, made.decision_id, 1.0)
    assert (event.arm, event.features, event.decided_ms) == (made.arm, made.features, made.at_ms)


async def test_how_a_decision_came_about_is_stored(store: SqlStore, harness: Harness) -> None:
    await decided(store, replace(decision(), mode="log_only", seed=2**32 - 1))
    assert harness.sql("SELECT mode, seed FROM decisions") == [("log_only", 2**32 - 1)]


async def test_a_change_may_be_the_first_entry(store: SqlStore) -> None:
    change = await store.change_policy("lints", "pause", {"arm": "warm"}, "ada", NOW_MS)
    assert change.log_offset == 1
    assert await store.log_after("lints", 0, 9) == [change]


async def test_what_cant_be_stored_is_invalid(store: SqlStore) -> None:
    with pytest.raises(Invalid, match="by contains"):
        await store.change_policy("linucb", "pause", {"arm": "warm"}, "a\0", NOW_MS)
    assert await store.log_ends() == {}


async def test_the_log_is_gapless_whoever_appends_what(harness: Harness) -> None:
    stores = harness.store(), harness.store(group_max=3)
    for store in stores:
        await store.start()
    channel = await opened(stores[0])
    names = [(await decided(stores[0], decision(), channel))[0].decision_id for _ in range(6)]
    await asyncio.gather(
        *(rewarded(store, name, value) for name in names for store, value in zip(stores, (0.25, 0.75), strict=True)),
        *(store.change_policy("linucb", "resume", {"arm": "warm"}, "ada", NOW_MS) for store in stores * 4),
        *(store.default_rewards("linucb", 0.5, NOW_MS * 2, NOW_MS, 3) for store in stores),
        return_exceptions=True,  # a default may have come first and be the same
    )
    log = await stores[1].log_after("linucb", 0, 100)
    assert [entry.log_offset for entry in log] == list(range(1, len(log) + 1))
    last: dict[str, RewardEvent] = {}
    for entry in log:
        if isinstance(entry, RewardEvent):
            before = last.get(entry.decision_id)
            assert (entry.previous, entry.previous_offset) == (before and before.reward, before and before.log_offset)
            last[entry.decision_id] = entry
    assert len(last) == 6


def snapshot(log_offset: int, reason: SnapshotReason = "interval", state: bytes = b"\0state\xff") -> Snapshot:
    parameters = {"policy": "linucb", "arms": ["warm"], "parameters": {"ridge": 1.0}}
    return Snapshot("linucb", log_offset, "ab" * 32, parameters, reason, "w1", NOW_MS, state)


async def test_snapshots_are_listed_without_their_states(store: SqlStore) -> None:
    for log_offset in (5, 9, 7):
        assert await store.save_snapshot(snapshot(log_offset), keep=9)
    await store.save_snapshot(replace(snapshot(1), policy="lints"), keep=9)
    assert await store.snapshots("linucb", 2) == [replace(snapshot(at), state=b"") for at in (9, 7)]
    assert await store.snapshot("linucb", 7) == snapshot(7)
    assert await store.snapshot("linucb", 6) is None


async def test_the_first_of_a_place_stays_unless_a_person_wants_another(store: SqlStore) -> None:
    assert await store.save_snapshot(snapshot(5), keep=9)
    assert not await store.save_snapshot(snapshot(5, "shutdown", b"other"), keep=9)
    assert await store.snapshot("linucb", 5) == snapshot(5)
    assert await store.save_snapshot(snapshot(5, "manual", b"other"), keep=9)
    assert await store.snapshot("linucb", 5) == snapshot(5, "manual", b"other")


async def test_old_snapshots_go_but_for_those_made_by_hand(store: SqlStore) -> None:
    await store.save_snapshot(snapshot(1, "manual"), keep=2)
    for log_offset in range(2, 7):
        await store.save_snapshot(snapshot(log_offset, "shutdown" if log_offset % 2 else "interval"), keep=2)
    assert [one.log_offset for one in await store.snapshots("linucb", 9)] == [6, 5, 1]


async def test_everybody_gets_the_same_salt_and_it_stays(harness: Harness) -> None:
    stores = [harness.store(), harness.store()]
    for one in stores:
        await one.start()
    salts = await asyncio.gather(*(one.policy_salt() for one in stores for _ in range(3)))
    assert len(set(salts)) == 1 and 0 <= salts[0] < 2**63
    later = harness.store()
    await later.start()
    assert await later.policy_salt() == salts[0]


async def test_who_is_erased_from_the_messages_is_in_no_snapshot(harness: Harness) -> None:
    """And a replay knows the sender by the new name only."""
    store = harness.store()
    await store.start()
    settings = Settings()
    maker = SettingsMaker(settings.model_copy(update={"policy": "personal"}), read_personas(settings.personas_path))
    arm = maker.personas[0].name
    channel = await opened(store)
    for _ in range(3):
        drawn = decision("personal", arm=arm, features=(0.1,) * len(FEATURE_NAMES))
        row = replace(drawn, arms=(arm,), probabilities=(1.0,), propensity=1.0)
        await store.answer(answer(await asked(store, channel), chosen=row))
        await store.add_reward(RewardParts(row.decision_id, {"feedback": 1.0}), lambda parts: parts["feedback"], NOW_MS)
    fold = await Replay(store, "personal", maker).state_at()
    made = snapshot_of(fold, maker, "personal", reason="manual", by="ada", created_ms=NOW_MS)
    await store.save_snapshot(made, 9)
    (state,) = harness.sql("SELECT state FROM policy_snapshots")[0]
    salt = await store.policy_salt()
    ann = pseudonym(ANN.id, salt)
    assert ann is not None and ann.encode() in bytes(state) and ANN.id.encode() not in bytes(state)
    harness.sql(f"UPDATE messages SET sender_id = 'erased-1' WHERE sender_id = '{ANN.id}'")  # noqa: S608
    harness.sql("DELETE FROM policy_snapshots")
    replayed = (await Replay(store, "personal", maker).state_at()).policy.state()
    assert ann.encode() not in replayed and (pseudonym("erased-1", salt) or "").encode() in replayed
