"""Who keeps a server busy for hours: customers who come and go, and agents who stay and look on."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable
from itertools import count
from typing import TypeVar

from loadtest.client import Client
from loadtest.peers.catalog import token
from loadtest.scripts import ScriptBook
from parlance_client.dial import Dial, dial
from parlance_client.errors import ParlanceError
from parlance_client.frames import Message

REQUEST_WITHIN_S = 30.0
RETRY_S = 1.0
READS = 50
WATCHED = 90
"""Conversations that an agent looks at: fewer than the hundred channels of a connection, which has three already."""

T = TypeVar("T")


class Crowd:
    """``size`` customers at any time, each with a pause of ``think_s`` on average before each thing they do.

    A customer is somebody new half of the time, which is what fills a server's memories, otherwise somebody who comes
    back. ``done`` counts what happened, ``failed`` what failed, by kind.
    """

    def __init__(
        self, urls: list[str], book: ScriptBook, rng: random.Random, *, size: int, think_s: float, dial: Dial = dial
    ) -> None:
        self._urls = urls
        self._book = book
        self._rng = rng
        self._size = size
        self._think_s = think_s
        self._dial = dial
        self._numbers = count()
        self._known: list[str] = []
        self._opened: list[str] = []
        self.done: Counter[str] = Counter()
        self.failed: Counter[str] = Counter()

    async def live(self) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as group:
            for _ in range(self._size):
                group.create_task(self._place())
            for url in self._urls:
                group.create_task(self._agent(url))

    async def _place(self) -> None:
        """One customer after the other."""
        await self._think(self._think_s)
        while True:
            try:
                await self._visit(self._somebody())
            except ParlanceError as error:
                self.failed[_kind(error)] += 1
                await self._think(RETRY_S)

    def _somebody(self) -> str:
        if self._known and self._rng.random() < 0.5:
            return self._rng.choice(self._known)
        user = f"customer-{next(self._numbers)}"
        self._known = [*self._known[-1_000:], user]
        return user

    async def _visit(self, user: str) -> None:
        """Connect, open, talk, read, leave; some lose the connection on the way and resume."""
        client = Client(
            self._rng.choice(self._urls),
            token=token("customer", user),
            encoding=self._rng.choice(("json", "msgpack")),
            on_push=lambda _: self._count("pushes"),
            request_timeout_s=REQUEST_WITHIN_S,
            dial=self._dial,
        )
        try:
            await self._counted("connects", client.connect())
            channel = (await self._counted("opens", client.open())).channel
            self._opened = [*self._opened[-WATCHED:], channel]
            if self._rng.random() < 0.3:
                await self._counted(
                    "presence", client.presence(self._rng.choice(("away", "busy", "online", "invisible")))
                )
            for text in self._book.play(self._rng):
                await self._turn(client, channel, text)
                if self._rng.random() < 0.15:
                    await client.close()
                    await self._think(0.5)
                    await self._counted("reconnects", client.reconnect())
            await self._part(client, channel)
        finally:
            await client.close()

    async def _turn(self, client: Client, channel: str, text: str) -> None:
        await self._counted("typing", client.typing(channel))
        await self._think(self._think_s)
        ack = await self._counted("sends", client.send(channel, text))
        await self._think(self._think_s / 2)
        await self._counted("receipts", client.receipt(channel, ack.offset))

    async def _part(self, client: Client, channel: str) -> None:
        page = await self._counted("histories", client.history(channel, limit=READS))
        answers = [message for message in page.messages if message.sender.kind == "bot"]
        if answers and self._rng.random() < 0.5:
            await self._counted("feedback", client.feedback(answers[-1].message_id, float(self._rng.random() < 0.7)))
        await self._counted("who", client.who(channel))
        if self._rng.random() < 0.5:
            await self._counted("resolves", client.resolve(channel))

    async def _agent(self, url: str) -> None:
        """Look at what is new, whatever happens to the connection."""
        while True:
            client = Client(
                url,
                token=token("agent", "agent"),
                on_push=self._see,
                request_timeout_s=REQUEST_WITHIN_S,
                dial=self._dial,
            )
            try:
                await client.connect()
                await client.subscribe("agent:queue")
                await self._look_on(client)
            except ParlanceError as error:
                self.failed[f"agent: {_kind(error)}"] += 1
                await self._think(RETRY_S)
            finally:
                await client.close()

    async def _look_on(self, client: Client) -> None:
        watched: list[str] = []
        while True:
            await self._think(self._think_s)
            for channel in [channel for channel in self._opened if channel not in watched]:
                if len(watched) == WATCHED:
                    await client.unsubscribe(watched.pop(0))
                await self._counted("subscribes", client.subscribe(channel))
                watched.append(channel)

    def _see(self, push: object) -> None:
        self._count("seen by agents" if isinstance(push, Message) else "events of agents")

    async def _counted(self, name: str, step: Awaitable[T]) -> T:
        outcome = await step
        self._count(name)
        return outcome

    def _count(self, name: str) -> None:
        self.done[name] += 1

    async def _think(self, mean_s: float) -> None:
        await asyncio.sleep(min(self._rng.expovariate(1 / mean_s), 5 * mean_s))


def _kind(error: ParlanceError) -> str:
    code = getattr(error, "code", "")
    return f"{type(error).__name__} {code}".strip()
