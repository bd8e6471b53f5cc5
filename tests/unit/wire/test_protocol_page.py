"""docs/protocol.md is true: its examples are frames, its tables are whole, its links lead somewhere."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, cast, get_args

import msgspec
import pytest
from msgspec import Struct

from server import errors
from server.settings.model import Settings
from server.wire import examples
from server.wire.closing import CloseCode
from server.wire.codec import JSON, MSGPACK, Codec
from server.wire.frames import AnyServerFrame
from server.wire.requests import AnyClientFrame, Ping

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "protocol.md").read_text(encoding="utf-8")
CLIENT_FRAMES = cast(tuple[type[Struct], ...], get_args(AnyClientFrame))
SERVER_FRAMES = cast(tuple[type[Struct], ...], get_args(AnyServerFrame))


@dataclass(frozen=True)
class Block:
    """A fenced block: ``kind`` is what stands behind the fence, ``line`` where that is."""

    kind: str
    text: str
    line: int

    def frames(self) -> list[dict[str, Any]]:
        """The frames of a JSON block, a batch's each."""
        value = json.loads(self.text)
        return value if isinstance(value, list) else [value]


BLOCKS = [
    Block(found[1], found[2], PAGE[: found.start()].count("\n") + 1)
    for found in re.finditer(r"^```([^\n]+)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
]
BY_CLIENTS = [block for block in BLOCKS if block.kind == "json client"]
BY_THE_SERVER = [block for block in BLOCKS if block.kind == "json server"]


def line_of(block: Block) -> str:
    return f"line {block.line}"


def test_every_block_says_what_it_is() -> None:
    assert PAGE.count("```") == 2 * len(BLOCKS)
    assert {block.kind for block in BLOCKS} == {"json client", "json server", "hex client", "sh"}


@pytest.mark.parametrize("codec", [JSON, MSGPACK], ids=lambda codec: codec.name)
@pytest.mark.parametrize("block", BY_CLIENTS, ids=line_of)
def test_what_clients_send_is_taken(codec: Codec, block: Block) -> None:
    data = msgspec.msgpack.encode(json.loads(block.text)) if codec.binary else block.text
    items = codec.decode(data)
    assert [json.loads(JSON.encode(item)) for item in items] == block.frames()


@pytest.mark.parametrize("block", BY_THE_SERVER, ids=line_of)
def test_what_the_server_sends_is_a_frame_of_its(block: Block) -> None:
    for frame in block.frames():
        read: Any = msgspec.convert(frame, AnyServerFrame)
        assert json.loads(JSON.encode(read)) == frame  # no field that the frame doesn't have, none that it lacks


def test_the_bytes_are_the_message_they_are_said_to_be() -> None:
    (block,) = (block for block in BLOCKS if block.kind == "hex client")
    assert MSGPACK.decode(bytes.fromhex(block.text)) == examples.examples_of(Ping)


def test_every_frame_is_shown() -> None:
    shown = {frame["type"] for block in BY_CLIENTS for frame in block.frames()}
    assert shown == {str(frame.__struct_config__.tag) for frame in CLIENT_FRAMES}
    shown = {frame["type"] for block in BY_THE_SERVER for frame in block.frames()}
    assert shown == {str(frame.__struct_config__.tag) for frame in SERVER_FRAMES}


@pytest.mark.parametrize("told", [examples.REQUESTS, examples.SENT], ids=["clients", "server"])
def test_the_examples_of_asyncapi_are_those_of_the_page(told: tuple[Any, ...]) -> None:
    blocks = BY_CLIENTS if told is examples.REQUESTS else BY_THE_SERVER
    shown = [frame for block in blocks for frame in block.frames()]
    for example in told:
        assert json.loads(JSON.encode(example)) in shown, example
    assert len(shown) >= len(told)


def test_a_question_and_its_answer_stand_together() -> None:
    for asked, answered in pairwise(BLOCKS):
        if asked.kind != "json client" or answered.kind != "json server":
            continue
        question, answer = asked.frames()[-1], answered.frames()[0]
        assert ("id" in question) == ("id" in answer), line_of(asked)
        assert question.get("id") == answer.get("id"), line_of(asked)


def test_the_tables_of_errors_and_close_codes_are_whole() -> None:
    closes = {int(code) for code in re.findall(r"^\| (\d{4}) \| ", PAGE, re.MULTILINE)}
    assert closes == set(CloseCode)
    rows = {(int(code), name) for code, name in re.findall(r"^\| (\d{3}) \| `(\w+)` \| ", PAGE, re.MULTILINE)}
    kinds: list[type[errors.ProtocolError]] = [errors.RateLimited, errors.Internal, errors.Unavailable]
    assert rows == {(kind.code, kind.name) for kind in [*errors.ClientError.__subclasses__(), *kinds]}


def test_links_within_the_page_lead_somewhere() -> None:
    headings = re.findall(r"^#+ (.+)$", PAGE, re.MULTILINE)
    anchors = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
    links = set(re.findall(r"\]\(#([^)]+)\)", PAGE))
    assert links and links <= anchors


def test_the_limits_are_the_settings_defaults() -> None:
    def default(name: str) -> float:
        return float(Settings.model_fields[name].default)

    frames, messages, requests = (default(f"{name}_per_second") for name in ("frames", "messages", "requests"))
    for row in (
        f"| frames of a connection | {frames:g} a second | {frames * 4:g} |",
        f"services have no limit | {messages:g} a second | {messages * 10:g} |",
        f"services have no limit | {requests:g} a second | {requests * 10:g} |",
        f"services have no limit | {default('opens_per_minute'):g} a minute | {default('opens_per_minute'):g} |",
        f"| {default('connections_per_user'):g}, {default('connections_per_address'):g} | |",
        f"| bad tokens from an address | {default('failed_tokens_per_minute'):g} a minute |",
    ):
        assert row in PAGE, row
