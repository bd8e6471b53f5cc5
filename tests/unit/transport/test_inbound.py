"""A client's bytes to messages, however the network cuts them, as websockets' own parser reads them."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from websockets.extensions.permessage_deflate import PerMessageDeflate
from websockets.frames import Frame, Opcode
from websockets.protocol import OPEN
from websockets.server import ServerProtocol

from server.transport.inbound import MAX_FRAGMENTS, Inbound, Part

MAX_BYTES = 70_000
DATA = (Opcode.TEXT, Opcode.BINARY)


def masked(opcode: Opcode, payload: bytes, *, fin: bool = True) -> bytes:
    return Frame(opcode, payload, fin).serialize(mask=True)


def fed(inbound: Inbound, pieces: Iterable[bytes]) -> list[Part]:
    return [part for piece in pieces for part in inbound.feed(piece)]


def cut(data: bytes, cuts: list[int]) -> list[bytes]:
    places = sorted({place % (len(data) + 1) for place in cuts})
    return [data[start:end] for start, end in zip([0, *places], [*places, len(data)], strict=True) if start < end]


payloads = st.one_of(st.binary(max_size=200), st.integers(120, 66_000).map(lambda size: b"p" * size))
frames = st.tuples(st.sampled_from(DATA), payloads)
# Bytes that begin like a frame.
started = st.builds(
    lambda first, second, rest: bytes((first, second)) + rest,
    st.sampled_from((0x81, 0x82, 0x88, 0x89, 0x8A, 0x80, 0x01, 0x00, 0xC1, 0x8B)),
    st.sampled_from((0x80, 0x85, 0xFE, 0xFF, 0x05, 0xFD)),
    st.binary(max_size=60),
)
controls = st.tuples(st.sampled_from((Opcode.PING, Opcode.PONG)), st.binary(max_size=125))


@given(st.lists(st.one_of(frames, controls), max_size=6), st.lists(st.integers(0, 1_000_000), max_size=8))
def test_whole_frames_come_out_in_order_however_they_are_cut(sent: list[tuple[Opcode, bytes]], cuts: list[int]) -> None:
    inbound = Inbound(MAX_BYTES, None)
    data = b"".join(masked(opcode, payload) for opcode, payload in sent)
    assert fed(inbound, cut(data, cuts)) == [(int(opcode), payload) for opcode, payload in sent]
    assert inbound.conn is None, "plain frames need no parser"


@settings(max_examples=500)
@given(st.one_of(st.binary(max_size=60), started), st.lists(st.integers(0, 60), max_size=4))
@example(masked(Opcode.TEXT, b"") + b"\x88\x80\x00\x00\x00\x00", [])
@example(b"\x81\x00", [])
@example(b"\x81\xff" + b"\xff" * 8, [3])
@example(b"\xc1\x80\x00\x00\x00\x00", [])
@example(b"\x89\xfe\x00\x7e", [])
@example(b"\x80\x80\x00\x00\x00\x00", [])
def test_any_bytes_are_judged_as_by_the_library(data: bytes, cuts: list[int]) -> None:
    """What clients may not send leads to the same end: the same close code, after the same messages."""
    inbound = Inbound(MAX_BYTES, None)
    found = fed(inbound, cut(data, cuts))
    library = ServerProtocol(state=OPEN, max_size=MAX_BYTES)
    library.receive_data(data)
    seen = [frame for frame in library.events_received() if isinstance(frame, Frame)]
    assert [part for part in found if part[0] in DATA] == [
        (frame.opcode, bytes(frame.data)) for frame in seen if frame.opcode in DATA and frame.fin
    ]
    failed = inbound.conn.parser_exc if inbound.conn is not None else None
    assert type(failed) is type(library.parser_exc)
    if inbound.conn is not None:
        assert inbound.conn.close_sent == library.close_sent


@given(
    st.sampled_from(DATA),
    st.text(max_size=100),
    st.lists(st.integers(0, 400), max_size=4),
    st.lists(st.integers(0, 400)),
)
def test_fragments_become_one_message_with_control_frames_between(
    opcode: Opcode, text: str, places: list[int], cuts: list[int]
) -> None:
    """Fragments of a text may end in the middle of a character."""
    inbound = Inbound(MAX_BYTES, None)
    fragments = [*(cut(text.encode(), places) or [b""]), b""]
    pieces = [masked(opcode, fragments[0], fin=False)]
    for place, fragment in enumerate(fragments[1:], 2):
        pieces += [masked(Opcode.PONG, b"between"), masked(Opcode.CONT, fragment, fin=place == len(fragments))]
    parts = fed(inbound, cut(b"".join(pieces) + masked(Opcode.TEXT, b"next"), cuts))
    assert [part for part in parts if part[0] in DATA] == [(opcode, b"".join(fragments)), (Opcode.TEXT, b"next")]
    assert parts.count((Opcode.PONG, b"between")) == len(fragments) - 1
    assert (inbound.fault, inbound.bare) == (None, 2 * (len(fragments) - 1))


def test_a_text_that_breaks_in_a_fragment_is_at_fault_there_and_nothing_more_is_heard() -> None:
    inbound = Inbound(MAX_BYTES, None)
    said = [
        masked(Opcode.TEXT, b"good"),
        masked(Opcode.TEXT, b"\xce\xba", fin=False),
        masked(Opcode.CONT, b"\xff", fin=False),
    ]
    parts = inbound.feed(b"".join(said) + masked(Opcode.TEXT, b"unheard"))
    assert parts == [(Opcode.TEXT, b"good")]
    assert inbound.fault == 1007


def test_bytes_in_fragments_may_be_anything() -> None:
    inbound = Inbound(MAX_BYTES, None)
    inbound.feed(masked(Opcode.BINARY, b"\xff", fin=False))
    assert inbound.feed(masked(Opcode.CONT, b"\xfe")) == [(Opcode.BINARY, b"\xff\xfe")]


def test_empty_fragments_do_not_pile_up() -> None:
    inbound = Inbound(MAX_BYTES, None)
    inbound.feed(masked(Opcode.BINARY, b"a", fin=False) + masked(Opcode.CONT, b"", fin=False) * (3 * MAX_FRAGMENTS))
    assert len(inbound._fragments or []) < MAX_FRAGMENTS
    assert inbound.feed(masked(Opcode.CONT, b"z")) == [(Opcode.BINARY, b"az")]


def test_pings_and_pongs_are_counted_as_bare() -> None:
    inbound = Inbound(MAX_BYTES, None)
    inbound.feed(masked(Opcode.PING, b"") * 3 + masked(Opcode.TEXT, b"x") + masked(Opcode.PONG, b""))
    assert inbound.bare == 4


@pytest.mark.parametrize("size", [MAX_BYTES + 1, 1 << 62])
def test_a_message_that_is_too_large_fails_at_its_header(size: int) -> None:
    inbound = Inbound(MAX_BYTES, None)
    assert inbound.feed(b"\x81\xff" + size.to_bytes(8)) == []
    assert inbound.conn is not None
    assert inbound.conn.close_sent is not None
    assert inbound.conn.close_sent.code == 1009


def test_fragments_together_are_held_to_the_limit() -> None:
    inbound = Inbound(1_000, None)
    inbound.feed(masked(Opcode.TEXT, b"x" * 900, fin=False))
    inbound.feed(masked(Opcode.CONT, b"x" * 101))
    assert inbound.conn is not None
    assert inbound.conn.close_sent is not None
    assert inbound.conn.close_sent.code == 1009


def test_a_close_has_its_answer_ready() -> None:
    inbound = Inbound(MAX_BYTES, None)
    parts = fed(inbound, [masked(Opcode.TEXT, b"last"), masked(Opcode.CLOSE, b"\x03\xe8bye")])
    assert parts[0] == (Opcode.TEXT, b"last")
    assert inbound.conn is not None
    assert inbound.conn.close_rcvd is not None
    assert (inbound.conn.close_rcvd.code, inbound.conn.close_rcvd.reason) == (1000, "bye")
    assert b"".join(inbound.conn.data_to_send()).startswith(b"\x88")


def test_what_was_compressed_comes_out_as_it_was() -> None:
    conn = ServerProtocol(state=OPEN, max_size=MAX_BYTES)
    conn.extensions = [PerMessageDeflate(True, True, 12, 12)]
    sent = Frame(Opcode.TEXT, b"hello " * 50).serialize(mask=True, extensions=[PerMessageDeflate(True, True, 12, 12)])
    assert Inbound(MAX_BYTES, conn).feed(sent) == [(Opcode.TEXT, b"hello " * 50)]


def test_what_inflates_beyond_the_limit_is_too_large() -> None:
    conn = ServerProtocol(state=OPEN, max_size=1_000)
    conn.extensions = [PerMessageDeflate(True, True, 12, 12)]
    sent = Frame(Opcode.TEXT, b"x" * 100_000).serialize(mask=True, extensions=[PerMessageDeflate(True, True, 12, 12)])
    Inbound(1_000, conn).feed(sent)
    assert conn.close_sent is not None
    assert conn.close_sent.code == 1009
