"""Values to and from columns."""

from __future__ import annotations

import datetime as dt
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.errors import Invalid, NotFound
from server.store import codec

texts = st.text(st.characters(exclude_categories=["Cs"]))
json_values: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
objects = st.dictionaries(texts, json_values, max_size=4)


@given(objects)
def test_objects_come_back_with_their_order(value: dict[str, Any]) -> None:
    back = codec.decode_mapping(codec.encode_mapping(value, "data"))
    assert back == value and list(back) == list(value)


@given(st.lists(st.floats(width=64)))
def test_floats_come_back_to_the_last_bit(values: list[float]) -> None:
    packed = codec.pack_floats(values)
    assert codec.pack_floats(codec.unpack_floats(packed)) == packed
    assert [repr(value) for value in codec.unpack_floats(packed)] == [repr(value) for value in values]


def test_infinity_and_the_zeros_are_floats_too() -> None:
    assert codec.unpack_floats(codec.pack_floats((-0.0, math.inf))) == (0.0, math.inf)
    assert codec.unpack_floats(b"") == ()


@given(texts, objects, st.none() | texts)
def test_equal_content_has_one_digest(text: str, data: dict[str, Any], reply_to: str | None) -> None:
    turned = dict(reversed(data.items()))
    assert codec.content_digest(text, data, reply_to) == codec.content_digest(text, turned, reply_to)


@given(st.lists(st.tuples(texts, st.none() | texts), min_size=2, max_size=2, unique=True))
def test_different_content_has_different_digests(contents: list[tuple[str, str | None]]) -> None:
    one, two = (codec.content_digest(text, None, reply_to) for text, reply_to in contents)
    assert one != two


@pytest.mark.parametrize(
    "value", [{"at": dt.datetime(2026, 1, 1)}, {"a": b"x"}, {1: 2}, {"a": {1}}, {"a": 2**64}, {"a": "\ud800"}]
)
def test_what_json_has_not_is_invalid(value: dict[Any, Any]) -> None:
    with pytest.raises(Invalid, match="metadata"):
        codec.encode_mapping(value, "metadata")
    with pytest.raises(Invalid):
        codec.content_digest(value)


def test_channels_and_conversations() -> None:
    assert codec.conversation_id("conv:01X") == "01X"
    assert codec.channel_of("01X") == "conv:01X"
    for channel in ("user:01X", "01X", "", "conv:\0", "conv:\udfff"):
        with pytest.raises(NotFound):
            codec.conversation_id(channel)
