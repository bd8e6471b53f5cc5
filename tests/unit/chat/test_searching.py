"""What is entered into the search, when, and what becomes of failures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from server.chat.searching import BATCH, MAX_PENDING, SWEEP_EVERY_MS, Searching
from server.clock import ManualClock
from server.errors import Forbidden, Invalid, Unavailable
from server.knowledge.plain_words import MAX_SOUGHT, sought_words, words_of
from server.store.ports import Store
from server.store.search_ports import Found, Search
from tests.unit.chat.house import caller, text_message


@dataclass
class FakeStore:
    """``behind``: messages of each channel that are not entered."""

    behind: dict[str, int] = field(default_factory=dict)
    asked: list[Search] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    away: bool = False

    async def index_words(self, channels: Sequence[str], limit: int) -> int:
        if self.away:
            raise Unavailable("the database is away")
        self.sizes.append(len(channels))
        done = 0
        for channel in channels:
            some = min(limit, self.behind.get(channel, 0))
            self.behind[channel] = self.behind.get(channel, 0) - some
            done += some
        return done

    async def unindexed(self, after: str | None, limit: int) -> list[str]:
        return sorted(one for one, left in self.behind.items() if left and one > (after or ""))[:limit]

    async def search(self, search: Search) -> list[Found]:
        self.asked.append(search)
        return []


class House:
    def __init__(self) -> None:
        self.store = FakeStore()
        self.clock = ManualClock()
        self.searching = Searching(store=cast(Store, self.store), clock=self.clock)

    async def search(self, **asked: Any) -> list[Found]:
        kind = asked.pop("kind", "agent")
        every: dict[str, Any] = dict.fromkeys(("text", "customer", "agent", "state", "from_ms", "to_ms", "before"))
        found, _ = await self.searching.search(caller(kind), **{**every, "limit": 5, **asked})
        return found


async def test_whoever_searches_finds_what_this_worker_has_stored() -> None:
    house = House()
    house.store.behind = {"conv:a": 25, "conv:b": 1}
    house.searching.on_message(text_message("conv:a"))
    await house.search(text="Hat hat HÄT")
    assert house.store.behind == {"conv:a": 0, "conv:b": 1}
    assert house.store.asked[0].words == ("hat",)
    assert house.store.asked[0].limit == 6


async def test_a_sweep_finds_what_nobody_told_of_in_small_commits() -> None:
    house = House()
    house.store.behind = {f"conv:{number:03}": 150 for number in range(120)}
    await house.searching.step()
    assert not any(house.store.behind.values())
    assert max(house.store.sizes) == BATCH
    house.store.behind["conv:000"] = 1
    await house.searching.step()
    assert house.store.behind["conv:000"] == 1  # not again at once
    house.clock.advance(SWEEP_EVERY_MS)
    await house.searching.step()
    assert house.store.behind["conv:000"] == 0


async def test_what_could_not_be_entered_is_entered_later() -> None:
    house = House()
    house.store.behind["conv:a"] = 1
    house.searching.on_message(text_message("conv:a"))
    house.store.away = True
    with pytest.raises(Unavailable):
        await house.search(text="hat")
    house.store.away = False
    await house.search(text="hat")
    assert house.store.behind["conv:a"] == 0


async def test_what_waits_is_bounded() -> None:
    house = House()
    for number in range(MAX_PENDING + 5):
        house.searching.on_message(text_message(f"conv:{number}"))
    await house.search()
    assert sum(house.store.sizes) == MAX_PENDING


async def test_who_may_search_for_what() -> None:
    house = House()
    for kind in ("customer", "service"):
        with pytest.raises(Forbidden):
            await house.search(kind=kind)
    for wrong in (
        {"text": " ,; "},
        {"before": "x"},
        {"before": "7"},
        {"before": f"{'9' * 16}:conv:a"},
        {"before": "7:"},
    ):
        with pytest.raises(Invalid):
            await house.search(**wrong)
    await house.search(before="7:conv:a")
    assert (house.store.asked[-1].words, house.store.asked[-1].before) == (None, (7, "conv:a"))


def test_words_and_what_is_sought() -> None:
    assert words_of("It's Ünïcode_and #42!") == ["it", "s", "unicode", "and", "42"]
    assert words_of("東京タワー ok") == ["東京", "京タ", "タワ", "ワー", "ー", "ok"]
    assert sought_words("東京") == ("東京",)
    assert sought_words("京") == ("京",)
    assert words_of("x" * 200) == ["x" * 64]
    assert words_of("straße STRASSE ﬁn") == ["strasse", "strasse", "fin"]
    assert len(sought_words(" ".join(map(str, range(99))))) == MAX_SOUGHT
    assert words_of("!? …") == []
