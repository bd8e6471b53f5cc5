"""One conversation, told in frames: every frame has its example, and docs/protocol.md shows each of them.

A guest asks for an order; the bot answers; an agent takes over. Values of structs, so that an example that is no frame
doesn't type-check.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from server.wire import frames, requests
from server.wire.parts import Conversation, LastMessage, Presence, ReceiptMark, Turn, User

GUEST: Final = User(id="01JCZK3V7Q2K8Z5W4X9Y6T1R0A", kind="customer", name="Guest")
ANN: Final = User(id="ann", kind="agent", name="Ann")
BOT: Final = User(id="bot", kind="bot", name="Parlance")
SYSTEM: Final = User(id="system", kind="system", name="Parlance")
CHANNEL: Final = "conv:01JCZK4B2M9D6F8H1J3K5M7N9P"
EPOCH: Final = "01JCZK4B2MEEPX0Q2R4S6T8V0W"
AT_MS: Final = 1_763_733_600_000
TOKEN: Final = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIwMUpDWkszViJ9.c2lnbmF0dXJl"  # noqa: S105  (signed by nobody)

ASKED: Final = frames.Message(
    channel=CHANNEL,
    epoch=EPOCH,
    offset=1,
    message_id="01JCZK5D3N0E7G9J2K4M6P8Q0R",
    at_ms=AT_MS + 4_000,
    sender=GUEST,
    text="Where is my order #4711?",
    key="m1",
)
ANSWERED: Final = frames.Message(
    channel=CHANNEL,
    epoch=EPOCH,
    offset=2,
    message_id="01JCZK5D4Q1F8H0K3M5N7P9R2S",
    at_ms=AT_MS + 4_012,
    sender=BOT,
    text="Order #4711 left our warehouse. Shall I look up where it is?",
    data={"suggestions": ["Yes, please", "Talk to a human"]},
    reply_to=ASKED.message_id,
    turn=Turn(
        decision_id="01JCZK5D4P9Z8Y7X6W5V4T3S2R",
        persona="warm",
        policy="linucb",
        version=7,
        propensity=0.62,
        analysis_us=1410,
        decide_us=38,
        total_us=2900,
    ),
)
CLAIMED: Final = frames.Message(
    channel=CHANNEL,
    epoch=EPOCH,
    offset=4,
    message_id="01JCZK7F6R2G9J1M4N6P8Q0S3T",
    at_ms=AT_MS + 65_000,
    sender=SYSTEM,
    text="Ann has joined the conversation.",
    data={"event": "claimed", "agent": {"id": "ann", "kind": "agent", "name": "Ann"}},
)
CONVERSATION: Final = Conversation(
    channel=CHANNEL,
    state="bot",
    resolved=False,
    at_ms=ANSWERED.at_ms,
    offset=2,
    read_offset=1,
    unread=1,
    last=LastMessage(offset=2, sender=BOT, text=ANSWERED.text, at_ms=ANSWERED.at_ms),
)
EMPTY: Final = Conversation(
    channel=CHANNEL, state="bot", resolved=False, at_ms=AT_MS, offset=0, read_offset=0, unread=0
)
NOTICE: Final = frames.Notification(
    channel=f"user:{GUEST.id}",
    notification_id="01JCZJ0000N3W5Y7Z9A1B3C5D7",
    priority="high",
    title="Your parcel is delayed",
    body="It arrives on Friday.",
    at_ms=AT_MS - 86_400_000,
    data={"order": 4711},
)
ANN_IS_THERE: Final = Presence(user=ANN, status="online", last_seen_ms=AT_MS + 60_000, devices=2, text="until 17:00")
ANN_HAS_LEFT: Final = Presence(user=ANN, status="offline", last_seen_ms=AT_MS + 300_000, devices=0)
GUEST_IS_THERE: Final = Presence(user=GUEST, status="online", last_seen_ms=AT_MS + 60_000, devices=1)

REQUESTS: Final[tuple[requests.Incoming, ...]] = (
    requests.Connect(id=1),
    requests.Connect(
        id=1,
        token=TOKEN,
        client=requests.ClientInfo(name="web", version="1.0"),
        resume={CHANNEL: requests.Position(epoch=EPOCH, offset=1)},
    ),
    requests.Ping(id=2),
    requests.Refresh(id=3, token=TOKEN),
    requests.Open(id=4, key="visit-1", metadata={"page": "/orders"}),
    requests.Send(id=5, channel=CHANNEL, key="m1", text="Where is my order #4711?"),
    requests.Feedback(id=6, message_id=ANSWERED.message_id, rating=1.0, comment="spot on"),
    requests.Subscribe(id=7, channel=CHANNEL, epoch=EPOCH, offset=1),
    requests.Subscribe(id=8, channel="agent:queue"),
    requests.Unsubscribe(id=9, channel=CHANNEL),
    requests.History(id=10, channel=CHANNEL, before=3, limit=20),
    requests.Conversations(id=11, before=AT_MS + 90_000, limit=20),
    requests.Members(id=12, channel=CHANNEL, add=["ben"], remove=[]),
    requests.Handoff(id=13, channel=CHANNEL, reason="asks for a human"),
    requests.Claim(id=14, channel=CHANNEL),
    requests.Release(id=15, channel=CHANNEL),
    requests.Resolve(id=16, channel=CHANNEL, resolved=True),
    requests.Rate(id=17, channel=CHANNEL, rating=0.8, comment="quick", categories=["delivery"]),
    requests.SetPresence(id=18, status="busy", text="in a call"),
    requests.Who(id=19, channel=CHANNEL),
    requests.SetTyping(channel=CHANNEL, on=True),
    requests.MarkReceipt(channel=CHANNEL, kind="read", offset=2),
    requests.MarkSeen(id=20, notification_id=NOTICE.notification_id),
)

SENT: Final[tuple[frames.ServerFrame, ...]] = (
    frames.Welcome(
        id=1,
        session="01JCZK3V7RB4D6F8H0J2K4M6N8",
        user=GUEST,
        token=TOKEN,
        ping_interval_ms=25_000,
        max_message_bytes=131_072,
        time_ms=AT_MS,
        server=frames.ServerInfo(name="parlance", version="0.1.0"),
        notifications=[],
        unread=0,
        channels={},
    ),
    frames.Welcome(
        id=1,
        session="01JCZK9Z1VC5E7G9J1K3M5N7P9",
        user=GUEST,
        ping_interval_ms=25_000,
        max_message_bytes=131_072,
        time_ms=AT_MS + 30_000,
        server=frames.ServerInfo(name="parlance", version="0.1.0"),
        notifications=[NOTICE],
        unread=1,
        channels={
            CHANNEL: frames.Recovered(
                recovered=True,
                epoch=EPOCH,
                offset=2,
                messages=[ANSWERED.for_customer()],
                conversation=CONVERSATION,
                receipts=[ReceiptMark(user=GUEST, kind="read", offset=1)],
            )
        },
    ),
    frames.Pong(id=2, time_ms=AT_MS + 1_000),
    frames.Refreshed(id=3, exp_ms=AT_MS + 3_600_000),
    frames.Opened(id=4, channel=CHANNEL, epoch=EPOCH, offset=0, duplicate=False, conversation=EMPTY),
    frames.Ack(
        id=5,
        channel=CHANNEL,
        key="m1",
        message_id=ASKED.message_id,
        offset=1,
        at_ms=ASKED.at_ms,
        duplicate=False,
    ),
    ASKED,
    ANSWERED,
    CLAIMED,
    frames.Event(
        channel=CHANNEL,
        name="analysis",
        data={
            "message_id": ASKED.message_id,
            "analysis": {
                "intent": "order_status",
                "intent_confidence": 0.93,
                "out_of_scope": 0.02,
                "act": "question",
                "sentiment": {"label": "neutral", "score": -0.08, "confidence": 0.81},
                "emotions": {
                    "joy": 0.02, "anger": 0.05, "fear": 0.08, "sadness": 0.06, "surprise": 0.09, "neutral": 0.7
                },
                "urgency": 0.4,
                "politeness": 0.1,
                "toxicity": 0.01,
                "language": "en",
                "entities": [{"type": "order_id", "text": "#4711", "start": 18, "end": 23}],
                "model": "nlu-1.2.0",
                "cached": False,
                "latency_us": 1410,
            },
        },
    ),
    frames.Delta(channel=CHANNEL, message_id=ANSWERED.message_id, attempt=0, seq=0, text="Order #4711 left "),
    frames.Delta(channel=CHANNEL, message_id=ANSWERED.message_id, attempt=0, seq=1, aborted=True),
    frames.FeedbackAccepted(id=6, message_id=ANSWERED.message_id, accepted=True),
    frames.Subscribed(
        id=7,
        channel=CHANNEL,
        epoch=EPOCH,
        offset=2,
        recovered=True,
        messages=[ANSWERED.for_customer()],
        conversation=CONVERSATION,
        receipts=[ReceiptMark(user=GUEST, kind="read", offset=1)],
    ),
    frames.Subscribed(id=8, channel="agent:queue", epoch="", offset=0, recovered=False, messages=[]),
    frames.Event(
        channel="agent:queue",
        name="snapshot",
        data={
            "items": [
                {
                    "channel": CHANNEL,
                    "waiting_since_ms": AT_MS + 60_000,
                    "reason": "asks for a human",
                    "urgency": 0.4,
                    "sentiment_score": -0.08,
                    "last_text": "Where is my order #4711?",
                }
            ]
        },
    ),
    frames.Event(
        channel="agent:queue",
        name="upsert",
        data={
            "item": {
                "channel": CHANNEL,
                "waiting_since_ms": AT_MS + 60_000,
                "reason": "asks for a human",
                "urgency": 0.7,
                "sentiment_score": -0.41,
                "last_text": "I need it today!",
            }
        },
    ),
    frames.Event(channel="agent:queue", name="remove", data={"channel": CHANNEL}),
    frames.Unsubscribed(id=9, channel=CHANNEL),
    frames.HistoryPage(
        id=10, channel=CHANNEL, epoch=EPOCH, messages=[ASKED, ANSWERED.for_customer()], more=False
    ),
    frames.ConversationsPage(id=11, items=[CONVERSATION], more=False),
    frames.MembersNow(
        id=12, channel=CHANNEL, members=[GUEST, ANN, User(id="ben", kind="agent", name="Ben")]
    ),
    frames.HandedOff(id=13, channel=CHANNEL, state="waiting"),
    frames.Claimed(id=14, channel=CHANNEL, agent=ANN),
    frames.Released(id=15, channel=CHANNEL),
    frames.Resolved(id=16, channel=CHANNEL, resolved=True),
    frames.Rated(id=17, channel=CHANNEL, accepted=True),
    frames.PresenceChange(id=18),
    frames.PresenceChange(channel=CHANNEL, joined=[ANN_IS_THERE], left=[], changed=[]),
    frames.PresenceChange(channel=CHANNEL, count=241),
    frames.Present(id=19, channel=CHANNEL, members=[GUEST_IS_THERE, ANN_IS_THERE]),
    frames.PresenceChange(channel=CHANNEL, joined=[], left=[ANN_HAS_LEFT], changed=[]),
    frames.TypingChange(channel=CHANNEL, user=GUEST, on=True),
    frames.TypingChange(channel=CHANNEL, user=GUEST, on=False),
    frames.ReceiptMoved(channel=CHANNEL, user=GUEST, kind="read", offset=2),
    NOTICE,
    frames.Seen(id=20, notification_id=NOTICE.notification_id),
    frames.Seen(notification_id=NOTICE.notification_id),
    frames.Event(
        channel="system",
        name="maintenance",
        data={"text": "Short restart at 02:00 UTC.", "starts_ms": AT_MS + 36_000_000},
    ),
    frames.Event(
        channel="admin:alerts",
        name="alert",
        data={
            "alert_id": "01JCZM0A1B2C3D4E5F6G7H8J9K",
            "rule": "turn_p99",
            "severity": "warning",
            "state": "raised",
            "at_ms": AT_MS + 120_000,
            "value": 61.5,
        },
    ),
    frames.Event(
        channel="admin:metrics",
        name="metrics",
        data={
            "at_ms": AT_MS + 120_000,
            "workers": 2,
            "connections": 1043,
            "conversations": 980,
            "messages_per_s": 212.0,
            "turns_per_s": 190.5,
            "turn_ms": {"p50": 3.1, "p95": 7.9, "p99": 14.2},
            "analysis_ms": {"p50": 1.4, "p95": 2.9, "p99": 5.0},
            "deliveries_per_s": 640.0,
            "outbox_drops": 0,
            "sentiment_mean": 0.12,
            "escalation_rate": 0.03,
            "personas": {"warm": {"share": 0.31, "reward": 0.64}},
            "errors_per_s": 0.0,
            "cpu": 0.71,
            "rss_bytes": 402_653_184,
        },
    ),
    frames.Error(
        id=5, code=409, name="conflict", message="the same key was used with other content; use a new key",
        temporary=False,
    ),
    frames.Error(
        id=5, code=429, name="rate_limited", message="too many messages; slow down", temporary=True, retry_after_ms=850
    ),
    frames.Error(code=404, name="not_found", message="no such channel", temporary=False),
    frames.Goodbye(code=4500, after_ms=1_850),
)  # fmt: skip


def examples_of(frame: type) -> list[requests.Incoming | frames.ServerFrame]:
    """The examples of one kind of frame, in the order of the story."""
    told: Iterable[requests.Incoming | frames.ServerFrame] = (*REQUESTS, *SENT)
    return [example for example in told if type(example) is frame]
