"""What must hold of a conversation whatever happened to the server (PROTOCOL §9)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from loadtest.client import Client
from server.wire.frames import Ack, Message


async def whole_history(client: Client, channel: str) -> list[Message]:
    """Every message of a conversation, read page by page."""
    messages: list[Message] = []
    while True:
        page = await client.history(channel, after=len(messages), limit=200)
        messages += page.messages
        if not page.more:
            return messages


def check_offsets(messages: Sequence[Message]) -> None:
    """Offsets are 1, 2, 3 … (which also means that no message is there twice)."""
    assert [message.offset for message in messages] == list(range(1, len(messages) + 1))
    assert max(Counter(message.message_id for message in messages).values(), default=1) == 1


def check_acked(messages: Sequence[Message], acks: Mapping[str, tuple[Ack, str]]) -> None:
    """Each acked message (by key: its ack and text) is exactly one row, where and as the ack said."""
    keys = Counter(message.key for message in messages if message.key is not None)
    for key, (ack, text) in acks.items():
        assert keys[key] == 1, f"{key} is stored {keys[key]} times"
        stored = messages[ack.offset - 1]
        assert (stored.message_id, stored.key, stored.text) == (ack.message_id, key, text)


def check_answers(messages: Sequence[Message]) -> None:
    """Each customer message has exactly one reply of the bot, in the order of the messages."""
    asked = [message.message_id for message in messages if message.sender.kind == "customer"]
    answered = [message.reply_to for message in messages if message.sender.kind == "bot"]
    assert answered == asked


def unanswered(messages: Sequence[Message]) -> set[str]:
    """The customer messages without a reply."""
    asked = {message.message_id for message in messages if message.sender.kind == "customer"}
    return asked - {message.reply_to for message in messages if message.reply_to is not None}
