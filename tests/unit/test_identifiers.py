"""ULIDs whose randomness is drawn for many at once."""

from __future__ import annotations

import random

from server.wiring.ground import IDS_PER_DRAW, Randomness, new_id


def test_a_draw_serves_many_and_nothing_of_it_twice() -> None:
    draws: list[int] = []

    def draw(count: int) -> bytes:
        draws.append(count)
        return random.Random(len(draws)).randbytes(count)

    randomness = Randomness(draw)
    made = [randomness() for _ in range(IDS_PER_DRAW + 1)]
    assert {len(each) for each in made} == {10}
    assert len(set(made)) == len(made)
    assert draws == [IDS_PER_DRAW * 10] * 2


def test_each_is_above_the_last_also_within_a_millisecond() -> None:
    made = [new_id() for _ in range(10_000)]
    assert sorted(set(made)) == made
    assert {len(each) for each in made} == {26}
