"""RFC 6455 to the bytes: framing, control frames, fragments, UTF-8, closing; our protocol classes and bare uvicorn's.

Headings name the cases of the Autobahn test suite whose rules are checked. docs/security.md tells how that suite itself
is run; ``test_rfc6455_product.py`` says the same to ``/ws`` of a running server.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from tests.support.echo import FLAVOURS, MAX_MESSAGE_BYTES, Flavour, echoing
from tests.support.rawws import BINARY, CLOSE, CONT, PING, PONG, TEXT, RawFrame, RawSocket, close, frame, raw_socket

NORMAL, PROTOCOL_ERROR, INVALID_DATA, TOO_BIG = 1000, 1002, 1007, 1009


@pytest.fixture(scope="module")
def ports() -> Iterator[dict[Flavour, int]]:
    with echoing("ours") as ours, echoing("bare") as bare:
        yield {"ours": ours, "bare": bare}


@pytest.fixture(params=FLAVOURS)
async def raw(request: pytest.FixtureRequest, ports: dict[Flavour, int]) -> AsyncIterator[RawSocket]:
    async with raw_socket(ports[request.param]) as socket:
        yield socket


async def echoes(raw: RawSocket, opcode: int, payload: bytes) -> None:
    assert await raw.message() == (opcode, payload)


async def fails(raw: RawSocket, *codes: int) -> list[RawFrame]:
    """The connection ends with one of these codes; what came before."""
    seen = await raw.rest()
    assert seen, "the connection ended without a close frame"
    assert (seen[-1].opcode, seen[-1].code in codes) == (CLOSE, True), seen[-1]
    return seen[:-1]


async def goes_on(raw: RawSocket) -> None:
    """The connection is alive and closes in order."""
    await raw.say(frame(TEXT, b"still there"))
    await echoes(raw, TEXT, b"still there")
    await raw.say(close())
    assert await fails(raw, NORMAL) == []


# ------------------------------------------------------------------ framing: cases 1.1.1 to 1.2.8, 10.1.1


@pytest.mark.parametrize("opcode", [TEXT, BINARY])
@pytest.mark.parametrize("size", [0, 1, 125, 126, 127, 128, 65_535, 65_536, MAX_MESSAGE_BYTES])
async def test_every_length_class_comes_back(raw: RawSocket, opcode: int, size: int) -> None:
    await raw.say(frame(opcode, b"*" * size))
    await echoes(raw, opcode, b"*" * size)
    await goes_on(raw)


@pytest.mark.parametrize("chop", [1, 7, 997])
async def test_frames_may_come_in_pieces_of_any_size(raw: RawSocket, chop: int) -> None:
    await raw.say(frame(TEXT, b"*" * 1_000), frame(BINARY, b"\xfe" * 70), chop=chop)
    await echoes(raw, TEXT, b"*" * 1_000)
    await echoes(raw, BINARY, b"\xfe" * 70)


@pytest.mark.parametrize("mask", [b"\0\0\0\0", b"\xff\xff\xff\xff", b"\x01\x02\x03\x04"])
async def test_any_masking_key_is_taken_off(raw: RawSocket, mask: bytes) -> None:
    await raw.say(frame(TEXT, b"Hello, world!", mask=mask))
    await echoes(raw, TEXT, b"Hello, world!")
    await goes_on(raw)


async def test_a_client_that_does_not_mask_is_failed(raw: RawSocket) -> None:
    await raw.say(frame(TEXT, b"Hello", mask=None), frame(PING))
    assert await fails(raw, PROTOCOL_ERROR) == []


async def test_a_length_with_its_highest_bit_set_is_failed(raw: RawSocket) -> None:
    await raw.say(frame(BINARY, b"x", length_bytes=8, claimed=1 << 63))
    await fails(raw, PROTOCOL_ERROR, TOO_BIG)


@pytest.mark.parametrize("claimed", [MAX_MESSAGE_BYTES + 1, 1 << 40])
async def test_a_length_beyond_the_limit_is_failed_before_a_byte_of_it_came(raw: RawSocket, claimed: int) -> None:
    await raw.say(frame(BINARY, b"x", claimed=claimed))
    assert await fails(raw, TOO_BIG) == []


@pytest.mark.parametrize("size", [1_300, 64, 1])
async def test_a_message_in_many_fragments_is_one(raw: RawSocket, size: int) -> None:
    text = b"*" * min(65_536, size * 1_000)
    parts = [text[start : start + size] for start in range(0, len(text), size)]
    ends = len(parts) - 1
    await raw.say(*(frame(CONT if n else TEXT, part, fin=n == ends) for n, part in enumerate(parts)))
    await echoes(raw, TEXT, text)
    await goes_on(raw)


# ------------------------------------------------------------------ pings: cases 2.1 to 2.11


@pytest.mark.parametrize("payload", [b"", b"Hello, world!", b"\x00\xff\xfe\xfd\xfc\xfb\x00\xff", b"\xfe" * 125])
@pytest.mark.parametrize("chop", [0, 1])
async def test_a_ping_is_answered_with_its_payload(raw: RawSocket, payload: bytes, chop: int) -> None:
    await raw.say(frame(PING, payload), chop=chop)
    assert await raw.next() == RawFrame(True, 0, PONG, payload)
    await goes_on(raw)


@pytest.mark.parametrize("opcode", [PING, PONG])
async def test_a_control_frame_of_126_bytes_is_failed(raw: RawSocket, opcode: int) -> None:
    await raw.say(frame(opcode, b"\xfe" * 126))
    assert await fails(raw, PROTOCOL_ERROR) == []


@pytest.mark.parametrize("payload", [b"", b"unsolicited pong payload"])
async def test_a_pong_that_nobody_asked_for_is_ignored(raw: RawSocket, payload: bytes) -> None:
    await raw.say(frame(PONG, payload), frame(PING, b"own"))
    assert await raw.next() == RawFrame(True, 0, PONG, b"own")
    await goes_on(raw)


@pytest.mark.parametrize("chop", [0, 1])
async def test_ten_pings_are_answered_in_their_order(raw: RawSocket, chop: int) -> None:
    await raw.say(*(frame(PING, b"payload-%d" % number) for number in range(10)), chop=chop)
    for number in range(10):
        assert await raw.next() == RawFrame(True, 0, PONG, b"payload-%d" % number)
    await goes_on(raw)


# ------------------------------------------------------------------ reserved bits and opcodes: cases 3.1 to 4.2.5


@pytest.mark.parametrize("rsv", range(1, 8))
@pytest.mark.parametrize("opcode", [TEXT, BINARY, PING, CLOSE])
async def test_a_reserved_bit_without_an_extension_is_failed(raw: RawSocket, rsv: int, opcode: int) -> None:
    await raw.say(frame(TEXT, b"Hello"))
    await echoes(raw, TEXT, b"Hello")
    await raw.say(frame(opcode, b"\x03\xe8" if opcode == CLOSE else b"x", rsv=rsv), frame(PING))
    assert await fails(raw, PROTOCOL_ERROR) == []


@pytest.mark.parametrize("opcode", [3, 4, 5, 6, 7, 11, 12, 13, 14, 15])
async def test_a_reserved_opcode_is_failed(raw: RawSocket, opcode: int) -> None:
    await raw.say(frame(opcode, b"x"), frame(PING))
    assert await fails(raw, PROTOCOL_ERROR) == []


# ------------------------------------------------------------------ fragments: cases 5.1 to 5.20


@pytest.mark.parametrize("opcode", [PING, PONG])
async def test_a_control_frame_in_fragments_is_failed(raw: RawSocket, opcode: int) -> None:
    await raw.say(frame(opcode, b"fragment1", fin=False), frame(CONT, b"fragment2"))
    assert await fails(raw, PROTOCOL_ERROR) == []


@pytest.mark.parametrize("chop", [0, 1])
async def test_two_fragments_are_one_message(raw: RawSocket, chop: int) -> None:
    await raw.say(frame(TEXT, b"fragment1", fin=False), frame(CONT, b"fragment2"), chop=chop)
    await echoes(raw, TEXT, b"fragment1fragment2")
    await goes_on(raw)


@pytest.mark.parametrize("chop", [0, 1])
async def test_a_ping_between_fragments_is_answered_at_once(raw: RawSocket, chop: int) -> None:
    await raw.say(frame(TEXT, b"fragment1", fin=False), frame(PING, b"between"), chop=chop)
    assert await raw.next() == RawFrame(True, 0, PONG, b"between")
    await raw.say(frame(CONT, b"fragment2"), chop=chop)
    await echoes(raw, TEXT, b"fragment1fragment2")


async def test_the_pong_of_a_ping_between_fragments_goes_before_the_message(raw: RawSocket) -> None:
    """All in one segment, as in cases 5.6 and 5.19."""
    await raw.say(frame(TEXT, b"a", fin=False), frame(PING, b"between"), frame(CONT, b"b"))
    assert await raw.next() == RawFrame(True, 0, PONG, b"between")
    await echoes(raw, TEXT, b"ab")
    await goes_on(raw)


@pytest.mark.parametrize("fin", [True, False])
async def test_a_continuation_of_nothing_is_failed(raw: RawSocket, fin: bool) -> None:
    await raw.say(frame(CONT, b"nothing to continue", fin=fin), frame(TEXT, b"Hello"))
    assert await fails(raw, PROTOCOL_ERROR) == []


async def test_a_continuation_after_the_end_is_failed(raw: RawSocket) -> None:
    await raw.say(frame(TEXT, b"a", fin=False), frame(CONT, b"b"))
    await echoes(raw, TEXT, b"ab")
    await raw.say(frame(CONT, b"c", fin=False), frame(TEXT, b"d"))
    assert await fails(raw, PROTOCOL_ERROR) == []


@pytest.mark.parametrize("opcode", [TEXT, BINARY])
async def test_a_new_message_before_the_end_of_the_last_is_failed(raw: RawSocket, opcode: int) -> None:
    await raw.say(frame(TEXT, b"fragment1", fin=False), frame(opcode, b"fragment2"))
    assert await fails(raw, PROTOCOL_ERROR) == []


async def test_pings_between_many_fragments(raw: RawSocket) -> None:
    await raw.say(frame(TEXT, b"fragment1", fin=False), frame(CONT, b"fragment2", fin=False), frame(PING, b"1"))
    assert await raw.next() == RawFrame(True, 0, PONG, b"1")
    await raw.say(frame(CONT, b"fragment3", fin=False), frame(CONT, b"fragment4", fin=False), frame(PING, b"2"))
    assert await raw.next() == RawFrame(True, 0, PONG, b"2")
    await raw.say(frame(CONT, b"fragment5"))
    await echoes(raw, TEXT, b"fragment1fragment2fragment3fragment4fragment5")
    await goes_on(raw)


async def test_empty_fragments(raw: RawSocket) -> None:
    await raw.say(frame(TEXT, b"", fin=False), frame(CONT, b"middle", fin=False), frame(CONT, b""))
    await echoes(raw, TEXT, b"middle")
    await raw.say(frame(TEXT, b"", fin=False), frame(CONT, b"", fin=False), frame(CONT, b""))
    await echoes(raw, TEXT, b"")


# ------------------------------------------------------------------ UTF-8: cases 6.1.1 to 6.23.7

GREEK = "κόσμε".encode()
# Ends of each length of encoding (cases 6.6 to 6.9, 6.11, 6.22), noncharacters among them: all are valid.
VALID = ["", "Hello-µ@ßöäüàá-UTF-8!!", "\0", "\x7f", "\x80", "\u07ff", "\u0800", "\uffff", "\ufffe", "\U0001fffe",
         "\ud7ff", "\ue000", "\ufffd", "\U00010000", "\U0010ffff", "𐀀𝄞👍🏽"]  # fmt: skip
# Lone continuations, lost ones, surrogates, overlong forms, beyond U+10FFFF, bytes that never occur (6.3, 6.10,
# 6.12 to 6.21).
INVALID = [b"\x80", b"\xbf", b"\x80\xbf", b"\x80" * 6, b"\xc3", b"\xc0\x20", b"\xe1\xbd", b"\xf0\x80\x80",
           b"\xfe", b"\xff", b"\xfe\xfe\xff\xff", b"\xc0\xaf", b"\xe0\x80\xaf", b"\xf0\x80\x80\xaf",
           b"\xf8\x80\x80\x80\xaf", b"\xfc\x80\x80\x80\x80\xaf", b"\xc1\xbf", b"\xe0\x9f\xbf", b"\xf0\x8f\xbf\xbf",
           b"\xed\xa0\x80", b"\xed\xbf\xbf", b"\xed\xa0\xbd\xed\xb8\x80", b"\xf4\x90\x80\x80", b"\xf7\xbf\xbf\xbf",
           b"\xf8\x88\x80\x80\x80", GREEK[:-1], GREEK + b"\xed\xa0\x80edited"]  # fmt: skip


@pytest.mark.parametrize("text", VALID)
async def test_valid_utf8_comes_back(raw: RawSocket, text: str) -> None:
    await raw.say(frame(TEXT, text.encode()))
    await echoes(raw, TEXT, text.encode())


async def test_a_code_point_may_be_split_over_fragments_and_segments(raw: RawSocket) -> None:
    data = ("".join(VALID) + "κόσμε").encode()
    ends = len(data) - 1
    parts = [frame(CONT if n else TEXT, data[n : n + 1], fin=n == ends) for n in range(len(data))]
    await raw.say(*parts, chop=3)
    await echoes(raw, TEXT, data)
    await raw.say(frame(TEXT, data), chop=1)
    await echoes(raw, TEXT, data)
    await goes_on(raw)


@pytest.mark.parametrize("data", INVALID, ids=lambda data: data.hex())
@pytest.mark.parametrize("fragments", [1, 2])
async def test_invalid_utf8_is_1007(raw: RawSocket, data: bytes, fragments: int) -> None:
    half = len(data) // 2
    whole = frame(TEXT, data) if fragments == 1 else frame(TEXT, data[:half], fin=False) + frame(CONT, data[half:])
    await raw.say(whole)
    assert await fails(raw, INVALID_DATA) == []


async def test_after_invalid_utf8_nothing_of_the_same_segment_is_heard(raw: RawSocket) -> None:
    await raw.say(frame(TEXT, b"\xff"), frame(TEXT, b"valid"), frame(PING))
    assert [found.opcode for found in await fails(raw, INVALID_DATA)] in ([], [PONG])


async def test_binary_is_no_text(raw: RawSocket) -> None:
    await raw.say(frame(BINARY, b"\xff\xfe", fin=False), frame(CONT, b"\x80"))
    await echoes(raw, BINARY, b"\xff\xfe\x80")


@pytest.mark.parametrize("bad", [b"\xf4\x90\x80\x80", b"\xed\xa0\x80", b"\xff"])
async def test_ours_fails_at_the_fragment_that_breaks_the_text(ports: dict[Flavour, int], bad: bytes) -> None:
    """Cases 6.4.1 and 6.4.2; bare uvicorn waits for the message's end ("non-strict")."""
    async with raw_socket(ports["ours"]) as raw:
        await raw.say(frame(TEXT, GREEK, fin=False), frame(PING, b"so far"))
        assert await raw.next() == RawFrame(True, 0, PONG, b"so far")
        await raw.say(frame(CONT, bad, fin=False))
        assert await fails(raw, INVALID_DATA) == []


# ------------------------------------------------------------------ closing: cases 7.1.1 to 7.13.2


async def test_a_close_is_answered_with_its_code_and_nothing_after_it_is_heard(raw: RawSocket) -> None:
    await raw.say(frame(TEXT, b"before"))
    await echoes(raw, TEXT, b"before")
    await raw.say(close(NORMAL), close(NORMAL), frame(PING), frame(TEXT, b"after"))
    assert await fails(raw, NORMAL) == []


async def test_a_close_without_a_code(raw: RawSocket) -> None:
    await raw.say(close(None))
    seen = await raw.rest()
    assert [(found.opcode, found.payload) for found in seen] == [(CLOSE, b"")]


@pytest.mark.parametrize("code", [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999])
async def test_valid_codes_come_back(raw: RawSocket, code: int) -> None:
    await raw.say(close(code))
    assert await fails(raw, code) == []


@pytest.mark.parametrize("code", [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535])
async def test_invalid_codes_are_failed(raw: RawSocket, code: int) -> None:
    await raw.say(close(code))
    assert await fails(raw, PROTOCOL_ERROR) == []


async def test_a_close_of_one_byte_is_failed(raw: RawSocket) -> None:
    await raw.say(frame(CLOSE, b"a"))
    assert await fails(raw, PROTOCOL_ERROR) == []


@pytest.mark.parametrize("size", [0, 1, 123])
async def test_a_reason_of_up_to_123_bytes(raw: RawSocket, size: int) -> None:
    await raw.say(close(NORMAL, b"*" * size))
    assert await fails(raw, NORMAL) == []


async def test_a_reason_of_124_bytes_is_failed(raw: RawSocket) -> None:
    await raw.say(close(NORMAL, b"*" * 124))
    assert await fails(raw, PROTOCOL_ERROR) == []


async def test_a_reason_that_is_no_utf8_is_failed(raw: RawSocket) -> None:
    await raw.say(close(NORMAL, GREEK + b"\xed\xa0\x80edited"))
    assert await fails(raw, PROTOCOL_ERROR, INVALID_DATA) == []


async def test_a_close_in_fragments_is_failed(raw: RawSocket) -> None:
    await raw.say(frame(CLOSE, b"\x03\xe8", fin=False))
    assert await fails(raw, PROTOCOL_ERROR) == []


async def test_a_close_after_much_data_is_answered(raw: RawSocket) -> None:
    await raw.say(frame(TEXT, b"*" * 262_144))
    await echoes(raw, TEXT, b"*" * 262_144)
    await raw.say(close(NORMAL))
    assert await fails(raw, NORMAL) == []


async def test_a_close_within_a_message_ends_it(raw: RawSocket) -> None:
    """Case 7.1.5: the library fails the connection instead of answering the close with its code."""
    await raw.say(frame(TEXT, b"fragment1", fin=False), close(NORMAL), frame(CONT, b"fragment2"))
    assert await fails(raw, NORMAL, PROTOCOL_ERROR) == []
