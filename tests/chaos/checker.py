"""What must hold of a conversation whatever happened to the server (PROTOCOL §9)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from loadtest.client import Client
from parlance_client.frames import Ack, Message
from tests.chaos.fleet import Fleet, Person
from tests.chaos.ledger import Row


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


async def check_fleet(fleet: Fleet) -> None:
    """Everything that must hold once the fault is over and ``fleet.settle()`` has returned."""
    ids: Counter[str] = Counter()
    for customer in fleet.customers:
        (channel,) = customer.channels
        rows = await fleet.ledger.rows(channel)
        ids.update(row.message_id for row in rows)
        assert [row.offset for row in rows] == list(range(1, len(rows) + 1)), f"{channel} has gaps or repeats"
        assert await fleet.ledger.head(channel) == len(rows)
        check_rows_acked(rows, customer)
        check_rows_answered(rows)
        for person in (customer, *fleet.observers):
            check_views(rows, person, channel)
            assert person.offset(channel) == len(rows), f"{person.user_id} has not heard all of {channel}"
    assert max(ids.values(), default=1) == 1
    for person in fleet.people:
        assert not person.strays, f"{person.user_id} was pushed what is not theirs: {person.strays[:3]}"


def check_rows_acked(rows: Sequence[Row], person: Person) -> None:
    """Each ack names one row, the only one of its key, with the text that was sent; nothing else is stored."""
    own = Counter(row.key for row in rows if row.sender_id == person.user_id)
    for ack in person.acks:
        assert own[ack.key] == 1, f"{ack.key} is stored {own[ack.key]} times"
        row = rows[ack.offset - 1]
        assert (row.message_id, row.key, row.text) == (ack.message_id, ack.key, person.sent[ack.key][1])
    assert own.keys() <= person.sent.keys()
    assert max(own.values(), default=1) == 1


def check_rows_answered(rows: Sequence[Row]) -> None:
    """Each customer message but those whose turn a claim has dropped has one answer, in the messages' order."""
    asked = [row.message_id for row in rows if row.sender_kind == "customer" and row.turn != "dropped"]
    assert [row.reply_to for row in rows if row.sender_kind == "bot"] == asked


def check_views(rows: Sequence[Row], person: Person, channel: str) -> None:
    """Each connection was pushed a run of the rows, whole and in order, that begins right after where it began."""
    for view in person.views[channel]:
        offsets = [message.offset for message in view.messages]
        run = list(range(view.start + 1, view.start + 1 + len(offsets)))
        assert offsets == run, f"{person.user_id} was pushed {offsets} of {channel} after {view.start}"
        for message in view.messages:
            row = rows[message.offset - 1]
            seen = (message.message_id, message.sender.id, message.sender.kind, message.text, message.reply_to)
            assert seen == (row.message_id, row.sender_id, row.sender_kind, row.text, row.reply_to)
