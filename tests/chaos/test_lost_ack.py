"""The network loses the message, or its ack: to say it again with the same key is always safe."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from loadtest.client import new_key
from parlance_client.errors import Disconnected
from tests.chaos.checker import check_fleet
from tests.chaos.fleet import Fleet, Person, fleet_of
from tests.chaos.ledger import SqliteLedger
from tests.chaos.length import WITHIN_S, pick
from tests.support.proxy import TcpProxy
from tests.support.server import ServerProcess

LOSSES = pick(4, 100)


async def test_losses(tmp_path: Path) -> None:
    with ServerProcess(tmp_path / "data") as server, TcpProxy(server.port) as proxy:
        ledger = SqliteLedger(server.data_dir / "parlance.db")
        async with fleet_of([f"ws://127.0.0.1:{proxy.port}/ws"], ledger, 1, 0, guests=True) as fleet:
            customer = fleet.customers[0]
            for number in range(LOSSES):
                await lose_the_ack(fleet, customer, proxy, f"{number}: has this arrived?")
                await lose_the_message(fleet, customer, proxy, f"{number}: and has this?")
            await fleet.settle()
            await check_fleet(fleet)


async def lose_the_ack(fleet: Fleet, customer: Person, proxy: TcpProxy, text: str) -> None:
    """The message arrives and is stored; the ack is swallowed, then the connection breaks."""
    key, channel = new_key(), customer.channels[0]
    proxy.swallow("to_client")
    sending = asyncio.create_task(customer.client.send(channel, text, key=key))
    async with asyncio.timeout(WITHIN_S):
        while not (rows := [row for row in await fleet.ledger.rows(channel) if row.key == key]):
            await asyncio.sleep(0.01)
    proxy.cut()
    with pytest.raises(Disconnected):
        await sending
    for _ in range(2):
        ack = await customer.say(text, key=key)
        assert ack.duplicate
        assert (ack.message_id, ack.offset) == (rows[0].message_id, rows[0].offset)


async def lose_the_message(fleet: Fleet, customer: Person, proxy: TcpProxy, text: str) -> None:
    """The message never arrives: nothing is stored, and the repetition is the first."""
    key, channel = new_key(), customer.channels[0]
    proxy.swallow("to_server")
    sending = asyncio.create_task(customer.client.send(channel, text, key=key))
    await asyncio.sleep(0)
    proxy.cut()
    with pytest.raises(Disconnected):
        await sending
    assert key not in {row.key for row in await fleet.ledger.rows(channel)}
    assert not (await customer.say(text, key=key)).duplicate
