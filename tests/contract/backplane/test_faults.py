"""Redis away, stopped, emptied, cut, half-open: a worker goes on by itself, and hears the others again afterwards."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest
import uvloop

from server.backplane.ports import Device
from server.errors import Unavailable
from server.limits import Quota
from tests.contract.backplane.witness import Scene, Witness, until
from tests.support.proxy import Direction, TcpProxy
from tests.support.redis import RedisServer

CHANNELS = [f"conv:{number}" for number in range(30)]
HOURLY = Quota("hourly", burst=3, every_ms=3_600_000)


@pytest.fixture
def server() -> Iterator[RedisServer]:
    """A server that the test may harm."""
    with RedisServer() as started:
        yield started


@pytest.fixture
def proxy(server: RedisServer) -> Iterator[TcpProxy]:
    with TcpProxy(server.port) as started:
        yield started


@pytest.fixture
async def scene() -> AsyncIterator[Scene]:
    made = Scene()
    yield made
    await made.close()


@pytest.fixture
async def pair(scene: Scene, server: RedisServer, proxy: TcpProxy) -> tuple[Witness, Witness]:
    """Two workers that listen to the same channels; "far" is connected through the proxy."""
    near = await scene.witness(server.url, "near")
    far = await scene.witness(f"redis://127.0.0.1:{proxy.port}", "far")
    for one in (near, far):
        await one.listen(*CHANNELS)
    return near, far


async def local_goes_on(one: Witness) -> None:
    """What the worker publishes, its own listeners have at once."""
    before = len(one.heard.get(CHANNELS[0], []))
    await one.ring(CHANNELS[0], 7)
    assert one.heard[CHANNELS[0]][before:] == [7]


async def test_killed_and_started_again(scene: Scene, server: RedisServer, pair: tuple[Witness, Witness]) -> None:
    near, far = pair
    server.kill()
    await until(lambda: not near.backplane.is_up and not far.backplane.is_up)
    for one in pair:
        await local_goes_on(one)
        assert not await one.ring("conv:elsewhere", 1), "a node that knows it is alone says so"
    await far.listen("conv:new")
    await far.ring("conv:new", 8)
    assert far.heard["conv:new"] == [8]
    server.start()
    await scene.hears_again(near, far, [*CHANNELS, "conv:new"])
    await scene.hears_again(far, near, CHANNELS)
    await until(lambda: near.reconnects == far.reconnects == 1)


async def test_stopped_for_a_while(scene: Scene, server: RedisServer, pair: tuple[Witness, Witness]) -> None:
    near, far = pair
    server.pause()
    try:
        await local_goes_on(near)
        await far.listen("conv:new")  # returns, though nobody confirms
        await until(lambda: not near.backplane.is_up and not far.backplane.is_up)
        await local_goes_on(near)
    finally:
        server.resume()
    await scene.hears_again(near, far, [*CHANNELS, "conv:new"])
    await scene.hears_again(far, near, CHANNELS)
    await until(lambda: near.reconnects > 0 and far.reconnects > 0)


async def test_a_stop_too_short_for_a_reconnection_is_told_to_who_began_to_listen(
    scene: Scene, server: RedisServer
) -> None:
    one = await scene.witness(server.url, "one")
    server.pause()
    listening = asyncio.create_task(one.listen(*CHANNELS))
    await asyncio.sleep(0.05)
    server.resume()
    await listening
    await scene.hears_again(await scene.witness(server.url, "two"), one, CHANNELS)
    assert one.backplane.is_up


async def test_emptied(scene: Scene, server: RedisServer, pair: tuple[Witness, Witness]) -> None:
    near, far = pair
    server.flush()
    await scene.hears_again(near, far, CHANNELS)
    assert await near.registry.add(Device("ann", "s1", "near", 1)) == 0
    assert await far.limiter.take(HOURLY, "ann") == 0
    assert (near.reconnects, far.reconnects) == (0, 0)


@pytest.mark.parametrize("direction", ["to_server", "to_client"])
async def test_half_open(scene: Scene, proxy: TcpProxy, pair: tuple[Witness, Witness], direction: Direction) -> None:
    near, far = pair
    proxy.swallow(direction)
    await local_goes_on(far)
    await until(lambda: far.reconnects > 0)
    await scene.hears_again(near, far, CHANNELS)
    await scene.hears_again(far, near, CHANNELS)
    assert near.reconnects == 0


async def test_half_open_for_new_connections_too(scene: Scene, proxy: TcpProxy, pair: tuple[Witness, Witness]) -> None:
    near, far = pair
    proxy.swallow("to_client", new=True)
    await until(lambda: not far.backplane.is_up)
    await local_goes_on(far)
    proxy.heal()
    await scene.hears_again(near, far, CHANNELS)
    await scene.hears_again(far, near, CHANNELS)
    await until(lambda: far.reconnects > 0)


@pytest.mark.parametrize("kind", ["pubsub", "normal"])
async def test_connections_killed_by_an_operator(
    scene: Scene, server: RedisServer, pair: tuple[Witness, Witness], kind: str
) -> None:
    near, far = pair
    assert server.cut(kind) >= 2
    await scene.hears_again(near, far, CHANNELS)
    await scene.hears_again(far, near, CHANNELS)
    if kind == "pubsub":
        await until(lambda: near.reconnects == far.reconnects == 1)
    else:
        await until(lambda: near.backplane.is_up and far.backplane.is_up)
        assert (near.reconnects, far.reconnects) == (0, 0), "nothing that is heard was interrupted"


async def test_refused_then_let_in(scene: Scene, proxy: TcpProxy, pair: tuple[Witness, Witness]) -> None:
    near, far = pair
    proxy.refuse()
    await until(lambda: not far.backplane.is_up)
    await local_goes_on(far)
    await far.listen("conv:new")
    proxy.heal()
    await scene.hears_again(near, far, [*CHANNELS, "conv:new"])
    await until(lambda: far.reconnects == 1)


async def test_a_subscriber_that_falls_behind_is_cut_and_comes_back(
    scene: Scene, server: RedisServer, proxy: TcpProxy, pair: tuple[Witness, Witness]
) -> None:
    near, far = pair
    server.command("CONFIG", "SET", "client-output-buffer-limit", "pubsub 1mb 0 0")
    proxy.hold("to_client")
    for _ in range(30):  # until the buffers of proxy and kernel are full, and Redis's too
        server.command("PUBLISH", f"parlance:0:{CHANNELS[0]}", bytes(1_000_000))
    assert "output buffer limits" in server.log()
    proxy.heal()
    await until(lambda: far.reconnects > 0)
    await scene.hears_again(near, far, CHANNELS)


async def test_interest_that_changes_during_an_outage_is_what_counts_after_it(
    scene: Scene, proxy: TcpProxy, server: RedisServer, pair: tuple[Witness, Witness]
) -> None:
    near, far = pair
    proxy.refuse()
    await until(lambda: not far.backplane.is_up)
    await asyncio.gather(*(far.backplane.ignore(channel) for channel in CHANNELS[:10]))
    await far.listen("conv:new")
    proxy.heal()
    await scene.hears_again(near, far, [*CHANNELS[10:], "conv:new"])
    subscribers = server.command("PUBSUB", "NUMSUB", *(f"parlance:0:{name}" for name in CHANNELS[:10]))
    assert subscribers[1::2] == [1] * 10, "only the near one's"


async def test_garbage_in_a_channel_costs_nobody_anything(
    scene: Scene, server: RedisServer, pair: tuple[Witness, Witness]
) -> None:
    near, far = pair
    for payload in (b"", b"\xc1", b"text", b"\x93\x01\x02\x03", b"\x96\xa1x\xa1x\xc0\xc0\xc0\xc0"):
        server.command("PUBLISH", f"parlance:0:{CHANNELS[0]}", payload)
    await scene.hears_again(near, far, CHANNELS)
    assert far.told == ["malformed"] * 5
    assert far.reconnects == 0


async def test_the_registry_says_unavailable_and_makes_up_for_it(
    server: RedisServer, proxy: TcpProxy, pair: tuple[Witness, Witness]
) -> None:
    near, far = pair
    kept, gone = Device("ann", "s1", "far", 1), Device("bob", "s2", "far", 1)
    for device in (kept, gone):
        await far.registry.add(device)
    proxy.refuse()
    await until(lambda: not far.backplane.is_up)
    new = Device("eve", "s3", "far", 1)
    for attempt in (
        far.registry.add(new),
        far.registry.remove("bob", "s2"),
        far.registry.beat([kept, new]),
        far.registry.devices(["ann"]),
        far.registry.bury(1),
        far.registry.workers(),
    ):
        with pytest.raises(Unavailable):
            await attempt
    proxy.heal()
    await until(lambda: far.backplane.is_up)
    await far.registry.beat([kept, new])
    assert await near.registry.devices(["ann", "bob", "eve"]) == {"ann": [kept], "eve": [new]}


async def test_the_limiter_counts_locally_and_comes_back(
    proxy: TcpProxy, server: RedisServer, pair: tuple[Witness, Witness]
) -> None:
    _, far = pair
    limiter = far.limiter
    proxy.refuse()
    await until(lambda: not far.backplane.is_up)
    waits = [await limiter.take(HOURLY, "ann") for _ in range(5)]
    assert waits[:3] == [0, 0, 0]
    assert min(waits[3:]) > 0
    assert limiter.stats.shared == 0
    proxy.heal()
    async with asyncio.timeout(30):
        while not limiter.stats.shared:
            await limiter.take(HOURLY, "bob")
            await asyncio.sleep(0.05)


async def test_a_slow_redis_does_not_slow_down_what_is_limited(proxy: TcpProxy, pair: tuple[Witness, Witness]) -> None:
    _, far = pair
    limiter = far.limiter
    proxy.delay(200)
    waits = await asyncio.gather(*(limiter.take(HOURLY, "ann") for _ in range(50)))
    assert sum(wait == 0 for wait in waits) == 3
    assert limiter.stats.shared == 0
    assert far.told == ["limited locally"] * 50


async def test_cancelled_commands_leave_nobody_elses_answer_behind(
    proxy: TcpProxy, pair: tuple[Witness, Witness]
) -> None:
    _, far = pair
    devices = [Device(f"user{number}", f"s{number}", "far", number) for number in range(100)]
    await asyncio.gather(*(far.registry.add(device) for device in devices))
    proxy.delay(5)
    for round_number in range(5):
        asked = [asyncio.create_task(far.registry.devices([device.user_id])) for device in devices]
        await asyncio.sleep(0.002 * round_number)
        for task in asked[::2]:
            task.cancel()
        answers = await asyncio.gather(*asked, return_exceptions=True)
        for device, answer in zip(devices[1::2], answers[1::2], strict=True):
            # On a busy machine Redis may take too long, which is told as such.
            assert answer == {device.user_id: [device]} or isinstance(answer, Unavailable)
    assert far.backplane.is_up


def test_the_servers_own_event_loop_heals_as_well(server: RedisServer) -> None:
    async def run() -> None:
        scene = Scene()
        one, two = await scene.witness(server.url, "one"), await scene.witness(server.url, "two")
        await two.listen(*CHANNELS)
        server.kill()
        await until(lambda: not one.backplane.is_up and not two.backplane.is_up)
        server.start()
        await scene.hears_again(one, two, CHANNELS)
        assert await one.registry.add(Device("ann", "s1", "one", 1)) == 0
        await scene.close()

    uvloop.run(run())
