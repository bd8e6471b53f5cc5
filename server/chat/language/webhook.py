"""A service of the operator's own that writes answers: a signed POST, answered at once or as a stream."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, Final

import httpx2
import msgspec
from msgspec import Struct

from server.chat.language.chat_server import MAX_EVENT_BYTES
from server.chat.language.http import failures, new_client, within_status
from server.chat.language.signing import SIGNATURE_HEADER, TIMESTAMP_HEADER, signature
from server.chat.language.values import Ended, StreamEvent, Text, Used, WriterFailure, WritingRequest
from server.clock import Clock

VERSION: Final = 1
MAX_BODY_BYTES: Final = 200_000
_WHO: Final = "the webhook"


class _Usage(Struct):
    prompt_tokens: int = 0
    completion_tokens: int = 0


class _Said(Struct):
    """A whole answer, or one event of a stream, which ends with ``done``."""

    text: str = ""
    done: bool = False
    usage: _Usage | None = None


_decode = msgspec.json.Decoder(_Said).decode


class Webhook:
    """Posts each request to ``url``, signed with ``secret``; ``name`` stands in metrics as the model."""

    def __init__(self, url: str, name: str, secret: str, *, clock: Clock, connect_s: float, most: int) -> None:
        self._client = new_client({}, connect_s=connect_s, most=most)
        self._url = url
        self._name = name or "webhook"
        self._secret = secret.encode()
        self._clock = clock

    @property
    def model(self) -> str:
        return self._name[:100]

    async def stream(self, request: WritingRequest) -> AsyncIterator[StreamEvent]:
        body = webhook_body(request)
        stamp_s = self._clock.now_ms() // 1_000
        headers = {
            "content-type": "application/json",
            "accept": "text/event-stream, application/json",
            TIMESTAMP_HEADER: str(stamp_s),
            SIGNATURE_HEADER: signature(self._secret, stamp_s, body),
        }
        with failures(_WHO):
            async with self._client.stream("POST", self._url, content=body, headers=headers) as response:
                await within_status(response, _WHO)
                streams = response.headers.get("content-type", "").startswith("text/event-stream")
                async for said in _events(response) if streams else _whole(response):
                    yield Text(said.text)
                    if said.done:
                        yield Ended()
                    if said.usage is not None:
                        yield Used(max(0, said.usage.prompt_tokens), max(0, said.usage.completion_tokens))

    async def close(self) -> None:
        await self._client.aclose()


def webhook_body(request: WritingRequest) -> bytes:
    """JSON, as docs/language-models.md has it."""
    prompt, parameters = request.prompt, request.parameters
    body: dict[str, Any] = {
        "version": VERSION,
        "channel": request.channel,
        "message_id": request.message_id,
        "user_id": request.user_id,
        "persona": request.persona,
        "variant": request.variant,
        "messages": [{"role": one.role, "content": one.content} for one in prompt.messages],
        "passages": [{"id": one.id, "title": one.title, "text": one.text} for one in prompt.passages],
        "parameters": {
            "temperature": parameters.temperature,
            "max_tokens": parameters.max_tokens,
            "presence_penalty": parameters.presence_penalty,
            "frequency_penalty": parameters.frequency_penalty,
        },
    }
    return msgspec.json.encode(body)


async def _events(response: httpx2.Response) -> AsyncIterator[_Said]:
    done = False
    async for event in httpx2.EventSource(response, max_event_size=MAX_EVENT_BYTES):
        said = _read(event.data.encode())
        done = done or said.done
        yield said
    if not done:
        raise WriterFailure("cut", f"{_WHO}'s stream ended without done")


async def _whole(response: httpx2.Response) -> AsyncIterator[_Said]:
    body = b""
    async for piece in response.aiter_bytes():
        body += piece
        if len(body) > MAX_BODY_BYTES:
            raise WriterFailure("malformed", f"{_WHO} answered more than {MAX_BODY_BYTES} bytes")
    said = _read(body)
    yield msgspec.structs.replace(said, done=True)


def _read(data: bytes) -> _Said:
    try:
        return _decode(data)
    except msgspec.MsgspecError as error:
        raise WriterFailure("malformed", f"{_WHO} said what is no answer: {error}") from None
