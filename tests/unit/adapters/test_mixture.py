"""The floor, the ε-mixture and the draw."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.policies.mixture import Mixture
from tests.unit.adapters.laws import law


def test_the_formula() -> None:
    """p = f + (1 − K f) w."""
    assert Mixture(4, floor=0.1).over((2,)).probabilities.tolist() == pytest.approx([0.1, 0.1, 0.7, 0.1])
    assert Mixture(4, floor=0.1).over((1, 2)).probabilities.tolist() == pytest.approx([0.1, 0.4, 0.4, 0.1])
    assert Mixture(4, floor=0.0, epsilon=0.2).over((0,)).probabilities.tolist() == pytest.approx([0.85, *[0.05] * 3])


@law
@given(arms=st.integers(1, 50), share=st.floats(0.0, 1.0), epsilon=st.floats(0.0, 1.0), data=st.data())
def test_probabilities_are_honest(arms: int, share: float, epsilon: float, data: st.DataObject) -> None:
    floor = share / arms
    best = data.draw(st.sets(st.integers(0, arms - 1), min_size=1))
    mixture = Mixture(arms, floor if floor * arms <= 1.0 else 0.0, epsilon)
    distribution = mixture.over(sorted(best))
    probabilities = distribution.probabilities

    assert probabilities.sum() == pytest.approx(1.0, abs=1e-12)
    assert probabilities.min() >= min(floor, 1.0 / arms) - 1e-15
    assert set(np.flatnonzero(probabilities == probabilities.max())) >= best
    uniform = data.draw(st.floats(0.0, 1.0, exclude_max=True))
    assert probabilities[distribution.draw(uniform)] > 0.0


def test_an_arm_without_probability_is_never_drawn() -> None:
    """Whatever the sums were rounded to, also by the largest number that a generator gives."""
    distribution = Mixture(3, floor=0.0).over((1,))

    assert [distribution.draw(u) for u in (0.0, 0.5, 1.0 - 2.0**-53)] == [1, 1, 1]


def test_the_draw_falls_where_the_number_falls() -> None:
    distribution = Mixture(2, floor=0.25).over((0,))

    assert [distribution.draw(u) for u in (0.0, 0.74, 0.75, 0.99)] == [0, 0, 1, 1]


@pytest.mark.parametrize(("floor", "epsilon"), [(-0.1, 0.0), (0.6, 0.0), (0.1, -0.1), (0.1, 1.1), (float("nan"), 0.0)])
def test_out_of_range_is_refused(floor: float, epsilon: float) -> None:
    with pytest.raises(ValueError, match=r"give a number from 0 to 1"):
        Mixture(2, floor, epsilon)
