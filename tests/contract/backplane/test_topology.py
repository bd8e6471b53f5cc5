"""Servers that change their roles: slots that move, members that restart, a primary that is replaced."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest
from redis.crc import key_slot

from server.backplane.ports import Device
from server.errors import Unavailable
from server.limits import Quota
from tests.contract.backplane.witness import Scene, Witness, until
from tests.support.redis import RedisCluster, RedisSentinel

CHANNELS = [f"conv:{number}" for number in range(30)]
HOURLY = Quota("hourly", burst=3, every_ms=3_600_000)


@pytest.fixture(scope="module")
def cluster() -> Iterator[RedisCluster]:
    """A Cluster that these tests may harm; each leaves it whole."""
    with RedisCluster() as started:
        yield started


@pytest.fixture
async def scene() -> AsyncIterator[Scene]:
    made = Scene()
    yield made
    await made.close()


async def pair_on(scene: Scene, url: str) -> tuple[Witness, Witness]:
    pair = await scene.witness(url, "one"), await scene.witness(url, "two")
    for each in pair:
        await each.listen(*CHANNELS)
    return pair


def slot_of(channel: str) -> int:
    return key_slot(f"parlance:0:{channel}".encode())


async def test_a_cluster_is_recognised_behind_a_plain_url(scene: Scene, cluster: RedisCluster) -> None:
    plain = await scene.witness(cluster.servers[1].url, "plain")
    named = await scene.witness(cluster.url, "named")
    await named.listen(*CHANNELS)
    await scene.hears_again(plain, named, CHANNELS)
    sharded = [server.command("PUBSUB", "SHARDCHANNELS", "parlance:0:*") for server in cluster.servers]
    assert sum(map(len, sharded)) == len(CHANNELS)
    assert all(sharded), "every member has its share"
    assert not any(server.command("PUBSUB", "CHANNELS") for server in cluster.servers)


async def test_subscriptions_follow_their_slots(scene: Scene, cluster: RedisCluster) -> None:
    one, two = await pair_on(scene, cluster.url)
    source, target, _ = cluster.servers
    moved = [slot for slot in map(slot_of, CHANNELS) if cluster.owner(slot) is source]
    assert moved
    cluster.move(moved, target)
    try:
        await scene.hears_again(one, two, CHANNELS)
        await scene.hears_again(two, one, CHANNELS)
        await until(lambda: one.reconnects > 0 and two.reconnects > 0)
        await one.listen("conv:new")
        await scene.hears_again(two, one, ["conv:new"])
    finally:
        cluster.move(moved, source)
    await scene.hears_again(one, two, CHANNELS)


async def test_commands_follow_their_slots(scene: Scene, cluster: RedisCluster) -> None:
    one = await scene.witness(cluster.url, "one")
    slot = key_slot(b"parlance:devices:ann")
    owner = cluster.owner(slot)
    device = Device("ann", "s1", "one", 1)
    try:
        cluster.move([slot], next(server for server in cluster.servers if server is not owner))
        assert await one.registry.add(device) == 0
        assert await one.registry.devices(["ann"]) == {"ann": [device]}
        assert await one.registry.remove("ann", "s1") == 0
    finally:
        cluster.move([slot], owner)


async def test_a_key_that_is_being_moved_is_asked_for_at_its_new_place(scene: Scene, cluster: RedisCluster) -> None:
    one = await scene.witness(cluster.url, "one")
    slot = key_slot(b"parlance:limit:hourly:ann")
    source = cluster.owner(slot)
    target = next(server for server in cluster.servers if server is not source)
    cluster.begin_move(slot, target)
    try:
        waits = [await one.limiter.take(HOURLY, "ann") for _ in range(4)]
        assert waits[:3] == [0, 0, 0]
        assert waits[3] > 0
        assert await one.registry.devices(["bob"]) == {}
    finally:
        cluster.end_move(slot)
    assert one.limiter.stats.local == 0


async def test_a_member_that_restarts_is_heard_again(scene: Scene, cluster: RedisCluster) -> None:
    one, two = await pair_on(scene, cluster.url)
    cluster.servers[0].kill()
    await until(lambda: not one.backplane.is_up and not two.backplane.is_up)
    await one.ring(CHANNELS[0], 5)
    assert one.heard[CHANNELS[0]] == [5]
    cluster.servers[0].start()
    cluster.settle()
    await scene.hears_again(one, two, CHANNELS)
    await scene.hears_again(two, one, CHANNELS)
    await until(lambda: one.reconnects > 0 and two.reconnects > 0)


async def test_a_replaced_primary_is_found(scene: Scene) -> None:
    with RedisSentinel(password="hunter2") as sentinel:
        one, two = await pair_on(scene, sentinel.url)
        device = Device("ann", "s1", "one", 1)
        await one.registry.add(device)
        await asyncio.to_thread(sentinel.fail_over)
        await scene.hears_again(one, two, CHANNELS)
        await scene.hears_again(two, one, CHANNELS)
        await until(lambda: one.reconnects > 0 and two.reconnects > 0)
        await one.registry.beat([device])
        assert await two.registry.devices(["ann"]) == {"ann": [device]}


async def test_a_primary_that_still_runs_is_left_when_the_sentinels_name_another(scene: Scene) -> None:
    with RedisSentinel() as sentinel:
        one, two = await pair_on(scene, sentinel.url)
        before = sentinel.primary()
        before.pause()
        try:
            await asyncio.to_thread(sentinel.wait_for_another, before)
            await scene.hears_again(one, two, CHANNELS)
        finally:
            before.resume()
        # The old one thinks for a moment that it is the primary still.
        await scene.hears_again(two, one, CHANNELS)
        await until(lambda: one.backplane.is_up and two.backplane.is_up)
        async with asyncio.timeout(30):
            while not await _registers(one):
                await asyncio.sleep(0.05)


async def _registers(one: Witness) -> bool:
    try:
        await one.registry.add(Device("ann", "s1", "one", 1))
    except Unavailable:
        return False
    return True
