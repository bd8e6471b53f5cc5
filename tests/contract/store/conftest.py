"""Every contract test runs once per implementation."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from server.store.sql import SqlStore
from tests.contract.store.harness import IMPLEMENTATIONS, Harness


@pytest.fixture(params=list(IMPLEMENTATIONS))
async def harness(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Harness]:
    made = IMPLEMENTATIONS[request.param](tmp_path)
    yield made
    await made.close()


@pytest.fixture(params=list(IMPLEMENTATIONS))
async def new_harness(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Harness]:
    """On a database that no store has seen yet."""
    folder = tmp_path / "new"  # beside the one of ``harness``, which a test may have as well
    folder.mkdir()
    made = IMPLEMENTATIONS[request.param](folder, empty=True)
    yield made
    await made.close()


@pytest.fixture
async def store(harness: Harness) -> SqlStore:
    """A started store on an empty database."""
    made = harness.store()
    await made.start()
    return made
