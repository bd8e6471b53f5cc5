"""Pages of conversations, over a list instead of a store."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.chat.conversations import MAX_ALIKE, ConversationVerbs
from server.chat.peer import Caller
from server.store.ports import Store
from server.wire.parts import Conversation, User
from server.wire.requests import Conversations

ANN = Caller(User("ann", "customer", "Ann"))


class Listing:
    """Conversations whose last activity was at these times."""

    def __init__(self, times: list[int]) -> None:
        newest = sorted(times, reverse=True)
        self.channels = [f"conv:{number}" for number in range(len(newest))]
        self._items = [
            Conversation(channel, "bot", False, at_ms, 1, 0, 0)
            for channel, at_ms in zip(self.channels, newest, strict=True)
        ]

    async def conversations(self, user_id: str, before_ms: int | None, limit: int) -> list[Conversation]:
        return [item for item in self._items if before_ms is None or item.at_ms < before_ms][:limit]


def verbs(listing: Listing) -> ConversationVerbs:
    nobody = cast(Any, SimpleNamespace())
    return ConversationVerbs(
        store=cast(Store, listing),
        signals=nobody,
        messages=nobody,
        reactions=nobody,
        members_changed=nobody,
        doorkeeper=nobody,
        clock=nobody,
        new_id=nobody,
    )


@given(times=st.lists(st.integers(0, 6), min_size=1, max_size=30), limit=st.integers(1, 7))
async def test_pages_show_each_conversation_once_however_many_share_a_time(times: list[int], limit: int) -> None:
    listing = Listing(times)
    shown: list[str] = []
    before, more = None, True
    while more:
        page = await verbs(listing).conversations(ANN, Conversations(id=1, before=before, limit=limit))
        shown += [item.channel for item in page.items]
        before, more = page.items[-1].at_ms, page.more
    assert shown == listing.channels


@pytest.mark.parametrize("limit", [1, 100])
async def test_a_page_of_one_time_is_bounded(limit: int) -> None:
    page = await verbs(Listing([7] * (MAX_ALIKE + 5))).conversations(ANN, Conversations(id=1, limit=limit))
    assert len(page.items) == MAX_ALIKE
