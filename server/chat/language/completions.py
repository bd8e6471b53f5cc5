"""OpenAI's chat-completions API as values: the body of a request, the events of its stream (pure).

https://platform.openai.com/docs/api-reference/chat-streaming; vLLM, llama.cpp, Ollama, LM Studio and others speak it.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec
from msgspec import Struct

from server.chat.language.values import Ended, EndReason, StreamEvent, Text, Used, WriterFailure, WritingRequest

DONE: Final = "[DONE]"
_REASONS: Final[dict[str, EndReason]] = {"length": "length", "content_filter": "filtered"}


class _Delta(Struct):
    content: str | None = None


class _Choice(Struct):
    delta: _Delta | None = None
    finish_reason: str | None = None
    index: int = 0


class _Usage(Struct):
    prompt_tokens: int = 0
    completion_tokens: int = 0


class _Chunk(Struct):
    choices: list[_Choice] = []
    usage: _Usage | None = None
    error: Any = None


_decoder = msgspec.json.Decoder(_Chunk)


def request_body(request: WritingRequest, model: str, token_field: str) -> bytes:
    """JSON. ``token_field``: the name that the server has for the longest answer."""
    parameters = request.parameters
    body: dict[str, Any] = {
        "model": model,
        "messages": [{"role": one.role, "content": one.content} for one in request.prompt.messages],
        "stream": True,
        "stream_options": {"include_usage": True},
        "temperature": parameters.temperature,
        token_field: parameters.max_tokens,
    }
    if parameters.presence_penalty:
        body["presence_penalty"] = parameters.presence_penalty
    if parameters.frequency_penalty:
        body["frequency_penalty"] = parameters.frequency_penalty
    return msgspec.json.encode(body)


def events_of(data: str) -> list[StreamEvent]:
    """What one ``data`` field of the stream tells. Raises ``WriterFailure``: malformed, or an error in mid-stream."""
    if data.strip() == DONE:
        return []
    try:
        chunk = _decoder.decode(data)
    except msgspec.MsgspecError as error:
        raise WriterFailure("malformed", f"the model server sent no chunk of chat completions: {error}") from None
    if chunk.error is not None:
        raise WriterFailure("server", "the model server told of an error in its stream")
    found: list[StreamEvent] = []
    for choice in chunk.choices:
        if choice.index != 0:
            continue
        found.append(Text((choice.delta.content if choice.delta else None) or ""))
        if choice.finish_reason is not None:
            found.append(Ended(_REASONS.get(choice.finish_reason, "stop")))
    if chunk.usage is not None:
        found.append(Used(max(0, chunk.usage.prompt_tokens), max(0, chunk.usage.completion_tokens)))
    return found
