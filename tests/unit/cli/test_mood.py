"""``parlance mood`` and ``parlance persona``: on the files that ship and on a user's own."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.unit.cli.conftest import Command

MINE = "half_life_turns: 1\nrules:\n  - {name: cross, when: sentiment < -0.2, traits: {empathy: 0.2, humor: -0.25}}\n"


def test_the_rules_that_ship_are_in_order(parlance: Command) -> None:
    result = parlance("mood", "check")
    assert result.exit_code == 0
    assert "12 rules; one that fires no more counts half after 2 turns" in result.stdout
    assert "sentiment <= -0.7" in result.stdout and "empathy +0.15" in result.stdout


def test_a_file_of_ones_own(parlance: Command, folder: Path) -> None:
    (folder / "mine.yaml").write_text(MINE)
    expected = {"name": "cross", "when": ["sentiment < -0.2"], "traits": {"empathy": 0.2, "humor": -0.25}}
    told = json.loads(parlance("mood", "check", "mine.yaml", "--json").stdout)
    assert told == {"file": "mine.yaml", "half_life_turns": 1.0, "rules": [expected]}
    by_setting = json.loads(parlance("mood", "check", "--json", PARLANCE_MOOD_FILE="mine.yaml").stdout)
    assert by_setting["rules"] == [expected]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("rules:\n  - {name: x, when: anger > 6, traits: {empathy: 0.1}}\n", "rule 'x': 'when' compares with '6'"),
        ("rules:\n  - name: x\n   when: [", "is no valid YAML"),
        (None, "mine.yaml can't be read"),
    ],
    ids=["rule", "yaml", "missing"],
)
def test_a_wrong_file_exits_with_2(parlance: Command, folder: Path, content: str | None, said: str) -> None:
    if content is not None:
        (folder / "mine.yaml").write_text(content)
    result = parlance("mood", "check", "mine.yaml")
    assert result.exit_code == 2
    assert said in result.stderr and "Correct FILE." in result.stderr
    assert "settings" not in result.stderr


def test_texts_show_what_fires_fades_and_is_said(parlance: Command, folder: Path) -> None:
    (folder / "mine.yaml").write_text(MINE)
    texts = ("this is a disgrace, I am furious!", "where is my parcel?")
    told = json.loads(parlance("mood", "try", *texts, "--file", "mine.yaml", "--persona", "playful", "--json").stdout)
    cross, calmer = told["messages"]
    assert told["persona"] == "playful"
    assert (cross["rules"][0]["name"], cross["rules"][0]["strength"]) == ("cross", 1.0)
    assert cross["changes"] == {"empathy": 0.2, "humor": -0.25}
    assert calmer["rules"] == [
        {"name": "cross", "strength": 0.5, "because": "an earlier message met it; 50% of that is left"}
    ]
    assert calmer["changes"] == {"empathy": 0.1, "humor": -0.125}
    assert all(one["answer"]["playful"] and one["answer"]["bent"] for one in told["messages"])
    shown = parlance("mood", "try", texts[0], "--file", "mine.yaml").stdout
    assert "cross (100%): sentiment is -" in shown and "unbent:" in shown


def test_personas_are_listed_and_shown(parlance: Command) -> None:
    listed = json.loads(parlance("persona", "list", "--json").stdout)
    assert len(listed) == 8 and len(listed[0]["traits"]) == 12
    assert "warm" in parlance("persona", "list").stdout
    shown = json.loads(parlance("persona", "show", "warm", "--json").stdout)
    assert shown["style"]["greetings"]
    assert "empathy" in parlance("persona", "show", "warm").stdout


def test_similar_personas(parlance: Command) -> None:
    near = json.loads(parlance("persona", "similar", "warm", "--count", "3", "--json").stdout)
    assert len(near) == 3
    assert [one["similarity"] for one in near] == sorted((one["similarity"] for one in near), reverse=True)
    assert near[0]["name"] in parlance("persona", "similar", "warm").stdout.splitlines()[0]


@pytest.mark.parametrize("command", [("show", "warn"), ("similar", "warn")])
def test_an_unknown_persona_exits_with_2_and_the_nearest_name(parlance: Command, command: tuple[str, str]) -> None:
    result = parlance("persona", *command)
    assert result.exit_code == 2
    assert "There is no persona 'warn'. Did you mean 'warm'?" in result.stderr
