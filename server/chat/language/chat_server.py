"""A server that speaks OpenAI's chat-completions API, over HTTP with server-sent events."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Final

import httpx2

from server.chat.language.completions import events_of, request_body
from server.chat.language.http import failures, new_client, within_status
from server.chat.language.values import Ended, StreamEvent, WriterFailure, WritingRequest

# One event holds one token or a few; a megabyte is no token.
MAX_EVENT_BYTES: Final = 1_000_000


class ChatServer:
    """Asks ``url``/chat/completions for ``model``, with at most ``most`` requests at a time.

    ``key`` goes into a header and nowhere else. ``token_field``: "max_tokens", or "max_completion_tokens" where the
    server knows no other name for the longest answer.
    """

    def __init__(self, url: str, model: str, key: str, *, connect_s: float, most: int, token_field: str) -> None:
        headers = {"authorization": f"Bearer {key}"} if key else {}
        self._client = new_client(headers, connect_s=connect_s, most=most)
        self._url = f"{url.rstrip('/')}/chat/completions"
        self._model = model
        self._token_field = token_field

    @property
    def model(self) -> str:
        return self._model[:100]

    async def stream(self, request: WritingRequest) -> AsyncIterator[StreamEvent]:
        body = request_body(request, self._model, self._token_field)
        headers = {"content-type": "application/json", "accept": "text/event-stream"}
        ended = False
        with failures("the model server"):
            async with self._client.stream("POST", self._url, content=body, headers=headers) as response:
                await within_status(response, "the model server")
                # Read to its end, so that the connection can be used again.
                async for event in httpx2.EventSource(response, max_event_size=MAX_EVENT_BYTES):
                    for found in events_of(event.data):
                        ended = ended or isinstance(found, Ended)
                        yield found
        if not ended:
            raise WriterFailure("cut", "the model server's stream ended in mid-answer")

    async def close(self) -> None:
        await self._client.aclose()
