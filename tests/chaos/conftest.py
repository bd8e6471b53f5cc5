"""Servers that may be killed, on data that stay; and which tests are for ``make chaos`` only."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chaos.length import LONG
from tests.support.redis import RedisServer
from tests.support.server import ServerProcess

HERE = Path(__file__).parent
TIMEOUT_S = 300


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "long: too long for every run; only `make chaos` runs it")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(HERE) and not LONG:  # servers start many times, on a machine that may be busy
            item.add_marker(pytest.mark.timeout(TIMEOUT_S))
    if LONG:
        return
    long = [item for item in items if item.get_closest_marker("long")]
    config.hook.pytest_deselected(items=long)
    items[:] = [item for item in items if item not in long]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ServerProcess]:
    with ServerProcess(tmp_path / "data") as running:
        yield running


@pytest.fixture(scope="session")
def redis() -> Iterator[RedisServer]:
    """For tests that do it no harm; whoever kills, pauses or empties one starts their own."""
    with RedisServer() as running:
        yield running
