"""OpenAI's chat completions as values, and what writers over HTTP share."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.chat.language.completions import events_of, request_body
from server.chat.language.http import retry_after_ms
from server.chat.language.signing import is_genuine, signature
from server.chat.language.values import (
    Ended,
    Parameters,
    Prompt,
    PromptMessage,
    StreamEvent,
    Text,
    Used,
    WriterFailure,
    WritingRequest,
)
from server.chat.language.webhook import webhook_body

REQUEST = WritingRequest(
    prompt=Prompt((PromptMessage("system", "s"), PromptMessage("user", "ü")), (), 9, "s", "n"),
    parameters=Parameters(0.3, 77),
    channel="conv:c",
    message_id="m",
    user_id="u",
    persona="warm",
)


@pytest.mark.parametrize(
    ("data", "events"),
    [
        ("[DONE]", []),
        ('{"choices":[{"delta":{"content":"Hi"}}]}', [Text("Hi")]),
        ('{"choices":[{"delta":{"role":"assistant","content":null}}]}', [Text("")]),
        ('{"choices":[{"delta":{},"finish_reason":"stop"}]}', [Text(""), Ended("stop")]),
        ('{"choices":[{"delta":{"content":"x"},"finish_reason":"length"}]}', [Text("x"), Ended("length")]),
        ('{"choices":[{"finish_reason":"content_filter"}]}', [Text(""), Ended("filtered")]),
        ('{"choices":[{"finish_reason":"tool_calls","index":0}]}', [Text(""), Ended("stop")]),
        ('{"choices":[{"delta":{"content":"no"},"index":1}]}', []),
        ('{"choices":[],"usage":{"prompt_tokens":5,"completion_tokens":2,"total_tokens":7}}', [Used(5, 2)]),
        ('{"object":"chat.completion.chunk","new_field":[1]}', []),
    ],
)
def test_chunks_are_events(data: str, events: list[StreamEvent]) -> None:
    assert events_of(data) == events


@pytest.mark.parametrize("data", ["{not json", "[1]", '{"choices":{}}', '{"choices":[{"delta":{"content":5}}]}', ""])
def test_what_is_no_chunk_is_malformed(data: str) -> None:
    with pytest.raises(WriterFailure) as caught:
        events_of(data)
    assert caught.value.kind == "malformed"


def test_an_error_in_the_stream_is_the_servers_and_is_not_quoted() -> None:
    with pytest.raises(WriterFailure) as caught:
        events_of('{"error":{"message":"key sk-123 is over its quota"}}')
    assert caught.value.kind == "server" and "sk-123" not in str(caught.value)


@given(st.text(max_size=200))
def test_no_data_breaks_the_parser(data: str) -> None:
    try:
        events_of(data)
    except WriterFailure as failure:
        assert failure.kind in {"malformed", "server"}


def test_a_request_has_what_servers_expect() -> None:
    body = json.loads(request_body(REQUEST, "tiny", "max_completion_tokens"))
    assert body == {
        "model": "tiny",
        "messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "ü"}],
        "stream": True,
        "stream_options": {"include_usage": True},
        "temperature": 0.3,
        "max_completion_tokens": 77,
    }


def test_penalties_are_sent_where_they_are_set() -> None:
    request = WritingRequest(REQUEST.prompt, Parameters(presence_penalty=0.5, frequency_penalty=-1), "c", "m", "u", "p")
    body = json.loads(request_body(request, "tiny", "max_tokens"))
    assert (body["presence_penalty"], body["frequency_penalty"], body["max_tokens"]) == (0.5, -1, 400)


@pytest.mark.parametrize(
    ("value", "ms"),
    [("3", 3_000), (" 0 ", 0), ("Fri, 31 Dec 1999 23:59:59 GMT", None), (None, None), ("9" * 9, 600_000),
     ("1" * 5_000, None), ("-1", None)],
)  # fmt: skip
def test_retry_after_is_read_in_seconds(value: str | None, ms: int | None) -> None:
    assert retry_after_ms(value) == ms


def test_a_webhook_is_told_everything() -> None:
    body = json.loads(webhook_body(REQUEST))
    assert (body["version"], body["persona"], body["messages"][1]["content"]) == (1, "warm", "ü")


def test_a_signature_is_of_this_body_at_this_time() -> None:
    # Computed with: printf '1700000000.{}' | openssl dgst -sha256 -hmac secret
    made = signature(b"secret", 1_700_000_000, b"{}")
    assert made == "v1=b8569b78799ff9e3cbff0fc2d63a33a2b57f3282abd07c37ae5e8e7d79a5f163"
    assert is_genuine(b"secret", 1_700_000_000, b"{}", made, now_s=1_700_000_299)
    assert not is_genuine(b"secret", 1_700_000_000, b"{}", made, now_s=1_700_000_301)
    assert not is_genuine(b"secret", 1_700_000_000, b"{ }", made, now_s=1_700_000_000)
    assert not is_genuine(b"secret", 1_700_000_001, b"{}", made, now_s=1_700_000_000)
    assert not is_genuine(b"Secret", 1_700_000_000, b"{}", made, now_s=1_700_000_000)
