"""``parlance redact``: a filter that keeps lines, their ends and bytes that it can't read."""

from __future__ import annotations

import io

import pytest
from typer.testing import CliRunner

from server.cli.lines import MAX_LINE_BYTES
from server.cli.main import app
from server.cli.redact import stream
from server.errors import StartupError


def redacted(source: bytes) -> bytes:
    target = io.BytesIO()
    stream(io.BytesIO(source), target)
    return target.getvalue()


def test_the_command() -> None:
    result = CliRunner().invoke(app, ["redact"], input="mail joe@example.com\ncall +1 555 123 4567")
    assert result.exit_code == 0, result.output
    assert result.stdout == "mail [email]\ncall [phone]"


@pytest.mark.parametrize(
    "source", [b"", b"\n", b"a\r\nb", b"na\xefve\n", b"\xef\xbb\xbfhi\n\n", "größe\u2028\n".encode()]
)
def test_what_is_no_personal_data_passes_byte_by_byte(source: bytes) -> None:
    assert redacted(source) == source


def test_a_line_with_bad_bytes_is_redacted_too() -> None:
    assert redacted(b"\xff joe@example.com \xfe\n") == b"\xff [email] \xfe\n"


def test_a_line_without_end_is_refused_after_the_good_ones() -> None:
    target = io.BytesIO()
    with pytest.raises(StartupError, match="Line 2 of standard input is longer"):
        stream(io.BytesIO(b"a@b.com\n" + b"x" * (MAX_LINE_BYTES + 100_000)), target)
    assert target.getvalue() == b"[email]\n"


def test_the_help_shows_what_a_placeholder_looks_like() -> None:
    assert "[email]" in CliRunner().invoke(app, ["redact", "--help"]).stdout
