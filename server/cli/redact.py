"""``parlance redact``."""

from __future__ import annotations

import sys
from typing import BinaryIO

from server.cli.lines import lines


def redact() -> None:
    r"""Put placeholders such as \[email] in place of personal data: standard input to standard output, line by line.

    Found are e-mail addresses, phones, payment cards, IBANs, national ids and IP addresses; names and postal addresses
    are not, nor what stands over two lines. Bytes that are not UTF-8 pass as they are.
    Example: parlance redact < chat.log > chat.redacted.log
    """
    stream(sys.stdin.buffer, sys.stdout.buffer)


def stream(source: BinaryIO, target: BinaryIO) -> None:
    """``source`` into ``target``, redacted; what came before a line that is too long is written.

    Raises:
        StartupError: names the line that is too long.
    """
    from inference.pii import redact as redacted

    for line in lines(source):
        if line is None:
            target.flush()
            continue
        # Of two readings of bad bytes this is the one that gives them back.
        text = line[1].decode("utf-8", "surrogateescape")
        target.write(redacted(text).encode("utf-8", "surrogateescape"))
