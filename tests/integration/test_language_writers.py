"""Writers over real sockets: a webhook's signature, answers and streams; connections that are used again."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from server.chat.language.chat_server import ChatServer
from server.chat.language.signing import is_genuine
from server.chat.language.values import (
    Ended,
    LanguageWriter,
    Parameters,
    Prompt,
    PromptMessage,
    StreamEvent,
    Text,
    Used,
    WriterFailure,
    WritingRequest,
)
from server.chat.language.webhook import MAX_BODY_BYTES, Webhook
from server.clock import ManualClock
from tests.support.model_server import Behaviour, model_server

SECRET = "a secret that both know"
REQUEST = WritingRequest(
    prompt=Prompt((PromptMessage("user", "where is it? ü"),), (), 9, "", "n"),
    parameters=Parameters(),
    channel="conv:c",
    message_id="m",
    user_id="u",
    persona="warm",
)


async def events(writer: LanguageWriter) -> list[StreamEvent]:
    try:
        return [event async for event in writer.stream(REQUEST)]
    finally:
        await writer.close()


class Service:
    """Answers every POST with the same bytes, once it has checked the signature."""

    def __init__(self, answer: bytes, content_type: str, status: int = 200) -> None:
        self.answer, self.content_type, self.status = answer, content_type, status
        self.genuine: list[bool] = []
        self.bodies: list[bytes] = []
        self.now_s = ManualClock().now_ms() // 1_000

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head.split("\r\n"))}
        body = await reader.readexactly(int(headers["content-length"]))
        stamp, given = int(headers["parlance-timestamp"]), headers["parlance-signature"]
        self.genuine.append(is_genuine(SECRET.encode(), stamp, body, given, now_s=self.now_s))
        self.bodies.append(body)
        head = f"HTTP/1.1 {self.status} X\r\ncontent-type: {self.content_type}\r\nconnection: close\r\n\r\n"
        writer.write(head.encode() + self.answer)
        await writer.drain()
        writer.close()


@asynccontextmanager
async def webhook(service: Service) -> AsyncIterator[Webhook]:
    server = await asyncio.start_server(service.serve, "127.0.0.1", 0)
    try:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/write"
        yield Webhook(url, "", SECRET, clock=ManualClock(), connect_s=5, most=2)
    finally:
        server.close()
        await server.wait_closed()


async def test_a_webhook_answers_at_once() -> None:
    answer = json.dumps({"text": "It is late.", "usage": {"prompt_tokens": 3, "completion_tokens": 4}, "more": 1})
    service = Service(answer.encode(), "application/json")
    async with webhook(service) as writer:
        assert writer.model == "webhook"
        assert await events(writer) == [Text("It is late."), Ended(), Used(3, 4)]
    assert service.genuine == [True]
    assert json.loads(service.bodies[0])["messages"] == [{"role": "user", "content": "where is it? ü"}]


async def test_a_webhook_streams() -> None:
    stream = b'data: {"text": "It is "}\n\ndata: {"text": "late."}\n\ndata: {"done": true}\n\n'
    async with webhook(Service(stream, "text/event-stream; charset=utf-8")) as writer:
        assert await events(writer) == [Text("It is "), Text("late."), Text(""), Ended()]


@pytest.mark.parametrize(
    ("answer", "content_type", "status", "kind"),
    [
        (b"<html>", "text/html", 200, "malformed"),
        (b'{"text": 5}', "application/json", 200, "malformed"),
        (b'{"text": "' + b"x" * MAX_BODY_BYTES + b'"}', "application/json", 200, "malformed"),
        (b'data: {"text": "It"}\n\n', "text/event-stream", 200, "cut"),
        (b"data: nonsense\n\n", "text/event-stream", 200, "malformed"),
        (b"{}", "application/json", 503, "server"),
        (b"{}", "application/json", 403, "refused"),
        (b"{}", "application/json", 302, "refused"),
    ],
)
async def test_a_webhook_that_misbehaves_is_a_failure(answer: bytes, content_type: str, status: int, kind: str) -> None:
    async with webhook(Service(answer, content_type, status)) as writer:
        with pytest.raises(WriterFailure) as caught:
            await events(writer)
    assert caught.value.kind == kind


def chat(url: str, **changes: object) -> ChatServer:
    return ChatServer(url, "tiny", "key", connect_s=5, most=2, token_field="max_tokens")


async def test_nobody_at_home_is_a_failure_to_connect() -> None:
    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
    with pytest.raises(WriterFailure) as caught:
        await events(chat(f"http://127.0.0.1:{port}/v1"))
    assert caught.value.kind == "connect"


async def test_connections_are_used_again() -> None:
    async with model_server() as model:
        writer = chat(model.url)
        for _ in range(3):
            async for _event in writer.stream(REQUEST):
                pass
        assert (len(model.requests), model.connections) == (3, 1)
        await writer.close()


async def test_closing_a_stream_ends_the_request() -> None:
    async with model_server() as model:
        model.behaviour = Behaviour(stuck_after=1)
        writer = chat(model.url)
        stream = writer.stream(REQUEST)
        async for event in stream:
            if event == Text("Your "):
                break
        await stream.aclose()  # type: ignore[attr-defined]
        await model.until(lambda: model.open_streams == 0)
        await writer.close()


@pytest.mark.parametrize(
    ("behaviour", "kind", "retry_after_ms"),
    [
        (Behaviour(status=429, headers={"retry-after": "7"}), "busy", 7_000),
        (Behaviour(status=503), "server", None),
        (Behaviour(status=401), "refused", None),
        (Behaviour(cut_after=2), "cut", None),
        (Behaviour(malformed_after=1), "malformed", None),
        (Behaviour(ends=False), "cut", None),
    ],
)
async def test_failures_are_told_apart_and_quote_nobody(
    behaviour: Behaviour, kind: str, retry_after_ms: int | None
) -> None:
    async with model_server() as model:
        model.behaviour = behaviour
        with pytest.raises(WriterFailure) as caught:
            await events(chat(model.url))
    assert (caught.value.kind, caught.value.retry_after_ms) == (kind, retry_after_ms)
    assert "sk-123" not in str(caught.value)
    if behaviour.status != 200:
        assert "a_code" in str(caught.value), "an error's mere name helps whoever reads the log"
