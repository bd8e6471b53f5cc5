"""What is like what."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

import adapters
from adapters.features import FEATURE_NAMES, TurnView, features
from adapters.personas import parse_personas
from adapters.similarity import nearest_contexts, nearest_personas
from adapters.traits import TRAIT_NAMES, Traits
from tests.unit.adapters.laws import slow_law

PERSONAS = {
    persona.name: persona.traits
    for persona in parse_personas(
        yaml.safe_load((Path(adapters.__file__).parent / "personas.yaml").read_text(encoding="utf-8"))
    )
}
traits = st.fixed_dictionaries(dict.fromkeys(TRAIT_NAMES, st.floats(0, 1)))
contexts = st.lists(st.floats(-1, 1), min_size=len(FEATURE_NAMES), max_size=len(FEATURE_NAMES))


@slow_law
@given(traits, traits)
def test_likeness_goes_both_ways_and_stays_in_its_range(one: dict[str, float], other: dict[str, float]) -> None:
    (there,) = nearest_personas(one, {"other": other}, 1)
    (back,) = nearest_personas(other, {"one": one}, 1)
    assert 0.0 <= there.similarity <= 1.0
    assert there.similarity == back.similarity
    assert {name: -step for name, step in there.differences} == dict(back.differences)
    (same,) = nearest_personas(one, {"same": one}, 1)
    assert (same.similarity, same.differences) == (1.0, ())


def test_the_nearest_stand_first_with_what_tells_them_apart() -> None:
    near = nearest_personas(
        Traits().as_dict(),
        {"far": Traits(humor=1.0, empathy=0.0).as_dict(), "near": Traits(humor=0.6).as_dict()},
        5,
    )
    assert [one.name for one in near] == ["near", "far"]
    assert dict(near[0].differences) == pytest.approx({"humor": 0.1})
    assert near[1].differences == (("empathy", -0.5), ("humor", 0.5))
    assert len(nearest_personas(Traits().as_dict(), PERSONAS, 3)) == 3


def test_shipped_personas_are_like_those_one_would_think() -> None:
    others = {name: traits for name, traits in PERSONAS.items() if name != "playful"}
    assert nearest_personas(PERSONAS["playful"], others, 8)[-1].name in {"professional", "concise", "calm"}


@slow_law
@given(contexts, st.lists(contexts, min_size=1, max_size=6))
def test_a_context_is_nearest_to_itself(one: list[float], others: list[list[float]]) -> None:
    near = nearest_contexts(one, [*others, one], len(others) + 1)
    assert near[0].distance == 0.0
    distances = [found.distance for found in near]
    assert distances == sorted(distances)
    assert sorted(found.index for found in near) == list(range(len(others) + 1))


def test_the_hour_makes_no_conversation_like_another() -> None:
    angry, glad = TurnView(act="complaint", sentiment_score=-0.8), TurnView(act="thanks", sentiment_score=0.8)
    by_night = TurnView(act="complaint", sentiment_score=-0.7, hour_of_day=2.0, weekday=6)
    near = nearest_contexts(features(angry).tolist(), [features(glad).tolist(), features(by_night).tolist()], 2)
    assert [found.index for found in near] == [1, 0]


def test_shorter_contexts_of_older_releases_count_too() -> None:
    angry = features(TurnView(act="complaint", sentiment_score=-0.8))
    glad = features(TurnView(act="thanks", sentiment_score=0.8))
    near = nearest_contexts(angry.tolist(), [glad[:32].tolist(), angry[:32].tolist()], 1)
    assert [(found.index, found.distance) for found in near] == [(1, 0.0)]
    assert nearest_contexts(angry.tolist(), [], 3) == []
