"""A language model's stream as one span, by the semantic conventions for generative AI; without what was said."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import cast
from urllib.parse import urlsplit

from opentelemetry.context import Context, get_current
from opentelemetry.trace import Span, SpanKind, Status, StatusCode, Tracer

from server.chat.language.values import (
    Ended,
    LanguageWriter,
    StreamEvent,
    Text,
    Used,
    WriterFailure,
    WritingRequest,
)

FINISHED = {"stop": "stop", "length": "length", "filtered": "content_filter"}


class TracedModel:
    """A ``LanguageWriter``. Each try is a span, whose parent is the answer that it is for."""

    def __init__(self, tracer: Tracer, writer: LanguageWriter, provider_name: str, url: str) -> None:
        self._tracer = tracer
        self._writer = writer
        address = urlsplit(url)
        self._about: dict[str, str | int | bool] = {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": provider_name,
            "gen_ai.request.model": writer.model,
            "gen_ai.request.stream": True,
            "gen_ai.output.type": "text",
        }
        if address.hostname:
            self._about["server.address"] = address.hostname
            self._about["server.port"] = address.port or (443 if address.scheme == "https" else 80)

    @property
    def model(self) -> str:
        return self._writer.model

    async def close(self) -> None:
        await self._writer.close()

    def stream(self, request: WritingRequest) -> AsyncIterator[StreamEvent]:
        """Others may draw from the stream in a context of their own: the parent is whoever asks for it now."""
        return self._stream(request, get_current())

    async def _stream(self, request: WritingRequest, parent: Context) -> AsyncGenerator[StreamEvent]:
        about = {**self._about, **_asked(request)}
        span = self._tracer.start_span(f"chat {self.model}", context=parent, kind=SpanKind.CLIENT, attributes=about)
        started_s, spoke = time.perf_counter(), False
        events = cast("AsyncGenerator[StreamEvent]", self._writer.stream(request))
        try:
            async with aclosing(events):
                async for event in events:
                    if not spoke and isinstance(event, Text) and event.text:
                        spoke = True
                        span.set_attribute("gen_ai.response.time_to_first_chunk", time.perf_counter() - started_s)
                    _tell(span, event)
                    yield event
        except WriterFailure as failure:
            span.set_attribute("error.type", failure.kind)
            span.set_status(Status(StatusCode.ERROR, str(failure)))
            raise
        finally:
            span.end()


def _asked(request: WritingRequest) -> dict[str, str | int | float]:
    parameters = request.parameters
    return {
        "gen_ai.conversation.id": request.channel,
        "gen_ai.request.temperature": parameters.temperature,
        "gen_ai.request.max_tokens": parameters.max_tokens,
        "gen_ai.request.presence_penalty": parameters.presence_penalty,
        "gen_ai.request.frequency_penalty": parameters.frequency_penalty,
        "parlance.persona": request.persona,
    }


def _tell(span: Span, event: StreamEvent) -> None:
    match event:
        case Ended(reason):
            span.set_attribute("gen_ai.response.finish_reasons", [FINISHED[reason]])
        case Used(prompt_tokens, completion_tokens):
            span.set_attribute("gen_ai.usage.input_tokens", prompt_tokens)
            span.set_attribute("gen_ai.usage.output_tokens", completion_tokens)
        case _:
            pass
