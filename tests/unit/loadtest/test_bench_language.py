"""The benchmark of language identification: its lines, its figures, and a row for each way."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from loadtest import bench_language
from loadtest.bench_language import WAYS, load_lines, main, measure


def test_every_language_has_its_lines_once() -> None:
    seen, unseen = load_lines(), load_lines("unseen")
    assert {len(texts) for name, texts in seen.items() if name != "und"} == {20}
    assert list(seen) == list(unseen)
    everything = [text for part in (seen, unseen) for texts in part.values() for text in texts]
    assert all(isinstance(text, str) and text for text in everything)
    assert len(set(everything)) >= len(everything) - 1  # Spanish and Portuguese share a refusal


def test_figures_of_one_that_always_says_english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(WAYS, "english", ("json", lambda _languages: lambda _text: "en"))
    row = measure("english", ["hi", "hola"])
    assert (row["accuracy"], row["wrong"], row["in_none"], row["false_alarms"]) == (0.0769, 0.9231, 0.0, 0.0)
    assert row["right"]["en"] == "20/20" and row["right"]["de"] == "0/20"


def test_ours_on_lines_that_it_was_not_tuned_on() -> None:
    row = measure("ours", ["where is my order", "¿dónde está mi pedido?"])
    assert row["unseen"] >= 0.9
    assert row["false_alarms"] == 0.5


def test_one_way_as_json(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    texts = tmp_path / "english.txt"
    texts.write_text("where is it\n\nhi\n")
    assert main(["--way", "words", "--texts", str(texts)]) == 0
    row = json.loads(capsys.readouterr().out)
    assert (row["way"], row["false_alarms"]) == ("words", 0.0)


def test_what_is_not_installed_is_left_out_and_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    made = WAYS["words"][1]
    monkeypatch.setattr(bench_language, "WAYS", {"words": ("inference", made), "gone": ("no_such_package", made)})
    assert main([]) == 0
    shown = capsys.readouterr().out
    assert "words: en" in shown
    assert "gone is left out: it is not installed." in shown
