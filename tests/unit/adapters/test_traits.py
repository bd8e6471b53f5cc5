"""The twelve traits."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.traits import NEUTRAL, TRAIT_NAMES, Traits
from tests.unit.adapters.laws import law


def test_the_twelve_in_their_order() -> None:
    assert TRAIT_NAMES == (
        "openness",
        "conscientiousness",
        "extraversion",
        "agreeableness",
        "neuroticism",
        "empathy",
        "supportiveness",
        "enthusiasm",
        "formality",
        "humor",
        "verbosity",
        "proactivity",
    )


@law
@given(st.dictionaries(st.sampled_from(TRAIT_NAMES), st.floats(0.0, 1.0)))
def test_named_traits_are_kept_and_the_others_neutral(values: dict[str, float]) -> None:
    assert Traits.of(values).as_dict() == {name: values.get(name, NEUTRAL) for name in TRAIT_NAMES}


def test_whole_numbers_become_floats() -> None:
    assert isinstance(Traits(humor=1).humor, float)


@pytest.mark.parametrize("value", [-0.01, 1.01, float("nan"), float("inf")])
def test_out_of_range_is_refused(value: float) -> None:
    with pytest.raises(ValueError, match=r"trait 'empathy' is .*Give a number from 0 to 1"):
        Traits(empathy=value)


@pytest.mark.parametrize("value", [True, "0.5", None, [0.5]], ids=str)
def test_what_is_no_number_is_refused(value: float) -> None:
    with pytest.raises(ValueError, match=r"trait 'humor' is .*no number"):
        Traits.of({"humor": value})


def test_an_unknown_trait_is_refused_with_the_nearest_known() -> None:
    with pytest.raises(ValueError, match=r"no trait 'empathie'. Did you mean 'empathy'"):
        Traits.of({"empathie": 0.5})


def test_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        Traits().humor = 1.0  # type: ignore[misc]
