"""``parlance flags``: on a real database, beside a server or without one."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from server.clock import SystemClock
from server.store.sql import SqlStore, sqlite_url
from tests.contract.store.harness import new_id
from tests.unit.cli.conftest import Command


@pytest.fixture
def flags(parlance: Command, folder: Path) -> Command:
    """On a database that a server has made."""

    async def make() -> None:
        store = SqlStore(sqlite_url(folder / "data" / "parlance.db"), clock=SystemClock(), new_id=new_id)
        await store.start()
        await store.close()

    (folder / "data").mkdir()
    asyncio.run(make())
    return lambda *arguments, **environ: parlance("flags", *arguments, **environ)


def told(flags: Command, *arguments: str) -> Any:
    result = flags(*arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_set_listed_and_given_back(flags: Command) -> None:
    assert {one["flag"]: one["value"] for one in told(flags, "list")} == {
        "mood_rules": True, "knowledge": True, "learning": "live", "notice": "",
    }  # fmt: skip
    said = flags("set", "knowledge", "off", "--by", "ann")
    assert said.stdout == "knowledge: off. Running servers follow within 2 seconds.\n"
    told(flags, "set", "notice", "Back at two.")
    held = {one["flag"]: one for one in told(flags, "list")}
    assert (held["knowledge"]["value"], held["knowledge"]["set_by"]) == (False, "ann")
    assert held["notice"]["value"] == "Back at two."
    assert "ann" in flags("list").stdout
    assert "set_by" not in told(flags, "set", "knowledge")


def test_what_is_refused(flags: Command, parlance: Command, tmp_path: Path) -> None:
    wrong = flags("set", "knowledge", "perhaps")
    assert (wrong.exit_code, "is true or false, not 'perhaps'" in wrong.stderr) == (1, True)
    unknown = flags("set", "knowlege", "on")
    assert (unknown.exit_code, "Did you mean 'knowledge'" in unknown.stderr) == (1, True)
    assert parlance("flags", "list", "--data-dir", str(tmp_path / "none")).exit_code == 2
