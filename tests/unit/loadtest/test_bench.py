"""The runner of all benchmarks, with benchmarks that are quick."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from loadtest import bench


@pytest.fixture
def modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Benchmarks of the test's own in the place of the real ones."""
    (tmp_path / "bench_good_one.py").write_text('print(\'{"speed": {"p50": 1.5}, "rows": [{"n": 7}]}\')')
    (tmp_path / "bench_bad_one.py").write_text("import sys; sys.exit('no model here')")
    monkeypatch.setattr(bench, "MODULES", {"good": "bench_good_one", "bad": "bench_bad_one"})
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


def test_one_that_fails_does_not_stop_the_others(modules: Path, capsys: pytest.CaptureFixture[str]) -> None:
    written = modules / "results" / "bench.json"
    assert bench.main(["bad", "good", "--json", str(written)]) == 1
    saved = json.loads(written.read_text())
    assert saved["good"] == {"speed": {"p50": 1.5}, "rows": [{"n": 7}]}
    assert "no model here" in saved["failed"]["bad"]
    assert saved["taken_on"]["python"]
    output = capsys.readouterr().out
    assert "speed p50" in output and "1.50" in output
    assert "bad failed: exit code 1: no model here" in output


@pytest.mark.usefixtures("modules")
def test_all_good_is_exit_code_0() -> None:
    assert bench.main(["good"]) == 0


@pytest.mark.usefixtures("modules")
def test_an_unknown_name_is_refused_with_the_known_ones(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        bench.main(["godo"])
    assert "no benchmark godo: there are good, bad" in capsys.readouterr().err


def test_flat_rows() -> None:
    nested = {"a": {"b": 1, "c": [2, 3]}, "rows": [{"n": 1}, {"n": None}]}
    assert list(bench.flat(nested)) == [("a b", 1), ("a c", "2, 3"), ("rows 1 n", 1), ("rows 2 n", None)]
