"""Frame headers, read back by an independent implementation of RFC 6455."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from websockets.frames import Frame, Opcode
from websockets.streams import StreamReader

from server.wire.framing import frame_control, frame_message, messages_of, payload_of


def read_back(data: bytes) -> Frame:
    reader = StreamReader()
    reader.feed_data(data)
    parser = Frame.parse(reader.read_exact, mask=False)
    try:
        next(parser)
    except StopIteration as done:
        frame: Frame = done.value
        return frame
    raise AssertionError("the frame is not whole")


@given(st.binary(max_size=300), st.booleans())
@example(b"", True)
@example(b"x" * 125, False)
@example(b"x" * 126, False)
@example(b"x" * 0xFFFF, True)
@example(b"x" * 0x10000, True)
def test_a_framed_message_is_one_whole_message(payload: bytes, binary: bool) -> None:
    framed = frame_message(payload, binary=binary)
    frame = read_back(framed)
    assert frame.fin
    assert frame.opcode is (Opcode.BINARY if binary else Opcode.TEXT)
    assert bytes(frame.data) == payload
    assert payload_of(framed) == (payload, binary)


@pytest.mark.parametrize("size", [125, 126, 0xFFFF, 0x10000])
def test_the_shortest_header_is_used(size: int) -> None:
    header_bytes = len(frame_message(b"x" * size, binary=True)) - size
    assert header_bytes == (2 if size <= 125 else 4 if size <= 0xFFFF else 10)


@given(st.lists(st.tuples(st.one_of(st.binary(max_size=200), st.just(b"x" * 66_000)), st.booleans()), max_size=5))
def test_messages_after_each_other_are_told_apart(sent: list[tuple[bytes, bool]]) -> None:
    framed = b"".join(frame_message(payload, binary=binary) for payload, binary in sent)
    assert list(messages_of(framed)) == sent


@pytest.mark.parametrize("opcode", [Opcode.PING, Opcode.PONG, Opcode.CLOSE])
def test_a_control_frame_is_one(opcode: Opcode) -> None:
    frame = read_back(frame_control(opcode, b"\x03\xe8"))
    assert (frame.opcode, bytes(frame.data), frame.fin) == (opcode, b"\x03\xe8", True)
