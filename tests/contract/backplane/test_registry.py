"""What every registry promises (server/backplane/ports.py), for each implementation."""

from __future__ import annotations

import asyncio

import pytest

from server.backplane.ports import Device, Registry
from tests.contract.backplane.harness import Deployment, OnRedis


def device(worker: str, user: str, session: str, at_ms: int = 1_700_000_000_000) -> Device:
    return Device(user, session, worker, at_ms)


async def registry(deployment: Deployment, name: str) -> Registry:
    return (await deployment.worker(name)).registry


@pytest.fixture
async def pair(deployment: Deployment) -> tuple[Registry, Registry]:
    """Two workers, "one" and "two", that both beat."""
    pair = await registry(deployment, "one"), await registry(deployment, "two")
    for worker in pair:
        await worker.beat([])
    return pair


async def test_add_says_how_many_the_user_had_on_any_worker(pair: tuple[Registry, Registry]) -> None:
    one, two = pair
    assert await one.add(device("one", "ann", "s1")) == 0
    assert await two.add(device("two", "ann", "s2")) == 1
    assert await one.add(device("one", "ann", "s3")) == 2
    assert await one.add(device("one", "bob", "s4")) == 0


async def test_adding_a_device_again_counts_the_others_only(pair: tuple[Registry, Registry]) -> None:
    one, two = pair
    await one.add(device("one", "ann", "s1", at_ms=1))
    assert await one.add(device("one", "ann", "s1", at_ms=2)) == 0
    assert await two.devices(["ann"]) == {"ann": [device("one", "ann", "s1", at_ms=2)]}


async def test_exactly_one_of_two_first_devices_is_the_first(pair: tuple[Registry, Registry]) -> None:
    for number in range(20):
        user = f"user{number}"
        counts = await asyncio.gather(
            pair[0].add(device("one", user, f"a{number}")), pair[1].add(device("two", user, f"b{number}"))
        )
        assert sorted(counts) == [0, 1]


async def test_remove_says_how_many_are_left_on_any_worker(pair: tuple[Registry, Registry]) -> None:
    one, two = pair
    await one.add(device("one", "ann", "s1"))
    await two.add(device("two", "ann", "s2"))
    assert await one.remove("ann", "s1") == 1
    assert await two.remove("ann", "s2") == 0
    assert await two.devices(["ann"]) == {}


async def test_unknown_devices_are_removed_without_a_word(pair: tuple[Registry, Registry]) -> None:
    one, two = pair
    await two.add(device("two", "ann", "s2"))
    assert await one.remove("nobody", "s1") == 0
    assert await one.remove("ann", "s9") == 1
    assert await one.remove("ann", "s2") == 1, "another worker's device is not this one's to remove"


async def test_devices_of_many_users_come_whole_and_only_where_there_are_any(pair: tuple[Registry, Registry]) -> None:
    one, two = pair
    users = [f"user{number}" for number in range(450)]
    await asyncio.gather(*(one.add(device("one", user, f"a-{user}")) for user in users))
    await asyncio.gather(*(two.add(device("two", user, f"b-{user}", 5)) for user in users[::2]))
    found = await two.devices([*users, "nobody", users[0]])
    assert found.keys() == set(users)
    for number, user in enumerate(users):
        expected = {device("one", user, f"a-{user}")} | (
            {device("two", user, f"b-{user}", 5)} if number % 2 == 0 else set()
        )
        assert set(found[user]) == expected


async def test_names_of_any_script_and_shape_are_kept(pair: tuple[Registry, Registry]) -> None:
    one, two = pair
    odd = [device("one", "{ann} bob:1", "s 1"), device("one", "\u00fc\n\U0001f600", "{s}")]
    for each in odd:
        await one.add(each)
    assert await two.devices([each.user_id for each in odd]) == {each.user_id: [each] for each in odd}
    for each in odd:
        assert await one.remove(each.user_id, each.session_id) == 0


async def test_a_device_of_another_worker_is_refused_by_name(pair: tuple[Registry, Registry]) -> None:
    for attempt in (pair[0].add(device("two", "ann", "s1")), pair[0].beat([device("two", "ann", "s1")])):
        with pytest.raises(ValueError, match="s1 is held by worker 'two'"):
            await attempt
    assert await pair[1].devices(["ann"]) == {}


async def test_the_first_device_counts_as_a_beat(deployment: Deployment) -> None:
    one, two = await registry(deployment, "one"), await registry(deployment, "two")
    await one.add(device("one", "ann", "s1"))
    assert await two.devices(["ann"]) == {"ann": [device("one", "ann", "s1")]}
    assert await two.workers() == 2


async def test_workers_counts_those_that_beat_and_the_one_that_asks(deployment: Deployment) -> None:
    one, two, three = [await registry(deployment, name) for name in ("one", "two", "three")]
    assert await one.workers() == 1
    await one.beat([])
    await two.beat([])
    assert await one.workers() == 2
    assert await three.workers() == 3
    deployment.let_die("two")
    assert await one.workers() == 1


async def test_a_dead_workers_devices_count_no_more(deployment: Deployment, pair: tuple[Registry, Registry]) -> None:
    one, two = pair
    await one.add(device("one", "ann", "s1"))
    await two.add(device("two", "ann", "s2"))
    deployment.let_die("two")
    three = await registry(deployment, "three")
    assert await three.devices(["ann"]) == {"ann": [device("one", "ann", "s1")]}
    assert await three.add(device("three", "ann", "s3")) == 1
    assert await three.remove("ann", "s3") == 1


async def test_a_dead_workers_users_are_given_to_one_caller_each(
    deployment: Deployment, pair: tuple[Registry, Registry]
) -> None:
    one, two = pair
    users = [f"user{number}" for number in range(50)]
    await asyncio.gather(*(two.add(device("two", user, f"s-{user}")) for user in users))
    await two.add(device("two", users[0], "another"))
    await one.add(device("one", users[1], "s1"))
    deployment.let_die("two")
    three = await registry(deployment, "three")
    given = [*await one.bury(20), *await three.bury(15)]
    assert len(given) == 35
    for batch in await asyncio.gather(one.bury(100), three.bury(100)):
        given += batch
    assert sorted(given) == sorted(users)
    assert await three.devices(users) == {users[1]: [device("one", users[1], "s1")]}
    assert await one.bury(100) == await three.bury(100) == []


async def test_a_burial_that_broke_off_is_given_to_another_caller(on_redis: OnRedis) -> None:
    one, two = await registry(on_redis, "one"), await registry(on_redis, "two")
    await two.add(device("two", "ann", "s1"))
    on_redis.let_die("two")
    # Somebody has taken ann, and died.
    on_redis.command("users:two", "ZADD", 2**53, "ann")
    assert await one.bury(10) == []
    on_redis.command("users:two", "ZADD", 1, "ann")
    assert await one.bury(10) == ["ann"]
    assert await one.bury(10) == []


async def test_nobody_alive_is_buried(pair: tuple[Registry, Registry]) -> None:
    one, two = pair
    await one.add(device("one", "ann", "s1"))
    await two.add(device("two", "bob", "s2"))
    assert await one.bury(10) == await two.bury(10) == []
    assert (await one.devices(["ann", "bob"])).keys() == {"ann", "bob"}


async def test_what_a_worker_removed_is_not_buried_with_it(
    deployment: Deployment, pair: tuple[Registry, Registry]
) -> None:
    one, two = pair
    await two.add(device("two", "ann", "s1"))
    await two.add(device("two", "ann", "s2"))
    await two.remove("ann", "s1")
    await two.add(device("two", "bob", "s3"))
    await two.remove("bob", "s3")
    deployment.let_die("two")
    assert await one.bury(10) == ["ann"]


async def test_a_worker_that_was_given_up_and_beats_again_counts_again(
    deployment: Deployment, pair: tuple[Registry, Registry]
) -> None:
    one, two = pair
    mine = device("two", "ann", "s1")
    await two.add(mine)
    deployment.let_die("two")
    assert await one.bury(10) == ["ann"]
    await two.beat([mine])
    assert await one.devices(["ann"]) == {"ann": [mine]}
    assert await one.workers() == 2
    deployment.let_die("two")
    assert await one.bury(10) == ["ann"]


async def test_emptied_it_is_right_again_after_one_beat(
    deployment: Deployment, pair: tuple[Registry, Registry]
) -> None:
    one, two = pair
    mine = [device("one", f"user{number}", f"s{number}") for number in range(450)]
    await asyncio.gather(*(one.add(each) for each in mine))
    deployment.empty()
    await one.beat(mine)
    await two.beat([])
    found = await two.devices([each.user_id for each in mine])
    assert found == {each.user_id: [each] for each in mine}
    deployment.let_die("one")
    assert sorted(await two.bury(1_000)) == sorted(each.user_id for each in mine)


async def test_a_beat_passes_on_the_last_sign_of_life_of_few_devices_at_once(pair: tuple[Registry, Registry]) -> None:
    one, two = pair
    await one.add(device("one", "ann", "s1", at_ms=1))
    await one.beat([device("one", "ann", "s1", at_ms=2)])
    assert await two.devices(["ann"]) == {"ann": [device("one", "ann", "s1", at_ms=2)]}


async def test_ten_beats_pass_on_the_last_sign_of_life_of_every_device(pair: tuple[Registry, Registry]) -> None:
    one, two = pair
    users = [f"user{number}" for number in range(450)]
    await one.beat([device("one", user, f"s-{user}", at_ms=1) for user in users])
    for _ in range(13):  # three beats may still be full ones, since the first found everything missing
        await one.beat([device("one", user, f"s-{user}", at_ms=2) for user in users])
    found = await two.devices(users)
    assert {each.at_ms for devices in found.values() for each in devices} == {2}


async def test_a_device_removed_while_a_beat_runs_does_not_come_back(pair: tuple[Registry, Registry]) -> None:
    one, two = pair
    mine = [device("one", f"user{number}", f"s{number}") for number in range(450)]
    await asyncio.gather(*(one.add(each) for each in mine))
    beat = asyncio.create_task(one.beat(mine))
    await asyncio.sleep(0)  # it has begun
    for each in mine:
        await one.remove(each.user_id, each.session_id)
    await beat
    assert await two.devices([each.user_id for each in mine]) == {}
