"""Which rules fire, how they fade, and what they may do to a persona at most."""

from __future__ import annotations

import random
from dataclasses import replace
from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.mood import (
    FORGOTTEN,
    MAX_BEND,
    MEASURES,
    NO_RULES,
    Condition,
    MoodRules,
    Rule,
    Signs,
    bent,
    changes,
    firing,
    heard,
    reasons,
)
from adapters.mood.rules import OPERATORS
from adapters.traits import TRAIT_NAMES, Traits
from tests.unit.adapters.laws import slow_law as law

NEUTRAL = Traits().as_dict()
shares = st.floats(0, 1)
scores = st.floats(-1, 1)
moments = st.builds(
    Signs,
    sentiment=scores,
    urgency=shares,
    politeness=scores,
    toxicity=shares,
    emotions=st.fixed_dictionaries(dict.fromkeys(("joy", "anger", "sadness", "fear", "neutral"), shares)),
    trend=scores,
    volatility=shares,
)
conditions = st.builds(
    Condition, st.sampled_from(sorted(MEASURES)), st.sampled_from(sorted(OPERATORS)), st.floats(-1, 1)
)
trait_changes = st.dictionaries(
    st.sampled_from(TRAIT_NAMES), st.floats(-MAX_BEND, MAX_BEND), min_size=1, max_size=6
).map(MappingProxyType)
rule_lists = st.lists(
    st.tuples(st.lists(conditions, min_size=1, max_size=2).map(tuple), trait_changes), max_size=12
).map(lambda found: tuple(Rule(f"rule {number}", *parts) for number, parts in enumerate(found)))
rule_sets = st.builds(MoodRules, rule_lists, st.floats(0.2, 20))


def rule(when: str, name: str = "", **traits: float) -> Rule:
    measure, sign, number = when.split()
    return Rule(name or when, (Condition(measure, sign, float(number)),), traits)


def after(rules: MoodRules, *moments_: Signs) -> dict[str, float]:
    strengths: dict[str, float] = {}
    for moment in moments_:
        strengths = heard(rules, strengths, moment)
    return strengths


# ------------------------------------------------------------------ laws


@law
@given(rule_sets, st.lists(moments, max_size=8))
def test_no_trait_moves_further_than_the_bound_nor_out_of_its_range(rules: MoodRules, story: list[Signs]) -> None:
    strengths = after(rules, *story)
    by = changes(rules, strengths)
    assert all(FORGOTTEN <= strength <= 1.0 for strength in strengths.values())
    assert all(0.0 < abs(change) <= MAX_BEND for change in by.values())
    for base in (NEUTRAL, dict.fromkeys(TRAIT_NAMES, 0.0), dict.fromkeys(TRAIT_NAMES, 1.0)):
        result = bent(base, by)
        assert Traits.of(result).as_dict() == result
        assert all(abs(result[name] - base[name]) <= MAX_BEND + 1e-12 for name in TRAIT_NAMES)


@law
@given(rule_sets, st.lists(moments, max_size=6), st.randoms(use_true_random=False))
def test_the_order_of_the_rules_means_nothing(rules: MoodRules, story: list[Signs], chance: random.Random) -> None:
    mixed = list(rules.rules)
    chance.shuffle(mixed)
    other = replace(rules, rules=tuple(mixed))
    assert after(rules, *story) == after(other, *story)
    assert changes(rules, after(rules, *story)) == changes(other, after(other, *story))


@law
@given(rule_sets, moments)
def test_where_no_rule_fires_the_persona_is_unchanged(rules: MoodRules, moment: Signs) -> None:
    quiet = replace(rules, rules=tuple(one for one in rules.rules if one not in firing(rules, moment)))
    while firing(quiet, moment):  # without the furthest of a ladder, the next one fires
        quiet = replace(quiet, rules=tuple(one for one in quiet.rules if one not in firing(quiet, moment)))
    assert heard(quiet, {}, moment) == {}
    assert changes(quiet, {}) == {}
    assert bent(NEUTRAL, changes(quiet, {})) == NEUTRAL


@law
@given(st.floats(0.2, 20), st.integers(1, 100))
def test_what_fires_no_more_fades_by_its_half_life_and_is_gone_at_last(half_life: float, turns: int) -> None:
    rules = MoodRules((rule("urgency >= 0.6", empathy=0.2),), half_life)
    strengths, sizes = after(rules, Signs(urgency=0.9)), [0.2]
    for _ in range(turns):
        strengths = heard(rules, strengths, Signs())
        sizes.append(changes(rules, strengths).get("empathy", 0.0))
    assert sizes == sorted(sizes, reverse=True)
    expected = 0.2 * 0.5 ** (turns / half_life)
    assert sizes[-1] == (0.0 if not strengths else pytest.approx(expected, abs=2e-3))
    if expected < 0.2 * FORGOTTEN * 0.9:
        assert not strengths


@law
@given(rule_sets, moments, st.integers(1, 5))
def test_the_same_moment_again_bends_no_further(rules: MoodRules, moment: Signs, times: int) -> None:
    assert after(rules, *[moment] * times) == after(rules, moment)


# ------------------------------------------------------------------ cases


def test_half_of_it_is_left_after_the_half_life() -> None:
    rules = MoodRules((rule("anger > 0.6", empathy=0.12),), 2.0)
    angry = Signs(emotions={"anger": 0.9, "neutral": 0.1})
    assert changes(rules, after(rules, angry)) == {"empathy": 0.12}
    assert changes(rules, after(rules, angry, Signs(), Signs()))["empathy"] == pytest.approx(0.06, abs=1e-4)


def test_of_the_levels_of_one_thing_only_the_furthest_fires() -> None:
    rules = MoodRules((rule("sentiment <= -0.3", "low", empathy=0.1), rule("sentiment <= -0.7", "lower", empathy=0.15)))
    assert [one.name for one in firing(rules, Signs(sentiment=-0.8))] == ["lower"]
    assert [one.name for one in firing(rules, Signs(sentiment=-0.7))] == ["lower"]
    assert [one.name for one in firing(rules, Signs(sentiment=-0.69))] == ["low"]
    assert changes(rules, after(rules, Signs(sentiment=-0.8))) == {"empathy": 0.15}


def test_a_level_that_fades_does_not_add_to_the_one_that_fires() -> None:
    rules = MoodRules((rule("sentiment <= -0.3", "low", empathy=0.1), rule("sentiment <= -0.7", "lower", empathy=0.15)))
    by = changes(rules, after(rules, Signs(sentiment=-0.8), Signs(sentiment=-0.4)))
    assert by["empathy"] == pytest.approx(0.15 * 0.5**0.5, abs=1e-4)


def test_other_measures_and_the_other_direction_are_no_levels_and_add_up() -> None:
    rules = MoodRules(
        (
            rule("sentiment <= -0.7", empathy=0.15),
            rule("anger > 0.6", empathy=0.07),
            rule("sentiment >= 0.7", humor=0.1),
        )
    )
    angry = Signs(sentiment=-0.9, emotions={"anger": 0.9})
    assert changes(rules, after(rules, angry)) == {"empathy": 0.22}
    assert changes(rules, after(rules, angry, Signs(sentiment=0.9))).keys() == {"empathy", "humor"}


def test_the_sum_is_bounded() -> None:
    rules = MoodRules(tuple(rule(f"{name} > 0", empathy=0.2) for name in ("sentiment", "urgency", "politeness")))
    assert changes(rules, after(rules, Signs(1.0, 1.0, 1.0))) == {"empathy": MAX_BEND}


def test_a_rule_with_several_conditions_wants_all_of_them() -> None:
    both = Rule("both", (Condition("urgency", ">", 0.5), Condition("sentiment", "<", 0.0)), {"empathy": 0.1})
    rules = MoodRules((both, rule("urgency > 0.9", humor=-0.1)))
    assert firing(rules, Signs(urgency=0.8)) == ()
    assert firing(rules, Signs(urgency=0.8, sentiment=-0.1)) == (both,)
    assert len(firing(rules, Signs(urgency=0.95, sentiment=-0.1))) == 2, "it stands by itself, it is no level"


def test_an_emotion_counts_only_where_it_is_the_strongest() -> None:
    rules = MoodRules((rule("sadness > 0.3", empathy=0.1),))
    assert firing(rules, Signs(emotions={"sadness": 0.4, "anger": 0.35}))
    assert not firing(rules, Signs(emotions={"sadness": 0.4, "neutral": 0.45}))
    assert not firing(rules, Signs())


def test_what_no_rule_is_named_any_more_is_dropped() -> None:
    assert heard(NO_RULES, {"gone": 1.0}, Signs()) == {}


def test_reasons_say_what_was_measured_and_what_fades() -> None:
    rules = MoodRules((rule("urgency >= 0.6", "urgent", empathy=0.1), rule("sentiment <= -0.7", "bad", empathy=0.1)))
    moment = Signs(sentiment=-0.82)
    found = reasons(rules, after(rules, Signs(urgency=0.8), moment), moment)
    assert [(one.rule, one.strength) for one in found] == [("bad", 1.0), ("urgent", pytest.approx(0.7071))]
    assert found[0].because == "sentiment is -0.82 (sentiment <= -0.7)"
    assert found[1].because == "an earlier message met it; 71% of that is left"


def test_what_is_no_number_fires_nothing() -> None:
    rules = MoodRules((rule("sentiment <= 1", empathy=0.1), rule("sentiment > -1", humor=0.1)))
    assert firing(rules, Signs(sentiment=float("nan"))) == ()
