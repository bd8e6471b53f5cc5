"""Lines of standard input, for commands that answer line by line."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from server.errors import StartupError

READ_BYTES = 65_536
"""What a pipe holds. A read returns what is there, so a program that waits for each answer gets it."""

MAX_LINE_BYTES = 1_048_576


def lines(source: BinaryIO) -> Iterator[tuple[int, bytes] | None]:
    """Each line's number, from 1, and bytes, the newline with it; None wherever reading on may have to wait, and at
    the end.

    Raises:
        StartupError: names the line that is too long.
    """
    number, rest = 0, b""
    while chunk := _read(source):
        *whole, rest = (rest + chunk).split(b"\n")
        for line in whole:
            number += 1
            yield number, line + b"\n"
        if len(rest) > MAX_LINE_BYTES:
            raise StartupError(
                f"Line {number + 1} of standard input is longer than {MAX_LINE_BYTES:,} bytes.",
                "Give one text a line, each line ended by a newline.",
            )
        yield None
    if rest:
        yield number + 1, rest
    yield None


def _read(source: BinaryIO) -> bytes:
    read1 = getattr(source, "read1", source.read)
    found: bytes = read1(READ_BYTES)
    return found
