"""``parlance model`` held against what people said in the inbox, on a real database."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path

from inference.registry.slices import Counts, to_json
from server.clock import SystemClock
from server.store.inbox_ports import Doubt, Judgement
from server.store.slice_ports import StoredSlice
from server.store.sql import SqlStore, sqlite_url
from tests.contract.store.harness import new_id
from tests.contract.store.people import NOW_MS, answer, asked, opened
from tests.unit.cli.conftest import Command
from tests.unit.cli.test_model import Registry

DOUBT = Doubt("greeting", 0.31, (("greeting", 0.31),), 0.12, "en", "nlu-7.0.0")


async def _labelled(path: Path, count: int) -> None:
    """So many turns of which people said what the packs' champion says of everything, one of them twice."""
    store = SqlStore(sqlite_url(path), clock=SystemClock(), new_id=new_id)
    await store.start()
    try:
        channel = await opened(store)
        for number in (*range(count), 0):
            turn = await asked(store, channel, f"hello {number}")
            await store.answer(answer(turn, doubt=DOUBT))
            await store.judge(Judgement(turn.turn_id, "weather", "eve", NOW_MS))
        now_ms = SystemClock().now_ms()
        counts = to_json(Counts(answered=640, confidence_sum=320.0, latency=Counter({16: 640}))).decode()
        await store.add_slices([StoredSlice("nlu-7.0.0", now_ms - 10, now_ms, counts)])
    finally:
        await store.close()


def test_labelled_turns_stand_before_a_promotion(parlance: Command, folder: Path) -> None:
    registry = Registry(parlance, folder)
    registry.add("7.1.0", weight=-1.0)
    registry.add("7.2.0")
    (folder / "data").mkdir()
    asyncio.run(_labelled(folder / "data" / "parlance.db", 52))
    refused = registry("promote", "nlu-7.1.0")
    assert refused.exit_code == 1
    assert "nlu-7.1.0 understands your own customers worse than the champion nlu-7.0.0: of 52 turns" in refused.stderr
    told = registry.told("canary", "nlu-7.1.0", code=1)["labelled"]
    assert (told["labels"], told["champion_right"], told["candidate_right"], told["enough"]) == (52, 52, 0, True)
    passed = registry("promote", "nlu-7.2.0")
    assert passed.exit_code == 0
    assert "Your own customers: of 52 turns that people labelled it reads 52 right, the champion 52" in passed.stderr
    assert registry.told("promote", "nlu-7.1.0", "--force")["forced"][0].startswith("of 52 turns")
    assert "of 53 that people labelled, it had said 0 so (0 to 7 %)" in registry("show", "nlu-7.0.0").stdout
    told = registry.told("show", "nlu-7.0.0")["everywhere"]
    assert (told["answered"], told["share"], told["drift"]) == (640, 1.0, None)
    assert registry.told("show", "nlu-7.2.0")["everywhere"] is None
