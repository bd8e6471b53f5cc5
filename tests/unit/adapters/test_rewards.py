"""Rewards from parts."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.rewards import GROUP_OF, PARTS, After, Before, GroupWeights, RewardWeights, next_turn_parts
from tests.unit.adapters.laws import law

scores = st.floats(-1.0, 1.0)
units = st.floats(0.0, 1.0)
acts = st.sampled_from(("greeting", "thanks", "goodbye", "question", "request", "complaint", "affirm", "deny", "other"))
afters = st.builds(
    After,
    sentiment_score=st.none() | scores,
    act=st.none() | acts,
    resolved=st.none() | st.booleans(),
    handoff=st.booleans(),
    silent=st.booleans(),
)

known_parts = st.dictionaries(st.sampled_from(tuple(PARTS)), units)
weightings = st.builds(
    RewardWeights,
    *[st.floats(0.01, 10.0)] * len(PARTS),
    groups=st.builds(GroupWeights, *[st.floats(0.01, 10.0)] * len(set(GROUP_OF.values()))),
)


@law
@given(before=st.builds(Before, scores, acts), after=afters)
def test_parts_are_known_names_with_values_in_range(before: Before, after: After) -> None:
    parts = next_turn_parts(before, after)

    assert set(parts) <= set(PARTS)
    assert all(0.0 <= value <= 1.0 for value in parts.values())
    assert RewardWeights().combine(parts) is None or parts


@pytest.mark.parametrize(
    ("before", "after", "parts"),
    [
        (Before(0.3), After(), {}),
        (Before(-0.5), After(sentiment_score=0.5, act="other"), {"sentiment": 1.0, "reply": 1.0}),
        (Before(0.5), After(sentiment_score=0.5), {"sentiment": 0.5, "reply": 1.0}),
        (Before(1.0), After(sentiment_score=-1.0), {"sentiment": 0.0, "reply": 1.0}),
        (Before(0.0), After(sentiment_score=0.2, act="thanks"), {"sentiment": 0.6, "reply": 1.0, "thanks": 1.0}),
        (Before(0.0), After(sentiment_score=-0.2, act="complaint"), {"sentiment": 0.4, "reply": 1.0, "thanks": 0.0}),
        (Before(0.0), After(resolved=True), {"resolved": 1.0}),
        (Before(0.0), After(resolved=False), {"resolved": 0.0}),
        (Before(0.0), After(handoff=True), {"handoff": 0.0}),
        (Before(0.6), After(silent=True), {"silence": 0.5}),
        (Before(0.6, "other", 4, 15.0), After(silent=True), {"silence": 0.5, "answer_time": 0.75}),
        (
            Before(0.0, "other", 4, 90.0),
            After(sentiment_score=0.0),
            {"sentiment": 0.5, "reply": 1.0, "length": 0.25, "answer_time": 0.0},
        ),
        (
            Before(0.0, "other", 40, -1.0),
            After(sentiment_score=0.0),
            {"sentiment": 0.5, "reply": 1.0, "length": 1.0, "answer_time": 1.0},
        ),
        (Before(0.0, "other", 4, 1.0), After(handoff=True), {"handoff": 0.0}),
        (Before(-1.0), After(silent=True), {"silence": 0.0}),
        (Before(-0.5, "goodbye"), After(silent=True), {}),
        (Before(float("nan")), After(sentiment_score=9.0), {"sentiment": 1.0, "reply": 1.0}),
    ],
    ids=str,
)
def test_what_the_next_turn_says(before: Before, after: After, parts: dict[str, float]) -> None:
    assert next_turn_parts(before, after) == pytest.approx(parts)


@law
@given(before=scores, worse=scores, better=scores)
def test_a_better_mood_is_never_a_lower_reward(before: float, worse: float, better: float) -> None:
    worse, better = sorted((worse, better))
    rewards = [
        RewardWeights().combine(next_turn_parts(Before(before), After(sentiment_score=after)))
        for after in (worse, better)
    ]
    assert rewards[0] is not None and rewards[1] is not None
    assert rewards[0] <= rewards[1]


@law
@given(weights=weightings, parts=known_parts, data=st.data())
def test_the_order_of_arrival_does_not_matter(
    weights: RewardWeights, parts: dict[str, float], data: st.DataObject
) -> None:
    other = dict(data.draw(st.permutations(list(parts.items()))))

    assert weights.combine(other) == weights.combine(parts)


@law
@given(weights=weightings, parts=known_parts)
def test_the_reward_lies_between_its_known_parts(weights: RewardWeights, parts: dict[str, float]) -> None:
    reward = weights.combine(parts)

    if not parts:
        assert reward is None
        return
    assert reward is not None and 0.0 <= reward <= 1.0
    assert min(parts.values()) - 1e-12 <= reward <= max(parts.values()) + 1e-12


@law
@given(weights=weightings, parts=known_parts, name=st.sampled_from(tuple(PARTS)), values=st.tuples(units, units))
def test_no_part_makes_a_reward_lower_by_being_higher(
    weights: RewardWeights, parts: dict[str, float], name: str, values: tuple[float, float]
) -> None:
    low, high = (weights.combine(parts | {name: value}) for value in sorted(values))

    assert low is not None and high is not None
    assert low <= high + 1e-12


@law
@given(before=scores, after=afters, parts=known_parts, waits=st.tuples(st.floats(0, 1e6), st.floats(0, 1e6)))
def test_a_faster_answer_is_never_a_worse_reward(
    before: float, after: After, parts: dict[str, float], waits: tuple[float, float]
) -> None:
    fast, slow = (
        RewardWeights().combine(parts | next_turn_parts(Before(before, "other", 3, wait), after))
        for wait in sorted(waits)
    )

    assert (fast is None) == (slow is None)
    assert fast is None or slow is None or fast >= slow


@law
@given(weights=weightings, told=units, parts=known_parts)
def test_a_thumb_down_never_ends_above_the_middle(weights: RewardWeights, told: float, parts: dict[str, float]) -> None:
    reward = weights.combine(parts | {"feedback": told})

    assert reward is not None and told / 2 <= reward <= (1 + told) / 2
    assert weights.combine({"feedback": told}) == pytest.approx(told)


@law
@given(known_parts)
def test_explicit_feedback_outweighs_all_the_rest(parts: dict[str, float]) -> None:
    up, down = (RewardWeights().combine(parts | {"feedback": rating}) for rating in (1.0, 0.0))

    assert up is not None and down is not None
    assert down <= 0.5 <= up
    assert down < up


def test_known_parts_share_the_weight_of_the_unknown() -> None:
    weights = RewardWeights.of({"feedback": 0.6, "sentiment": 0.2, "thanks": 0.2}, {"engagement": 0.5, "time": 0.2})

    satisfaction = (0.6 + 0.1) / 0.8
    assert weights.combine({"feedback": 1.0, "sentiment": 0.5}) == pytest.approx(satisfaction)
    assert weights.combine({"sentiment": 0.5}) == pytest.approx(0.5)
    parts = {"feedback": 1.0, "sentiment": 0.5, "reply": 1.0, "answer_time": 0.75}
    assert weights.combine(parts) == pytest.approx((0.3 * satisfaction + 0.5 + 0.2 * 0.75) / (0.3 + 0.5 + 0.2))


def test_the_groups_weigh_as_stated_to_begin_with() -> None:
    by_group = {"reply": 0.4, "sentiment": 0.3, "length": 0.2, "answer_time": 0.1}
    for part, weight in by_group.items():
        told = {name: float(name == part) for name in by_group}
        assert RewardWeights().combine(told) == pytest.approx(weight)


def test_a_late_reply_is_no_silence_whichever_was_told_first() -> None:
    weights = RewardWeights()

    assert weights.combine({"silence": 0.0, "reply": 1.0}) == weights.combine({"reply": 1.0})


def test_parts_without_a_weight_say_nothing() -> None:
    assert RewardWeights(thanks=0.0).combine({"thanks": 1.0}) is None
    assert RewardWeights().combine({"of another version": 1.0}) is None


@pytest.mark.parametrize("value", [-0.1, 1.1, float("nan")])
def test_a_part_out_of_range_is_refused(value: float) -> None:
    with pytest.raises(ValueError, match=r"reward part 'feedback' is"):
        RewardWeights().combine({"feedback": value})


@pytest.mark.parametrize("value", [-0.1, float("nan"), float("inf"), True, "1", None], ids=str)
def test_a_weight_out_of_range_is_refused(value: float) -> None:
    with pytest.raises(ValueError, match=r"reward weight 'feedback' is"):
        RewardWeights.of({"feedback": value})


def test_weights_that_are_all_zero_are_refused() -> None:
    with pytest.raises(ValueError, match=r"every reward weight is 0"):
        RewardWeights.of(dict.fromkeys(PARTS, 0.0))


def test_parts_whose_groups_weigh_nothing_are_refused() -> None:
    with pytest.raises(ValueError, match=r"no reward part has a weight in a group"):
        RewardWeights.of({"length": 0.0}, dict.fromkeys(("satisfaction", "engagement", "time"), 0.0))


def test_an_unknown_group_is_refused_with_the_nearest_known() -> None:
    with pytest.raises(ValueError, match=r"no reward group 'tim'. Did you mean 'time'"):
        RewardWeights.of({}, {"tim": 1.0})


def test_an_unknown_part_is_refused_with_the_nearest_known() -> None:
    with pytest.raises(ValueError, match=r"no reward part 'feedbak'. Did you mean 'feedback'"):
        RewardWeights.of({"feedbak": 1.0})


def test_every_part_has_a_weight_and_every_weight_a_meaning() -> None:
    names = [field.name for field in dataclasses.fields(RewardWeights)]
    assert names == [*PARTS, "groups"]
    assert set(GROUP_OF) == set(PARTS)
    assert set(GROUP_OF.values()) == {field.name for field in dataclasses.fields(GroupWeights)}
