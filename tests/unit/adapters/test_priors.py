"""A policy that has never chatted already fits the mood, and unlearns that when it is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from adapters.features import FEATURE_NAMES, TurnView, features
from adapters.personas import parse_personas
from adapters.policies import make_policy
from adapters.priors import BEST_REWARD, MOODS, WORST_REWARD, prior_turns, suitability, warm_start
from adapters.traits import TRAIT_NAMES

SHIPPED = Path(__file__).parents[3] / "adapters" / "personas.yaml"
PERSONAS = {p.name: p.traits for p in parse_personas(yaml.safe_load(SHIPPED.read_text(encoding="utf-8")))}


def likeliest(view: TurnView) -> str:
    policy = make_policy("linucb", arms=tuple(PERSONAS), dim=len(FEATURE_NAMES), seed=0)
    warm_start(policy, PERSONAS)
    return max(policy.explain(features(view)), key=lambda arm: arm.probability).arm


@pytest.mark.parametrize(
    ("view", "fitting"),
    [
        (
            TurnView(act="complaint", sentiment_score=-0.8, emotions={"anger": 0.8}, urgency=0.6, politeness=-0.5),
            {"calm", "warm", "professional"},
        ),
        (TurnView(act="other", sentiment_score=-0.7, emotions={"sadness": 0.8}), {"warm", "calm"}),
        (
            TurnView(act="thanks", sentiment_score=0.9, emotions={"joy": 0.9}, exclamations=2),
            {"enthusiastic", "playful", "coach", "warm"},
        ),
        (TurnView(act="request", emotions={"neutral": 0.9}, urgency=0.95, words=4), {"concise"}),
    ],
    ids=["angry", "sad", "glad", "urgent"],
)
@pytest.mark.parametrize("hour", [3.0, 12.0, 20.0])
def test_the_first_answer_fits_the_mood_at_any_hour(view: TurnView, fitting: set[str], hour: float) -> None:
    at_hour = TurnView(**{name: getattr(view, name) for name in view.__slots__} | {"hour_of_day": hour})
    assert likeliest(at_hour) in fitting


def test_rewards_between_the_bounds_and_the_extremes_on_them() -> None:
    for x, rewards in prior_turns(PERSONAS):
        assert x.shape == (len(FEATURE_NAMES),)
        assert min(rewards.values()) == pytest.approx(WORST_REWARD)
        assert max(rewards.values()) == pytest.approx(BEST_REWARD)


def test_equal_personas_start_equal() -> None:
    same = dict.fromkeys(TRAIT_NAMES, 0.5)
    for _, rewards in prior_turns({"a": same, "b": same}):
        assert rewards["a"] == rewards["b"]


def test_every_wish_names_a_trait() -> None:
    for mood in MOODS:
        assert set(mood.wants) <= set(TRAIT_NAMES)
        assert suitability(dict.fromkeys(TRAIT_NAMES, 0.5), mood.wants) == 0.0


def test_a_few_real_rewards_outweigh_the_prior() -> None:
    policy = make_policy("linucb", arms=tuple(PERSONAS), dim=len(FEATURE_NAMES), seed=0)
    warm_start(policy, PERSONAS)
    x = features(TurnView(act="complaint", sentiment_score=-0.8, emotions={"anger": 0.8}))
    for _ in range(5):
        policy.learn("playful", x, 1.0)
    assert max(policy.explain(x), key=lambda arm: arm.probability).arm == "playful"


def test_every_worker_starts_alike() -> None:
    states = []
    for seed in (1, 2):
        policy = make_policy("linucb", arms=tuple(PERSONAS), dim=len(FEATURE_NAMES), seed=seed)
        warm_start(policy, PERSONAS)
        states.append(policy.state())
    assert states[0] == states[1]
