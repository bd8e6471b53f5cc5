"""What is acked survives, what can't be stored is said so, and the store recovers by itself."""

from __future__ import annotations

import asyncio
import random
import sys

import pytest

from server.errors import Unavailable
from server.store.group import CommitReport
from server.store.ports import Appended
from server.store.sql import SqlStore
from tests.contract.store.harness import Harness
from tests.contract.store.people import ANN, message, opened

LONG = random.Random(0).randbytes(4_000).hex()  # nothing that a database could store in less


async def test_what_was_acked_is_there_after_reopening(harness: Harness) -> None:
    first = harness.store()
    await first.start()
    channel = await opened(first)
    sent = [(await first.append(message(channel, str(place), data={"n": place}))).message for place in range(5)]
    await first.close()
    second = harness.store()
    await second.start()
    assert await second.messages_after(channel, 0, 10) == sent
    assert (await second.append(message(channel))).message.offset == 6


async def test_closing_commits_what_waits(harness: Harness) -> None:
    first = harness.store(group_max=8)
    await first.start()
    channel = await opened(first)
    waiting = [asyncio.ensure_future(first.append(message(channel))) for _ in range(100)]
    await first.close()
    await first.close()
    assert [(await one).message.offset for one in waiting] == list(range(1, 101))
    with pytest.raises(Unavailable, match="closed"):
        await first.append(message(channel))
    with pytest.raises(Unavailable):
        await first.head(channel)
    second = harness.store()
    await second.start()
    assert (await second.head(channel)).offset == 100


async def test_a_store_that_never_started_is_unavailable_and_closes(harness: Harness) -> None:
    store = harness.store()
    with pytest.raises(Unavailable):
        await store.ping()
    await store.close()


async def test_what_a_killed_worker_had_acked_is_there(harness: Harness) -> None:
    store = harness.store()
    await store.start()
    channel = await opened(store)
    command = (sys.executable, "-m", "tests.contract.store.child", harness.url, channel)
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    acked = [(await process.stdout.readline()).decode().strip() for _ in range(40)]
    process.kill()
    rest, _ = await process.communicate()
    acked += [line.decode().strip() for line in rest.splitlines(keepends=True) if line.endswith(b"\n")]
    stored = await store.messages_after(channel, 0, 10_000)
    keys = [one.key for one in stored]
    assert set(acked) <= set(keys)
    assert len(keys) == len(set(keys))
    assert [one.offset for one in stored] == list(range(1, len(stored) + 1))
    await store.expire_leases()
    taken = await store.take_turns("survivor", 60_000, 10_000)
    assert [turn.message for turn in taken] == stored


async def test_a_full_disk_is_unavailable_until_there_is_room(store: SqlStore, harness: Harness) -> None:
    channel = await opened(store)
    with harness.no_room():
        done = await asyncio.gather(
            *(store.append(message(channel, LONG, key=f"k-{n}")) for n in range(400)), return_exceptions=True
        )
        refused = [one for one in done if isinstance(one, BaseException)]
        assert refused and all(isinstance(one, Unavailable) for one in refused)
        assert {one.temporary for one in refused if isinstance(one, Unavailable)} == {True}
        assert (await store.head(channel)).offset == len(done) - len(refused)
    await store.ping()
    again = [await store.append(message(channel, LONG, key=f"k-{n}")) for n in range(400)]
    kept = [one for one in done if isinstance(one, Appended)]
    assert sum(one.duplicate for one in again) == len(kept)
    stored = await store.messages_after(channel, 0, 1_000)
    assert [one.offset for one in stored] == list(range(1, 401))
    assert len({one.key for one in stored}) == 400


async def test_a_lock_held_too_long_is_unavailable_and_then_over(harness: Harness) -> None:
    patient = harness.store()
    await patient.start()
    channel = await opened(patient)
    hasty = harness.store(timeout_s=0.5)
    await hasty.start()
    with harness.locked():
        with pytest.raises(Unavailable):
            await hasty.append(message(channel, key="k"))
        waiting = asyncio.create_task(patient.append(message(channel)))
        with pytest.raises(Unavailable):
            await hasty.ping()
        assert (await hasty.head(channel)).offset == 0
        assert await hasty.is_member(channel, ANN.id)
    await waiting
    assert not (await hasty.append(message(channel, key="k-2"))).duplicate
    await hasty.append(message(channel, key="k"))
    stored = await patient.messages_after(channel, 0, 10)
    assert [one.offset for one in stored] == [1, 2, 3]


async def test_a_full_queue_is_unavailable_at_once(harness: Harness) -> None:
    store = harness.store(queue_max=10, group_max=5)
    await store.start()
    channel = await opened(store)
    calls = [store.append(message(channel)) for _ in range(30)]
    done = await asyncio.gather(*calls, return_exceptions=True)
    assert [isinstance(one, Unavailable) for one in done] == [False] * 10 + [True] * 20
    refused = done[-1]
    assert isinstance(refused, Unavailable) and refused.retry_after_ms
    assert (await store.append(message(channel))).message.offset == 11


async def test_many_operations_share_a_commit(harness: Harness) -> None:
    reports: list[CommitReport] = []
    store = harness.store(group_max=50, observe=reports.append)
    await store.start()
    channel = await opened(store)
    reports.clear()
    await asyncio.gather(*(store.append(message(channel)) for _ in range(200)))
    assert [report.operations for report in reports] == [50] * 4
    assert all(report.committed and report.commit_ms > 0 for report in reports)
    assert (store.stats.commits, store.stats.operations, store.stats.failed_commits, store.waiting) == (5, 201, 0, 0)


async def test_a_window_lets_a_group_gather(harness: Harness) -> None:
    reports: list[CommitReport] = []
    store = harness.store(group_wait_ms=50.0, observe=reports.append)
    await store.start()
    channel = await opened(store)
    reports.clear()
    first = asyncio.create_task(store.append(message(channel)))
    for _ in range(5):
        await asyncio.sleep(0)
    await asyncio.gather(first, store.append(message(channel)))
    assert [report.operations for report in reports] == [2]


async def test_ping_writes(store: SqlStore, harness: Harness) -> None:
    await store.ping()
    await store.ping()
    assert harness.sql("SELECT pings FROM probe") == [(2,)]


async def test_workers_that_start_at_once_share_a_new_database(new_harness: Harness) -> None:
    stores = [new_harness.store() for _ in range(4)]
    await asyncio.gather(*(store.start() for store in stores))
    channel = await opened(stores[0])
    for store in stores:
        await store.append(message(channel))
    assert (await stores[0].head(channel)).offset == 4
