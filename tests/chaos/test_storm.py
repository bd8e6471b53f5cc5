"""Everybody at once: after a worker's death all its customers come back together."""

from __future__ import annotations

import asyncio
from pathlib import Path

from tests.chaos.checker import check_fleet
from tests.chaos.fleet import fleet_of, percentile
from tests.chaos.ledger import SqliteLedger
from tests.chaos.length import START_WITHIN_S, pick
from tests.support.server import ServerProcess

CUSTOMERS = pick(200, 2_000)


async def test_everybody_is_welcome_again_and_resumed_whole(tmp_path: Path) -> None:
    """What was answered meanwhile, or after the death, comes with the welcome or after it: to each their own."""
    with ServerProcess(tmp_path / "data") as server:
        ledger = SqliteLedger(server.data_dir / "parlance.db")
        async with fleet_of([server.ws_url], ledger, CUSTOMERS, 0, guests=True) as fleet:
            await asyncio.gather(*(customer.say("will this be answered?") for customer in fleet.customers))
            server.kill()
            await asyncio.to_thread(server.start, START_WITHIN_S)
            await asyncio.gather(*(customer.be_there() for customer in fleet.customers))
            await fleet.settle()
            await check_fleet(fleet)
            took = fleet.resumes_s
            assert len(took) == CUSTOMERS
            print(f"\nstorm of {CUSTOMERS}: p50 {percentile(took, 0.5):.2f} s, p99 {percentile(took, 0.99):.2f} s")  # noqa: T201
