"""The capacity table: a run per number of customers, until a limit breaks; put where the page wants it."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from loadtest import capacity

PAGE = f"# Scaling\n\n{capacity.BEGIN}\n| old |\n{capacity.END}\n\nThe rest.\n"


def outcome(p99: float, *, passed: bool) -> dict[str, Any]:
    def entry(name: str, ms: float) -> dict[str, Any]:
        percentiles = {"50%": ms / 4, "95%": ms / 2, "99%": ms}
        return {"name": name, "requests": 100, "failures": 1, "per_s": 34.5, "percentiles_ms": percentiles}

    limits = [{"threshold": "send -> answer: p99 < 250", "measured": p99, "kept": passed}]
    return {"passed": passed, "entries": [entry("send -> ack", 8), entry("send -> answer", p99)], "thresholds": limits}


def test_it_ends_with_the_first_run_that_breaks_a_limit() -> None:
    asked: list[int] = []

    def run(customers: int) -> dict[str, Any]:
        asked.append(customers)
        return outcome(customers, passed=customers < 250)

    steps = capacity.measure([400, 100, 800, 200], run)
    assert asked == [100, 200, 400]
    assert capacity.table(steps).splitlines()[2:] == [
        "| 100 | 34.5 | 2 | 8 | 25 | 50 | 100 | 1.00% | kept |",
        "| 200 | 34.5 | 2 | 8 | 50 | 100 | 200 | 1.00% | kept |",
        "| 400 | 34.5 | 2 | 8 | 100 | 200 | 400 | 1.00% | broken: send -> answer: p99 < 250 |",
    ]


def test_a_run_that_measured_nothing_is_a_row_of_dashes() -> None:
    row = capacity.Step(1_000, {"passed": False, "entries": [], "thresholds": []}).row()
    assert row[:8] == ["1,000", "0.0", "–", "–", "–", "–", "–", "0.00%"]


def test_the_table_is_written_between_the_marks_as_often_as_one_likes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "scaling.md"
    page.write_text(PAGE)
    commands: list[list[str]] = []

    def run(command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        commands.append(command)
        return subprocess.CompletedProcess(command, 0, json.dumps(outcome(100, passed=True)))

    monkeypatch.setattr(subprocess, "run", run)
    for _ in range(2):
        assert capacity.main(["--customers", "70", "--write", str(page), "--time", "60s"]) == 0
    assert commands[0][2:] == ["loadtest.run", "--users", "70", "--json", "--time", "60s"]
    text = page.read_text()
    assert text.count("| 70 |") == 1
    assert "| old |" not in text
    assert text.endswith("\n\nThe rest.\n")
    assert "| 70 |" in capsys.readouterr().out


def test_what_can_not_be_done_is_exit_code_2_before_anything_is_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "page.md"
    page.write_text("no marks")
    assert capacity.main(["--write", str(page)]) == 2
    assert capacity.BEGIN in capsys.readouterr().err
    monkeypatch.setattr(subprocess, "run", lambda command, **_: subprocess.CompletedProcess(command, 2, ""))
    assert capacity.main(["--customers", "7"]) == 2
    assert "with 7 customers" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        capacity.main(["--customers", "0"])


def test_the_page_on_scaling_has_the_marks() -> None:
    text = (Path(__file__).resolve().parents[3] / "docs" / "scaling.md").read_text(encoding="utf-8")
    assert capacity.put_into(text, "x\n").count(capacity.BEGIN) == 1
