"""The benchmark of own intents, on a few texts: what it draws, and that its figures are the validation texts'."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from loadtest import bench_intents

TEXTS = {
    "Refund?": ["where is my money", "refund please", "I want my money back", "pay me back", "no refund yet", "refund"],
    "opening_hours": [
        "when are you open",
        "opening hours",
        "open on Sunday?",
        "closing time",
        "open late?",
        "hours {x}",
    ],
}
ROWS = [(text, intent) for intent, texts in TEXTS.items() for text in texts]


def test_a_draw_has_so_many_of_each_and_is_repeatable() -> None:
    found = bench_intents.drawn(ROWS, 2, seed=3)
    assert sorted(intent for _, intent in found) == ["Refund?", "Refund?", "opening_hours", "opening_hours"]
    assert found == bench_intents.drawn(ROWS, 2, seed=3)
    assert bench_intents.drawn(ROWS, 0, seed=3) == ROWS


def test_any_labels_and_texts_become_intents() -> None:
    assert bench_intents.intent_set(ROWS).names == ("opening_hours", "refund")


def test_its_figures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    val = [("give me my money back", "Refund?"), ("are you open today", "opening_hours"), ("refund", "opening_hours")]
    for name, rows in (("train", ROWS), ("val", val)):
        with gzip.open(tmp_path / f"{name}.jsonl.gz", "wt", encoding="utf-8") as file:
            file.writelines(json.dumps({"text": text, "intent": intent}) + "\n" for text, intent in rows)
    monkeypatch.setattr(bench_intents, "SHOTS", (3, 0))
    bench_intents.main(["--data", str(tmp_path), "--json"])
    few, everything = json.loads(capsys.readouterr().out)
    assert (few["shots"], everything["shots"]) == (3, "all")
    assert everything["accuracy"] == pytest.approx(2 / 3)
    assert everything["rows"] == 12  # both names are examples already
    bench_intents.show([few, everything])
    assert "examples each" in capsys.readouterr().out
