"""What the Python client decides without a network: reading frames, order, the outbox, drafts, delays, tokens."""

from __future__ import annotations

import base64
import dataclasses
import json
import math
import random
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parlance_client import frames
from parlance_client.backoff import Backoff
from parlance_client.credentials import expires_in_s, fresh_token
from parlance_client.drafts import Drafts
from parlance_client.encoding import ENCODINGS, EncodingName
from parlance_client.errors import ProtocolViolation, after_close, close_of_error
from parlance_client.frames import Delta, Message, User
from parlance_client.outbox import Letter, Outbox, OutboxFull
from parlance_client.reading import read_frame
from parlance_client.timeline import Timeline

CHANNEL = "conv:01J00000000000000000000000"
PAGE = (Path(__file__).resolve().parents[3] / "docs" / "protocol.md").read_text(encoding="utf-8")
NAMES: dict[Any, str] = {made: name for name, made in frames.TYPES.items()}
BY_THE_SERVER = re.findall(r"^```json server\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def said(offset: int, epoch: str = "e1", message_id: str = "") -> Message:
    return Message(CHANNEL, epoch, offset, message_id or f"m{offset}", 1, User("bot", "bot", "P"), f"text {offset}")


# --------------------------------------------------------------------------- frames


def as_wire(value: Any) -> Any:
    """A frame as the map it was read from, without what it left out."""
    if dataclasses.is_dataclass(value):
        pairs = ((one.metadata.get("wire", one.name), getattr(value, one.name)) for one in dataclasses.fields(value))
        name = NAMES.get(type(value))
        return {**({"type": name} if name else {}), **{key: as_wire(item) for key, item in pairs if item is not None}}
    if isinstance(value, list):
        return [as_wire(item) for item in value]
    return {name: as_wire(item) for name, item in value.items()} if isinstance(value, dict) else value


def test_every_frame_of_the_page_is_read_whole() -> None:
    seen = set()
    for block in BY_THE_SERVER:
        plain = json.loads(block)
        frame = read_frame(plain)
        seen.add(type(frame))
        back = as_wire(frame)
        # An empty text is what a delta has without one.
        assert {name: value for name, value in back.items() if (name, value) != ("text", "")} == plain
    assert seen == set(frames.TYPES.values()), "a frame is shown on the page and unknown to the client, or never shown"


def test_what_is_unknown_is_left_out() -> None:
    assert read_frame({"type": "of_tomorrow"}) is None
    pong = read_frame({"type": "pong", "id": 1, "time_ms": 5, "moon": "full"})
    assert pong == frames.Pong(1, 5)
    user = {"id": "u", "kind": "oracle", "name": "U"}
    typing = read_frame({"type": "typing", "channel": CHANNEL, "user": user, "on": True})
    assert isinstance(typing, frames.TypingChange) and str(typing.user.kind) == "oracle"


@pytest.mark.parametrize(
    ("plain", "said"),
    [
        (7, "no frame"),
        ({"id": 1}, "no frame"),
        ({"type": "pong", "id": 1}, "time_ms: missing"),
        ({"type": "pong", "id": 1, "time_ms": "5"}, "time_ms: no whole number"),
        ({"type": "pong", "id": 1.5, "time_ms": 5}, "id: no id"),
        ({"type": "pong", "id": True, "time_ms": 5}, "id: no id"),
        ({"type": "history", "id": 1, "channel": "c", "epoch": "e", "messages": {}, "more": False}, "no list"),
        ({"type": "claimed", "id": 1, "channel": "c", "agent": {"id": "a", "kind": "agent"}}, "agent: name: missing"),
        ({"type": "event", "channel": "c", "name": "n", "data": []}, "data: no map"),
        ({"type": "rate", "id": 1, "channel": "c", "accepted": 1}, "neither true nor false"),
    ],
)
def test_what_is_wrong_is_named(plain: Any, said: str) -> None:
    with pytest.raises(ProtocolViolation, match=said):
        read_frame(plain)


@pytest.mark.parametrize("name", ["json", "msgpack"])
def test_encodings_agree(name: EncodingName) -> None:
    encoding = ENCODINGS[name]
    batch = [{"type": "pong", "id": 1, "time_ms": 2}, {"type": "pong", "id": "ü", "time_ms": 3}]
    assert encoding.decode(encoding.encode(batch)) == [frames.Pong(1, 2), frames.Pong("ü", 3)]
    assert encoding.decode(encoding.encode(batch[:1])) == [frames.Pong(1, 2)]
    for rubbish in (b"", b"\xc1", b"{", b'{"type":"pong"}\xff', b"\x81\xa4type"):
        with pytest.raises(ProtocolViolation):
            encoding.decode(rubbish)


# --------------------------------------------------------------------------- order


@given(order=st.permutations(range(1, 9)), repeats=st.lists(st.integers(1, 8), max_size=6), start=st.integers(0, 4))
def test_a_timeline_gives_each_message_once_and_ascending(order: list[int], repeats: list[int], start: int) -> None:
    timeline = Timeline("e1", start)
    heard = [message.offset for offset in [*order, *repeats] for message in timeline.take([said(offset)])]
    assert heard == list(range(start + 1, 9))
    assert not timeline.gap
    assert timeline.position == frames.Position("e1", max(start, 8))


def test_a_gap_holds_back_until_it_is_filled() -> None:
    timeline = Timeline("e1", 1)
    assert timeline.take([said(4)]) == [] and timeline.gap
    assert [message.offset for message in timeline.take([said(2), said(3)])] == [2, 3, 4]
    assert timeline.take([said(9, epoch="other")]) == [] and not timeline.gap


def test_what_the_server_says_of_a_timeline() -> None:
    timeline = Timeline("e1", 5)
    assert (timeline.answered("e1", 9, recovered=True), timeline.gap) == (True, False)
    assert (timeline.answered("e1", 9, recovered=False), timeline.gap) == (True, True)
    assert not timeline.answered("e2", 9, recovered=False)
    assert not timeline.answered("e1", 4, recovered=False), "the server has less than was seen: a restore"
    timeline.take([said(8)])
    timeline.start_after(7)
    assert [message.offset for message in timeline.take([said(6), said(9)])] == [8, 9]


# --------------------------------------------------------------------------- outbox, drafts


def test_the_outbox_keeps_order_and_keys() -> None:
    outbox = Outbox(max_letters=3)
    one, two, other = Letter("a", "1", "one"), Letter("a", "2", "two"), Letter("b", "1", "other")
    for letter in (one, two, other, one):
        outbox.add(letter)
    assert len(outbox) == 3 and outbox.channels() == ["a", "b"] and outbox.first("a") == one
    with pytest.raises(ValueError, match="already belongs"):
        outbox.add(Letter("a", "1", "changed"))
    with pytest.raises(OutboxFull):
        outbox.add(Letter("a", "3", "three"))
    outbox.remove(one)
    assert outbox.first("a") == two
    again = Outbox(Letter(**kept) for kept in json.loads(json.dumps(outbox.letters())))
    assert again.letters() == outbox.letters() == [dataclasses.asdict(two), dataclasses.asdict(other)]


def test_a_draft_grows_until_its_message_comes() -> None:
    drafts = Drafts()
    drafts.take(Delta(CHANNEL, "m2", 0, 0, "Hel"))
    drafts.take(Delta(CHANNEL, "m2", 0, 1, "lo"))
    drafts.take(Delta(CHANNEL, "m2", 0, 3, "lost before this"))
    assert drafts.text(CHANNEL) == "Hello"
    drafts.take(Delta(CHANNEL, "m2", 1, 0, "Good day"))
    drafts.take(Delta(CHANNEL, "m2", 0, 2, "of the first attempt"))
    assert drafts.text(CHANNEL) == "Good day"
    drafts.end(said(1, message_id="m1"))
    assert drafts.text(CHANNEL) == "Good day"
    drafts.end(said(2))
    assert drafts.text(CHANNEL) is None
    drafts.take(Delta(CHANNEL, "m3", 0, 4, "met in the middle"))
    assert drafts.text(CHANNEL) is None
    drafts.take(Delta(CHANNEL, "m4", 0, 0, "never mind"))
    drafts.take(Delta(CHANNEL, "m4", 0, 1, aborted=True))
    assert drafts.text(CHANNEL) is None


# --------------------------------------------------------------------------- delays, closes, tokens


@given(attempt=st.integers(0, 10_000), seed=st.integers())
def test_delays_stay_within_their_bounds(attempt: int, seed: int) -> None:
    backoff = Backoff(base_s=0.5, cap_s=15.0)
    assert 0 <= backoff.delay_s(attempt, random.Random(seed)) <= min(15.0, 0.5 * 2 ** min(attempt, 30))


def test_closes_by_the_protocols_table() -> None:
    stop = {code for code in range(1000, 5000) if after_close(code) == "stop"}
    assert stop == {1007, 1009, *range(4400, 4500)} - {4401, 4408, 4429}
    assert after_close(4401) == "renew"
    assert [close_of_error(code) for code in (400, 401, 403, 429, 503)] == [4400, 4401, 4403, 4429, 4503]


def jwt_until(exp_s: object) -> str:
    claims = base64.urlsafe_b64encode(json.dumps({"exp": exp_s}).encode()).decode().rstrip("=")
    return f"head.{claims}.signature"


async def test_tokens_end_and_are_renewed() -> None:
    assert expires_in_s(jwt_until(1_000), 900) == 100
    assert {expires_in_s(token, 0) for token in ("", "no.jwt", "a.b.c", jwt_until("soon"), jwt_until(None))} == {
        math.inf
    }

    async def slow() -> str:
        return "later"

    assert await fresh_token(lambda: "now") == "now"
    assert await fresh_token(slow) == "later"
