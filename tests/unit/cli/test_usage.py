"""``parlance usage``: on a real database."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from server.clock import SystemClock
from server.store.sql import SqlStore, sqlite_url
from server.store.usage_ports import ModelUsage
from tests.contract.store.harness import new_id
from tests.contract.store.people import ANN, NOW_MS, answer, asked, opened
from tests.unit.cli.conftest import Command

USES: tuple[dict[str, Any], ...] = (
    {"persona": "warm", "cost_micros": 2_000_000},
    {"persona": "calm", "cost_micros": 500_000, "first_token_ms": None, "total_ms": 300, "outcome": "failed"},
    {"persona": "calm", "cost_micros": 0, "at_ms": NOW_MS + 1_000_000},
)


async def _fill(path: Path) -> None:
    store = SqlStore(sqlite_url(path), clock=SystemClock(), new_id=new_id)
    await store.start()
    channel = await opened(store)
    plain: dict[str, Any] = {
        "user_id": ANN.id, "model": "small", "persona": "warm", "variant": None, "outcome": "answered",
        "prompt_tokens": 1_000, "completion_tokens": 20, "estimated": False, "cost_micros": 0, "first_token_ms": 250,
        "total_ms": 900, "tries": 1, "at_ms": NOW_MS,
    }  # fmt: skip
    for use in USES:
        used = ModelUsage(usage_id=new_id(), **{**plain, **use})
        await store.answer(answer(await asked(store, channel), usage=used))
    await store.close()


@pytest.fixture
def usage(folder: Path, parlance: Command) -> Command:
    (folder / "data").mkdir()
    asyncio.run(_fill(folder / "data" / "parlance.db"))
    return lambda *arguments: parlance("usage", *arguments)


def test_what_was_used_is_summed_up(usage: Command) -> None:
    told = json.loads(usage("--json").stdout)
    assert [(one["model"], one["persona"], one["uses"], one["answered"]) for one in told["items"]] == [
        ("small", "warm", 1, 1),
        ("small", "calm", 2, 1),
    ]
    assert told["total"] == {
        "uses": 3, "answered": 2, "prompt_tokens": 3_000, "completion_tokens": 60, "cost": 2.5, "first_token_ms": 250.0,
        "total_ms": 700.0,
    }  # fmt: skip
    shown = usage("--by", "model").stdout
    assert "small" in shown and "3,000" in shown and "2.5000" in shown and "warm" not in shown


def test_over_a_time_range(usage: Command) -> None:
    moment = "2026-01-01"
    none = usage("--until", "1971-01-01")
    assert (none.exit_code, none.stdout) == (0, "No language model was asked in that time.\n")
    assert usage("--since", moment, "--json").exit_code == 0
    for arguments in (("--since", "soon"), ("--by", "user")):
        refused = usage(*arguments)
        assert refused.exit_code == 2 and arguments[1] in refused.output


def test_without_a_database(folder: Path, parlance: Command) -> None:
    refused = parlance("usage")
    assert refused.exit_code == 2 and "There is no database" in refused.output
