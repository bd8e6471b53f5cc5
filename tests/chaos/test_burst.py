"""Bursts: far more at once than the model reads in its deadline, and far more bytes in a tick than a socket takes."""

from __future__ import annotations

import asyncio

import pytest

from loadtest.client import Client
from parlance_client.encoding import EncodingName
from parlance_client.frames import Message
from tests.chaos.checker import whole_history
from tests.support.server import ServerProcess

CUSTOMERS = 16
TEXTS_EACH = 40
WITHIN_S = 60.0


class Listener:
    """A customer who sends everything at once and then reads."""

    def __init__(self, url: str, encoding: EncodingName) -> None:
        self.client = Client(url, encoding=encoding, on_push=self._note, request_timeout_s=WITHIN_S)
        self.answers: list[Message] = []
        self._heard = asyncio.Event()

    def _note(self, push: object) -> None:
        if isinstance(push, Message) and push.sender.kind == "bot":
            self.answers.append(push)
            self._heard.set()

    async def burst(self, number: int) -> None:
        await self.client.connect()
        channel = (await self.client.open()).channel
        texts = [
            f"customer {number} asks for the {i}th time where order #{number}{i} has gone" for i in range(TEXTS_EACH)
        ]
        acks = await self.client.send_many(channel, texts)
        assert len(acks) == TEXTS_EACH
        async with asyncio.timeout(WITHIN_S):
            while len(self.answers) < TEXTS_EACH:
                self._heard.clear()
                await self._heard.wait()


async def test_a_burst_is_answered_late_and_never_with_an_apology(server: ServerProcess) -> None:
    listeners = [Listener(server.ws_url, "msgpack" if number % 2 else "json") for number in range(CUSTOMERS)]
    await asyncio.gather(*(listener.burst(number) for number, listener in enumerate(listeners)))
    answers = [answer for listener in listeners for answer in listener.answers]
    assert len(answers) == CUSTOMERS * TEXTS_EACH
    assert all(answer.turn is not None for answer in answers), "an answer without a decision is an apology"
    for listener in listeners:
        await listener.client.close()


@pytest.mark.parametrize("encoding", ["json", "msgpack"])
async def test_who_reads_is_not_cut_off_by_a_burst_of_large_messages(
    server: ServerProcess, encoding: EncodingName
) -> None:
    """60 messages of 24,000 bytes share a commit or two, and come back to their sender in as many ticks."""
    async with Client(server.ws_url, encoding=encoding, request_timeout_s=WITHIN_S) as client:
        channel = (await client.open()).channel
        for _ in range(3):
            acks = await asyncio.gather(*(client.send(channel, f"{i} " + "ü" * 7_900) for i in range(60)))
            assert len({ack.offset for ack in acks}) == 60
        history = await whole_history(client, channel)
        assert [message.offset for message in history] == list(range(1, len(history) + 1))
