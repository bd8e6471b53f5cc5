"""What followed a question, and when to look again."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.knowledge.questions import (
    FIRST_LOOK_MS,
    FOLLOWED_MS,
    Event,
    Outcome,
    Sequel,
    Trouble,
    next_look_ms,
    packed,
    sequel,
    unpacked,
)

THANKS, WAITING, RESOLVED, REOPENED = Event(act="thanks"), Event("waiting"), Event("resolved"), Event("reopened")
NEXT = Event(act="question", outcome="unanswered")
EVENTS = st.lists(st.sampled_from([THANKS, WAITING, RESOLVED, REOPENED, NEXT, Event(act="other"), Event("claimed")]))
RATINGS = st.lists(st.floats(0, 1), max_size=3)
OUTCOMES = st.sampled_from(["answered", "offered", "unanswered"])


def test_nothing_followed_nothing_is_known() -> None:
    assert sequel("answered", None, ()) == Sequel(None, 0, 0, False, False, None)
    assert sequel("unanswered", "uncited", ()) == Sequel("uncited", 0, 0, False, False, None)


@pytest.mark.parametrize(
    ("events", "solved", "handed_off", "satisfaction"),
    [
        ([THANKS], True, False, 1.0),
        ([RESOLVED], True, False, 1.0),
        ([RESOLVED, REOPENED], False, False, None),
        ([THANKS, WAITING], False, True, 0.0),
        ([Event("claimed")], False, True, 0.0),
        ([Event("released"), Event(act="affirm")], False, False, None),
        ([NEXT, THANKS, WAITING], False, False, None),
    ],
)
def test_what_followed_until_the_next_question_counts(
    events: list[Event], solved: bool, handed_off: bool, satisfaction: float | None
) -> None:
    found = sequel("answered", None, events)
    assert (found.solved, found.handed_off, found.satisfaction) == (solved, handed_off, satisfaction)
    assert found.trouble == ("handed_off" if handed_off else None)


def test_a_rating_counts_before_what_may_be_concluded() -> None:
    assert sequel("answered", None, [THANKS], [0.0]) == Sequel("badly_rated", 0, 1, False, False, 0.0)
    assert sequel("answered", None, [], [1.0, 0.5]) == Sequel(None, 2, 0, False, True, 0.75)
    assert sequel("unanswered", "uncited", [], [1.0]).satisfaction == 1.0
    assert not sequel("unanswered", "uncited", [THANKS]).solved


def test_an_assessment_is_of_the_last_question() -> None:
    assert sequel("answered", None, [], (), [0.9]).solved
    assert sequel("answered", None, [NEXT], (), [0.9]).satisfaction is None
    assert sequel("answered", None, [WAITING], (), [0.9]).satisfaction == 0.0


def test_an_offer_that_was_taken_troubles_nobody() -> None:
    assert sequel("offered", "unsure", [Event(outcome="answered")]).trouble is None
    assert sequel("offered", "unsure", [NEXT]).trouble == "unsure"


@given(OUTCOMES, EVENTS, RATINGS, RATINGS)
def test_laws(outcome: Outcome, events: list[Event], ratings: list[float], assessments: list[float]) -> None:
    before: Trouble | None = None if outcome == "answered" else "uncited"
    found = sequel(outcome, before, events, ratings, assessments)
    assert found.thumbs_up + found.thumbs_down == len(ratings)
    assert not found.solved or (outcome == "answered" and found.trouble is None)
    assert found.satisfaction is None or 0.0 <= found.satisfaction <= 1.0
    # Written down and looked at again, it says the same.
    assert sequel(outcome, found.trouble if outcome != "answered" else before, events, ratings, assessments) == found


@given(st.integers(0, 10**13), st.integers(0, 2 * FOLLOWED_MS))
def test_looks_go_forward_and_end(at_ms: int, age_ms: int) -> None:
    look_ms = next_look_ms(at_ms, at_ms + age_ms)
    if age_ms >= FOLLOWED_MS:
        assert look_ms is None
    else:
        assert look_ms is not None and at_ms + max(age_ms, FIRST_LOOK_MS) < look_ms <= at_ms + FOLLOWED_MS


@given(st.lists(st.floats(-1, 1), min_size=3, max_size=3).filter(lambda values: max(map(abs, values)) > 0.1))
def test_an_embedding_comes_back_but_for_a_thousandth(values: list[float]) -> None:
    vector = np.array(values, dtype=np.float32)
    vector /= np.linalg.norm(vector)
    assert len(packed(vector)) == 6
    assert float(unpacked(packed(vector)) @ vector) == pytest.approx(1.0, abs=1e-3)
