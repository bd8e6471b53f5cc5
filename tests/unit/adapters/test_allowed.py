"""Rules that say who may answer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from adapters.allowed import ACTS, EVERYBODY, SENTIMENTS, Rule, RulesError, Situation, allowed, parse_rules
from tests.unit.adapters.laws import law

ARMS = ("warm", "professional", "concise", "playful")
INTENTS = ("card_declined", "order_status")
RULES = parse_rules(
    {
        "rules": [
            {"name": "no jokes for the angry", "when": {"sentiment_below": -0.3}, "never": "playful"},
            {"name": "money is serious", "when": {"intent": ["card_declined"]}, "only": ["professional", "concise"]},
            {"name": "partners", "when": {"segment": "partner"}, "only": "warm"},
            {"name": "not too short in German", "when": {"language": "de", "act": "question"}, "never": ["concise"]},
        ]
    },
    "rules.yaml",
    ARMS,
    INTENTS,
)

names = st.sampled_from(ARMS)
situations = st.builds(
    Situation,
    intent=st.none() | st.sampled_from(INTENTS),
    act=st.none() | st.sampled_from(ACTS),
    sentiment=st.none() | st.sampled_from(SENTIMENTS),
    sentiment_score=st.floats(-1, 1),
    language=st.none() | st.sampled_from(("en", "de")),
    segment=st.none() | st.sampled_from(("partner", "trial")),
)
any_rules = st.lists(
    st.builds(
        Rule,
        name=st.text(min_size=1, max_size=5),
        among=st.dictionaries(st.just("language"), st.frozensets(st.sampled_from(("en", "de")), min_size=1)),
        below=st.floats(-1, 1) | st.just(float("inf")),
        only=st.none() | st.frozensets(names, min_size=1),
        never=st.frozensets(names),
    ),
    max_size=6,
)


@law
@given(rules=any_rules, situation=situations, arms=st.sets(names, min_size=1))
def test_somebody_is_always_left_and_everybody_is_accounted_for(
    rules: list[Rule], situation: Situation, arms: set[str]
) -> None:
    found = allowed(rules, situation, arms)
    left = set(arms if found.arms is None else found.arms)

    assert left
    assert left | set(found.barred) == arms
    assert not left & set(found.barred)
    spoke = [rule for rule in rules if rule.holds(situation) and rule.name not in found.passed_over]
    assert all(rule.leaves(arm) for rule in spoke for arm in left)


@pytest.mark.parametrize(
    ("situation", "arms"),
    [
        (Situation(), None),
        (Situation(sentiment_score=-0.3), None),
        (Situation(sentiment_score=-0.31), ("warm", "professional", "concise")),
        (Situation(intent="card_declined"), ("professional", "concise")),
        (Situation(language="de"), None),
        (Situation(language="de", act="question"), ("warm", "professional", "playful")),
        (Situation(segment="partner"), ("warm",)),
    ],
)
def test_a_rule_speaks_where_all_its_conditions_hold(situation: Situation, arms: tuple[str, ...] | None) -> None:
    assert allowed(RULES, situation, ARMS).arms == arms


def test_who_is_barred_is_told_with_the_rule() -> None:
    found = allowed(RULES, Situation(intent="card_declined", sentiment_score=-0.9), ARMS)

    assert found.arms == ("professional", "concise")
    assert dict(found.barred) == {"playful": "no jokes for the angry", "warm": "money is serious"}
    assert found.passed_over == ()


def test_a_rule_that_would_leave_nobody_is_passed_over() -> None:
    found = allowed(RULES, Situation(intent="card_declined", segment="partner"), ARMS)

    assert found.arms == ("professional", "concise")
    assert found.passed_over == ("partners",)
    alone = allowed(RULES, Situation(intent="card_declined"), ["playful"])
    assert (alone.arms, alone.passed_over) == (None, ("money is serious",))


def test_without_a_word_from_any_rule_all_may_answer() -> None:
    assert allowed(RULES, Situation(), ARMS) is EVERYBODY
    assert parse_rules({"rules": []}, "rules.yaml", ARMS) == ()


RULE: dict[str, Any] = {"name": "r", "never": ["warm"]}


@pytest.mark.parametrize(
    ("document", "message"),
    [
        (None, r"rules.yaml: expected one key 'rules'"),
        ({"rules": [], "more": 1}, r"expected one key 'rules'"),
        ({"rules": {}}, r"expected one key 'rules'"),
        ({"rules": [RULE] * 1_001}, r"1001 rules. Give at most 1000"),
        ({"rules": ["r"]}, r"rule number 1 must be keys and values"),
        ({"rules": [{"never": "warm"}]}, r"rule number 1 has the name None"),
        ({"rules": [RULE | {"name": "x" * 101}]}, r"Give 'name' 1 to 100 characters"),
        ({"rules": [RULE, RULE]}, r"two rules are named 'r'"),
        ({"rules": [RULE | {"wehn": {}}]}, r"rule 'r': there is no key 'wehn'. Did you mean 'when'"),
        ({"rules": [RULE | {"when": ["angry"]}]}, r"'when' must be conditions"),
        ({"rules": [RULE | {"when": {"intnet": "x"}}]}, r"when: there is no key 'intnet'. Did you mean 'intent'"),
        (
            {"rules": [RULE | {"when": {"intent": "card_decline"}}]},
            r"intent: there is no 'card_decline'. Did you mean 'card_declined'",
        ),
        ({"rules": [RULE | {"when": {"act": "asking"}}]}, r"act: there is no 'asking'. Known names: greeting"),
        ({"rules": [RULE | {"when": {"sentiment": []}}]}, r"sentiment is \[\]. Give a name, or a list of names"),
        ({"rules": [RULE | {"when": {"segment": [3]}}]}, r"segment is \[3\]"),
        ({"rules": [RULE | {"when": {"sentiment_below": "low"}}]}, r"sentiment_below is 'low', which is no number"),
        ({"rules": [RULE | {"when": {"sentiment_above": 2}}]}, r"sentiment_above is 2. Give a number from -1 to 1"),
        ({"rules": [{"name": "r"}]}, r"needs either 'only' or 'never'"),
        ({"rules": [RULE | {"only": ["warm"]}]}, r"needs either 'only' or 'never'"),
        ({"rules": [{"name": "r", "only": "wram"}]}, r"only: there is no 'wram'. Did you mean 'warm'"),
        ({"rules": [{"name": "r", "never": list(ARMS)}]}, r"takes every persona away"),
    ],
    ids=str,
)
def test_a_wrong_file_is_refused(document: object, message: str) -> None:
    with pytest.raises(RulesError, match=message):
        parse_rules(document, "rules.yaml", ARMS, INTENTS)


def test_any_intent_is_one_where_none_are_known() -> None:
    (rule,) = parse_rules({"rules": [RULE | {"when": {"intent": "own_intent"}}]}, "rules.yaml", ARMS)
    assert rule.holds(Situation(intent="own_intent"))


def test_the_rules_of_the_documentation_are_rules() -> None:
    root = Path(__file__).parents[3]
    written = (root / "docs" / "policies.md").read_text(encoding="utf-8").split("```yaml\n")[1].split("```")[0]
    personas = yaml.safe_load((root / "adapters" / "personas.yaml").read_text(encoding="utf-8"))["personas"]
    names = [persona["name"] for persona in personas]
    intents = json.loads((root / "models_onnx" / "nlu" / "manifest.json").read_text())["heads"]["intent"]["labels"]
    rules = parse_rules(yaml.safe_load(written), "policies.md", names, intents)

    assert allowed(rules, Situation(sentiment_score=-0.5), names).barred.keys() == {"playful", "enthusiastic"}
    assert allowed(rules, Situation(segment="partner", language="en"), names).arms == ("professional",)
