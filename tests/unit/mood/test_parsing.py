"""The file of rules: what ships, and what is said about a wrong one."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

import adapters
from adapters.mood import MoodError, Signs, changes, heard, parse_mood_rules
from tests.unit.adapters.laws import slow_law

SHIPPED = parse_mood_rules(
    yaml.safe_load((Path(adapters.__file__).parent / "mood.yaml").read_text(encoding="utf-8")), "mood.yaml"
)
RULES: dict[str, Any] = {
    "half_life_turns": 3,
    "rules": [
        {"name": "bad", "when": "sentiment <= -0.5", "traits": {"empathy": 0.1}},
        {"name": "odd", "when": ["anger>.6", "trend < 0"], "traits": {"humor": -0.25, "formality": 0.05}},
    ],
}
# The table that ships: (signs, trait changes).
TABLE: list[tuple[dict[str, Any], dict[str, float]]] = [
    ({"sentiment": -0.7}, {"empathy": 0.15, "supportiveness": 0.15, "neuroticism": -0.1, "formality": -0.05}),
    ({"sentiment": -0.3}, {"empathy": 0.1, "supportiveness": 0.1}),
    ({"sentiment": 0.7}, {"enthusiasm": 0.1, "extraversion": 0.08, "humor": 0.05}),
    ({"urgency": 0.6}, {"conscientiousness": 0.1, "enthusiasm": 0.08, "formality": 0.05}),
    ({"politeness": -0.5}, {"formality": 0.1, "conscientiousness": 0.08, "agreeableness": 0.05}),
    ({"politeness": 0.51}, {"agreeableness": 0.08, "empathy": 0.05}),
    ({"emotions": {"anger": 0.61}}, {"empathy": 0.12, "neuroticism": -0.08, "agreeableness": 0.05}),
    ({"emotions": {"sadness": 0.61}}, {"empathy": 0.15, "supportiveness": 0.12, "enthusiasm": -0.05}),
    ({"emotions": {"joy": 0.61}}, {"enthusiasm": 0.1, "humor": 0.08, "extraversion": 0.05}),
    ({"emotions": {"fear": 0.61}}, {"supportiveness": 0.12, "conscientiousness": 0.08, "neuroticism": -0.1}),
    ({"trend": -0.01}, {"empathy": 0.08, "supportiveness": 0.08}),
    ({"volatility": 0.31}, {"neuroticism": -0.1, "conscientiousness": 0.08}),
    ({"sentiment": -0.29, "urgency": 0.59, "politeness": 0.5, "emotions": {"joy": 0.6}, "volatility": 0.3}, {}),
    ({"sentiment": 0.69, "politeness": -0.49, "emotions": {"anger": 0.6}, "trend": 0.2}, {}),
]


@pytest.mark.parametrize(("signs", "expected"), TABLE, ids=str)
def test_the_table_that_ships(signs: dict[str, Any], expected: dict[str, float]) -> None:
    assert changes(SHIPPED, heard(SHIPPED, {}, Signs(**signs))) == expected


def test_a_furious_message_stays_within_the_bound() -> None:
    furious = Signs(sentiment=-0.9, urgency=0.9, politeness=-0.8, emotions={"anger": 0.9}, trend=-0.5, volatility=0.5)
    by = changes(SHIPPED, heard(SHIPPED, {}, furious))
    assert by["empathy"] == 0.25
    assert by["neuroticism"] == -0.25
    assert by["formality"] == pytest.approx(0.1)


def test_rules_come_as_written() -> None:
    rules = parse_mood_rules(RULES)
    assert rules.half_life_turns == 3
    assert [rule.name for rule in rules.rules] == ["bad", "odd"]
    assert [str(one) for one in rules.rules[1].conditions] == ["anger > 0.6", "trend < 0"]
    assert dict(rules.rules[1].traits) == {"humor": -0.25, "formality": 0.05}


def test_no_rules_are_rules_too() -> None:
    assert parse_mood_rules({"rules": []}).rules == ()


def test_shipped_rules_fade_in_two_turns() -> None:
    assert SHIPPED.half_life_turns == 2.0


def changed(path: tuple[Any, ...], value: Any) -> Any:
    document: Any = copy.deepcopy(RULES)
    spot = document
    for key in path[:-1]:
        spot = spot[key]
    spot[path[-1]] = value
    return document


@pytest.mark.parametrize(
    ("document", "said"),
    [
        (None, "expected a key 'rules'"),
        ([], "expected a key 'rules'"),
        ({"rule": []}, "expected a key 'rules'"),
        (changed(("rules",), {}), "'rules' must be a list"),
        (changed(("rules",), [{}] * 201), "201 rules. Keep 200"),
        (changed(("half_life",), 2), "no key 'half_life'. Did you mean 'half_life_turns'?"),
        (changed(("half_life_turns",), 0), "'half_life_turns' is 0. Give a number of turns above 0"),
        (changed(("half_life_turns",), True), "'half_life_turns' is True"),
        (changed(("rules", 0), "bad"), "rule number 1 must be keys and values"),
        (changed(("rules", 1, "name"), ""), "rule number 2 has the name ''"),
        (changed(("rules", 1, "name"), 7), "rule number 2 has the name 7"),
        (changed(("rules", 1, "name"), "bad"), "two rules are named 'bad'. Rename one"),
        (changed(("rules", 0, "trait"), {}), "rule 'bad': there is no key 'trait'. Did you mean 'traits'?"),
        (changed(("rules", 0, "when"), None), "rule 'bad': 'when' is None, which is no condition. Write it like"),
        (changed(("rules", 0, "when"), []), "'when' is [], which is no condition"),
        (changed(("rules", 0, "when"), "sentiment"), "a measure, one of <= < >= >, and a number are wanted"),
        (changed(("rules", 0, "when"), "sentiment == 1"), "a measure, one of"),
        (changed(("rules", 0, "when"), "sentimant < 0"), "no measure 'sentimant'. Did you mean 'sentiment'?"),
        (changed(("rules", 0, "when"), "sentiment < low"), "compares with 'low'. Give a number from -1 to 1"),
        (changed(("rules", 0, "when"), "sentiment < 70"), "compares with '70'"),
        (changed(("rules", 0, "when"), "sentiment < nan"), "compares with 'nan'"),
        (changed(("rules", 0, "traits"), None), "rule 'bad': 'traits' must be names and changes"),
        (changed(("rules", 0, "traits"), {}), "'traits' must be names and changes"),
        (changed(("rules", 0, "traits", "humour"), 0.1), "no trait 'humour'. Did you mean 'humor'?"),
        (changed(("rules", 0, "traits", "empathy"), 0.3), "'empathy' changes by 0.3. Give a number from -0.25 to 0.25"),
        (changed(("rules", 0, "traits", "empathy"), "much"), "'empathy' changes by 'much'"),
        (changed(("rules", 0, "traits", "empathy"), True), "'empathy' changes by True"),
        (changed(("rules", 0, "traits", "empathy"), float("nan")), "'empathy' changes by nan"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_errors_say_where_what_and_what_to_do(document: object, said: str) -> None:
    with pytest.raises(MoodError) as error:
        parse_mood_rules(document, "mine.yaml")
    assert str(error.value).startswith("mine.yaml: ")
    assert said in str(error.value)


json_like = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["rules", "name", "when", "traits", "half_life_turns", "x"]), inner, max_size=4
        )
    ),
    max_leaves=12,
)


@slow_law
@given(json_like)
def test_whatever_stands_there_is_rules_or_an_error_that_names_the_file(document: object) -> None:
    try:
        parse_mood_rules(document, "mine.yaml")
    except MoodError as error:
        assert "mine.yaml" in str(error)
