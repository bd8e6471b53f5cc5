"""A decision in plain words, and a state that people can read."""

from __future__ import annotations

import json

import msgspec
import numpy as np
import pytest

from adapters.feature_words import FEATURE_WORDS
from adapters.features import FEATURE_NAMES
from adapters.policies import codec, in_words, make_policy

ARMS = ("warm", "concise", "playful")
NAMES = ("constant", "joy", "urgency")


def test_it_names_the_arm_the_features_and_the_runner_up() -> None:
    policy = make_policy("linucb", ARMS, 3, 0, floor=0.02)
    for _ in range(30):
        policy.learn("playful", [0.0, 1.0, 0.0], 0.9)
        policy.learn("playful", [0.0, 1.0, 1.0], 0.5)
        policy.learn("concise", [0.0, 1.0, 1.0], 0.3)
    x = [0.0, 1.0, 0.2]
    decision, explanations = policy.choose(x), policy.explain(x, NAMES)
    text = in_words(decision, explanations)

    assert decision.arm == "playful"
    assert text.startswith("playful was drawn with 96 %. Its reward is expected to be 0.79, unsure by 0.04.")
    assert "For it spoke joy (+0.8" in text
    assert "Against it spoke urgency (-0.0" in text
    assert "Next came " in text
    plain = in_words(decision, explanations, called={"urgency": "that it is urgent"})
    assert "For it spoke joy (+0.8" in plain and "Against it spoke that it is urgent (-0.0" in plain


def test_every_feature_has_plain_words() -> None:
    assert tuple(FEATURE_WORDS) == FEATURE_NAMES
    assert len(set(FEATURE_WORDS.values())) == len(FEATURE_NAMES)
    assert not any("_" in words for words in FEATURE_WORDS.values())


def test_a_draw_by_the_floor_is_called_what_it_is() -> None:
    policy = make_policy("linucb", ARMS, 1, 0, floor=0.02, alpha=0.0)
    policy.learn("warm", [1.0], 1.0)
    policy.pause("playful")
    decision = policy.choose([1.0])
    unlucky = msgspec.structs.replace(decision, arm="concise", propensity=decision.probabilities.item(1))
    text = in_words(unlucky, policy.explain([1.0]))

    assert text.startswith("concise was drawn with 2 %.")
    assert "The likeliest was warm (98 %, expected 0.50); concise was taken to go on learning about it." in text
    assert text.endswith("Without a chance this time: playful.")


def test_a_rule_that_took_an_arm_away_is_named() -> None:
    policy = make_policy("linucb", (*ARMS, "formal"), 1, 0)
    policy.pause("formal")
    decision = policy.choose([1.0], allowed=("warm",))
    barred = {"concise": "no short words for the sad", "playful": "no jokes for the sad"}
    text = in_words(decision, policy.explain([1.0], allowed=("warm",)), barred)

    assert text.endswith(
        "Without a chance this time: concise (by the rule 'no short words for the sad'); playful (by the rule 'no jokes"
        " for the sad'); formal."
    )


def test_a_baseline_has_nothing_to_tell() -> None:
    policy = make_policy("uniform", ARMS, 1, 0)

    assert "Nothing that was learned had a part in it." in in_words(policy.choose([1.0]), policy.explain([1.0]))


def test_a_decision_of_another_policy_is_refused() -> None:
    decision = make_policy("uniform", ("other",), 1, 0).choose([1.0])
    with pytest.raises(ValueError, match=r"no arm 'other'"):
        in_words(decision, make_policy("uniform", ARMS, 1, 0).explain([1.0]))


def test_a_state_reads_as_json() -> None:
    policy = make_policy("linucb", ("a", "b"), 2, 0)
    policy.learn("a", [1.0, 1.0 / 3.0], 0.1)
    text = codec.to_json(policy.state())
    read = json.loads(text)

    assert (read["policy"], read["arms"], read["version"]) == ("linucb", ["a", "b"], 1)
    assert np.array(read["learned"]["gram"]).shape == (2, 2, 2)
    assert read["learned"]["b"][0] == [0.1, 0.1 / 3.0]
    assert max(map(len, text.splitlines())) < 200


def test_an_edited_state_is_checked_when_loaded() -> None:
    policy = make_policy("linucb", ("a", "b"), 2, 0)
    read = json.loads(codec.to_json(policy.state()))
    read["learned"]["b"] = [[1.0], [2.0]]
    with pytest.raises(ValueError, match=r"'b' is missing or malformed"):
        policy.load(codec.from_json(json.dumps(read)))
    read["version"] = -1
    read["learned"]["b"] = [[0.0, 0.0], [0.0, 0.0]]
    with pytest.raises(ValueError, match=r"version -1"):
        policy.load(codec.from_json(json.dumps(read)))


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"learned": 3}', '{"learned": {"b": ["x"]}}', '{"learned": {"b": [[1], [1, 2]]}}']
)
def test_other_text_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"no policy state as JSON"):
        codec.from_json(text)
