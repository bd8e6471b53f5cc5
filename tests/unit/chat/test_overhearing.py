"""What is written while a person answers is understood for staff, and a burst of it is read in part."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest

from inference.analysis import Analysis
from inference.errors import ModelError
from server.backplane.ports import Envelope
from server.chat.overhearing import MAX_OVERHEARD, Overhearing
from server.errors import Unavailable
from server.fanout.hub import Fanout
from server.wire import examples
from server.wire.frames import Message
from tests.unit.inference.support import analysis


class Room:
    """An engine that waits until it may go on, and a fan-out that keeps what is told."""

    def __init__(self) -> None:
        self.told: list[dict[str, Any]] = []
        self.envelopes: list[Envelope] = []
        self.read: list[str] = []
        self.go_on = asyncio.Event()
        self.error: Exception | None = None
        self.overhearing = Overhearing(analyser=self, fanout=cast(Fanout, self), timeout_s=1.0)

    async def analyse(self, text: str, *, timeout_s: float, conversation: str) -> Analysis:
        assert (timeout_s, conversation) == (1.0, examples.CHANNEL)
        self.read.append(text)
        await self.go_on.wait()
        if self.error is not None:
            raise self.error
        return analysis()

    async def publish(self, envelope: Envelope) -> None:
        self.envelopes.append(envelope)
        self.told.append(msgspec.json.decode(envelope.body))

    async def settle(self) -> None:
        for _ in range(10):
            await asyncio.sleep(0)


def said(number: int = 0) -> Message:
    return msgspec.structs.replace(examples.ASKED, message_id=f"m{number}", text=f"text {number}")


async def test_it_tells_staff_and_the_author() -> None:
    room = Room()
    room.go_on.set()
    room.overhearing.hear(said())
    await room.settle()
    [envelope], [event] = room.envelopes, room.told
    assert (envelope.audience, envelope.author) == ("staff", examples.ASKED.sender.id)
    assert (event["name"], event["data"]["message_id"]) == ("analysis", "m0")
    assert event["data"]["analysis"] == msgspec.to_builtins(analysis().to_wire())


async def test_of_a_burst_only_so_much_is_read() -> None:
    room = Room()
    for number in range(MAX_OVERHEARD + 5):
        room.overhearing.hear(said(number))
    await room.settle()
    assert len(room.read) == MAX_OVERHEARD
    room.go_on.set()
    await room.settle()
    room.overhearing.hear(said(99))
    await room.settle()
    assert [event["data"]["message_id"] for event in room.told][-1] == "m99"


@pytest.mark.parametrize("error", [ModelError(Path("model.onnx"), "is away"), Unavailable("away"), RuntimeError("odd")])
async def test_a_failure_is_nobody_elses(error: Exception) -> None:
    room = Room()
    room.go_on.set()
    room.error = error
    room.overhearing.hear(said(1))
    await room.settle()
    room.error = None
    room.overhearing.hear(said(2))
    await room.settle()
    assert [event["data"]["message_id"] for event in room.told] == ["m2"]


async def test_closing_ends_what_is_in_work() -> None:
    room = Room()
    room.overhearing.hear(said())
    await room.settle()
    await room.overhearing.close()
    room.go_on.set()
    await room.settle()
    assert room.told == []
