"""What staff may want to know of moods and personas: how a user or a conversation has felt, and what is like what."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from adapters.mood import Outlook, outlook
from adapters.personas import Persona
from adapters.similarity import NearPersona, nearest_contexts, nearest_personas
from server.chat.access import require_agent, require_conversation, require_staff
from server.chat.memory import score_of
from server.chat.peer import Caller
from server.chat.spending import FOREVER_MS
from server.errors import Forbidden, NotFound
from server.store.mood_ports import MeanContext
from server.store.ports import Store
from server.store.usage_ports import UsageSum

MAX_TURNS = 200
MAX_SIMILAR = 50
# Newest decisions among which like conversations are looked for: about a tenth of a second's reading.
SEARCHED_DECISIONS = 5_000


@dataclass(frozen=True, slots=True)
class Felt:
    """The sentiment of one message of a customer, in [-1, 1]."""

    channel: str
    offset: int
    at_ms: int
    score: float


@dataclass(frozen=True, slots=True)
class MoodHistory:
    """``felt``: the messages looked at, the earliest first; ``outlook`` sums them up."""

    felt: tuple[Felt, ...]
    outlook: Outlook


@dataclass(frozen=True, slots=True)
class NearConversation:
    """``distance`` as ``adapters.similarity``'s; ``decisions``: how many were compared."""

    channel: str
    distance: float
    decisions: int


class Insight:
    """For agents and admins; who the personas are, for services too."""

    def __init__(self, *, store: Store, personas: Sequence[Persona]) -> None:
        self._store = store
        self._personas = {persona.name: persona for persona in personas}

    async def user_mood(self, caller: Caller, user_id: str) -> MoodHistory:
        """Over the user's last ``MAX_TURNS`` messages that were understood. ``Forbidden``, ``NotFound``."""
        require_agent(caller, "the mood of a user")
        if not await self._store.accounts([user_id]):
            raise NotFound(f"There is no user {user_id!r}.")
        heard = await self._store.heard_of(user_id, MAX_TURNS)
        return _history(
            [Felt(one.channel, one.offset, one.at_ms, score_of(one.analysis)) for one in heard if one.analysis]
        )

    async def conversation_mood(self, caller: Caller, channel: str) -> MoodHistory:
        """Over the conversation's last ``MAX_TURNS`` turns that were understood. ``Forbidden``, ``NotFound``."""
        require_agent(caller, "the mood of a conversation")
        await require_conversation(self._store, caller, channel)
        past = await self._store.heard_in(channel, MAX_TURNS)
        return _history([Felt(channel, one.offset, one.at_ms, score_of(one.analysis)) for one in past if one.analysis])

    def personas(self, caller: Caller) -> tuple[Persona, ...]:
        """In the file's order. ``Forbidden``."""
        require_staff(caller, "the list of personas")
        return tuple(self._personas.values())

    def similar_personas(self, caller: Caller, name: str, count: int) -> list[NearPersona]:
        """The nearest by traits. ``Forbidden``, ``NotFound``."""
        require_staff(caller, "the list of personas")
        persona = self._personas.get(name)
        if persona is None:
            raise NotFound(f"There is no persona {name!r}; there are {', '.join(self._personas)}.")
        return similar_personas(persona, self._personas, count)

    async def similar_conversations(self, caller: Caller, channel: str, count: int) -> list[NearConversation]:
        """The nearest among those with the last ``SEARCHED_DECISIONS``, by the mean context of their decisions; none
        where nothing was decided in ``channel`` yet. ``Forbidden``, ``NotFound``."""
        require_agent(caller, "searching conversations")
        await require_conversation(self._store, caller, channel)
        found = await self._store.mean_contexts(channel, SEARCHED_DECISIONS)
        if not found or found[0].channel != channel:
            return []
        return await asyncio.to_thread(_nearest, found[0], found[1:], count)

    async def model_usage(self, caller: Caller, since_ms: int | None, until_ms: int | None) -> list[UsageSum]:
        """What language models were used for from ``since_ms`` on and before ``until_ms``; None: without end.
        ``Forbidden``."""
        if not caller.is_admin:
            raise Forbidden("the use of language models is for admins")
        return await self._store.model_usage(since_ms or 0, FOREVER_MS if until_ms is None else until_ms)


def similar_personas(persona: Persona, personas: Mapping[str, Persona], count: int) -> list[NearPersona]:
    """The nearest of the other ``personas``."""
    others = {name: other.traits for name, other in personas.items() if name != persona.name}
    return nearest_personas(persona.traits, others, count)


def _nearest(own: MeanContext, others: Sequence[MeanContext], count: int) -> list[NearConversation]:
    near = nearest_contexts(own.mean, [other.mean for other in others], count)
    return [NearConversation(others[one.index].channel, one.distance, others[one.index].decisions) for one in near]


def _history(felt: Sequence[Felt]) -> MoodHistory:
    return MoodHistory(tuple(felt), outlook([one.score for one in felt]))
