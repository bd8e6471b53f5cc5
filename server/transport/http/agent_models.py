"""The values of the agents' desk for FastAPI and its OpenAPI document."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from adapters.mood.history import Direction
from server.chat.agents import MAX_CAPACITY
from server.transport.http.models import Json, Key, Model, User, UserId
from server.wire import examples
from server.wire.parts import State

_ANN = {"id": "ann", "kind": "agent", "name": "Ann"}
_SCORE: Json = {"count": 12, "mean": 0.8125, "satisfied": 0.75}
_GUEST = {"id": "01J8", "kind": "customer", "name": "Guest"}
AT_MS = "Milliseconds since the Unix epoch."


class NewNote(Model):
    example: ClassVar[Json | None] = {"text": "Has moved; the old address is still in the shop.", "key": "n-1"}
    text: str = Field(description="1 to 8,000 characters.")
    key: Key | None = Field(None, description="The idempotency key, unless the header has it.")


class Note(Model):
    example: ClassVar[Json | None] = {
        "note_id": "01JA", "channel": examples.CHANNEL, "author": _ANN, "text": "Has moved.", "at_ms": examples.AT_MS,
    }  # fmt: skip
    note_id: str = Field(description="Ascends with time.")
    channel: str = Field(description="The conversation.")
    author: User = Field(description="Who noted it.")
    text: str = Field(description="What.")
    at_ms: int = Field(description=AT_MS)


class NotePage(Model):
    example: ClassVar[Json | None] = {"items": [Note.example], "more": False}
    items: list[Note] = Field(description="The earliest first.")
    more: bool = Field(description="Whether there are older ones.")


class Transfer(Model):
    example: ClassVar[Json | None] = {"agent": "ben", "reason": "Speaks French."}
    agent: UserId | None = Field(None, description="Who is to have it; left out: the queue.")
    reason: str | None = Field(None, description="For agents; needed towards the queue. At most 500 characters.")


class Transferred(Model):
    example: ClassVar[Json | None] = {
        "channel": examples.CHANNEL, "state": "claimed", "agent": {"id": "ben", "kind": "agent", "name": "Ben"},
    }  # fmt: skip
    channel: str = Field(description="The conversation.")
    state: State = Field(description="`claimed` or `waiting`; a resolved one goes to the bot.")
    agent: User | None = Field(None, description="Who has it now.")


class PastConversation(Model):
    example: ClassVar[Json | None] = {
        "channel": examples.CHANNEL, "state": "bot", "resolved": True, "created_at_ms": examples.AT_MS,
        "at_ms": examples.AT_MS, "messages": 7, "first_text": "Where is my parcel?", "rating": 0.75,
    }  # fmt: skip
    channel: str = Field(description="The conversation.")
    state: State = Field(description="Who answers.")
    resolved: bool = Field(description="Whether it is marked so.")
    created_at_ms: int = Field(description=AT_MS)
    at_ms: int = Field(description="Of the last message; milliseconds since the Unix epoch.")
    messages: int = Field(description="How many it has, those of the system included.")
    first_text: str | None = Field(None, description="The customer's first message.")
    rating: float | None = Field(None, description="The customer's, in [0, 1].")


class CustomerMood(Model):
    example: ClassVar[Json | None] = {"turns": 4, "mean": -0.2, "direction": "rising"}
    turns: int = Field(description="Messages that the figures are of.")
    mean: float = Field(description="Mean sentiment, in [-1, 1].")
    direction: Direction = Field(description="Where it goes.")


class CustomerProfile(Model):
    example: ClassVar[Json | None] = {
        "user": _GUEST, "since_ms": examples.AT_MS, "last_seen_ms": examples.AT_MS, "conversations": 3, "rated": 1,
        "mean_rating": 0.75, "metadata": {"plan": "gold"}, "mood": CustomerMood.example,
        "past": [PastConversation.example],
    }  # fmt: skip
    user: User = Field(description="The customer.")
    since_ms: int = Field(description="When they came first.")
    last_seen_ms: int = Field(description="When their last device left.")
    conversations: int = Field(description="How many they have opened.")
    rated: int = Field(description="How many of those they have rated.")
    mean_rating: float | None = Field(None, description="Mean of those ratings, in [0, 1].")
    metadata: Json = Field(description="What their newest conversation was opened with.")
    mood: CustomerMood = Field(description="Over their last messages that were understood.")
    past: list[PastConversation] = Field(description="Their conversations, newest activity first.")


class FoundMessage(Model):
    example: ClassVar[Json | None] = {
        "offset": 3, "from": _GUEST, "text": "Where is my parcel?", "at_ms": examples.AT_MS,
    }  # fmt: skip
    offset: int = Field(description="Its place in the conversation.")
    sender: User = Field(alias="from", description="Who wrote it.")
    text: str = Field(description="The whole text.")
    at_ms: int = Field(description=AT_MS)


class FoundConversation(Model):
    example: ClassVar[Json | None] = {
        "channel": examples.CHANNEL, "state": "claimed", "resolved": False, "agent": _ANN, "customer": _GUEST,
        "hits": 2, "message": FoundMessage.example,
    }  # fmt: skip
    channel: str = Field(description="The conversation.")
    state: State = Field(description="Who answers.")
    resolved: bool = Field(description="Whether it is marked so.")
    agent: User | None = Field(None, description="Who has claimed it.")
    customer: User = Field(description="Who opened it.")
    hits: int = Field(description="How many of its messages were sought.")
    message: FoundMessage = Field(description="The newest of those.")


class SearchPage(Model):
    example: ClassVar[Json | None] = {"items": [FoundConversation.example], "more": False}
    items: list[FoundConversation] = Field(description="The newest first.")
    more: bool = Field(description="Whether there are older ones.")
    next_before: str | None = Field(None, description="`before` of the next page.")


class Agent(Model):
    example: ClassVar[Json | None] = {
        "user": _ANN, "status": "online", "devices": 1, "last_seen_ms": examples.AT_MS, "capacity": 5, "claimed": 2,
        "offered": 0, "free": 3, "available": True, "skills": ["billing"],
    }  # fmt: skip
    user: User = Field(description="The agent, or admin.")
    status: Literal["online", "away", "busy", "invisible", "offline"] = Field(
        description="As they set it; `offline` without a device."
    )
    text: str | None = Field(None, description="What they say of it.")
    devices: int | None = Field(None, description="Open connections; left out while nobody can say.")
    last_seen_ms: int = Field(description="When their last device left.")
    capacity: int = Field(description="Conversations at once.")
    claimed: int = Field(description="Those that they have and that are not resolved.")
    offered: int = Field(description="Those that are offered to them.")
    free: int = Field(description="How many more they could take.")
    available: bool = Field(description="There, online, and with room.")
    skills: list[str] = Field(description="What conversations they are offered first.")


class AgentPage(Model):
    example: ClassVar[Json | None] = {"items": [Agent.example], "routing": "pull"}
    items: list[Agent] = Field(description="By name.")
    routing: Literal["pull", "push"] = Field(description="Whether agents take conversations, or are offered them.")


class SetCapacity(Model):
    example: ClassVar[Json | None] = {"capacity": 4}
    capacity: Annotated[int, Field(ge=0, le=MAX_CAPACITY)] | None = Field(
        None, description="Conversations at once; left out: as many as the house says."
    )


class SatisfactionScore(Model):
    example: ClassVar[Json | None] = _SCORE
    count: int = Field(description="Ratings.")
    mean: float = Field(description="Their mean, in [0, 1]; five stars are 1, one star is 0.")
    satisfied: float = Field(description="Share of four and five stars (CSAT).")


class AgentSatisfaction(SatisfactionScore):
    example: ClassVar[Json | None] = {"agent_id": "ann", "name": "Ann", **_SCORE}
    agent_id: str = Field(description="Who had resolved the conversations.")
    name: str | None = Field(None, description="Their name.")


class DaySatisfaction(SatisfactionScore):
    example: ClassVar[Json | None] = {"day_ms": 1_760_054_400_000, **_SCORE}
    day_ms: int = Field(description="When the day begins (UTC).")


class Satisfaction(Model):
    example: ClassVar[Json | None] = {
        "from_ms": 1_757_462_400_000, "to_ms": 1_760_054_400_000, "overall": _SCORE,
        "agents": [AgentSatisfaction.example], "days": [DaySatisfaction.example],
    }  # fmt: skip
    from_ms: int = Field(description="Ratings from then on.")
    to_ms: int = Field(description="Ratings before then.")
    overall: SatisfactionScore | None = Field(None, description="Over all; left out where nobody has rated.")
    agents: list[AgentSatisfaction] = Field(description="By agent.")
    days: list[DaySatisfaction] = Field(description="By day; those without a rating are left out.")


class Refused(Model):
    example: ClassVar[Json | None] = {"channel": examples.CHANNEL, "refused": True}
    channel: str = Field(description="The conversation.")
    refused: bool = Field(description="Whether it was offered until now.")


class OpeningHours(Model):
    example: ClassVar[Json | None] = {"open": False, "opens_ms": 1_760_083_200_000, "timezone": "Europe/Berlin"}
    open: bool = Field(description="Whether agents are there at this time.")
    opens_ms: int | None = Field(None, description="When they are there next; left out where not in a year.")
    timezone: str = Field(description="Of the business hours.")


class Suggestion(Model):
    example: ClassVar[Json | None] = {
        "kind": "article", "text": "Send it back within 30 days.", "article": "returning", "title": "Returning things",
        "confidence": 0.81, "link": "/v1/knowledge/articles/returning",
    }  # fmt: skip
    kind: Literal["written", "article"] = Field(description="By the writer, or an article's passage.")
    text: str = Field(description="What could be sent.")
    persona: str | None = Field(None, description="In whose manner it is written.")
    article: str | None = Field(None, description="The article's id.")
    title: str | None = Field(None, description="The article's title.")
    confidence: float | None = Field(None, description="How likely the article answers, in [0, 1].")
    link: str | None = Field(None, description="Where the whole article is.")


class Suggestions(Model):
    example: ClassVar[Json | None] = {"message_id": "01JA", "items": [Suggestion.example]}
    message_id: str | None = Field(None, description="The customer's message; left out where there is none.")
    items: list[Suggestion] = Field(description="The writer's first, then articles, the surest first.")
