"""The codec benchmark compares like with like: both ways accept and refuse the same frames."""

from __future__ import annotations

import math
from typing import Any

import msgpack
import msgspec
import orjson
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from loadtest.bench_codec import CHANNEL, CLIENT_FRAMES, JSON, MESSAGES, MSGPACK, report
from loadtest.peers.hand_validation import validate
from server.wire.frames import Message
from server.wire.parts import MAX_SAFE_INTEGER
from server.wire.requests import AnyClientFrame, ClientFrame

TYPES = ("connect", "ping", "refresh", "subscribe", "unsubscribe", "history", "open", "send", "resolve", "feedback")
values = st.one_of(
    st.none(),
    st.booleans(),
    st.sampled_from([-1, 0, 1, 200, 201, MAX_SAFE_INTEGER, MAX_SAFE_INTEGER + 1, 0.0, 0.5, 3.0, -1.0]),
    st.sampled_from(["", "x", "x" * 64, "x" * 65, "é" * 160, "é" * 161, CHANNEL]),
    st.dictionaries(st.text(max_size=3), st.integers(0, 3) | st.text(max_size=3), max_size=2),
    st.just({"conv:x": {"epoch": "e", "offset": 1}}),
    st.just({"conv:x": {"epoch": "e", "offset": "1"}}),
    st.just({"name": "web", "version": 1}),
    st.just([1]),
)
FIELDS = ["id", "token", "client", "resume", "channel", "epoch", "offset", "before", "after", "limit", "key", "text"]
FIELDS += ["metadata", "data", "reply_to", "resolved", "message_id", "rating", "comment", "unknown"]


@st.composite
def mutated_frames(draw: st.DrawFn) -> dict[str, Any]:
    """A valid frame with a few fields replaced or missing, or any mixture of fields."""
    frame = dict(draw(st.sampled_from(list(CLIENT_FRAMES.values())) | st.builds(dict)))
    if draw(st.booleans()):
        frame["type"] = draw(st.sampled_from(TYPES) | st.just("of_tomorrow") | values)
    for name in draw(st.lists(st.sampled_from(FIELDS), max_size=4)):
        frame[name] = draw(values)
    for name in draw(st.lists(st.sampled_from(list(frame) or ["id"]), max_size=1)):
        frame.pop(name, None)
    return frame


@settings(max_examples=600)
@given(mutated_frames())
@example({"type": "ping", "id": True})
@example({"type": "ping", "id": 1.0})
@example({"type": "subscribe", "id": 1, "channel": "c", "epoch": "e", "offset": 0.0})
@example({"type": "history", "id": 1, "channel": "c", "limit": 0})
def test_both_ways_accept_the_same_frames(frame: dict[str, Any]) -> None:
    data = orjson.dumps(frame)
    assert accepts(lambda: msgspec.json.decode(data, type=AnyClientFrame)) == accepts(
        lambda: validate(orjson.loads(data))
    ), frame


def accepts(decode: Any) -> bool:
    try:
        decode()
    except (msgspec.ValidationError, ValueError):
        return False
    return True


@pytest.mark.parametrize("name", CLIENT_FRAMES)
def test_the_frames_measured_are_valid(name: str) -> None:
    frame = CLIENT_FRAMES[name]
    for way in (JSON, MSGPACK):
        (decoded,) = way.decode(way.encode_plain(frame))
        assert isinstance(decoded, ClientFrame)
        assert decoded.id == frame["id"]
    assert validate(frame) is frame


@pytest.mark.parametrize("name", MESSAGES)
def test_both_ways_encode_the_same_message(name: str) -> None:
    struct = msgspec.convert(MESSAGES[name], Message)
    assert orjson.loads(msgspec.json.encode(struct)) == MESSAGES[name]
    assert msgpack.unpackb(msgspec.msgpack.encode(struct)) == MESSAGES[name]


def test_results_hold_a_row_per_frame_and_a_ratio_per_group() -> None:
    results = report(rounds=1, round_s=0.0)
    assert len(results["rows"]) == 2 * (len(CLIENT_FRAMES) + len(MESSAGES))
    assert set(results["ratios"]) == {"json decode", "json encode", "msgpack decode", "msgpack encode"}
    assert all(math.isfinite(row["ratio"]) and row["ours_ns"] > 0 for row in results["rows"])
    assert orjson.loads(orjson.dumps(results)) == results
