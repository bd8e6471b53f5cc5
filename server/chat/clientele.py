"""Who a conversation is with: profile, history and mood of a customer, for agents and admins."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from adapters.mood import Outlook
from server.chat.access import no_such_channel, require_agent, require_conversation
from server.chat.insight import Insight
from server.chat.peer import Caller
from server.errors import NotFound
from server.store.desk_ports import Customer
from server.store.ports import Store

MAX_PAST: Final = 50


@dataclass(frozen=True, slots=True)
class Profile:
    """``mood`` sums up the last messages that were understood."""

    customer: Customer
    mood: Outlook


class Clientele:
    """What is known of customers."""

    def __init__(self, *, store: Store, insight: Insight) -> None:
        self._store = store
        self._insight = insight

    async def of_user(self, caller: Caller, user_id: str, past: int) -> Profile:
        """``Forbidden``, ``NotFound``."""
        require_agent(caller, "the profile of a customer")
        customer = await self._store.customer(user_id, past)
        if customer is None:
            raise NotFound(f"There is no user {user_id!r}.")
        return Profile(customer, (await self._insight.user_mood(caller, user_id)).outlook)

    async def of_conversation(self, caller: Caller, channel: str, past: int) -> Profile:
        """Of whoever opened it. ``Forbidden``, ``NotFound``."""
        await require_conversation(self._store, caller, channel)
        require_agent(caller, "the profile of a customer")
        opener = await self._store.opener(channel)
        if opener is None:
            raise no_such_channel()
        return await self.of_user(caller, opener.id, past)
