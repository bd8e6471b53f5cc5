"""``parlance model report``: the files, the exit codes, the sentences; on a handful of rows and the shipped model."""

from __future__ import annotations

import builtins
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from server.cli.main import app
from tests.train.toy import write_toy_data


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, ["model", "report", *map(str, arguments)], prog_name="parlance")


def test_the_shipped_model_is_reported_on(tmp_path: Path) -> None:
    data, out = write_toy_data(tmp_path / "data"), tmp_path / "out"
    result = run("--data", data, "--out", out, "--limit-rows", "12")
    assert result.exit_code == 0, result.output
    told = json.loads((out / "report.json").read_text(encoding="utf-8"))
    assert told["model"].startswith("nlu-")
    assert told["views"]["intent"]["rows"] == 8
    assert told["views"]["intent"]["accuracy"] >= 0.75
    assert {"README.md", "errors.md", "reliability.png", "latency.png"} <= {path.name for path in out.iterdir()}


def test_a_missing_folder_exits_with_2(tmp_path: Path) -> None:
    result = run("--data", tmp_path / "none")
    assert (result.exit_code, "none is not a folder." in result.stderr) == (2, True)


def test_incomplete_data_exit_with_2(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert run("--data", tmp_path, "--out", tmp_path / "out").exit_code == 2
    assert "clinc150/val.jsonl.gz is missing" in capfd.readouterr().err


def test_without_matplotlib_the_remedy_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *rest: Any, **more: Any) -> Any:
        if name.startswith("matplotlib"):
            raise ImportError(name)
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    result = run("--data", tmp_path)
    assert result.exit_code == 2
    assert "pip install 'parlance[report]'`." in result.stderr
