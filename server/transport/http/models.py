"""The values of the REST API for FastAPI and its OpenAPI document: the structs of ``server.wire`` in pydantic.

Requests are checked by these first and become the structs afterwards; answers are encoded from the structs, and these
only describe them. A test holds each model to the struct that it mirrors; notes and examples come from the catalogue.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

import msgspec
from msgspec import Struct
from pydantic import BaseModel, ConfigDict, Field

from server.chat.administration import MAX_TTL_S, SystemEvent
from server.store.inbox_ports import DoubtState
from server.tokens import MAX_NAME_CHARACTERS, MAX_SUBJECT_CHARACTERS, TokenKind
from server.wire import examples, frames, parts, requests
from server.wire.catalogue import NOTES, note
from server.wire.parts import Kind, Priority, ReceiptKind, State, Status

Key = Annotated[str, Field(min_length=1, max_length=64)]
Offset = Annotated[int, Field(ge=0, le=parts.MAX_SAFE_INTEGER)]
UserId = Annotated[str, Field(min_length=1, max_length=MAX_SUBJECT_CHARACTERS)]
Json = dict[str, Any]


def _describe(schema: dict[str, Any], model: type[BaseModel]) -> None:
    """Notes from the catalogue, an example from the story, and no ``null`` where a field is left out instead."""
    if not issubclass(model, Model):
        return
    mirrored = model.mirrors.__name__ if model.mirrors else model.__name__
    for name, field in schema["properties"].items():
        field.pop("title", None)
        kinds = [kind for kind in field.get("anyOf", ()) if kind != {"type": "null"}]
        if len(kinds) == 1:
            del field["anyOf"]
            field.update(kinds[0])
        if field.get("default", "") is None:
            del field["default"]
        if "description" not in field and (name in NOTES or f"{mirrored}.{name}" in NOTES):
            field["description"] = note(mirrored, name)
    example = _example(model, set(schema["properties"]))
    if example is not None:
        schema.setdefault("examples", [example])


def _example(model: type[Model], names: set[str]) -> dict[str, Any] | None:
    """The model's own example, or its struct's fullest, without what the HTTP request or answer does not hold."""
    if model.example is not None:
        return model.example
    told = [msgspec.to_builtins(one) for one in examples.examples_of(model.mirrors or object)]
    told = [{name: value for name, value in one.items() if name in names} for one in told]
    return max(told, key=len, default=None)


class Model(BaseModel):
    """``mirrors``: the struct whose fields these are; its example is the catalogue's. ``example``: another one."""

    model_config = ConfigDict(strict=True, extra="ignore", populate_by_name=True, json_schema_extra=_describe)
    mirrors: ClassVar[type[Struct] | None] = None
    example: ClassVar[Json | None] = None


# ------------------------------------------------------------------ what clients send


class OpenConversation(Model):
    mirrors = requests.Open
    key: Key | None = None
    metadata: Json | None = None


class SendMessage(Model):
    mirrors = requests.Send
    text: str
    key: Key | None = None
    data: Json | None = None
    reply_to: str | None = None


class ChangeMembers(Model):
    mirrors = requests.Members
    add: Annotated[list[UserId], Field(max_length=parts.MAX_MEMBERS_CHANGED)] | None = None
    remove: Annotated[list[UserId], Field(max_length=parts.MAX_MEMBERS_CHANGED)] | None = None


class SetMembers(Model):
    example = {"members": [examples.GUEST.id, examples.ANN.id]}
    members: Annotated[
        list[UserId],
        Field(max_length=parts.MAX_MEMBERS_CHANGED, description="Everybody who is a member from now on."),
    ]


class AskForHuman(Model):
    mirrors = requests.Handoff
    reason: str | None = None


class ResolveConversation(Model):
    mirrors = requests.Resolve
    resolved: bool = True


class RateConversation(Model):
    mirrors = requests.Rate
    rating: float
    comment: str | None = None
    categories: Annotated[list[str], Field(max_length=parts.MAX_CATEGORIES)] | None = None


class RateMessage(Model):
    mirrors = requests.Feedback
    rating: float
    comment: str | None = None


class MarkReceipt(Model):
    mirrors = requests.MarkReceipt
    kind: ReceiptKind
    offset: Offset


class SetPresence(Model):
    mirrors = requests.SetPresence
    status: Status
    text: str | None = None


class Notify(Model):
    """To one user, or to every user that is known now: ``user_id``, or ``everyone``."""

    example = {
        "user_id": "carl",
        "priority": "high",
        "title": "Your parcel is delayed",
        "body": "It arrives on Friday.",
    }
    user_id: UserId | None = Field(None, description="Whom it is for.")
    everyone: bool | None = Field(None, description="True: for every known user.")
    priority: Priority = "normal"
    title: str
    body: str
    data: Json | None = None


class IssueToken(Model):
    example = {"user_id": "carl", "kind": "customer", "name": "Carl", "ttl_s": 3_600}
    user_id: UserId = Field(description="The token's subject; a new one is a new user.")
    kind: TokenKind = "customer"
    name: Annotated[str, Field(max_length=MAX_NAME_CHARACTERS)] | None = None
    ttl_s: int = Field(3_600, ge=1, le=MAX_TTL_S, description="How long it is valid, in seconds.")


class Announce(Model):
    example = {"name": "maintenance", "data": {"text": "Short restart at 02:00 UTC."}}
    name: SystemEvent = Field(description="What kind of word it is.")
    data: Json = Field(description="What to tell, as the clients show it; at most 8,192 bytes as JSON.")


class Label(Model):
    example = {"intent": "card_arrival"}
    intent: str = Field(description="What was meant; `oos` for none of the intents.", min_length=1, max_length=64)
    new: bool = Field(False, description="True: an intent of this name is wanted where there is none yet.")


# ------------------------------------------------------------------ what the server answers


class User(Model):
    mirrors = parts.User
    id: str
    kind: Kind
    name: str


class ExperimentRef(Model):
    mirrors = parts.ExperimentRef
    id: str
    variant: str


class MoodRule(Model):
    mirrors = parts.MoodRule
    name: str
    strength: float
    because: str


class Mood(Model):
    mirrors = parts.Mood
    rules: list[MoodRule]
    traits: dict[str, float]


class Turn(Model):
    mirrors = parts.Turn
    decision_id: str
    persona: str
    policy: str | None = None
    version: int | None = None
    propensity: float | None = None
    experiment: ExperimentRef | None = None
    analysis_us: int | None = None
    decide_us: int | None = None
    total_us: int | None = None
    mood: Mood | None = None


class LastMessage(Model):
    mirrors = parts.LastMessage
    offset: int
    sender: User = Field(alias="from")
    text: str
    at_ms: int


class Conversation(Model):
    mirrors = parts.Conversation
    example = msgspec.to_builtins(examples.CONVERSATION)
    channel: str
    state: State
    resolved: bool
    at_ms: int
    offset: int
    read_offset: int
    unread: int
    agent: User | None = None
    last: LastMessage | None = None


class ConversationPage(Model):
    mirrors = frames.ConversationsPage
    items: list[Conversation]
    more: bool


class Opened(Model):
    mirrors = frames.Opened
    channel: str
    epoch: str
    offset: int
    duplicate: bool
    conversation: Conversation | None = None


class Message(Model):
    mirrors = frames.Message
    type: Literal["message"]
    channel: str
    epoch: str
    offset: int
    message_id: str
    at_ms: int
    sender: User = Field(alias="from")
    text: str
    data: Json | None = None
    key: str | None = None
    reply_to: str | None = None
    turn: Turn | None = None


class MessagePage(Model):
    mirrors = frames.HistoryPage
    channel: str
    epoch: str
    messages: list[Message]
    more: bool


class Ack(Model):
    mirrors = frames.Ack
    channel: str
    key: str
    message_id: str
    offset: int
    at_ms: int
    duplicate: bool


class MembersNow(Model):
    mirrors = frames.MembersNow
    channel: str
    members: list[User]


class HandedOff(Model):
    mirrors = frames.HandedOff
    channel: str
    state: State


class Claimed(Model):
    mirrors = frames.Claimed
    channel: str
    agent: User


class Released(Model):
    mirrors = frames.Released
    channel: str


class Resolved(Model):
    mirrors = frames.Resolved
    channel: str
    resolved: bool


class Rated(Model):
    mirrors = frames.Rated
    channel: str
    accepted: bool


class FeedbackAccepted(Model):
    mirrors = frames.FeedbackAccepted
    message_id: str
    accepted: bool


class Presence(Model):
    mirrors = parts.Presence
    user: User
    status: Literal["online", "away", "busy", "offline"]
    last_seen_ms: int
    devices: int
    text: str | None = None


class Present(Model):
    mirrors = frames.Present
    channel: str
    members: list[Presence]


class Notification(Model):
    mirrors = frames.Notification
    type: Literal["notification"]
    channel: str
    notification_id: str
    priority: Priority
    title: str
    body: str
    at_ms: int
    data: Json | None = None


class NotificationPage(Model):
    example = {"items": [msgspec.to_builtins(examples.NOTICE)], "unread": 1}
    items: list[Notification] = Field(description="The unseen ones, most urgent, then oldest first.")
    unread: int = Field(description="All that are unseen, those not in `items` included.")


class Seen(Model):
    mirrors = frames.Seen
    notification_id: str


class Notified(Model):
    example = {"notification_id": examples.NOTICE.notification_id, "users": 1}
    notification_id: str
    users: int = Field(description="How many users it is for.")


class Announced(Model):
    example = {"channel": "system", "name": "maintenance", "data": {"text": "Short restart at 02:00 UTC."}}
    channel: str
    name: SystemEvent = Field(description="What kind of word it is.")
    data: Json


class Account(Model):
    """A user. ``status`` and ``devices`` are left out while nobody can say who is connected."""

    example = {
        "id": "carl",
        "kind": "customer",
        "name": "Carl",
        "last_seen_ms": examples.AT_MS,
        "banned": False,
        "tokens_from_ms": 0,
        "status": "online",
        "devices": 2,
    }
    id: str = Field(description="The token's subject.")
    kind: TokenKind
    name: str
    last_seen_ms: int
    banned: bool = Field(description="Whether the user is kept out.")
    tokens_from_ms: int = Field(description="Tokens issued before are void; milliseconds since the Unix epoch.")
    status: Literal["online", "away", "busy", "offline"] | None = None
    text: str | None = Field(None, description="The status in own words.")
    devices: int | None = None


class AccountPage(Model):
    example = {"items": [Account.example], "more": False}
    items: list[Account] = Field(description="By id.")
    more: bool


class Revoked(Model):
    example = {"user_id": "carl", "tokens_from_ms": examples.AT_MS, "banned": False}
    user_id: str = Field(description="Whose tokens they are.")
    tokens_from_ms: int = Field(description="Tokens issued before are void; milliseconds since the Unix epoch.")
    banned: bool = Field(description="Whether the user is kept out.")


class Issued(Model):
    example = {
        "token": examples.TOKEN,
        "user": {"id": "carl", "kind": "customer", "name": "Carl"},
        "exp_ms": examples.AT_MS + 3_600_000,
    }
    token: str
    user: User
    exp_ms: int


class Guess(Model):
    example = {"intent": "card_arrival", "probability": 0.31}
    intent: str = Field(description="An intent's name.")
    probability: float = Field(description="In [0, 1].")


class InboxItem(Model):
    """A turn that the bot answered without being sure of what was meant."""

    example = {
        "message_id": examples.ASKED.message_id,
        "channel": examples.CHANNEL,
        "offset": 1,
        "at_ms": examples.AT_MS,
        "text": "it says shipped but nothing came",
        "state": "labelled",
        "said": "card_arrival",
        "confidence": 0.31,
        "guesses": [Guess.example],
        "out_of_scope": 0.12,
        "language": "en",
        "model": "nlu-1.2.0",
        "label": "order_status",
        "judged_by": "ann",
        "judged_at_ms": examples.AT_MS + 60_000,
    }
    message_id: str = Field(description="The customer's message; names the item.")
    channel: str = Field(description="The conversation.")
    offset: int = Field(description="Of the customer's message.")
    at_ms: int = Field(description="When it was written; milliseconds since the Unix epoch.")
    text: str = Field(description="What was written, personal data redacted where the setting `inbox_redact` says so.")
    state: DoubtState = Field(description="Whether somebody has labelled or dismissed it.")
    said: str = Field(description="The intent that it was taken for; `oos` for none.")
    confidence: float = Field(description="The likeliest intent's probability.")
    guesses: list[Guess] = Field(description="The likeliest intents, in falling order.")
    out_of_scope: float = Field(description="Probability of belonging to none of the model's intents.")
    language: str = Field(description="ISO 639-1, or `und`.")
    model: str = Field(description="Name and version of the model that read it.")
    label: str | None = Field(None, description="What was meant, as somebody has said; `oos` for none of the intents.")
    judged_by: str | None = Field(None, description="Who labelled or dismissed it last.")
    judged_at_ms: int | None = Field(None, description="When; milliseconds since the Unix epoch.")


class InboxPage(Model):
    example = {"items": [InboxItem.example], "more": False}
    items: list[InboxItem] = Field(description="The newest first.")
    more: bool


class ModelAgreement(Model):
    example = {"model": "nlu-1.2.0", "labelled": 40, "agreed": 22, "share": 0.55}
    model: str = Field(description="Name and version.")
    labelled: int = Field(description="Turns of the inbox that it read and somebody has labelled.")
    agreed: int = Field(description="Those whose label is what it had said.")
    share: float = Field(description="The same as a share. Only doubtful turns are labelled: it is no accuracy.")


class Agreements(Model):
    example = {"items": [ModelAgreement.example]}
    items: list[ModelAgreement] = Field(description="By model; those with a label at all.")


class MessageAnalysis(Model):
    example = {"message_id": "01J9Z3", "analysis": {"intent": "card_declined", "act": "complaint", "urgency": 0.8}}
    message_id: str
    analysis: dict[str, Any] = Field(description="As in the event `analysis` of the WebSocket.")


class Analyses(Model):
    example = {"items": [MessageAnalysis.example]}
    items: list[MessageAnalysis] = Field(description="In the order of the messages.")


class FieldProblem(Model):
    location: str = Field(description="Where in the request.")
    message: str = Field(description="What is wrong there.")


class Problem(Model):
    """RFC 9457 problem details, with the code and name of the protocol's error table."""

    example = {
        "type": "/docs#error-409",
        "title": "Conflict",
        "status": 409,
        "detail": "the key was used for another message of this conversation",
        "code": 409,
        "name": "conflict",
        "temporary": False,
    }
    type: str = Field(description="Where the error is explained.")
    title: str = Field(description="The error's name in words.")
    status: int = Field(description="The HTTP status.")
    detail: str = Field(description="What went wrong and what to do, in a sentence.")
    code: int
    name: str = Field(description="The name of the row in the error table.")
    temporary: bool
    retry_after_ms: int | None = None
    errors: list[FieldProblem] | None = Field(None, description="Every field that is wrong, in a 400 about fields.")
