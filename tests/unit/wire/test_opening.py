"""The usual handshake without a parser: what it accepts, websockets accepts, with the same answer."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.http11 import Request
from websockets.server import ServerProtocol

from server.wire.opening import switching, usual_opening

KEY = base64.b64encode(bytes(range(16)))
USUAL = [
    (b"Host", b"shop.example"),
    (b"Upgrade", b"websocket"),
    (b"Connection", b"keep-alive, Upgrade"),
    (b"Sec-WebSocket-Key", KEY),
    (b"Sec-WebSocket-Version", b"13"),
]


def request(*headers: tuple[bytes, bytes], line: bytes = b"GET /ws?a=b HTTP/1.1", end: bytes = b"\r\n\r\n") -> bytes:
    return b"\r\n".join([line, *(name + b": " + value for name, value in headers)]) + end


def but(name: bytes, *values: bytes) -> list[tuple[bytes, bytes]]:
    """The usual headers with other values of one, or without it."""
    return [header for header in USUAL if header[0] != name] + [(name, value) for value in values]


def test_a_browsers_request_is_usual() -> None:
    opening = usual_opening(request(*USUAL, (b"Cookie", b"a=b"), (b"Cookie", b"c=d"), (b"Origin", b"https://a")))
    assert opening is not None
    assert opening.target == b"/ws?a=b"
    assert opening.all_of(b"cookie") == [b"a=b", b"c=d"]
    assert (b"host", b"shop.example") in opening.headers
    # RFC 6455 §1.3
    known = usual_opening(request(*but(b"Sec-WebSocket-Key", b"dGhlIHNhbXBsZSBub25jZQ==")))
    assert known is not None
    assert known.accept == b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="


@pytest.mark.parametrize(
    "data",
    [
        b"",
        request(*USUAL, line=b"POST /ws HTTP/1.1"),
        request(*USUAL, line=b"GET /ws HTTP/1.0"),
        request(*USUAL, line=b"GET /w s HTTP/1.1"),
        request(*USUAL, end=b"\r\n"),
        request(*USUAL)[:-1],
        request(*USUAL) + b"x",
        request(),
        request(*USUAL, (b"Content-Length", b"0")),
        request(*USUAL, (b"Transfer-Encoding", b"chunked")),
        request(*USUAL, (b" folded", b"x")),
        request(*USUAL, (b"spaced ", b"x")),
        request(*USUAL)[:-4] + b"\r\nnocolon\r\n\r\n",
        request(*USUAL, (b"origin", b"a"), (b"Origin", b"b")),
        request(*USUAL, *[(b"x", b"y")] * 61),
        request(*USUAL, (b"x", b"y" * 9_000)),
        *(request(*but(name)) for name in (b"Upgrade", b"Connection", b"Sec-WebSocket-Key", b"Sec-WebSocket-Version")),
        request(*but(b"Upgrade", b"h2c")),
        request(*but(b"Connection", b"keep-alive")),
        request(*but(b"Connection", b"Upgrade", b"Upgrade")),
        request(*but(b"Sec-WebSocket-Version", b"8")),
        request(*but(b"Sec-WebSocket-Version", b"13", b"13")),
        request(*but(b"Sec-WebSocket-Key", KEY, KEY)),
        request(*but(b"Sec-WebSocket-Key", base64.b64encode(b"x" * 17))),
        request(*but(b"Sec-WebSocket-Key", b"*" * 24)),
        request(*but(b"Sec-WebSocket-Key", b"")),
    ],
)
def test_whatever_is_unusual_is_left_to_the_parser(data: bytes) -> None:
    assert usual_opening(data) is None


names = st.sampled_from([name for name, _ in USUAL] + [b"Origin", b"X", b"cookie", b"", b"Content-Length"])
values = st.sampled_from([value for _, value in USUAL] + [b"Upgrade", b"Websocket", b"", b" ", b"\xe9", b"a, b", b"0"])


@given(st.lists(st.tuples(names, values), max_size=4), st.lists(st.integers(0, 4), max_size=1))
def test_what_it_accepts_websockets_accepts_with_the_same_answer(
    more: list[tuple[bytes, bytes]], without: list[int]
) -> None:
    headers = [header for place, header in enumerate(USUAL) if place not in without] + more
    opening = usual_opening(request(*headers))
    if opening is None:
        return
    library = ServerProtocol()
    library.receive_data(request(*headers))
    [asked] = library.events_received()
    assert isinstance(asked, Request)
    answer = library.accept(asked)
    assert answer.status_code == 101
    assert answer.headers["Sec-WebSocket-Accept"] == opening.accept.decode()
    assert [(name.lower(), value) for name, value in asked.headers.raw_items()] == [
        (name.decode(), value.decode("latin-1")) for name, value in opening.headers
    ]


def test_the_answer_has_the_further_headers() -> None:
    answer = switching(b"ACCEPT", [(b"Sec-WebSocket-Protocol", b"parlance.v1.json")])
    assert answer == (
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: ACCEPT\r\nSec-WebSocket-Protocol: parlance.v1.json\r\n\r\n"
    )
