"""The benchmark of a model's first word measures every answer, both ways."""

from __future__ import annotations

import json

import pytest

from loadtest.bench_streaming import main


def test_every_answer_is_measured_both_ways(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--customers", "2", "--turns", "3", "--gap-ms", "1", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["customers"], found["turns"]) == (2, 6)
    for way in ("parlance_ms", "bare_ms"):
        assert 0 < found[way]["p50"] <= found[way]["p99"]
