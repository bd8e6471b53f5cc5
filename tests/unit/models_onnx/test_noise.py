"""Damaged texts."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from models_onnx.noise import noisy


@given(st.text(min_size=1, max_size=200), st.integers())
def test_any_text_survives_and_stays_about_as_long(text: str, seed: int) -> None:
    damaged = noisy(text, random.Random(seed))
    assert damaged.strip() or not text.strip()
    assert len(damaged) <= 1.5 * len(text) + 10


def test_the_same_generator_damages_alike_and_others_otherwise() -> None:
    text = "could you please tell me where my parcel is, it should have been here on monday"
    found = {noisy(text, random.Random(seed)) for seed in range(50)}
    assert noisy(text, random.Random(7)) == noisy(text, random.Random(7))
    assert len(found) > 30
    assert sum(noisy(text, random.Random(seed)) == text for seed in range(50)) < 5
