"""Thousands of WebSocket connections in one thread, cheap enough that the server beside them is what is measured.

Plain sockets and epoll: a socket is read in large pieces, frames are told apart by their headers (RFC 6455 §5.2) and
counted, never decoded. Frames go out with a masking key of zeros, which a server has to undo like any other.
"""

from __future__ import annotations

import base64
import os
import select
import socket
import struct
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice

from parlance_client.errors import ParlanceError

READ_BYTES = 1 << 18
# Handshakes under way at a time: enough to keep a server busy, few enough for any listen queue.
AT_ONCE = 64
# How long messages may gather unread, and how many sockets are read before the watched one is looked at again.
SWEEP_S, SLICE = 0.03, 64
_TEXT, _PING, _PONG = 0x81, 0x89, 0x8A


class SwarmError(ParlanceError):
    """A server did not do what the benchmark needs; the text says what was awaited and what came."""


@dataclass(frozen=True, slots=True)
class Step:
    """``send`` these bytes (none: nothing), then wait for a message that holds ``awaits``."""

    send: bytes
    awaits: bytes


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a server is spoken to once a connection is open.

    ``counted``: how the text messages to count begin. ``answers``: messages that have to be answered (application
    pings), and with what.
    """

    counted: bytes = b""
    answers: Mapping[bytes, bytes] = field(default_factory=dict)


Steps = Callable[[int], Sequence[Step]]
"""The steps of a connection, by its number in its swarm."""


def text_frame(payload: bytes) -> bytes:
    """A client's text message: masked, with a key of zeros."""
    return _frame(_TEXT, payload)


def _frame(first: int, payload: bytes) -> bytes:
    size = len(payload)
    if size <= 125:
        head = struct.pack("!BB", first, 0x80 | size)
    elif size <= 0xFFFF:
        head = struct.pack("!BBH", first, 0x80 | 126, size)
    else:
        head = struct.pack("!BBQ", first, 0x80 | 127, size)
    return head + b"\0\0\0\0" + payload


def upgrade(path: str, subprotocol: str | None = None) -> bytes:
    """The opening handshake (RFC 6455 §4.1), with the headers that a browser would send."""
    lines = [
        f"GET {path} HTTP/1.1",
        "Host: 127.0.0.1",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}",
        "Sec-WebSocket-Version: 13",
        "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/150.0 Safari/537.36",
        "Accept-Language: en-GB,en;q=0.9",
        "Cache-Control: no-cache",
        *([f"Sec-WebSocket-Protocol: {subprotocol}"] if subprotocol else []),
    ]
    return "\r\n".join([*lines, "", ""]).encode()


class Member:
    """One connection. ``counted``: how many messages; ``kept``: their payloads, where a list was put there.
    ``heard``: the message that ended the last step."""

    __slots__ = ("_dialect", "_rest", "_socket", "_steps", "_upgraded", "counted", "fd", "heard", "kept", "number")

    def __init__(self, connected: socket.socket, dialect: Dialect, number: int) -> None:
        self._socket = connected
        self._dialect = dialect
        self._upgraded = False
        self._steps: list[Step] = []
        self._rest = b""
        self.fd = connected.fileno()
        self.number = number
        self.counted = 0
        self.heard = b""
        self.kept: list[bytes] | None = None

    @property
    def ready(self) -> bool:
        """Whether every step is behind it."""
        return self._upgraded and not self._steps

    def follow(self, steps: Sequence[Step]) -> None:
        """Begin with the first step; reading goes on with the others."""
        self._steps = list(steps)
        if self._upgraded and self._steps:
            self.send(self._steps[0].send)

    def send(self, data: bytes) -> None:
        """Write bytes as they are; what is sent here is small enough for any socket's buffer."""
        try:
            if data and self._socket.send(data) != len(data):
                raise SwarmError("the server does not read what the benchmark sends")
        except ConnectionError as failed:
            raise SwarmError(f"a connection was lost: {failed}") from failed

    def close(self) -> None:
        self._socket.close()

    def read(self, buffer: bytearray) -> int:
        """Take what has come, by way of ``buffer``; the number of counted messages in it. Raises ``SwarmError``."""
        kept = len(self._rest)
        if kept:
            buffer[:kept] = self._rest
        try:
            taken = self._socket.recv_into(memoryview(buffer)[kept:] if kept else buffer)
        except ConnectionError as failed:
            raise SwarmError(f"a connection was lost: {failed}") from failed
        if not taken:
            awaited = f" while waiting for {self._steps[0].awaits!r}" if self._steps else ""
            raise SwarmError(f"the server closed a connection{awaited}; last heard: {self.heard[-300:]!r}")
        if self._upgraded:
            return self._count(buffer, 0, kept + taken)
        return self._open(buffer, kept + taken)

    def _open(self, data: bytearray, end: int) -> int:
        head_end = data.find(b"\r\n\r\n", 0, end)
        if head_end < 0:
            self._rest = bytes(data[:end])
            return 0
        if not data.startswith(b"HTTP/1.1 101 "):
            raise SwarmError(f"the handshake was refused: {bytes(data[: min(end, 300)])!r}")
        self._upgraded = True
        self.follow(self._steps)
        return self._count(data, head_end + 4, end)

    def _count(self, data: bytearray, at: int, end: int) -> int:
        """Walk over whole frames; a piece of one waits for its rest."""
        found, prefix = 0, self._dialect.counted
        while at + 2 <= end:
            size, start = data[at + 1], at + 2
            if size == 126:
                size, start = (data[at + 2] << 8 | data[at + 3]) if at + 4 <= end else end, at + 4
            elif size == 127:
                size, start = int.from_bytes(data[at + 2 : at + 10]) if at + 10 <= end else end, at + 10
            if start + size > end:
                break
            if data[at] == _TEXT and data.startswith(prefix, start) and not self._steps:
                found += 1
                if self.kept is not None:
                    self.kept.append(bytes(data[start : start + size]))
            else:
                self._other(data[at], bytes(data[start : start + size]))
            at = start + size
        self._rest = bytes(data[at:end]) if at < end else b""
        self.counted += found
        return found

    def _other(self, first: int, payload: bytes) -> None:
        if first == _PING:
            self.send(_frame(_PONG, payload))
        elif (answer := self._dialect.answers.get(payload)) is not None:
            self.send(text_frame(answer))
        elif self._steps:
            self.heard = payload
            if self._steps[0].awaits in payload:
                self.follow(self._steps[1:])


class Swarm:
    """Connections to one server. Use as a context manager; every method runs until what it says has come."""

    def __init__(self, address: tuple[str, int], dialect: Dialect) -> None:
        self._address = address
        self._dialect = dialect
        self._epoll = select.epoll()
        self._by_fd: dict[int, Member] = {}
        self._buffer = bytearray(READ_BYTES)
        self.members: list[Member] = []
        self.counted = 0
        self._swept, self._sweep_at_s = 0, 0.0

    def __enter__(self) -> Swarm:
        return self

    def __exit__(self, *_: object) -> None:
        for member in self.members:
            member.close()
        self._epoll.close()

    def grow(self, count: int, hello: bytes, steps: Steps, within_s: float = 120.0) -> None:
        """Open ``count`` further connections and lead each through its steps. Raises ``SwarmError``."""
        self._lead((self._open(hello, steps) for _ in range(count)), within_s)

    def follow(self, members: Sequence[Member], steps: Steps, within_s: float = 120.0) -> None:
        """Lead open connections through further steps. Raises ``SwarmError``."""

        def led() -> Iterator[Member]:
            for member in members:
                member.follow(steps(member.number))
                yield member

        self._lead(led(), within_s)

    def _lead(self, members: Iterator[Member], within_s: float) -> None:
        """``AT_ONCE`` at a time, each begun when there is room for it."""
        started_s = time.perf_counter()
        done = 0
        under_way = set(islice(members, AT_ONCE))
        while under_way:
            self._pump(1.0)
            still = {member for member in under_way if not member.ready}
            done += len(under_way) - len(still)
            under_way = still | set(islice(members, AT_ONCE - len(still)))
            if time.perf_counter() - started_s > within_s:
                said = {member.heard[-200:] for member in islice(under_way, 3)}
                raise SwarmError(f"{done} connections were ready after {within_s} s; others heard {said}")

    def _open(self, hello: bytes, steps: Steps) -> Member:
        connected = socket.create_connection(self._address, timeout=10)
        connected.setblocking(False)
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        member = Member(connected, self._dialect, len(self.members))
        self.members.append(member)
        self._by_fd[member.fd] = member
        self._epoll.register(member.fd, select.EPOLLIN)
        member.follow(steps(member.number))
        member.send(hello)
        return member

    def _pump(self, timeout_s: float, at_most: int = -1) -> int:
        members = self._by_fd
        events = self._epoll.poll(timeout_s, at_most)
        for fd, _ in events:
            self.counted += members[fd].read(self._buffer)
        return len(events)

    def rest(self, seconds: float) -> None:
        """Take what comes for so long, answering pings."""
        until_s = time.perf_counter() + seconds
        while (left_s := until_s - time.perf_counter()) > 0:
            self._pump(left_s)

    def watch(self, member: Member, counted: int, within_s: float = 30.0) -> None:
        """Read until ``member`` has counted so many. It is read at once; the others' messages gather for ``SWEEP_S``,
        so that one read takes several. Raises ``SwarmError`` when they do not come in time."""
        until_s = time.perf_counter() + within_s
        poll = select.poll()
        poll.register(member.fd, select.POLLIN)
        while member.counted < counted:
            if poll.poll(1):
                self.counted += member.read(self._buffer)
            now_s = time.perf_counter()
            if now_s >= self._sweep_at_s:
                self._sweep(now_s)
            if now_s > until_s:
                raise SwarmError(f"{member.counted} of {counted} messages came within {within_s} s")

    def _sweep(self, now_s: float) -> None:
        """Read some of those that have something; after about as many as there are, none until the next time."""
        seen = self._pump(0, SLICE)
        self._swept += seen
        if seen < SLICE or self._swept >= len(self.members):
            self._swept, self._sweep_at_s = 0, now_s + SWEEP_S

    def take(self, count: int, within_s: float = 30.0) -> None:
        """Read until ``counted`` has reached ``count``. Raises ``SwarmError`` when they do not come in time."""
        until_s = time.perf_counter() + within_s
        while self.counted < count:
            if not self._pump(1.0) and time.perf_counter() > until_s:
                raise SwarmError(f"{self.counted} of {count} messages came within {within_s} s")
