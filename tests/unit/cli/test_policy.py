"""``parlance policy list|show|snapshot|rollback``: on a real database."""

from __future__ import annotations

import asyncio
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from adapters.features import FEATURE_NAMES
from server.chat.replay import Replay
from server.clock import SystemClock
from server.settings import Settings
from server.store.ports import RewardParts
from server.store.sql import SqlStore, sqlite_url
from server.wiring.policies import SettingsMaker
from tests.contract.store.harness import new_id
from tests.contract.store.people import NOW_MS, answer, asked, decision, opened
from tests.unit.cli.conftest import Command

REWARDS = (0.25, 0.5, 1.0, 0.75)


async def _fill(path: Path) -> None:
    store = SqlStore(sqlite_url(path), clock=SystemClock(), new_id=new_id)
    await store.start()
    channel = await opened(store)
    for number, reward in enumerate(REWARDS):
        chosen = decision(features=tuple(float(i == number) for i in range(len(FEATURE_NAMES))))
        await store.answer(answer(await asked(store, channel), chosen=chosen))
        await store.add_reward(RewardParts(chosen.decision_id, {"a": reward}), lambda parts: parts["a"], NOW_MS)
    await store.close()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("made") / "parlance.db"
    asyncio.run(_fill(path))
    return path


@pytest.fixture
def policy(made: Path, folder: Path, parlance: Command) -> Command:
    """The command beside a database with four rewards."""
    (folder / "data").mkdir()
    shutil.copy(made, folder / "data")
    return lambda *arguments, **environ: parlance("policy", *arguments, **environ)


def told(policy: Command, *arguments: str) -> Any:
    result = policy(*arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_a_log_is_listed_and_shown(policy: Command) -> None:
    (item,) = told(policy, "list")["items"]
    assert (item["policy"], item["version"], item["used"]) == ("linucb", len(REWARDS), True)
    assert "linucb: 4 entries in its log; in use, with " in policy("list").stdout
    shown = told(policy, "show")
    assert (shown["snapshots"], shown["changes"]) == ([], [])


def test_a_snapshot_and_back_to_it(policy: Command, folder: Path) -> None:
    made = told(policy, "snapshot", "--by", "ann")
    assert (made["version"], made["reason"], made["by"]) == (4, "manual", "ann")
    assert told(policy, "rollback", "2", "--by", "ann") == {"policy": "linucb", "version": 5, "to": 2, "by": "ann"}
    assert "linucb knows from entry 6 on what it knew at 4." in policy("rollback", "4").stdout
    shown = policy("show").stdout
    assert all(word in shown for word in ("manual", "ann", "rollback", "cli"))
    state, snapshot = asyncio.run(_state(folder / "data" / "parlance.db"))
    assert state == snapshot


async def _state(path: Path) -> tuple[bytes, bytes]:
    store = SqlStore(sqlite_url(path), clock=SystemClock(), new_id=new_id)
    await store.start()
    from server.contents import read_personas

    settings = Settings()
    fold = await Replay(store, "linucb", SettingsMaker(settings, read_personas(settings.personas_path))).state_at()
    kept = await store.snapshot("linucb", 4)
    await store.close()
    assert kept is not None and fold.version == 6
    return fold.policy.state(), kept.state


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        (("show", "lints"), 1, "There is no policy 'lints'"),
        (("rollback", "99"), 1, "ends at 4"),
        (("rollback", "1", "lints"), 1, "There is no policy 'lints'"),
        (("snapshot", "lints"), 1, "There is no policy 'lints'"),
        (("pause", "nobody"), 1, "There is no persona 'nobody'"),
        (("rollback",), 2, "VERSION"),
    ],
)
def test_what_makes_no_sense_is_refused(policy: Command, arguments: tuple[str, ...], code: int, text: str) -> None:
    result = policy(*arguments)
    assert (result.exit_code, text in result.stderr) == (code, True), result.output


def test_without_a_database_there_is_nothing_to_show(parlance: Command, folder: Path) -> None:
    result = parlance("policy", "list")
    assert result.exit_code == 2
    assert "There is no database" in result.stderr
