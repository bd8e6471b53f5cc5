"""The AsyncAPI document says what the frame types say, no more and no less, and its examples are real frames."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast, get_args

import msgspec
import pytest
from jsonschema import Draft7Validator
from msgspec import Struct

from server import errors
from server.wire import examples
from server.wire.asyncapi import asyncapi, schemas
from server.wire.catalogue import CLOSINGS, NOTES, REQUESTS, SENT, TOPICS, frame_type, note
from server.wire.closing import CloseCode
from server.wire.codec import CODECS, JSON, MSGPACK
from server.wire.frames import AnyServerFrame, Error
from server.wire.requests import AnyClientFrame, Send

# The specification's own schema; where it is from stands in the file.
SPECIFICATION = json.loads((Path(__file__).parent / "asyncapi-3.0.0.schema.json").read_text())
CLIENT_FRAMES = cast(tuple[type[Struct], ...], get_args(AnyClientFrame))
SERVER_FRAMES = cast(tuple[type[Struct], ...], get_args(AnyServerFrame))
DOCUMENT = asyncapi("1.2.3")


def resolved(reference: dict[str, str]) -> dict[str, Any]:
    """What a ``$ref`` of the document points to, however many steps away."""
    found: Any = DOCUMENT
    for part in reference["$ref"].removeprefix("#/").split("/"):
        found = found[part]
    return resolved(found) if set(found) == {"$ref"} else found


def validator_of(struct: str) -> Draft7Validator:
    return Draft7Validator({"$ref": f"#/components/schemas/{struct}", "components": DOCUMENT["components"]})


def wire_names(struct: type[Struct]) -> dict[str, bool]:
    """The names of a struct's fields on the wire → whether they are required."""
    names = {field.encode_name: field.required for field in msgspec.structs.fields(struct)}
    tag_field = struct.__struct_config__.tag_field
    return names if tag_field is None else {tag_field: True, **names}


# ------------------------------------------------------------------ the document


def test_it_is_valid_by_the_specification() -> None:
    assert list(Draft7Validator(SPECIFICATION).iter_errors(DOCUMENT)) == []


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("asyncapi",), "2.6.0"),
        (("channels", "socket", "messages", "Send"), {"payload": 7}),
        (("operations", "receiveSend", "action"), "publish"),
        (("operations", "receiveSend", "reply", "messages"), "Ack"),
        (("channels", "socket", "bindings", "ws", "method"), "DELETE"),
    ],
)
def test_the_specification_finds_what_is_wrong(path: tuple[str, ...], value: object) -> None:
    document: Any = json.loads(json.dumps(DOCUMENT))
    place = document
    for part in path[:-1]:
        place = place[part]
    place[path[-1]] = value
    assert not Draft7Validator(SPECIFICATION).is_valid(document)


def test_every_reference_leads_somewhere() -> None:
    references = [{"$ref": target.split('"')[0]} for target in json.dumps(DOCUMENT).split('"$ref": "')[1:]]
    assert len(references) > 100
    for reference in references:
        assert resolved(reference), reference


def test_every_schema_is_a_schema() -> None:
    for schema in DOCUMENT["components"]["schemas"].values():
        Draft7Validator.check_schema(schema)


def test_it_names_the_version_the_encodings_the_errors_and_the_close_codes() -> None:
    text = DOCUMENT["info"]["description"]
    assert DOCUMENT["info"]["version"] == "1.2.3"
    header = DOCUMENT["channels"]["socket"]["bindings"]["ws"]["headers"]["properties"]["Sec-WebSocket-Protocol"]
    assert header["enum"] == [codec.subprotocol for codec in CODECS]
    for codec in CODECS:
        assert f"`{codec.subprotocol}`" in text
    for code in CloseCode:
        assert f"| {code:d} |" in text
    temporary: list[type[errors.ProtocolError]] = [errors.RateLimited, errors.Internal, errors.Unavailable]
    for kind in [*errors.ClientError.__subclasses__(), *temporary]:
        assert f"| {kind.code} | {kind.name} |" in text


def test_each_call_gives_a_document_of_its_own() -> None:
    asyncapi("1")["components"].clear()
    assert asyncapi("1.2.3") == DOCUMENT


# ------------------------------------------------------------------ frames and messages


def test_every_frame_has_its_message_and_every_message_its_frame() -> None:
    frames = {frame.__name__ for frame in (*CLIENT_FRAMES, *SERVER_FRAMES)}
    assert {entry.frame for entry in REQUESTS} == set(CLIENT_FRAMES)
    assert {entry.frame for entry in SENT} == set(SERVER_FRAMES)
    assert set(DOCUMENT["components"]["messages"]) == set(DOCUMENT["channels"]["socket"]["messages"]) == frames
    for frame in (*CLIENT_FRAMES, *SERVER_FRAMES):
        message = DOCUMENT["components"]["messages"][frame.__name__]
        assert message["name"] == frame_type(frame)
        payload = resolved(message["payload"])
        assert payload["properties"]["type"]["enum"] == [frame_type(frame)]


def test_every_field_has_its_schema_and_every_schema_its_field() -> None:
    known: dict[str, type[Struct]] = {}
    waiting = [*CLIENT_FRAMES, *SERVER_FRAMES]
    while waiting:  # the frames, and the structs in them
        struct = waiting.pop()
        if struct.__name__ not in known:
            known[struct.__name__] = struct
            waiting += structs_in(struct)
    assert set(DOCUMENT["components"]["schemas"]) == set(known)
    for name, struct in known.items():
        schema = DOCUMENT["components"]["schemas"][name]
        names = wire_names(struct)
        assert set(schema["properties"]) == set(names), name
        assert set(schema["required"]) == {field for field, required in names.items() if required}, name


def structs_in(struct: type[Struct]) -> list[type[Struct]]:
    found: list[type[Struct]] = []
    parts: list[Any] = [field.type for field in msgspec.structs.fields(struct)]
    while parts:
        part = parts.pop()
        if isinstance(part, type) and issubclass(part, Struct):
            found.append(part)
        parts += get_args(part)
    return found


def test_every_field_has_a_note_and_every_note_its_field() -> None:
    fields = {(struct, field) for struct, schema in schemas().items() for field in schema["properties"]}
    for struct, field in fields:
        assert note(struct, field)
    used = {f"{struct}.{field}" if f"{struct}.{field}" in NOTES else field for struct, field in fields}
    assert set(NOTES) == used
    for text in NOTES.values():
        assert text.endswith((".", "?")) and "\n" not in text


def test_what_clients_send_is_received_and_its_answer_named() -> None:
    for entry in REQUESTS:
        operation = DOCUMENT["operations"][f"receive{entry.frame.__name__}"]
        assert operation["action"] == "receive"
        assert [resolved(message)["name"] for message in operation["messages"]] == [frame_type(entry.frame)]
        if "id" not in wire_names(entry.frame):
            assert "reply" not in operation
            continue
        assert entry.answer is not None and "id" in wire_names(entry.answer)
        replies = [resolved(message)["name"] for message in operation["reply"]["messages"]]
        assert replies == [frame_type(entry.answer), "error"]


def test_what_comes_unasked_is_sent() -> None:
    """What can come without an ``id``, and nothing else."""
    unasked = {frame.__name__ for frame in SERVER_FRAMES if frame is Error or not wire_names(frame).get("id", False)}
    sent = {name.removeprefix("send") for name in DOCUMENT["operations"] if name.startswith("send")}
    assert sent == unasked
    assert {"Message", "Notification", "PresenceChange", "Seen", "Goodbye"} <= sent
    assert not {"Ack", "Welcome", "HistoryPage"} & sent
    assert len(DOCUMENT["operations"]) == len(CLIENT_FRAMES) + len(sent)


def test_topics_are_named_and_used() -> None:
    assert {entry.topic for entry in REQUESTS} | {entry.topic for entry in SENT} == set(TOPICS)
    assert [tag["name"] for tag in DOCUMENT["info"]["tags"]] == list(TOPICS)


def test_every_close_code_is_explained() -> None:
    assert set(CLOSINGS) == set(CloseCode)


# ------------------------------------------------------------------ examples


def test_every_frame_has_an_example() -> None:
    for frame in (*CLIENT_FRAMES, *SERVER_FRAMES):
        assert DOCUMENT["components"]["messages"][frame.__name__]["examples"], frame


@pytest.mark.parametrize("codec", [JSON, MSGPACK], ids=lambda codec: codec.name)
@pytest.mark.parametrize("frame", CLIENT_FRAMES, ids=lambda frame: frame.__name__)
def test_examples_of_clients_are_taken_by_the_codec(codec: Any, frame: type[Struct]) -> None:
    for example, told in zip(examples_in(frame), examples.examples_of(frame), strict=True):
        assert codec.decode(encoded(codec, example)) == [told]
        assert validator_of(frame.__name__).is_valid(example)


@pytest.mark.parametrize("frame", SERVER_FRAMES, ids=lambda frame: frame.__name__)
def test_examples_of_the_server_are_its_frames(frame: type[Struct]) -> None:
    for example, told in zip(examples_in(frame), examples.examples_of(frame), strict=True):
        assert msgspec.convert(example, AnyServerFrame) == told
        assert json.loads(JSON.encode(told)) == example
        assert msgspec.msgpack.decode(MSGPACK.encode(told)) == example
        assert list(validator_of(frame.__name__).iter_errors(example)) == []


def test_schemas_refuse_what_the_codec_refuses() -> None:
    send = json.loads(JSON.encode(examples.examples_of(Send)[0]))
    for wrong in ({**send, "key": ""}, {**send, "id": -1}, {**send, "text": 7}, {**send, "type": "sent"}):
        assert not validator_of("Send").is_valid(wrong)
        assert JSON.decode(json.dumps(wrong)) != [examples.examples_of(Send)[0]]


def examples_in(frame: type[Struct]) -> list[dict[str, Any]]:
    return [example["payload"] for example in DOCUMENT["components"]["messages"][frame.__name__]["examples"]]


def encoded(codec: Any, value: object) -> bytes | str:
    return msgspec.msgpack.encode(value) if codec.binary else json.dumps(value)
