"""The file of customers: what it may say, and what is said about mistakes."""

from __future__ import annotations

from typing import Any

import pytest

from adapters.simulation import Customers, CustomersError, Drift, Segment, parse_customers
from adapters.simulation.moods import MOOD_NAMES
from tests.unit.simulation.strategies import SHIPPED


def document(**changes: Any) -> dict[str, Any]:
    return {"segments": [{"name": "all", **changes}]}


def test_the_shipped_ones_have_everything_that_there_is_to_see() -> None:
    assert len(SHIPPED.segments) > 2
    assert any(segment.drift for segment in SHIPPED.segments)
    assert any(segment.delay for segment in SHIPPED.segments)
    assert all(segment.silent > 0.0 for segment in SHIPPED.segments)
    assert {mood for segment in SHIPPED.segments for mood in segment.moods} == set(MOOD_NAMES)


def test_what_is_left_away_has_its_default() -> None:
    assert parse_customers(document()) == Customers((Segment("all"),))


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ([], "expected a key 'segments'"),
        ({"segments": []}, "nobody is there"),
        ({"segments": [{"name": "a", "share": 0}]}, "nobody is there"),
        ({"segments": "all"}, "`segments`"),
        ({"segments": [{"name": "a"}, {"name": "a"}]}, "two segments are named 'a'"),
        ({"segments": [{"share": 1}]}, "name"),
        (document() | {"cout": 3}, "there is no key 'cout'. Did you mean 'count'?"),
        (document() | {"count": 0}, "'count' is 0. Give a number from 1 to 100000."),
        (document() | {"count": "many"}, "count"),
        (document() | {"noise": 1.5}, "'noise' is 1.5"),
        (document() | {"conversation_turns": 0.5}, "'conversation_turns' is 0.5"),
        (document(name=" "), "a segment has no name"),
        (document(shar=1), "segment 'all': there is no key 'shar'. Did you mean 'share'?"),
        (document(share=-1), "'share' is -1"),
        (document(share=float("nan")), "'share' is nan"),
        (document(moods={"angri": 1}), "there is no mood 'angri'. Did you mean 'angry'?"),
        (document(moods={"angry": 0}), "every mood has the weight 0"),
        (document(likes={"always": {"humour": 1}}), "there is no trait 'humour'. Did you mean 'humor'?"),
        (document(likes={"angr": {"humor": 1}}), "there is no circumstance 'angr'. Did you mean 'anger'?"),
        (document(likes={"constant": {"humor": 1}}), "there is no circumstance 'constant'"),
        (document(likes={"always": {"humor": 99}}), "'likes.always.humor' is 99"),
        (document(silent=2), "'silent' is 2"),
        (document(delay={"share": 1, "hour": 2}), "segment 'all': delay: there is no key 'hour'"),
        (document(delay={"share": 1, "hours": -2}), "'delay.hours' is -2"),
        (document(drift={"share": 1, "to": "formal"}), "no segment to drift to from 'all' 'formal'"),
        (document(drift={"share": 1, "to": "all", "at": 2}), "'drift.at' is 2"),
        (document(reacts=[1]), "segment 'all'"),
    ],
)
def test_mistakes_are_named(wrong: object, said: str) -> None:
    with pytest.raises(CustomersError) as caught:
        parse_customers(wrong, "mine.yaml")
    assert str(caught.value).startswith("mine.yaml: ")
    assert said in str(caught.value)
    assert "$." not in str(caught.value)


def test_values_are_held_to_the_same_rules() -> None:
    with pytest.raises(CustomersError, match="Give a number from 0 to 1"):
        Drift(share=float("inf"), to="a")
