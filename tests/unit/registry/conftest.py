"""A catalogue in a folder of its own, with one pack that stands elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from inference.registry.catalogue import Catalogue
from tests.unit.registry.support import write_pack

NOW_MS = 1_700_000_000_000

Pack = Callable[..., Path]


@pytest.fixture
def standing(tmp_path: Path) -> Path:
    """nlu-1.0.0."""
    return write_pack(tmp_path / "shipped" / "nlu", "1.0.0")


@pytest.fixture
def catalogue(tmp_path: Path, standing: Path) -> Catalogue:
    return Catalogue(tmp_path / "models", [standing], now_ms=lambda: NOW_MS)


@pytest.fixture
def pack(tmp_path: Path) -> Pack:
    """``pack("1.1.0", metrics={...})``: a folder to add."""

    def make(version: str, **more: Any) -> Path:
        return write_pack(tmp_path / "packs" / version, version, **more)

    return make
