"""ULIDs whose randomness is drawn for many at once."""

from __future__ import annotations

import random

from ulid import ULID

from server.wiring.ground import IDS_PER_DRAW, Identifiers, new_id


def test_each_has_the_time_and_randomness_of_its_own() -> None:
    draws: list[int] = []
    now_ms = 1_700_000_000_000

    def draw(count: int) -> bytes:
        draws.append(count)
        return random.Random(len(draws)).randbytes(count)

    identifiers = Identifiers(lambda: now_ms, draw)
    made = [identifiers() for _ in range(IDS_PER_DRAW + 1)]
    assert len(set(made)) == len(made)
    assert draws == [IDS_PER_DRAW * 10] * 2
    assert {round(ULID.from_str(each).timestamp * 1000) for each in made} == {now_ms}
    now_ms += 1
    assert identifiers() > max(made)


def test_those_of_the_process_differ() -> None:
    made = {new_id() for _ in range(10_000)}
    assert len(made) == 10_000
    assert {len(each) for each in made} == {26}
