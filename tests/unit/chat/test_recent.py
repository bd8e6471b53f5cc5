"""What was found lately."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.chat.recent import Recent, normalised


def recent(entries: int) -> tuple[Recent[str, int], list[bool]]:
    heard: list[bool] = []
    return Recent(entries, heard.append), heard


def test_the_least_recently_used_goes_first() -> None:
    made, heard = recent(2)
    made.put("a", 1)
    made.put("b", 2)
    assert made.get("a") == 1
    made.put("c", 3)
    assert (made.get("a"), made.get("b"), made.get("c"), len(made)) == (1, None, 3, 2)
    assert heard == [True, True, False, True]
    made.clear()
    assert made.get("a") is None


def test_without_room_nothing_is_counted() -> None:
    made, heard = recent(0)
    made.put("a", 1)
    assert made.get("a") is None and heard == [] and len(made) == 0


@given(st.integers(1, 5), st.lists(st.tuples(st.sampled_from("abcdefgh"), st.integers()), max_size=30))
def test_it_is_bounded_and_never_wrong(entries: int, puts: list[tuple[str, int]]) -> None:
    made, _ = recent(entries)
    last: dict[str, int] = {}
    for key, value in puts:
        made.put(key, value)
        last[key] = value
        assert len(made) <= entries and made.get(key) == value
    assert all(made.get(key) in (None, value) for key, value in last.items())


@pytest.mark.parametrize(
    "question", ["Where is my order?", " where  is my ORDER ", "where is my order...", "Where is\tmy order?!"]
)
def test_questions_that_say_the_same(question: str) -> None:
    assert normalised(question) == "where is my order"
