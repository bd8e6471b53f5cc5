"""Which texts share a batch: similar lengths, first come first served, a bound on padded tokens."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from inference.batching import MAX_BATCH_TOKENS, WIDTHS, Shelves, batch_size, split

lengths = st.lists(st.integers(2, 128), max_size=200)


def everybody(_: object) -> bool:
    return True


@given(lengths, st.integers(1, 40))
def test_everybody_runs_once(tokens: list[int], max_batch: int) -> None:
    batches = split(tokens, max_batch)
    assert sorted(position for batch in batches for position in batch) == list(range(len(tokens)))


@given(lengths, st.integers(1, 40))
def test_a_batch_is_small_and_wastes_little(tokens: list[int], max_batch: int) -> None:
    for batch in split(tokens, max_batch):
        widths = [tokens[position] for position in batch]
        assert 1 <= len(batch) <= max_batch
        assert len(batch) == 1 or len(batch) * max(widths) <= MAX_BATCH_TOKENS
        assert max(widths) <= 8 or min(widths) * 3 > max(widths) * 2 - 3


@given(lengths)
def test_the_one_who_came_first_runs_first(tokens: list[int]) -> None:
    left = set(range(len(tokens)))
    for batch in split(tokens, 4):
        assert min(left) == batch[0]
        assert batch == sorted(batch)
        left -= set(batch)


def test_the_unwanted_are_forgotten_and_do_not_take_a_place() -> None:
    shelves = Shelves[int](3)
    for item in range(8):
        shelves.add(item, 10)
    odd: Callable[[int], bool] = lambda item: item % 2 == 1  # noqa: E731
    assert shelves.take(odd) == [1, 3, 5]
    assert shelves.take(everybody) == [6, 7]
    assert not shelves


def test_nothing_waits() -> None:
    shelves = Shelves[int](3)
    assert not shelves
    assert shelves.take(everybody) == []
    assert split([], 3) == []


def test_a_shelf_of_the_unwanted_gives_an_empty_batch_and_is_done() -> None:
    shelves = Shelves[int](3)
    shelves.add(1, 10)
    assert shelves.take(lambda _: False) == []
    assert not shelves


def test_a_text_longer_than_every_class_runs_alone() -> None:
    assert split([WIDTHS[-1] + 1, WIDTHS[-1] + 1, 8], 32) == [[0], [1], [2]]


def test_long_texts_share_smaller_batches() -> None:
    assert [batch_size(width, 32) for width in (2, 8, 16, 64, 128, 512)] == [32, 24, 12, 3, 1, 1]
