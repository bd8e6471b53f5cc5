"""The values of live conversations, explained turns and intents for FastAPI and its OpenAPI document."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from server.transport.http.models import Json, Model, User
from server.wire import examples

_CUSTOMER: Json = {"id": "carl", "kind": "customer", "name": "Carl"}
_INTENT: Json = {"intent": "card_declined", "count": 31, "share": 0.31, "sentiment": -0.42}
_LIVE: Json = {
    "channel": examples.CHANNEL,
    "state": "bot",
    "resolved": False,
    "messages": 6,
    "customer": _CUSTOMER,
    "text": "My card was declined.",
    "at_ms": examples.AT_MS,
    "analysis": {"intent": "card_declined"},
}
_CHOICE: Json = {
    "persona": "warm",
    "probability": 0.62,
    "score": 0.71,
    "exploit": 0.64,
    "explore": 0.07,
    "features": [{"name": "sentiment", "contribution": 0.12}],
}
_DECISION: Json = {
    "decision_id": "01JB9Z0000000000000000000D",
    "policy": "linucb",
    "mode": "live",
    "version": 7,
    "persona": "warm",
    "propensity": 0.62,
    "personas": [_CHOICE],
    "reward": 0.8,
    "words": "warm was drawn with 62 %.",
}
_TURN: Json = {
    "message_id": "01JB9Z0000000000000000000M",
    "at_ms": examples.AT_MS,
    "text": "My card was declined.",
    "analysis": {"intent": "card_declined"},
    "answer": {"message_id": "01JB9Z0000000000000000000N", "at_ms": examples.AT_MS + 5, "text": "Let me look."},
    "decision": _DECISION,
}


class IntentCount(Model):
    example: ClassVar[Json | None] = _INTENT
    intent: str = Field(description="As analyses name it; `out_of_scope`: doubtful and of none.")
    count: int = Field(description="Answered turns.")
    share: float = Field(description="Of all that were counted.")
    sentiment: float = Field(description="Mean sentiment of these messages, in [-1, 1].")


class IntentCounts(Model):
    """What customers asked about, the most frequent first."""

    example: ClassVar[Json | None] = {"since_ms": examples.AT_MS, "turns": 100, "items": [_INTENT]}
    since_ms: int = Field(description="From when on; milliseconds since the Unix epoch.")
    turns: int = Field(description="Turns that were counted: the newest, at most 10,000.")
    items: list[IntentCount] = Field(description="The intents.")


class Outcome(Model):
    """An hour or a day; shares are left out where there is nothing to share."""

    example: ClassVar[Json | None] = {
        "at_ms": examples.AT_MS, "ratings": 4, "satisfied": 3, "thumbs_up": 9, "thumbs_down": 1, "resolved": 6,
        "handed_over": 2, "rating_mean": 0.8, "satisfaction": 0.75, "thumbs": 0.9, "success": 0.75, "handoff": 0.25,
    }  # fmt: skip
    at_ms: int = Field(description="When it begins; milliseconds since the Unix epoch.")
    ratings: int = Field(description="Whole conversations that their customers rated.")
    satisfied: int = Field(description="Those of four or five stars.")
    thumbs_up: int = Field(description="Answers that customers found good.")
    thumbs_down: int = Field(description="Answers that they did not.")
    resolved: int = Field(description="Conversations resolved without a person.")
    handed_over: int = Field(description="Conversations handed to a person.")
    rating_mean: float | None = Field(None, description="Mean rating, in [0, 1]; five stars are 1, one star is 0.")
    satisfaction: float | None = Field(None, description="Share of four and five stars (CSAT).")
    thumbs: float | None = Field(None, description="Share of thumbs that were up.")
    success: float | None = Field(None, description="Of those that ended, the share resolved without a person.")
    handoff: float | None = Field(None, description="Of those that ended, the share handed over.")


class Outcomes(Model):
    example: ClassVar[Json | None] = {
        "since_ms": examples.AT_MS,
        "span_ms": 86_400_000,
        "items": [Outcome.example],
    }
    since_ms: int = Field(description="From when on; milliseconds since the Unix epoch.")
    span_ms: int = Field(description="An hour or a day.")
    items: list[Outcome] = Field(description="The earliest first; those without anything are left out.")


class LiveConversation(Model):
    """A conversation with a customer's word in the last minutes."""

    example: ClassVar[Json | None] = _LIVE
    channel: str = Field(description="The conversation.")
    state: Literal["bot", "waiting", "claimed"] = Field(description="Who answers.")
    resolved: bool = Field(description="Whether it is marked so.")
    messages: int = Field(description="How many there are.")
    customer: User = Field(description="Who wrote last.")
    text: str = Field(description="That message, its first 500 characters.")
    at_ms: int = Field(description="When it was written; milliseconds since the Unix epoch.")
    analysis: Json | None = Field(None, description="What was understood of it, once it is answered.")


class LiveConversations(Model):
    """The latest first."""

    example: ClassVar[Json | None] = {"items": [_LIVE]}
    items: list[LiveConversation] = Field(description="The conversations.")


class Contribution(Model):
    example: ClassVar[Json | None] = {"name": "sentiment", "contribution": 0.12}
    name: str = Field(description="The feature (docs/features.md).")
    contribution: float = Field(description="To `exploit`; a negative one speaks against the persona.")


class Choice(Model):
    """A persona as the decision saw it. All but the probability are what the policy says today."""

    example: ClassVar[Json | None] = _CHOICE
    persona: str = Field(description="Its name.")
    probability: float = Field(description="With which it could be drawn then.")
    score: float | None = Field(None, description="What was expected, with the credit for not being sure.")
    exploit: float | None = Field(None, description="The reward expected.")
    explore: float | None = Field(None, description="The credit for not being sure.")
    features: list[Contribution] | None = Field(None, description="Those that weigh most, the heaviest first.")


class TurnDecision(Model):
    """Why this persona spoke."""

    example: ClassVar[Json | None] = _DECISION
    decision_id: str = Field(description="As the answer's `turn` has it.")
    policy: str = Field(description="In whose log it stands; with a colon: an experiment's or the hold-out's.")
    mode: str = Field(description="live, log_only or apprentice.")
    version: int = Field(description="Of the policy, when it decided.")
    persona: str = Field(description="Who was drawn.")
    propensity: float = Field(description="With which probability.")
    personas: list[Choice] = Field(description="Everybody who could have been.")
    reward: float | None = Field(None, description="In [0, 1], once it is known.")
    words: str | None = Field(None, description="The same in a few sentences, by what the policy knows today.")


class TurnAnswer(Model):
    example: ClassVar[Json | None] = _TURN["answer"]
    message_id: str = Field(description="The bot's message.")
    at_ms: int = Field(description="When; milliseconds since the Unix epoch.")
    text: str = Field(description="What it said.")
    data: Json | None = Field(None, description="What stood beside, such as `citations` of articles.")
    turn: Json | None = Field(None, description="How it came about, as on the message itself: mood, experiment, times.")


class ExplainedTurn(Model):
    """A customer's message, what was understood, who answered, and why."""

    example: ClassVar[Json | None] = _TURN
    message_id: str = Field(description="The customer's message.")
    at_ms: int = Field(description="When it was written; milliseconds since the Unix epoch.")
    text: str = Field(description="What it says.")
    analysis: Json | None = Field(None, description="What was understood; missing where that failed.")
    answer: TurnAnswer | None = Field(None, description="The bot's reply.")
    decision: TurnDecision | None = Field(None, description="Missing for an apology.")


class ExplainedTurns(Model):
    """The earliest first."""

    example: ClassVar[Json | None] = {"items": [_TURN]}
    items: list[ExplainedTurn] = Field(description="The turns.")
