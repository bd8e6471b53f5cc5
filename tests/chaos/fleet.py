"""Clients that remember everything they said and heard, and come back whatever happens."""

from __future__ import annotations

import asyncio
import itertools
import random
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import jwt

from parlance_client import Connection as Client
from parlance_client import Push, new_key
from parlance_client.encoding import EncodingName
from parlance_client.errors import Disconnected, ParlanceError, RequestFailed, RequestTimeout, Unreachable
from parlance_client.frames import Ack, Message, Position
from tests.chaos.ledger import Ledger
from tests.chaos.length import WITHIN_S
from tests.support.workers import SECRET

ENCODINGS: tuple[EncodingName, EncodingName] = ("json", "msgpack")
# A client that hears nothing asks again: the answer may have been lost on the way.
REQUEST_TIMEOUT_S = 10.0
RETRY_S = 0.1
# How many begin together where nothing is to be shown by it.
AT_ONCE = 100

_numbers = itertools.count(1)


def make_token(kind: str = "customer", sub: str = "", *, ttl_s: float = 7_200.0) -> str:
    """A token of a new user (or of ``sub``) for workers that share ``SECRET``."""
    sub = sub or f"chaos-{kind}-{next(_numbers)}"
    now_s = time.time()
    return jwt.encode({"sub": sub, "kind": kind, "exp": int(now_s + ttl_s)}, SECRET, "HS256")


@dataclass(slots=True)
class View:
    """What one connection was pushed of one conversation; ``start``: the offset that it began after."""

    start: int
    messages: list[Message] = field(default_factory=list)


class Person:
    """One user at one device. ``urls``: the workers; a lost connection is followed by one to the next of them.

    ``sent``: text by key. ``acks``: every ack, repeated ones too. ``views``: by channel, one for each connection.
    ``refusals``: the codes of temporary errors. ``closings``: how connections ended. ``resumes_s``: from the loss
    of a connection until the answer that resumed everything.
    """

    def __init__(
        self, urls: Sequence[str], token: str | None, encoding: EncodingName, *, seed: int, first: int = 0
    ) -> None:
        self.urls = list(urls)
        self.client = Client(
            self.urls[first % len(self.urls)], token=token, encoding=encoding, on_push=self.note,
            request_timeout_s=REQUEST_TIMEOUT_S,
        )  # fmt: skip
        self.rng = random.Random(seed)
        self.channels: list[str] = []
        self.sent: dict[str, tuple[str, str]] = {}
        self.acks: list[Ack] = []
        self.views: dict[str, list[View]] = {}
        self.pushed: list[Push] = []
        self.refusals: list[int] = []
        self.closings: list[Disconnected] = []
        self.resumes_s: list[float] = []
        self._heard: dict[str, Position] = {}
        self._early: list[Message] = []
        self._connection = 1
        self._coming = asyncio.Lock()

    @property
    def user_id(self) -> str:
        assert self.client.welcome is not None
        return self.client.welcome.user.id

    # ----------------------------------------------------------------------- saying

    async def start(self) -> None:
        """Connect and open a conversation."""
        await self.client.connect()
        opened = await self.client.open()
        self._watch(opened.channel, Position(epoch=opened.epoch, offset=opened.offset))

    async def observe(self, channels: Sequence[str]) -> None:
        """Connect and subscribe to conversations of others, from now on."""
        await self.client.connect()
        for channel in channels:
            found = await self.client.subscribe(channel)
            self._watch(channel, Position(epoch=found.epoch, offset=found.offset))

    async def say(self, text: str, *, key: str = "", channel: str = "") -> Ack:
        """Send until it is acked, with one key, over as many connections as that takes."""
        key, channel = key or new_key(), channel or self.channels[0]
        self.sent[key] = (channel, text)
        async with asyncio.timeout(WITHIN_S):
            while True:
                connection = self._connection
                try:
                    ack = await self.client.send(channel, text, key=key)
                except (ParlanceError, OSError) as error:
                    await self._get_over(error, connection)
                else:
                    self.acks.append(ack)
                    return ack

    async def say_many(self, texts: Sequence[str]) -> list[Ack]:
        """Send as one batch and keep the acks; a text without one raises."""
        outcomes = await self.client.send_many(self.channels[0], texts)
        acks = [outcome for outcome in outcomes if isinstance(outcome, Ack)]
        assert len(acks) == len(texts), outcomes
        for ack, text in zip(acks, texts, strict=True):
            self.sent[ack.key] = (ack.channel, text)
        self.acks += acks
        return acks

    async def chat(self, stop: asyncio.Event, pause_s: float) -> None:
        """One message after the other until told to stop."""
        while not stop.is_set():
            await self.say(f"message {len(self.sent)}: where is my order #{self.rng.randrange(10_000)}?")
            await asyncio.sleep(self.rng.random() * 2 * pause_s)

    async def stay(self, stop: asyncio.Event, pause_s: float = 0.2) -> None:
        """Say nothing, but come back when cut off."""
        while not stop.is_set():
            await self.be_there()
            await asyncio.sleep(pause_s)

    async def be_there(self) -> None:
        """Return once the connection is proven to live."""
        async with asyncio.timeout(WITHIN_S):
            while True:
                connection = self._connection
                try:
                    await self.client.ping()
                except (ParlanceError, OSError) as error:
                    await self._get_over(error, connection)
                else:
                    return

    async def _get_over(self, error: Exception, connection: int) -> None:
        """``connection``: the number of the one that it happened on."""
        if isinstance(error, RequestFailed):
            if not error.temporary:
                raise error
            self.refusals.append(error.code)
            await asyncio.sleep(RETRY_S)
            return
        if isinstance(error, Disconnected):
            if not error.may_reconnect:
                raise error
            self.closings.append(error)
        await self.come_back(connection)

    async def come_back(self, connection: int | None = None) -> None:
        """Connect to one worker after the other until one takes us and resumes everything.

        Nothing happens where another task has replaced that ``connection`` already.
        """
        async with self._coming, asyncio.timeout(WITHIN_S):
            if connection is not None and connection != self._connection:
                return
            lost = time.monotonic()
            while not await self._resume():
                await asyncio.sleep(RETRY_S * (0.5 + self.rng.random()))
            self._connection += 1
            self.resumes_s.append(time.monotonic() - lost)

    async def _resume(self) -> bool:
        urls = self.urls
        self.client.url = urls[(urls.index(self.client.url) + 1) % len(urls)] if self.client.url in urls else urls[0]
        await self.client.close()
        self.client.positions = dict(self._heard)
        for channel, position in self._heard.items():
            self.views[channel].append(View(position.offset or 0))
        try:
            welcome = await self.client.connect()
        except (Unreachable, Disconnected, RequestTimeout, OSError):
            return False
        except RequestFailed as failed:
            if not failed.temporary:
                raise
            self.refusals.append(failed.code)
            return False
        refused = [entry.error for entry in welcome.channels.values() if entry.error is not None]
        assert all(error.code == 503 for error in refused), refused
        assert set(welcome.channels) == set(self._heard)
        return not refused and await self._reload(
            {channel: entry.offset or 0 for channel, entry in welcome.channels.items() if not entry.recovered}
        )

    async def _reload(self, offsets: Mapping[str, int]) -> bool:
        """Read what was too much for one welcome; pushes go on after these offsets (PROTOCOL section 4)."""
        assert not offsets or len(self._heard) > 1, "one conversation's few messages were not recovered"
        gaps: dict[str, tuple[int, int]] = {}
        for channel, offset in offsets.items():
            fresh = self.views[channel][-1]
            gaps[channel] = fresh.start, offset
            fresh.start = offset
            self._heard[channel] = Position(self._heard[channel].epoch, max(offset, self.offset(channel)))
        try:
            for channel, gap in gaps.items():
                self.views[channel].insert(-1, await self._read(channel, *gap))
        except (ParlanceError, OSError):
            return False
        return True

    async def _read(self, channel: str, after: int, upto: int) -> View:
        view = View(after)
        while len(view.messages) < upto - after:
            page = await self.client.history(channel, after=after + len(view.messages), limit=200)
            assert page.messages, f"{channel} has fewer messages than {upto}"
            view.messages += [message for message in page.messages if message.offset <= upto]
        return view

    # ----------------------------------------------------------------------- hearing

    def _watch(self, channel: str, position: Position) -> None:
        self.channels.append(channel)
        self._heard.setdefault(channel, position)
        self.views[channel] = [View(position.offset or 0)]
        early, self._early = self._early, []
        for message in early:  # pushed before the answer's waiter had its turn
            self._note_message(message)

    def note(self, push: Push) -> None:
        """Take a push, as it comes."""
        if isinstance(push, Message):
            self._note_message(push)
        else:
            self.pushed.append(push)

    def _note_message(self, message: Message) -> None:
        views = self.views.get(message.channel)
        if views is None:
            self._early.append(message)
            return
        views[-1].messages.append(message)
        self._heard[message.channel] = Position(epoch=message.epoch, offset=message.offset)

    def offset(self, channel: str) -> int:
        """Of the last message heard."""
        return self._heard[channel].offset or 0

    def has_answer(self, ack: Ack) -> bool:
        """Whether the bot's reply to that message has been pushed to us."""
        return any(
            message.reply_to == ack.message_id
            for view in self.views[ack.channel]
            for message in view.messages
            if message.sender.kind == "bot"
        )

    @property
    def strays(self) -> list[str]:
        """Channels of which something was pushed that nobody here has subscribed to."""
        seen = [getattr(push, "channel", "") for push in self.pushed] + [message.channel for message in self._early]
        return [name for name in seen if name.startswith("conv:") and name not in self.channels]


class Fleet:
    """Customers, spread over the workers and both encodings, and staff who watch every one of them."""

    def __init__(self, urls: Sequence[str], ledger: Ledger, *, seed: int = 1) -> None:
        self.urls = list(urls)
        self.ledger = ledger
        self.customers: list[Person] = []
        self.observers: list[Person] = []
        self._seed = seed

    @property
    def people(self) -> list[Person]:
        return [*self.customers, *self.observers]

    async def start(self, customers: int, observers: int = 1, *, guests: bool = False) -> None:
        """Everybody connects; each customer has a conversation."""
        self.customers = [self._person(number, None if guests else make_token()) for number in range(customers)]
        for begin in range(0, customers, AT_ONCE):
            await asyncio.gather(*(customer.start() for customer in self.customers[begin : begin + AT_ONCE]))
        channels = [customer.channels[0] for customer in self.customers]
        self.observers = [
            self._person(number + 1, make_token(kind))
            for number, kind in zip(range(observers), itertools.cycle(("agent", "service")), strict=False)
        ]
        await asyncio.gather(*(observer.observe(channels) for observer in self.observers))

    def _person(self, number: int, token: str | None) -> Person:
        encoding = ENCODINGS[number // len(self.urls) % 2]
        return Person(self.urls, token, encoding, seed=self._seed * 1_000 + number, first=number)

    @asynccontextmanager
    async def chatting(self, pause_s: float = 0.2) -> AsyncIterator[None]:
        """Everybody talks while the block runs; at its end what was begun is finished."""
        stop = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            for customer in self.customers:
                group.create_task(customer.chat(stop, pause_s))
            for observer in self.observers:
                group.create_task(observer.stay(stop))
            try:
                yield
            finally:
                stop.set()

    async def exchange(self) -> None:
        """Each customer says something and hears the answer, over the connections there are; so do the observers."""
        asked = await asyncio.gather(*(customer.say("are you there?") for customer in self.customers))
        async with asyncio.timeout(WITHIN_S):
            for ack in asked:
                for person in (self.customers[asked.index(ack)], *self.observers):
                    while not person.has_answer(ack):
                        await asyncio.sleep(0.02)

    async def settle(self) -> None:
        """Wait until every message is answered and everybody who is connected has heard everything."""
        await asyncio.gather(*(person.be_there() for person in self.people))
        missing = ""
        try:
            async with asyncio.timeout(WITHIN_S):
                while missing := await self._missing():
                    await asyncio.sleep(0.1)
                    await asyncio.gather(*(person.be_there() for person in self.people))
        except TimeoutError as late:
            raise AssertionError(f"still missing: {missing}") from late

    async def _missing(self) -> str:
        """What is still missing, in words; "" when nothing is."""
        for customer in self.customers:
            channel = customer.channels[0]
            rows = await self.ledger.rows(channel)
            still_open = [row.offset for row in rows if row.turn == "open"]
            if still_open:
                return f"{channel} waits for answers to {still_open[:5]}"
            for person in (customer, *self.observers):
                if person.offset(channel) < len(rows):
                    return f"{person.user_id} has heard {person.offset(channel)} of {len(rows)} in {channel}"
        return ""

    async def close(self) -> None:
        await asyncio.gather(*(person.client.close() for person in self.people))

    @property
    def refusals(self) -> list[int]:
        return [code for person in self.people for code in person.refusals]

    def forget_refusals(self) -> None:
        """What was refused so far is no longer of interest."""
        for person in self.people:
            person.refusals.clear()

    @property
    def closings(self) -> list[Disconnected]:
        """How connections have ended that were there when something was asked of them."""
        return [closing for person in self.people for closing in person.closings]

    @property
    def resumes_s(self) -> list[float]:
        return sorted(took for person in self.people for took in person.resumes_s)


@asynccontextmanager
async def fleet_of(
    urls: Sequence[str], ledger: Ledger, customers: int, observers: int = 1, *, seed: int = 1, guests: bool = False
) -> AsyncIterator[Fleet]:
    """A fleet that has started, closed at the end."""
    fleet = Fleet(urls, ledger, seed=seed)
    try:
        await fleet.start(customers, observers, guests=guests)
        yield fleet
    finally:
        await fleet.close()


def percentile(values: Sequence[float], share: float) -> float:
    """Of sorted values, by nearest rank; 0 of none."""
    return values[min(len(values) - 1, int(share * len(values)))] if values else 0.0
