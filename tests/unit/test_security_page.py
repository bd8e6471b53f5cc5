"""docs/security.md names tests: each of them exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[1]
PAGE = TESTS.parent / "docs" / "security.md"
NAMED = re.compile(r"`([\w/]+\.py)::(\w+)`")


def rows() -> list[list[str]]:
    """The cells of every row of the tables of threats."""
    page = PAGE.read_text(encoding="utf-8").partition("## What is left to you")[0]
    lines = [line for line in page.splitlines() if line.startswith("| ") and not line.startswith(("| ---", "| threat"))]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]


def exists(file: str, name: str) -> bool:
    path = TESTS / file
    return (
        path.is_file() and re.search(rf"^ *(async )?def {name}\(", path.read_text(encoding="utf-8"), re.M) is not None
    )


def test_there_are_many_threats_and_each_is_another() -> None:
    threats = [row[0] for row in rows()]
    assert len(threats) >= 25
    assert len(set(threats)) == len(threats)


@pytest.mark.parametrize("row", rows(), ids=lambda row: row[0][:40])
def test_every_threat_has_a_control_and_tests_that_exist(row: list[str]) -> None:
    assert len(row) == 3
    assert row[1].endswith(".")
    named = NAMED.findall(row[2])
    assert named
    missing = [f"{file}::{name}" for file, name in named if not exists(file, name)]
    assert missing == []


def test_a_test_that_there_is_not_is_noticed() -> None:
    assert exists("unit/test_security_page.py", "test_a_test_that_there_is_not_is_noticed")
    assert not exists("unit/test_security_page.py", "test_a_test")
    assert not exists("unit/test_nowhere.py", "test_a_test")
