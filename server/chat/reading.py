"""Recovery and history: which messages a client gets, whole or not at all (PROTOCOL §4)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

from server.chat.peer import Caller, ChatPeer
from server.errors import BadFrame
from server.store.ports import Head, Store
from server.wire.codec import Codec
from server.wire.frames import HistoryPage, Message
from server.wire.parts import MAX_RECOVERED_MESSAGES, MAX_SERVER_MESSAGE_BYTES, Conversation, ReceiptMark
from server.wire.requests import History, Position

ItemT = TypeVar("ItemT")

# What a frame needs beside its messages: the envelope and the conversation with its last text.
ENVELOPE_BYTES = 100_000
# Receipts told on subscribing: everybody's in an ordinary conversation, those who moved last in a crowd.
MAX_RECEIPTS = 200


@dataclass(frozen=True, slots=True)
class Recovery:
    """Everything after the client's position, or nothing. ``offset`` is where delivery goes on from.

    ``conversation`` is None where the answer has no room for it.
    """

    recovered: bool
    epoch: str
    offset: int
    messages: list[Message]
    conversation: Conversation | None
    receipts: list[ReceiptMark]
    encoded_bytes: int


def can_recover(head: Head, position: Position | None) -> bool:
    """Whether ``position`` is one that this conversation had, and near enough to be caught up with."""
    return (
        position is not None
        and position.offset is not None
        and position.epoch == head.epoch
        and 0 <= head.offset - position.offset <= MAX_RECOVERED_MESSAGES
    )


def visible(caller: Caller, messages: list[Message]) -> list[Message]:
    """The messages as this caller may see them."""
    return messages if caller.sees_all else [message.for_customer() for message in messages]


async def recover(store: Store, peer: ChatPeer, channel: str, position: Position | None, budget_bytes: int) -> Recovery:
    """Read what ``position`` has missed. Call after ``Fanout.join``, so that nothing falls between."""
    conversation: Conversation | None = await store.conversation(channel, peer.user_id)
    receipts = await store.receipts(channel, MAX_RECEIPTS)
    size_bytes = len(peer.codec.encode(conversation)) + len(peer.codec.encode(receipts))
    if size_bytes > budget_bytes:
        conversation, receipts, size_bytes = None, [], 0
    head = await store.head(channel)
    if position is None or position.offset is None or not can_recover(head, position):
        return Recovery(False, head.epoch, head.offset, [], conversation, receipts, size_bytes)
    messages = await store.messages_after(channel, position.offset, MAX_RECOVERED_MESSAGES + 1)
    offset = messages[-1].offset if messages else position.offset
    shown = visible(peer.caller, messages)
    messages_bytes = len(peer.codec.encode(shown))
    if len(messages) > MAX_RECOVERED_MESSAGES or size_bytes + messages_bytes > budget_bytes:
        return Recovery(False, head.epoch, offset, [], conversation, receipts, size_bytes)
    return Recovery(True, head.epoch, offset, shown, conversation, receipts, size_bytes + messages_bytes)


async def read_history(store: Store, caller: Caller, frame: History, codec: Codec) -> HistoryPage:
    """One page, ascending; fewer than asked, with ``more``, where the answer would grow too large."""
    if frame.before is not None and frame.after is not None:
        raise BadFrame("history takes before or after, not both")
    head = await store.head(frame.channel)
    forward = frame.after is not None
    if frame.after is not None:
        found = await store.messages_after(frame.channel, frame.after, frame.limit + 1)
    else:
        found = await store.messages_before(frame.channel, frame.before, frame.limit + 1)
    nearest_first = visible(caller, found if forward else found[::-1])
    page = fitting(codec, nearest_first[: frame.limit])
    return HistoryPage(
        id=frame.id,
        channel=frame.channel,
        epoch=head.epoch,
        messages=page if forward else page[::-1],
        more=len(found) > len(page),
    )


def fitting(codec: Codec, items: list[ItemT]) -> list[ItemT]:
    """The first of the items, as many as one message to the client can hold."""
    left_bytes = MAX_SERVER_MESSAGE_BYTES - ENVELOPE_BYTES
    for count, item in enumerate(items):
        left_bytes -= len(codec.encode(item)) + 1
        if left_bytes < 0:
            return items[:count]
    return items
