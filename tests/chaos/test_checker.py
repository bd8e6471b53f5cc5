"""The checker notices: a judge that can't say no proves nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from parlance_client.frames import Ack, Message, User
from tests.chaos.checker import check_fleet
from tests.chaos.fleet import Fleet, Person, View
from tests.chaos.ledger import Row

CHANNEL = "conv:1"
ASKED = Row(1, "m1", "ann", "customer", "k1", "hello", None, "answered")
ANSWERED = Row(2, "m2", "bot", "bot", None, "good day", "m1", None)


class Rows:
    """A ledger of one conversation."""

    def __init__(self, rows: Sequence[Row], head: int | None = None) -> None:
        self._rows = list(rows)
        self._head = len(self._rows) if head is None else head

    async def rows(self, channel: str) -> list[Row]:
        return self._rows

    async def head(self, channel: str) -> int:
        return self._head


class Ann(Person):
    """A customer who never was on any network."""

    @property
    def user_id(self) -> str:
        return "ann"


def pushed(row: Row) -> Message:
    sender = User(id=row.sender_id, kind="bot" if row.sender_kind == "bot" else "customer", name="N")
    return Message(
        channel=CHANNEL, epoch="e", offset=row.offset, message_id=row.message_id, at_ms=1, sender=sender,
        text=row.text, reply_to=row.reply_to, key=row.key,
    )  # fmt: skip


def fleet(rows: Sequence[Row], views: Sequence[Sequence[Row]] | None = None, head: int | None = None) -> Fleet:
    """Ann has said hello, and heard of ``views``, one for each of her connections (None: of everything at once)."""
    ann = Ann(["ws://nowhere/ws"], None, "json", seed=0)
    ann.channels = [CHANNEL]
    ann.sent = {"k1": (CHANNEL, "hello")}
    ann.acks = [Ack(id=1, channel=CHANNEL, key="k1", message_id="m1", offset=1, at_ms=1, duplicate=False)]
    ann.views[CHANNEL] = []
    offset = 0
    for view in [rows] if views is None else views:
        ann.views[CHANNEL].append(View(offset))
        for row in view:
            ann.note(pushed(row))
            offset = row.offset
    made = Fleet(["ws://nowhere/ws"], Rows(rows, head))
    made.customers = [ann]
    return made


async def test_what_is_whole_passes() -> None:
    await check_fleet(fleet([ASKED, ANSWERED]))
    await check_fleet(fleet([ASKED, ANSWERED], [[ASKED], [], [ANSWERED]]))


@pytest.mark.parametrize(
    ("rows", "why"),
    [
        ([ANSWERED], "gaps"),
        ([ASKED, replace(ANSWERED, offset=3)], "gaps"),
        ([ASKED, ANSWERED, replace(ASKED, offset=3, message_id="m3")], "stored 2 times"),
        ([replace(ASKED, key="k2"), ANSWERED], "stored 0 times"),
        ([replace(ASKED, text="other"), ANSWERED], "assert"),
        ([replace(ASKED, message_id="other"), ANSWERED], "assert"),
        ([ASKED], "assert"),
        ([ASKED, ANSWERED, replace(ANSWERED, offset=3, message_id="m3")], "assert"),
        ([ASKED, ANSWERED, replace(ASKED, offset=3, message_id="m3", key="k3")], "assert"),
    ],
    ids=["lost", "gap", "twice", "not stored", "other text", "other id", "no answer", "two answers", "never sent"],
)
async def test_what_is_stored_wrongly_fails(rows: list[Row], why: str) -> None:
    with pytest.raises(AssertionError, match=why):
        await check_fleet(fleet(rows))


@pytest.mark.parametrize(
    "views",
    [
        [[ASKED]],
        [[ANSWERED]],
        [[ASKED, ASKED, ANSWERED]],
        [[ANSWERED, ASKED]],
        [[ASKED], [ASKED, ANSWERED]],
        [[ASKED, replace(ANSWERED, text="something else")]],
        [[ASKED, replace(ANSWERED, message_id="m9")]],
    ],
    ids=["not all", "gap", "repeat", "order", "again", "other text", "other id"],
)
async def test_what_is_pushed_wrongly_fails(views: list[list[Row]]) -> None:
    with pytest.raises(AssertionError):
        await check_fleet(fleet([ASKED, ANSWERED], views))


async def test_a_head_beyond_the_messages_fails() -> None:
    with pytest.raises(AssertionError):
        await check_fleet(fleet([ASKED, ANSWERED], head=3))


async def test_what_is_somebody_elses_fails() -> None:
    made = fleet([ASKED, ANSWERED])
    made.customers[0].note(replace(pushed(ASKED), channel="conv:2"))
    with pytest.raises(AssertionError, match="not theirs"):
        await check_fleet(made)


async def test_a_dropped_turn_needs_no_answer() -> None:
    await check_fleet(fleet([replace(ASKED, turn="dropped")]))
