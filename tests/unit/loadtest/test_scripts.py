"""The scripts that ship, and what a wrong scripts file is told."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from loadtest.scripts import ScriptError, load_scripts
from server.wire.parts import MAX_TEXT_CODE_POINTS


def test_the_shipped_scripts_are_many_and_varied() -> None:
    scripts = load_scripts().scripts
    assert len(scripts) >= 40
    assert len({script.name for script in scripts}) == len(scripts)
    assert all(3 <= len(script.turns) <= 8 for script in scripts)
    assert len({script.mood for script in scripts}) >= 15
    assert len({script.topic for script in scripts}) >= 6


def test_every_turn_played_is_a_text_the_server_takes() -> None:
    book, rng = load_scripts(), random.Random(1)
    for _ in range(500):
        for text in book.play(rng):
            assert 1 <= len(text) <= MAX_TEXT_CODE_POINTS
            assert not set(text) & set("{}%")


def test_a_played_conversation_keeps_its_details_and_others_differ(tmp_path: Path) -> None:
    path = tmp_path / "scripts.yaml"
    path.write_text(
        "slots: {order: ['#%%%%%%']}\nscripts: [{name: a, topic: t, mood: m, turns: ['{order}', 'again {order}']}]"
    )
    book, rng = load_scripts(path), random.Random(1)
    plays = [book.play(rng) for _ in range(20)]
    assert all(again == f"again {order}" for order, again in plays)
    assert len({order for order, _ in plays}) > 15
    assert book.play(random.Random(5)) == book.play(random.Random(5))


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("[", "scripts.yaml"),
        ("scripts: []", "needs a list `scripts`"),
        ("scripts: [{name: a, topic: t, mood: m}]", "lacks 'turns'"),
        ("scripts: [{name: a, topic: t, mood: m, turns: []}]", "script a: turns must be texts"),
        ("scripts: [{name: a, topic: t, mood: m, turns: ['{oder}']}]", "script a: no values under `slots` for oder"),
    ],
)
def test_a_wrong_file_is_told_what_to_change(tmp_path: Path, content: str, complaint: str) -> None:
    path = tmp_path / "scripts.yaml"
    path.write_text(content)
    with pytest.raises(ScriptError, match=complaint):
        load_scripts(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ScriptError, match=r"nowhere\.yaml"):
        load_scripts(tmp_path / "nowhere.yaml")
