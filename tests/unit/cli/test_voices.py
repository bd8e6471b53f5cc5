"""The page of voices and the check of the phrases."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

from server.settings import load_settings
from tests.unit.writer.support import ROOT

Run = Callable[..., Result]


def test_the_page_of_the_docs_is_up_to_date(parlance: Run, tmp_path: Path) -> None:
    """Made anew by `parlance persona examples --out docs/voices.md`."""
    made = parlance("persona", "examples", "--out", str(tmp_path / "voices.md"))
    assert made.exit_code == 0
    assert (tmp_path / "voices.md").read_text("utf-8") == (ROOT / "docs" / "voices.md").read_text("utf-8")


def test_side_by_side_nobody_says_the_same_thing_twice() -> None:
    text = (ROOT / "docs" / "voices.md").read_text("utf-8")
    english = text.partition("## English")[2].partition("## Deutsch")[0]
    assert len(re.findall("^### ", english, re.MULTILINE)) == 12
    for title in ("Warm", "Professional", "Concise", "Enthusiastic", "Playful", "Expert"):
        answers = re.findall(rf"^\| \*\*{title}\*\* \| (.*) \|$", english, re.MULTILINE)
        assert len(answers) == 12
        sentences = [one for answer in answers for one in re.split(r"(?<=[.!?]) ", answer) if len(one.split()) > 3]
        assert len(sentences) == len(set(sentences))
    for language, title in (("## Deutsch", "Concise"), ("## Español", "Warm")):
        assert language in text and f"**{title}**" in text.partition(language)[2]


def test_a_page_that_cannot_be_written(parlance: Run, tmp_path: Path) -> None:
    refused = parlance("persona", "examples", "--out", str(tmp_path / "nowhere" / "voices.md"))
    assert refused.exit_code == 2 and "can't be written" in refused.stderr


@pytest.fixture
def phrases(tmp_path: Path) -> Path:
    shutil.copytree(load_settings({}, {}, tmp_path, make=False).settings.phrases_path, tmp_path / "phrases")
    return tmp_path / "phrases"


def test_the_shipped_phrases_have_nothing_to_mend(parlance: Run) -> None:
    checked = parlance("persona", "check")
    assert checked.exit_code == 0, checked.stdout
    assert re.search(r"^de: \d+ phrases, \d+% of en \(\d+ of \d+\); without intents\.", checked.stdout, re.MULTILINE)


def test_what_is_to_be_mended_is_told_with_its_language(
    parlance: Run, phrases: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (phrases / "de" / "zz.yaml").write_text('phrases: {thanks: ["Gern!", "Gern!"]}\n')
    monkeypatch.setenv("PARLANCE_PHRASES_DIR", str(phrases))
    checked = parlance("persona", "check", "--json")
    found = json.loads(checked.stdout)
    assert checked.exit_code == 1
    assert found["complaints"] == [
        "de/zz.yaml: phrases.thanks[2]: the same phrase as zz.yaml: phrases.thanks[1]. Remove one."
    ]
    assert {one["language"]: one["coverage"] for one in found["languages"]}["en"] == 1.0
