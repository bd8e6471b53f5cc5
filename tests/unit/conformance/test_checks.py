"""What the conformance checks are made of, without a server."""

from __future__ import annotations

import json
import re
from typing import Any

import msgpack
import pytest

from server.cli.conformance import websocket_url
from server.conformance.checks import chosen, load_checks
from server.conformance.peer import Broken, Peer, agree, need, need_error, short, true
from server.conformance.rules_entry import padded
from server.errors import StartupError

ERROR = {"type": "error", "id": 1, "code": 409, "name": "conflict", "message": "no", "temporary": False}


def test_every_check_has_a_name_of_its_own_a_section_and_a_sentence() -> None:
    checks = load_checks()
    names = [one.name for one in checks]
    assert len(set(names)) == len(names) >= 60
    assert {one.section for one in checks} == {1, 2, 3, 4, 5, 6, 7, 8}
    assert all(re.fullmatch(rf"{one.section}\.[a-z0-9-]+", one.name) and one.text.endswith(".") for one in checks)
    assert [one.section for one in checks] == sorted(one.section for one in checks)


def test_some_can_be_chosen() -> None:
    checks = load_checks()
    assert chosen(checks, []) == list(checks)
    assert {one.section for one in chosen(checks, ["4", "6"])} == {4, 6}
    assert [one.name for one in chosen(checks, ["5.same-key-other"])] == ["5.same-key-other-content"]
    for unknown in ("9", "5.sned"):
        with pytest.raises(ValueError, match=unknown):
            chosen(checks, ["4", unknown])


def test_what_is_needed_of_a_frame() -> None:
    frame = {"type": "ack", "id": 1, "offset": 3, "duplicate": False}
    assert need(frame, "ack", offset=3) is frame
    wrong: list[tuple[str, dict[str, Any]]] = [("pong", {}), ("ack", {"offset": 4}), ("ack", {"epoch": "e"})]
    for kind, fields in wrong:
        with pytest.raises(Broken, match=r"expected .* got .*offset"):
            need(frame, kind, **fields)
    assert need_error(ERROR, 400, 409) is ERROR
    for bad in (frame, {**ERROR, "code": 500}, {**ERROR, "temporary": None}, {**ERROR, "message": 5}):
        with pytest.raises(Broken):
            need_error(bad, 400, 409)
    agree([1], [1], "lists")
    with pytest.raises(Broken, match=r"lists: expected \[2\], got \[1\]"):
        agree([1], [2], "lists")
    true(1, "never said")
    with pytest.raises(Broken, match="said"):
        true([], "said")


def test_long_values_are_cut_in_sentences() -> None:
    assert len(short({"text": "x" * 10_000})) < 300
    assert short("\ud800") == '"\\ud800"'


@pytest.mark.parametrize("size", [200, 131_072, 131_073])
@pytest.mark.parametrize("encoding", ["json", "msgpack"])
def test_padded_messages_are_frames_of_exactly_their_size(encoding: Any, size: int) -> None:
    peer = Peer.__new__(Peer)
    peer.encoding = encoding
    data = padded(peer, 901, size)
    assert len(data) == size
    frame = json.loads(data) if encoding == "json" else msgpack.unpackb(data)
    assert (frame["type"], frame["id"], set(frame)) == ("ping", 901, {"type", "id", "x"})


def test_addresses() -> None:
    assert websocket_url("127.0.0.1:8000") == "ws://127.0.0.1:8000/ws"
    assert websocket_url("https://chat.example/chat/ws") == "wss://chat.example/chat/ws"
    for bad in ("", "ftp://x", "ws://"):
        with pytest.raises(StartupError, match="no address"):
            websocket_url(bad)
