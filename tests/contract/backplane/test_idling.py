"""What waiting costs: turns of the event loop and commands are counted, never time."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.contract.backplane.witness import QUICK, Scene, until
from tests.support.proxy import TcpProxy
from tests.support.redis import RedisServer

CHANNELS = [f"conv:{number}" for number in range(20)]
OBSERVED_S = 1.0


class CountingSelector(selectors.DefaultSelector):
    """Every turn of the event loop asks it once."""

    turns = 0

    def select(self, timeout: float | None = None) -> Any:
        self.turns += 1
        return super().select(timeout)


def turns_of(work: Callable[[Callable[[], Awaitable[int]]], Awaitable[int]]) -> int:
    """Run ``work(observe)`` on an event loop that counts; ``observe`` gives the turns of ``OBSERVED_S`` seconds."""
    selector = CountingSelector()

    async def observe() -> int:
        before = selector.turns
        await asyncio.sleep(OBSERVED_S)
        return selector.turns - before

    async def run() -> int:
        return await work(observe)

    with asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(selector)) as runner:
        return runner.run(run())


# A link makes about ten turns per ping and per attempt to connect; two links do one of either per quarter second.
MOST_TURNS = int(OBSERVED_S / QUICK.ping_s * 2 * 10 * 2)


@pytest.mark.parametrize("fault", ["none", "refuse", "half-open", "stopped"])
def test_waiting_costs_a_few_turns_per_ping_or_attempt(fault: str) -> None:
    async def work(observe: Callable[[], Awaitable[int]]) -> int:
        scene = Scene()
        one = await scene.witness(f"redis://127.0.0.1:{proxy.port}", "one")
        await one.listen(*CHANNELS)
        match fault:
            case "refuse":
                proxy.refuse()
            case "half-open":
                proxy.swallow("to_client", new=True)
            case "stopped":
                server.pause()
        turns = await observe()
        server.resume()
        await scene.close()
        return turns

    with RedisServer() as server, TcpProxy(server.port) as proxy:
        turns = turns_of(work)
    assert 0 < turns < MOST_TURNS


async def test_an_idle_worker_sends_nothing_but_pings(redis_server: RedisServer) -> None:
    scene = Scene()
    one = await scene.witness(redis_server.url, "one")
    await one.listen(*CHANNELS)

    def commands() -> dict[str, int]:
        rows = redis_server.info("commandstats").items()
        return {name.removeprefix("cmdstat_"): int(row["calls"]) for name, row in rows}

    before = commands()
    await until(lambda: commands().get("ping", 0) >= before.get("ping", 0) + 8)
    after = commands()
    sent = {name: count - before.get(name, 0) for name, count in after.items() if count != before.get(name, 0)}
    assert sent.keys() == {"ping", "info"}
    await scene.close()


async def test_subscribing_to_many_channels_takes_few_commands(redis_server: RedisServer) -> None:
    scene = Scene()
    one = await scene.witness(redis_server.url, "one")
    before = redis_server.info("commandstats").get("cmdstat_subscribe", {"calls": 0})["calls"]
    await one.listen(*(f"conv:{number}" for number in range(1_000)))
    assert redis_server.info("commandstats")["cmdstat_subscribe"]["calls"] - before == 2
    await scene.close()


async def test_attempts_to_connect_grow_rare(redis_server: RedisServer) -> None:
    with TcpProxy(redis_server.port) as proxy:
        scene = Scene()
        one = await scene.witness(f"redis://127.0.0.1:{proxy.port}", "one")
        proxy.swallow("to_client", new=True)
        await until(lambda: not one.backplane.is_up)
        before = proxy.accepted
        await asyncio.sleep(OBSERVED_S)
        # Two links; each attempt lasts a second, since nothing answers.
        assert proxy.accepted - before <= 2 * (OBSERVED_S / QUICK.dial_s + 2)
        await scene.close()
