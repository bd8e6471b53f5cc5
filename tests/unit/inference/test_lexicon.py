"""The word lists: read whole or refused, and words found although they are stretched, masked or mistyped."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from inference.acts import ACTS
from inference.analysis import EMOTIONS
from inference.lexicon import PACKAGED, SCORES, Lexicon, load_lexicon, one_slip, words_of
from inference.pack import Pack

word = st.text(alphabet="abcd", min_size=1, max_size=7)


def distance(one: str, other: str) -> int:
    """Optimal string alignment distance, by its recursion."""
    rows = [[max(i, j) if 0 in (i, j) else 0 for j in range(len(other) + 1)] for i in range(len(one) + 1)]
    for i in range(1, len(one) + 1):
        for j in range(1, len(other) + 1):
            same = one[i - 1] == other[j - 1]
            rows[i][j] = min(rows[i - 1][j] + 1, rows[i][j - 1] + 1, rows[i - 1][j - 1] + (not same))
            if i > 1 and j > 1 and one[i - 1] == other[j - 2] and one[i - 2] == other[j - 1]:
                rows[i][j] = min(rows[i][j], rows[i - 2][j - 2] + 1)
    return rows[-1][-1]


@given(word, word)
def test_one_slip_is_a_distance_of_at_most_one(typed: str, meant: str) -> None:
    assert one_slip(typed, meant) == (distance(typed, meant) <= 1)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("pleeease", "please"),
        ("sooooo", "so"),
        ("yesssss", "yes"),
        ("thnaks", "thanks"),
        ("thansk", "thanks"),
        ("plese", "please"),
        ("urgnet", "urgent"),
        ("immediatly", "immediately"),
        ("ridiculus", "ridiculous"),
        ("recieved", "received"),
        ("f*ck", "fuck"),
        ("sh*tty", "shitty"),
    ],
)
def test_meant(lexicon: Lexicon, typed: str, meant: str) -> None:
    assert lexicon.spell(typed) == meant


@pytest.mark.parametrize(
    "other", ["shirt", "thinks", "argent", "plane", "hat", "helo", "idiol", "x" * 1_000, "a*" * 500]
)
def test_words_of_their_own_stay(lexicon: Lexicon, other: str) -> None:
    assert lexicon.spell(other) == other


def test_without_known_words_no_typo_is_mended() -> None:
    assert load_lexicon().spell("thnaks") == "thnaks"
    assert load_lexicon().spell("pleeease") == "please"


def test_words() -> None:
    assert words_of("I don’t KNOW, f*ck-it: café_2?") == ["i", "don't", "know", "f*ck", "it", "café", "2"]
    assert words_of("!!! 👍") == []


def test_every_intent_has_its_usual_act(lexicon: Lexicon, pack: Pack) -> None:
    labels = set(pack.manifest.heads.intent.labels)
    assert set(lexicon.intent_acts) <= labels
    assert set(lexicon.intent_acts.values()) <= set(ACTS)
    assert labels - set(lexicon.intent_acts) == {"maybe"}
    assert set(lexicon.intent_urgency) <= labels


def test_marks_are_acts() -> None:
    data = yaml.safe_load(PACKAGED.read_text(encoding="utf-8"))
    known = {*ACTS, "okay", "filler"}
    assert {*data["marks"], *data["alone"]} <= known
    assert {says["mark"] for says in data["emoji"].values() if "mark" in says} <= known
    assert set(data["forms"]) == {"question", "request", "none"}


def test_weights_are_in_their_ranges() -> None:
    data = yaml.safe_load(PACKAGED.read_text(encoding="utf-8"))
    for name in SCORES:
        least = {"complaint": 0, "toxicity": 0, "urgency": -1, "politeness": -2}[name]
        for phrase, weight in data[name].items():
            assert least <= weight <= 1, (name, phrase)
            assert weight != 0, (name, phrase)
    for char, says in data["emoji"].items():
        assert len(char) == 1
        assert set(says) <= {"mark", "mood", *SCORES}
        assert says.get("mood", "joy") in EMOTIONS


@pytest.mark.parametrize(
    "content",
    ["", "marks: [", "marks: {}", "- 1", "marks: {greeting: ['!!!']}\nalone: {}\nforms: {}", "marks: 1\nalone: 2"],
)
def test_a_broken_file_is_named(tmp_path: Path, content: str) -> None:
    path = tmp_path / "words.yaml"
    path.write_text(content)
    with pytest.raises(ValueError, match=r"words\.yaml can't be used as a lexicon"):
        load_lexicon(path)


def test_an_edited_copy_counts(tmp_path: Path) -> None:
    path = tmp_path / "words.yaml"
    path.write_text(PACKAGED.read_text(encoding="utf-8").replace("  urgent: 0.7\n", "  flugs: 0.7\n"), encoding="utf-8")
    edited = load_lexicon(path)
    assert "flugs" in edited.entries
