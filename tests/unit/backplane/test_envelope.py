"""Envelopes as payloads."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.backplane.ports import Envelope
from server.backplane.redis.envelope import AUDIENCES, mark, pack, unpack

NAMES = st.text(st.characters(codec="utf-8"), max_size=80)
ENVELOPES = st.builds(
    Envelope,
    channel=NAMES,
    offset=st.integers(0, 2**53),
    body=st.binary(max_size=2_000),
    plain=st.none() | st.binary(max_size=300),
    audience=st.sampled_from(sorted(AUDIENCES)),
    author=st.none() | NAMES,
)


@given(NAMES, ENVELOPES)
def test_what_is_packed_comes_out_again(origin: str, envelope: Envelope) -> None:
    assert unpack(envelope.channel, pack(origin, envelope)) == envelope


@given(NAMES, NAMES, ENVELOPES)
def test_a_node_knows_its_own_by_the_mark_and_nobody_elses(one: str, other: str, envelope: Envelope) -> None:
    payload = pack(one, envelope)
    assert payload.startswith(mark(one))
    assert payload.startswith(mark(other)) == (one == other)


def test_a_later_version_may_add_elements() -> None:
    row = ["node", 7, b"{}", None, "staff", "ann", {"new": 1}]
    assert unpack("conv:a", msgpack.packb(row)) == Envelope("conv:a", 7, b"{}", audience="staff", author="ann")


@pytest.mark.parametrize(
    "row",
    [
        None,
        {},
        ["node", 7, b"{}", None, "staff"],
        ["node", "7", b"{}", None, "staff", None],
        ["node", 7, "{}", None, "staff", None],
        ["node", 7, b"{}", "plain", "staff", None],
        ["node", 7, b"{}", None, "nobody", None],
        ["node", 7, b"{}", None, ["staff"], None],
        ["node", 7, b"{}", None, "staff", 3],
    ],
)
def test_what_is_no_envelope_is_refused(row: Any) -> None:
    with pytest.raises(ValueError, match=r".+"):
        unpack("conv:a", msgpack.packb(row))


@given(st.binary(max_size=200))
def test_no_bytes_whatever_do_harm(payload: bytes) -> None:
    with suppress(ValueError):
        unpack("conv:a", payload)
