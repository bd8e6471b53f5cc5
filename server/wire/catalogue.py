"""What every frame and field means, in a sentence each: what AsyncAPI and OpenAPI documents are made from.

The structs say what is valid; this says what it is for. Tests hold the two together: each frame has an entry, each
field a note, and nothing here speaks of what is not there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from msgspec import Struct

from server.wire import frames, requests
from server.wire.closing import CloseCode

TOPICS: Final[dict[str, str]] = {
    "connect": "Coming in, staying in, and being sent away.",
    "channels": "Subscribing, and catching up with what was missed.",
    "conversations": "Opening, listing, joining, resolving and rating conversations.",
    "messages": "Durable messages, and what the bot made of them.",
    "hand-off": "From the bot to a human and back.",
    "presence": "Who is there.",
    "typing": "Who is writing.",
    "receipts": "Who has got and read what.",
    "notifications": "What concerns a person and not a conversation; stored until seen.",
    "errors": "What went wrong, and whether to try again.",
}


@dataclass(frozen=True, slots=True)
class Request:
    """A frame that clients send. ``answer``: the frame that carries its ``id`` back, if it isn't an ``error``; None:
    there is no answer."""

    frame: type[requests.Incoming]
    topic: str
    summary: str
    answer: type[frames.ServerFrame] | None


@dataclass(frozen=True, slots=True)
class Sent:
    """A frame that the server sends."""

    frame: type[frames.ServerFrame]
    topic: str
    summary: str


REQUESTS: Final[tuple[Request, ...]] = (
    Request(requests.Connect, "connect", "The first frame: who is there, and what to catch up with.", frames.Welcome),
    Request(requests.Ping, "connect", "Are you there?", frames.Pong),
    Request(requests.Refresh, "connect", "A newer token of the same user before the old one ends.", frames.Refreshed),
    Request(requests.Subscribe, "channels", "Hear a channel, from a position on.", frames.Subscribed),
    Request(requests.Unsubscribe, "channels", "Hear a channel no more.", frames.Unsubscribed),
    Request(requests.History, "channels", "Read older or newer messages.", frames.HistoryPage),
    Request(requests.Open, "conversations", "Begin a conversation, or find the one this key began.", frames.Opened),
    Request(
        requests.Conversations, "conversations", "One's own conversations, newest activity first.",
        frames.ConversationsPage,
    ),
    Request(requests.Members, "conversations", "Tell, add or remove members.", frames.MembersNow),
    Request(requests.Resolve, "conversations", "Mark as resolved, or open again.", frames.Resolved),
    Request(requests.Rate, "conversations", "Rate the whole conversation.", frames.Rated),
    Request(requests.Send, "messages", "Write a message; the ack comes after its commit.", frames.Ack),
    Request(requests.Feedback, "messages", "Rate one answer of the bot.", frames.FeedbackAccepted),
    Request(requests.Handoff, "hand-off", "Ask for a human.", frames.HandedOff),
    Request(requests.Claim, "hand-off", "Take a conversation over, as an agent or admin.", frames.Claimed),
    Request(requests.Release, "hand-off", "Give a conversation back to the bot.", frames.Released),
    Request(requests.SetPresence, "presence", "Set one's own status, on all devices.", frames.PresenceChange),
    Request(requests.Who, "presence", "Which members are there.", frames.Present),
    Request(requests.SetTyping, "typing", "I am writing, or have stopped.", None),
    Request(requests.MarkReceipt, "receipts", "I have got, or read, everything up to an offset.", None),
    Request(requests.MarkSeen, "notifications", "A notification has been seen.", frames.Seen),
)  # fmt: skip

SENT: Final[tuple[Sent, ...]] = (
    Sent(frames.Welcome, "connect", "Who you are, what waits for you, and what you missed."),
    Sent(frames.Pong, "connect", "The answer to ping, with the server's time."),
    Sent(frames.Refreshed, "connect", "The newer token counts from now on."),
    Sent(frames.Goodbye, "connect", "The connection is about to be closed; when to come back."),
    Sent(frames.Subscribed, "channels", "From here on the channel is heard; what was missed, whole or not at all."),
    Sent(frames.Unsubscribed, "channels", "The channel is heard no more."),
    Sent(frames.HistoryPage, "channels", "A page of messages, ascending."),
    Sent(
        frames.Event, "channels", "Something that isn't durable: analysis, snapshot, upsert, remove, alert, metrics …"
    ),
    Sent(frames.Opened, "conversations", "The conversation, new or found; its opener is a member and subscribed."),
    Sent(frames.ConversationsPage, "conversations", "A page of conversations."),
    Sent(frames.MembersNow, "conversations", "The members, by the time they joined."),
    Sent(frames.Resolved, "conversations", "How the conversation is marked now."),
    Sent(frames.Rated, "conversations", "The rating of the conversation is stored."),
    Sent(frames.Ack, "messages", "The message is committed."),
    Sent(frames.Message, "messages", "A durable message, pushed to every subscriber in the order of offset."),
    Sent(frames.Delta, "messages", "A piece of a reply in the making."),
    Sent(frames.FeedbackAccepted, "messages", "The rating of the answer is stored."),
    Sent(frames.HandedOff, "hand-off", "Who answers from now on."),
    Sent(frames.Claimed, "hand-off", "The conversation is this agent's."),
    Sent(frames.Released, "hand-off", "The conversation is the bot's again."),
    Sent(frames.PresenceChange, "presence", "Who came, went or changed; with an id: the status is set."),
    Sent(frames.Present, "presence", "The members who are there and visible."),
    Sent(frames.TypingChange, "typing", "Somebody writes, or has stopped."),
    Sent(frames.ReceiptMoved, "receipts", "Somebody has got further."),
    Sent(frames.Notification, "notifications", "Something new for this user, on every device."),
    Sent(frames.Seen, "notifications", "Seen; without an id: on another device of the same user."),
    Sent(frames.Error, "errors", "The answer to what can't be done; without an id: about what has none."),
)

# What a field means; "Struct.field" where a name means something else there.
NOTES: Final[dict[str, str]] = {
    "type": "Which frame this is.",
    "id": "The client's own number or name for the request; comes back on its one answer.",
    "User.id": "The token's subject.",
    "ExperimentRef.id": "The experiment.",
    "accepted": "Always true: what was not accepted is an error.",
    "add": "Users who become members; they must be known to the server.",
    "after": "Only messages with a larger offset.",
    "after_ms": "How long to wait before reconnecting, in milliseconds.",
    "agent": "Who holds the claim.",
    "analysis_us": "Understanding the message, in microseconds.",
    "at_ms": "When, in milliseconds since the Unix epoch; for show: order by offset.",
    "Conversation.at_ms": "The last activity, in milliseconds since the Unix epoch.",
    "attempt": "A higher one discards the text so far.",
    "aborted": "Ends the reply without a message.",
    "before": "Only messages with a smaller offset.",
    "Conversations.before": "Only conversations whose at_ms is smaller.",
    "body": "The text of the notification.",
    "categories": "Labels for the rating, such as topics or reasons.",
    "changed": "Members whose status or devices changed.",
    "channel": "conv:<ulid>, user:<id>, system, agent:queue, admin:metrics or admin:alerts.",
    "channels": "The answer to resume, channel by channel.",
    "client": "The client program.",
    "code": "The row of the error table.",
    "Goodbye.code": "The code of the close that follows.",
    "comment": "Free text with a rating, at most 2,000 characters.",
    "conversation": "The conversation as this user sees it.",
    "count": "Members present, in a channel of more than 200 members.",
    "data": "Free structured data, at most 8,192 bytes as JSON.",
    "Event.data": "What happened; its shape goes with the event's name.",
    "decide_us": "Choosing the persona, in microseconds.",
    "decision_id": "The decision that feedback is credited to.",
    "devices": "Open connections, on all workers.",
    "duplicate": "Whether the same key had done this before.",
    "epoch": "Changes only when a restored backup has lost messages.",
    "error": "Why this channel was not resumed.",
    "exp_ms": "When the token expires, in milliseconds since the Unix epoch.",
    "because": "Why it counts, in words.",
    "mood": "How the moment bent the persona; absent where it did not.",
    "rules": "The mood rules that count for this reply, the strongest first.",
    "strength": "1 where the message met the rule; less while an earlier one fades.",
    "traits": "What is added to the persona's traits, by name.",
    "MoodRule.name": "The rule's name in the file of mood rules.",
    "experiment": "The experiment that this turn belonged to.",
    "from": "Who wrote it; agents and admins are agent, services bot.",
    "items": "The conversations.",
    "joined": "Members who are there now.",
    "key": "The client's idempotency key: 1 to 64 characters, unique per user and channel.",
    "Open.key": "The client's idempotency key: 1 to 64 characters, unique per user.",
    "kind": "customer, agent, admin, service; bot and system for what nobody wrote by hand.",
    "MarkReceipt.kind": "How far the message has got; read means delivered too.",
    "ReceiptMoved.kind": "How far the message has got; read means delivered too.",
    "ReceiptMark.kind": "How far the message has got; read means delivered too.",
    "last": "The newest message.",
    "last_seen_ms": "The last sign of life, in milliseconds since the Unix epoch.",
    "left": "Members who are gone.",
    "limit": "How many at most.",
    "max_message_bytes": "The largest message that the server takes.",
    "members": "The members.",
    "message": "What went wrong and what to do, in a sentence.",
    "message_id": "The message.",
    "messages": "Whole messages, ascending by offset.",
    "metadata": "Free structured data about the conversation, at most 8,192 bytes as JSON.",
    "more": "Whether there are more in the direction asked.",
    "name": "The name shown to others.",
    "ClientInfo.name": "The client program's name, for statistics.",
    "ServerInfo.name": "The server program's name.",
    "Event.name": "Which event this is.",
    "Error.name": "The name of the row in the error table.",
    "ErrorRef.name": "The name of the row in the error table.",
    "notification_id": "The notification.",
    "notifications": "The unseen ones, most urgent, then oldest first; at most 100.",
    "offset": "Counts the conversation's durable messages from 1, without gaps.",
    "Position.offset": "The last message seen.",
    "Subscribe.offset": "The last message seen.",
    "Recovered.offset": "The last message's; the next one pushed has this plus 1.",
    "Subscribed.offset": "The last message's; the next one pushed has this plus 1.",
    "Opened.offset": "The last message's, 0 when empty.",
    "Conversation.offset": "The last message's, 0 when empty.",
    "MarkReceipt.offset": "Up to and including this message.",
    "ReceiptMoved.offset": "Up to and including this message.",
    "ReceiptMark.offset": "Up to and including this message.",
    "on": "Whether the user is writing.",
    "persona": "How the bot spoke.",
    "ping_interval_ms": "Time between two pings of the server, in milliseconds.",
    "policy": "What chose the persona.",
    "priority": "How much it matters.",
    "propensity": "The probability with which the persona was chosen.",
    "rating": "A number from 0 to 1; thumbs are 0 and 1.",
    "read_offset": "How far this user has read.",
    "reason": "Why a human is wanted; shown in the queue.",
    "receipts": "How far each user has got.",
    "recovered": "Whether messages holds everything that was missed.",
    "remove": "Users who are members no more.",
    "reply_to": "The message_id that this answers.",
    "resolved": "Whether the matter is settled.",
    "resume": "Channels to subscribe to again, each with the last position seen.",
    "retry_after_ms": "When a retry can succeed, in milliseconds from now.",
    "seq": "Counts the pieces of one attempt from 0.",
    "server": "The server program.",
    "session": "This connection, for support and logs.",
    "state": "Who answers: the bot, the bot until a human comes, or the human.",
    "status": "How the user wants to be seen.",
    "Presence.status": "How the user is seen; invisible users look offline.",
    "temporary": "Whether the same request may succeed later.",
    "text": "1 to 8,000 Unicode code points after NFC normalisation.",
    "Message.text": "The text, NFC-normalised; spans count its code points.",
    "LastMessage.text": "The text, NFC-normalised.",
    "Delta.text": "The next piece of the text.",
    "SetPresence.text": "The status in own words.",
    "Presence.text": "The status in own words.",
    "time_ms": "The server's time, in milliseconds since the Unix epoch.",
    "title": "The notification in a few words.",
    "token": "A JWT. Never put it into a URL.",
    "Welcome.token": "Only for a new guest: reconnect with it to stay the same user.",
    "total_us": "The whole turn, in microseconds.",
    "turn": "How the bot came to its reply; customers see less of it.",
    "unread": "Unseen notifications in all.",
    "Conversation.unread": "Messages by others after read_offset.",
    "user": "Whom this is about.",
    "variant": "The variant that was shown.",
    "version": "Reward events that the policy had learned from.",
    "ClientInfo.version": "The client program's version, for statistics.",
    "ServerInfo.version": "The server program's version.",
}

# The codes of PROTOCOL §8: what each close means, and whether to come back.
CLOSINGS: Final[dict[CloseCode, tuple[str, str]]] = {
    CloseCode.NOT_UTF8: ("a text message was not UTF-8", "no"),
    CloseCode.MESSAGE_TOO_LARGE: ("message too large", "no"),
    CloseCode.PROTOCOL_VIOLATED: ("undecodable or protocol violated", "no"),
    CloseCode.UNAUTHENTICATED: ("token missing, invalid, expired or revoked", "with a new token"),
    CloseCode.BANNED: ("banned", "no"),
    CloseCode.NO_CONNECT: ("no connect in time", "yes"),
    CloseCode.TOO_MANY: ("too many connections or frames; goodbye comes first", "yes, after after_ms"),
    CloseCode.DRAINING: ("server draining; goodbye comes first", "yes, after after_ms"),
    CloseCode.TOO_SLOW: ("too slow: the outbox limit was passed", "yes, and resume"),
    CloseCode.INTERNAL: ("internal failure", "yes, with back-off"),
}


def note(struct: str, field: str) -> str:
    """The note on a field, by the struct's name and the field's on the wire. ``KeyError`` where there is none."""
    return NOTES.get(f"{struct}.{field}") or NOTES[field]


def frame_type(frame: type[Struct]) -> str:
    """A frame's ``type`` on the wire."""
    return str(frame.__struct_config__.tag)
