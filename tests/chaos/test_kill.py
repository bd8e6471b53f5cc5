"""kill -9 of the server (PROTOCOL §9): nothing acked is lost, nothing is doubled, everything is answered."""

from __future__ import annotations

import asyncio
import random

import pytest

from parlance_client import Connection as Client
from parlance_client import Push, new_key
from parlance_client.encoding import EncodingName
from parlance_client.errors import Disconnected, Unreachable
from parlance_client.frames import Ack, Message
from tests.chaos.checker import check_acked, check_answers, check_offsets, unanswered, whole_history
from tests.support.server import ServerProcess

CUSTOMERS = 8
WITHIN_S = 30.0


class Customer:
    """Sends as fast as acks come, remembers every ack, and every message that was pushed to it."""

    def __init__(self, url: str, encoding: EncodingName) -> None:
        self.client = Client(url, encoding=encoding, on_push=self._note, request_timeout_s=WITHIN_S)
        self.channel = ""
        self.acks: dict[str, tuple[Ack, str]] = {}
        self.unknown: dict[str, str] = {}  # key → text of what was sent without hearing an ack
        self.pushed: list[Message] = []
        self._heard = asyncio.Event()

    async def start(self) -> None:
        await self.client.connect()
        self.channel = (await self.client.open()).channel

    async def send(self, text: str, key: str | None = None) -> Ack:
        """Send a message, a new one or (with its key) one again."""
        key = key or new_key()
        self.unknown[key] = text
        ack = await self.client.send(self.channel, text, key=key)
        del self.unknown[key]
        self.acks.setdefault(key, (ack, text))
        return ack

    async def chat_until_cut_off(self, rng: random.Random) -> None:
        """One message after the other until the connection dies."""
        try:
            while True:
                await self.send(f"message {len(self.acks)}: where is my order #{rng.randrange(10_000)}?")
                await asyncio.sleep(rng.random() / 50)
        except Disconnected:
            pass

    async def come_back(self) -> None:
        """Reconnect, resume, and repeat everything: what was acked is a duplicate, the rest is stored now or was."""
        welcome = await self.client.reconnect()
        assert welcome.channels[self.channel].recovered is True
        for key, (ack, text) in list(self.acks.items())[-5:]:
            again = await self.client.send(self.channel, text, key=key)
            assert again.duplicate
            assert (again.message_id, again.offset) == (ack.message_id, ack.offset)
        for key, text in list(self.unknown.items()):
            await self.send(text, key)

    async def everything_answered(self) -> None:
        """Wait until no message is without a reply."""
        async with asyncio.timeout(WITHIN_S):
            while unanswered(self.pushed):
                self._heard.clear()
                await self._heard.wait()

    async def check(self) -> None:
        """The ledger is whole, and what was pushed over all connections is the ledger."""
        assert not self.unknown
        history = await whole_history(self.client, self.channel)
        check_offsets(history)
        check_acked(history, self.acks)
        check_answers(history)
        assert [message.offset for message in self.pushed] == list(range(1, len(self.pushed) + 1))
        assert [message.message_id for message in self.pushed] == [message.message_id for message in history]

    def _note(self, push: Push) -> None:
        if isinstance(push, Message) and push.channel == self.channel:
            self.pushed.append(push)
            self._heard.set()


async def test_killed_between_ack_and_answer(server: ServerProcess) -> None:
    """Sixty messages are acked long before the last of them is answered: the kill comes in between."""
    customer = Customer(server.ws_url, "json")
    await customer.start()
    texts = [f"question {number}: where is my parcel?" for number in range(60)]
    acks = await customer.client.send_many(customer.channel, texts)
    server.kill()
    assert all(isinstance(ack, Ack) for ack in acks)
    customer.acks = {ack.key: (ack, text) for ack, text in zip(acks, texts, strict=True) if isinstance(ack, Ack)}
    answered = {message.reply_to for message in customer.pushed if message.reply_to is not None}
    assert len(answered) < 60, "the kill came too late to show anything"

    server.start()
    await customer.come_back()
    await customer.everything_answered()
    await customer.check()
    assert len(customer.pushed) == 120
    await customer.client.close()


@pytest.mark.parametrize("seed", [1, *(pytest.param(seed, marks=pytest.mark.long) for seed in range(2, 10))])
async def test_killed_at_any_moment_under_load(server: ServerProcess, seed: int) -> None:
    """One kill after the other, each at a random moment, while customers chat in both encodings."""
    rng = random.Random(seed)
    encodings: tuple[EncodingName, ...] = ("json", "msgpack")
    customers = [Customer(server.ws_url, encodings[number % 2]) for number in range(CUSTOMERS)]
    await asyncio.gather(*(customer.start() for customer in customers))
    for _ in range(2):
        chats = [asyncio.create_task(customer.chat_until_cut_off(rng)) for customer in customers]
        await asyncio.sleep(rng.uniform(0.05, 0.7))
        server.kill()
        await asyncio.gather(*chats)
        server.start()
        await asyncio.gather(*(customer.come_back() for customer in customers))
    await asyncio.gather(*(customer.everything_answered() for customer in customers))
    for customer in customers:
        await customer.check()
        await customer.client.close()
    assert sum(len(customer.acks) for customer in customers) > CUSTOMERS


async def test_killed_again_while_it_takes_up_what_was_left(server: ServerProcess) -> None:
    """The second death comes right after the start, in the middle of the first one's open turns."""
    customer = Customer(server.ws_url, "msgpack")
    await customer.start()
    texts = [f"question {number}" for number in range(60)]
    acks = await customer.client.send_many(customer.channel, texts)
    for _ in range(2):
        server.kill()
        server.start()
    server.kill()
    with pytest.raises(Unreachable):
        await customer.client.reconnect()
    server.start()
    customer.acks = {ack.key: (ack, text) for ack, text in zip(acks, texts, strict=True) if isinstance(ack, Ack)}
    assert len(customer.acks) == 60
    await customer.come_back()
    await customer.everything_answered()
    await customer.check()
    await customer.client.close()
