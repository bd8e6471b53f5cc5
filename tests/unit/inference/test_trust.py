"""What the model says of a language that it has not learnt."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference import heads
from inference.heads import RawOutputs, Readings
from inference.trust import trusted
from tests.unit.inference.support import MANIFEST


def _readings(seed: int = 0) -> Readings:
    rng = np.random.default_rng(seed)
    raw = RawOutputs(*(rng.normal(0, 4, (1, width)).astype(np.float32) for width in MANIFEST.widths.values()))
    return heads.read(raw, MANIFEST)[0]


@pytest.mark.parametrize("language", ["en", "und"])
def test_what_it_has_learnt_is_said_as_it_is(language: str) -> None:
    readings = _readings()
    assert trusted(readings, language) is readings


@given(st.integers(0, 200), st.sampled_from(["de", "es", "zh", "sco"]))
def test_another_language_is_read_with_less_confidence_and_to_the_same_end(seed: int, language: str) -> None:
    said, left = _readings(seed), trusted(_readings(seed), language)
    assert [label for label, _ in left.intents] == [label for label, _ in said.intents]
    assert all(
        less == pytest.approx(chance / 2) for (_, less), (_, chance) in zip(left.intents, said.intents, strict=True)
    )
    assert said.out_of_scope < left.out_of_scope < 1
    assert left.sentiment.label == said.sentiment.label
    assert 0.2 <= left.sentiment.confidence <= max(said.sentiment.confidence, 0.2) + 1e-9
    assert abs(left.sentiment.score) == pytest.approx(abs(said.sentiment.score) / 2)
    assert sum(left.emotions.values()) == pytest.approx(1)
    assert max(left.emotions, key=left.emotions.__getitem__) == max(said.emotions, key=said.emotions.__getitem__)


def test_the_newer_heads_are_doubted_too() -> None:
    readings = _readings()._replace(acts={"question": 0.9, "other": 0.1}, politeness=0.8, urgency=0.7, toxicity=0.6)
    left = trusted(readings, "de")
    assert left.acts == {"question": 0.45, "other": 0.05}
    assert (left.politeness, left.toxicity, left.urgency) == (0.4, 0.3, 0.7)  # an alarm is not turned down
