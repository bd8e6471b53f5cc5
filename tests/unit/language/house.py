"""An author among fakes, with a real fan-out in between."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest
import yaml

from adapters.personas import Persona
from adapters.traits import Traits
from inference.pii import personal
from server.backplane.memory import MemoryBackplane
from server.backplane.ports import Envelope
from server.chat.language.author import Author
from server.chat.language.book import parse_prompts
from server.chat.language.rules import AuthorRules
from server.chat.language.values import Ended, Passage, StreamEvent, Text, Used, WritingRequest
from server.chat.writer import BuiltInWriter, Written
from server.clock import ManualClock
from server.errors import Unavailable
from server.fanout.hub import Fanout, Ledger
from server.store.ports import Answer, OpenTurn, Store
from server.store.usage_ports import ContextWish, LanguageContext, ModelUsage, Spent
from server.telemetry import Metrics
from server.wire.frames import Message
from server.wire.parts import Turn, User
from tests.unit.writer.support import book

ROOT = Path(__file__).resolve().parents[3]
BOOK = parse_prompts(
    yaml.safe_load((ROOT / "server/chat/language/prompts/en.yaml").read_text(encoding="utf-8")), "en.yaml"
)
BUILTIN = BuiltInWriter(book())
ALICE = User("alice", "customer", "Alice")
BOT = User("bot", "bot", "Parlance")
ASKED = Message("conv:c", "e", 3, "m3", 5, ALICE, "where is it?")
WRITTEN = Written("Which order?", ("p1",), ("#1",), "question", "order_status", {"order": "#4711"})
ANSWER = Answer(
    turn=OpenTurn("m3", 1, ASKED),
    sender=BOT,
    text=WRITTEN.text,
    message_id="a1",
    at_ms=10,
    data={"suggestions": ["#1"]},
    shown=Turn("d1", "calm", "linucb", 1, 0.5, total_us=10),
    decision=None,
    analysis={"sentiment": {"label": "negative", "score": -0.4}, "emotions": {"anger": 0.7, "neutral": 0.3}},
    notes={"phrases": ["p1"], "known": {"order": "#4711"}, "asked_back": False},
)
Said = Sequence[StreamEvent | Exception]
HELLO: Said = (Text("It is "), Text("on its way."), Ended(), Used(50, 5))


@dataclass
class FakeStore:
    """Keeps what is abandoned."""

    context: LanguageContext = field(default_factory=lambda: LanguageContext((), False, (), Spent()))
    wishes: list[ContextWish] = field(default_factory=list)
    abandoned: list[ModelUsage | None] = field(default_factory=list)
    away: bool = False

    async def language_context(self, wish: ContextWish) -> LanguageContext:
        if self.away:
            raise Unavailable("the database is away")
        self.wishes.append(wish)
        return self.context

    async def abandon(self, turn: OpenTurn, used: ModelUsage | None = None) -> bool:
        self.abandoned.append(used)
        return True


class FakeWriter:
    """Says what stands next in ``streams``; the last one for ever."""

    model = "fake"

    def __init__(self, *streams: Said) -> None:
        self.streams = list(streams or (HELLO,))
        self.requests: list[WritingRequest] = []
        self.gate: asyncio.Event | None = None
        self.ended = 0

    async def stream(self, request: WritingRequest) -> AsyncIterator[StreamEvent]:
        self.requests.append(request)
        try:
            for event in self.streams.pop(0) if len(self.streams) > 1 else self.streams[0]:
                if isinstance(event, Exception):
                    raise event
                yield event
                if self.gate is not None:
                    await self.gate.wait()
        finally:
            self.ended += 1

    async def close(self) -> None:
        pass


class House:
    """An author among its fakes, with a real fan-out in between."""

    def __init__(self, writer: FakeWriter, rules: AuthorRules) -> None:
        self.writer = writer
        self.store = FakeStore()
        self.clock = ManualClock()
        self.metrics = Metrics()
        self.fanout = Fanout(cast(Ledger, None), MemoryBackplane(), lambda _: None)
        self.heard: list[dict[str, Any]] = []
        ids = count()
        self.author = Author(
            writer=writer,
            book=BOOK,
            rules=rules,
            personas={"calm": Persona("calm", "Calm", "", Traits().as_dict(), {})},
            store=cast(Store, self.store),
            fanout=self.fanout,
            clock=self.clock,
            rng=random.Random(1),
            new_id=lambda: f"id{next(ids)}",
            metrics=self.metrics,
            personal=personal,
            cache_entries=2,
            builtin=BUILTIN,
        )

    def hear(self, envelope: Envelope) -> None:
        self.heard.append(msgspec.json.decode(envelope.body))

    async def rewrite(
        self, answer: Answer = ANSWER, written: Written = WRITTEN, passages: Sequence[Passage] = ()
    ) -> tuple[Answer, Written]:
        return await self.author.rewrite(answer, written, passages=passages)

    async def message(self, sender: User, offset: int, **more: Any) -> None:
        await self.fanout.publish_message(Message("conv:c", "e", offset, f"m{offset}", 6, sender, "text", **more))

    def count(self, name: str, **labels: str) -> float:
        return self.metrics.registry.get_sample_value(f"parlance_language_{name}", labels) or 0.0


Make = Callable[..., House]


@pytest.fixture
async def make() -> AsyncIterator[Make]:
    houses: list[House] = []

    def made(*streams: Said, **rules: Any) -> House:
        house = House(FakeWriter(*streams), AuthorRules("Parlance", **{"retries": 0, **rules}))
        houses.append(house)
        return house

    yield made
    for house in houses:
        await house.fanout.close()


async def opened(house: House) -> House:
    await house.fanout.start()
    await house.fanout.watch("conv:c", house.hear)
    return house


def replace_text(message: Message, text: str) -> Message:
    return msgspec.structs.replace(message, text=text)
