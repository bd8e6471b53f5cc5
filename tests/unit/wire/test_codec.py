"""Bytes to frames and back: what decodes, what is refused, and how (PROTOCOL §1 and §2)."""

from __future__ import annotations

import json
from typing import Any, get_args

import msgpack
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.errors import BadFrame, Invalid
from server.wire import frames
from server.wire.codec import (
    CODECS,
    JSON,
    MSGPACK,
    Codec,
    Rejected,
    Undecodable,
    error_frame,
    json_to_msgpack,
    negotiate,
)
from server.wire.frames import AnyServerFrame
from server.wire.requests import AnyClientFrame, ClientFrame, Ping, Send
from tests.support.strategies import instances

CLIENT_FRAMES = get_args(AnyClientFrame)
SERVER_FRAMES = get_args(AnyServerFrame)
_SERVER_DECODERS: dict[str, Any] = {
    "json": msgspec.json.Decoder(AnyServerFrame),
    "msgpack": msgspec.msgpack.Decoder(AnyServerFrame),
}


def encode(codec: Codec, value: object) -> bytes | str:
    return json.dumps(value) if codec is JSON else bytes(msgpack.packb(value))


@pytest.fixture(params=CODECS, ids=lambda codec: codec.name)
def codec(request: pytest.FixtureRequest) -> Codec:
    found: Codec = request.param
    return found


@pytest.mark.parametrize("kind", CLIENT_FRAMES, ids=lambda kind: kind.__name__)
@given(data=st.data())
def test_every_client_frame_survives_both_encodings(kind: type[ClientFrame], data: st.DataObject) -> None:
    frame = data.draw(instances(kind))
    for codec in CODECS:
        assert codec.decode(codec.encode(frame)) == [frame]


@pytest.mark.parametrize("kind", SERVER_FRAMES, ids=lambda kind: kind.__name__)
@given(data=st.data())
def test_every_server_frame_survives_both_encodings(kind: type[msgspec.Struct], data: st.DataObject) -> None:
    frame = data.draw(instances(kind))
    for codec in CODECS:
        assert _SERVER_DECODERS[codec.name].decode(codec.encode(frame)) == frame
    assert _SERVER_DECODERS["msgpack"].decode(json_to_msgpack(JSON.encode(frame))) == frame


@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_any_bytes_decode_or_give_the_documented_error(data: bytes) -> None:
    for codec in CODECS:
        try:
            items = codec.decode(data)
        except Undecodable:
            continue
        assert all(not isinstance(item, Rejected) or item.error.code in {400, 422} for item in items)


_FIELDS = ["type", "id", "channel", "key", "text", "data", "offset", "epoch", "resume", "rating", "limit", "resolved"]
_KINDS = [
    "typing",
    "receipt",
    "members",
    "presence",
    "connect",
    "ping",
    "subscribe",
    "send",
    "open",
    "history",
    "feedback",
    "resolve",
    "nonsense",
]
_ODD = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.binary(max_size=5)
    | st.lists(st.integers(), max_size=2) | st.dictionaries(st.text(max_size=2), st.integers(), max_size=2)
)  # fmt: skip


@given(st.dictionaries(st.sampled_from(_FIELDS), st.sampled_from(_KINDS) | _ODD, max_size=6))
def test_any_map_decodes_or_is_rejected(value: dict[str, Any]) -> None:
    try:
        packed = bytes(msgpack.packb(value))
    except OverflowError:
        return
    for item in MSGPACK.decode(packed):
        assert not isinstance(item, Rejected) or item.error.code == 400


def test_unknown_fields_are_ignored(codec: Codec) -> None:
    assert codec.decode(encode(codec, {"type": "ping", "id": 1, "extra": [1]})) == [Ping(id=1)]


@pytest.mark.parametrize("frame_id", [0, 2**53 - 1, "", "x" * 64])
def test_valid_ids(codec: Codec, frame_id: int | str) -> None:
    assert codec.decode(encode(codec, {"type": "ping", "id": frame_id})) == [Ping(id=frame_id)]


@pytest.mark.parametrize("frame_id", [-1, 2**53, "x" * 65, 1.5, True, None, [1]])
def test_invalid_ids_are_not_echoed(codec: Codec, frame_id: object) -> None:
    (item,) = codec.decode(encode(codec, {"type": "ping", "id": frame_id}))
    assert isinstance(item, Rejected)
    assert item.id is None
    assert isinstance(item.error, BadFrame)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({"id": 7}, "type"),
        ({"type": "nonsense", "id": 7}, "unknown type 'nonsense'"),
        ({"type": "presence", "id": 7, "status": "there"}, "one of online, away, busy, invisible is expected"),
        ({"type": 3, "id": 7}, "type"),
        ({"type": "send", "id": 7, "channel": "c", "key": "k"}, "text"),
        ({"type": "send", "id": 7, "channel": "c", "key": "k" * 65, "text": "t"}, "key"),
        ({"type": "send", "id": 7, "channel": "c", "key": "", "text": "t"}, "key"),
        ({"type": "history", "id": 7, "channel": "c", "limit": 201}, "limit"),
        ({"type": "subscribe", "id": 7, "channel": "c", "offset": -1}, "offset"),
    ],
)
def test_a_wrong_frame_is_rejected_with_its_id_and_a_reason(codec: Codec, value: object, words: str) -> None:
    (item,) = codec.decode(encode(codec, value))
    assert isinstance(item, Rejected)
    assert item.id == 7
    assert words in str(item.error)


@pytest.mark.parametrize("value", [5, "text", None, True, 1.5])
def test_what_is_no_map_is_rejected(codec: Codec, value: object) -> None:
    (item,) = codec.decode(encode(codec, value))
    assert isinstance(item, Rejected)
    assert item.error.code == 400


@pytest.mark.parametrize("data", ["", "{", "nope", '{"type":"ping","id":NaN}', '{"a":1}}', "[1", "[" * 100_000])
def test_malformed_json_is_undecodable(data: str) -> None:
    with pytest.raises(Undecodable):
        JSON.decode(data)


@pytest.mark.parametrize("data", [b"", b"\xc1", b"\x81", b"\x91", b"\xd9\x02\xff\xff", b"\x91" * 100_000])
def test_malformed_messagepack_is_undecodable(data: bytes) -> None:
    with pytest.raises(Undecodable):
        MSGPACK.decode(data)


@pytest.mark.parametrize("depth", [100, 450, 900])
def test_deep_nesting_in_an_unknown_frame_is_an_error_or_undecodable(depth: int) -> None:
    data = '{"type":"nope","id":1,"x":' + "[" * depth + "]" * depth + "}"
    try:
        (item,) = JSON.decode(data)
    except Undecodable:
        return
    assert isinstance(item, Rejected)
    assert item.id == 1


def test_a_wrong_type_early_does_not_hide_broken_json_later() -> None:
    with pytest.raises(Undecodable):
        JSON.decode('{"type":"ping","id":-1, oops')


def test_a_lone_surrogate_is_invalid_and_not_a_broken_message() -> None:
    (item,) = JSON.decode('{"type":"send","id":3,"channel":"c","key":"k","text":"\\ud800"}')
    assert isinstance(item, Rejected)
    assert isinstance(item.error, Invalid)
    assert item.id == 3


def test_a_surrogate_pair_is_one_character() -> None:
    (item,) = JSON.decode('{"type":"send","id":3,"channel":"c","key":"k","text":"\\ud83d\\ude00"}')
    assert isinstance(item, Send)
    assert item.text == "😀"


class TestBatch:
    def test_frames_come_in_order(self, codec: Codec) -> None:
        batch = [{"type": "ping", "id": number} for number in range(64)]
        assert codec.decode(encode(codec, batch)) == [Ping(id=number) for number in range(64)]

    @pytest.mark.parametrize("size", [0, 65])
    def test_its_size_is_bounded(self, codec: Codec, size: int) -> None:
        (item,) = codec.decode(encode(codec, [{"type": "ping", "id": 1}] * size))
        assert isinstance(item, Rejected)
        assert "1 to 64" in str(item.error)

    def test_an_error_stops_nobody_else(self, codec: Codec) -> None:
        batch = [{"type": "ping", "id": 1}, {"type": "nonsense", "id": 2}, 5, {"type": "ping", "id": 4}]
        first, second, third, fourth = codec.decode(encode(codec, batch))
        assert (first, fourth) == (Ping(id=1), Ping(id=4))
        assert isinstance(second, Rejected)
        assert second.id == 2
        assert isinstance(third, Rejected)

    def test_white_space_before_it(self) -> None:
        assert JSON.decode(' \n\t[{"type":"ping","id":1}]') == [Ping(id=1)]

    def test_a_surrogate_in_it(self) -> None:
        first, second = JSON.decode('[{"type":"ping","id":1},{"type":"ping","id":"\\udc00"}]')
        assert first == Ping(id=1)
        assert isinstance(second, Rejected)


@pytest.mark.parametrize(
    ("offered", "expected"),
    [
        ([], JSON),
        (["parlance.v1.json"], JSON),
        (["parlance.v1.msgpack"], MSGPACK),
        (["parlance.v2.json", "parlance.v1.msgpack"], MSGPACK),
        (["parlance.v1.msgpack", "parlance.v1.json"], MSGPACK),
        (["chat"], None),
    ],
)
def test_negotiation(offered: list[str], expected: Codec | None) -> None:
    assert negotiate(offered) is expected


def test_an_unexpected_failure_is_named_to_nobody() -> None:
    frame = error_frame(RuntimeError("secret detail"), 4)
    assert isinstance(frame, frames.Error)
    assert (frame.code, frame.id) == (500, 4)
    assert "secret" not in frame.message
