"""The AsyncAPI 3.0 document of the WebSocket, made from the frame types (https://www.asyncapi.com/docs/reference).

A WebSocket is one AsyncAPI channel: the protocol's own channels (``conv:…``, ``user:…``) are a field of the frames. The
document speaks as the server: it *receives* what clients send and *sends* answers and pushes.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec
from msgspec import Struct

from server import errors
from server.wire import catalogue, examples
from server.wire.catalogue import CLOSINGS, REQUESTS, SENT, TOPICS, Request, Sent, frame_type
from server.wire.codec import CODECS
from server.wire.parts import MAX_BATCH_FRAMES, MAX_SERVER_MESSAGE_BYTES

ASYNCAPI_VERSION: Final = "3.0.0"
_SCHEMAS: Final = "#/components/schemas/{name}"
_CHANNEL: Final = "#/channels/socket"
_ENTRIES: Final[tuple[Request | Sent, ...]] = (*REQUESTS, *SENT)
_MEDIA_TYPES: Final = {"json": "application/json", "msgpack": "application/vnd.msgpack"}


def asyncapi(version: str) -> dict[str, Any]:
    """The document for the server's ``version``; a JSON value of its own at each call."""
    return {
        "asyncapi": ASYNCAPI_VERSION,
        "id": "urn:parlance:websocket:v1",
        "info": {
            "title": "Parlance over WebSocket",
            "version": version,
            "description": _description(),
            "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
            "tags": [{"name": name, "description": text} for name, text in TOPICS.items()],
        },
        "defaultContentType": _MEDIA_TYPES["json"],
        "channels": {"socket": _channel()},
        "operations": _operations(),
        "components": {
            "messages": {entry.frame.__name__: _message(entry) for entry in _ENTRIES},
            "schemas": schemas(),
        },
    }


def schemas() -> dict[str, Any]:
    """JSON Schema of every frame and of the values in them, by the struct's name. A field that may be left out has no
    ``null`` among its types: left out is what the protocol calls it."""
    _, found = msgspec.json.schema_components([entry.frame for entry in _ENTRIES], ref_template=_SCHEMAS)
    for struct, schema in found.items():
        schema.pop("title", None)
        if "description" in schema:
            schema["description"] = _prose(schema["description"])
        for name, field in schema["properties"].items():
            schema["properties"][name] = _field(struct, name, field)
    return found


def _field(struct: str, name: str, schema: dict[str, Any]) -> dict[str, Any]:
    description = catalogue.note(struct, name)
    kinds = [kind for kind in schema.get("anyOf", ()) if kind != {"type": "null"}]
    rest = {key: value for key, value in schema.items() if key != "anyOf" and (key, value) != ("default", None)}
    if len(kinds) == 1:
        rest |= kinds[0]
    elif kinds:
        rest["anyOf"] = kinds
    if "$ref" in rest:  # JSON Schema draft 7, which AsyncAPI builds on, ignores what stands beside a reference
        return {"allOf": [rest], "description": description}
    return {**rest, "description": description}


def _channel() -> dict[str, Any]:
    subprotocols = [codec.subprotocol for codec in CODECS]
    return {
        "address": "/ws",
        "title": "The WebSocket",
        "description": "One connection carries everything; `channel` in the frames says what a frame belongs to.",
        "messages": {
            entry.frame.__name__: {"$ref": f"#/components/messages/{entry.frame.__name__}"} for entry in _ENTRIES
        },
        "bindings": {
            "ws": {
                "method": "GET",
                "headers": {
                    "type": "object",
                    "properties": {
                        "Sec-WebSocket-Protocol": {
                            "type": "string",
                            "enum": subprotocols,
                            "description": f"None offered means {subprotocols[0]}; only unknown ones are HTTP 400.",
                        }
                    },
                },
                "bindingVersion": "0.1.0",
            }
        },
    }


def _operations() -> dict[str, Any]:
    answers = {entry.answer for entry in REQUESTS if entry.answer is not None}
    received = {f"receive{entry.frame.__name__}": _receive(entry) for entry in REQUESTS}
    sent = {f"send{entry.frame.__name__}": _send(entry) for entry in SENT if _is_pushed(entry, answers)}
    return received | sent


def _is_pushed(entry: Sent, answers: set[type[Any]]) -> bool:
    """Whether the frame also comes unasked: every frame but those that only answer, which always have an ``id``."""
    field = next((field for field in msgspec.structs.fields(entry.frame) if field.name == "id"), None)
    return entry.frame not in answers or field is None or not field.required


def _receive(entry: Request) -> dict[str, Any]:
    operation: dict[str, Any] = {"action": "receive", **_operation(entry)}
    if entry.answer is not None:
        operation["reply"] = {
            "channel": {"$ref": _CHANNEL},
            "messages": [_in_channel(entry.answer), _in_channel(_error_frame())],
        }
    return operation


def _send(entry: Sent) -> dict[str, Any]:
    return {"action": "send", **_operation(entry)}


def _operation(entry: Request | Sent) -> dict[str, Any]:
    return {
        "channel": {"$ref": _CHANNEL},
        "title": frame_type(entry.frame),
        "summary": entry.summary,
        "tags": [{"name": entry.topic}],
        "messages": [_in_channel(entry.frame)],
    }


def _message(entry: Request | Sent) -> dict[str, Any]:
    told = examples.examples_of(entry.frame)
    return {
        "name": frame_type(entry.frame),
        "title": f"{frame_type(entry.frame)} ({'client' if isinstance(entry, Request) else 'server'})",
        "summary": entry.summary,
        "contentType": _MEDIA_TYPES["json"],
        "payload": {"$ref": _SCHEMAS.format(name=entry.frame.__name__)},
        "tags": [{"name": entry.topic}],
        "examples": [
            {"name": f"{entry.frame.__name__}{number}", "payload": msgspec.to_builtins(example)}
            for number, example in enumerate(told, 1)
        ],
    }


def _in_channel(frame: type[Struct]) -> dict[str, str]:
    return {"$ref": f"{_CHANNEL}/messages/{frame.__name__}"}


def _error_frame() -> type[Struct]:
    return next(entry.frame for entry in SENT if frame_type(entry.frame) == "error")


def _prose(docstring: str) -> str:
    """A docstring as CommonMark, its line breaks undone."""
    paragraphs = docstring.replace("``", "`").split("\n\n")
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)


def _description() -> str:
    encodings = "\n".join(
        f"- `{codec.subprotocol}`: {'binary' if codec.binary else 'text'} messages, `{_MEDIA_TYPES[codec.name]}`"
        for codec in CODECS
    )
    closes = "\n".join(f"| {code:d} | {meaning} | {again} |" for code, (meaning, again) in CLOSINGS.items())
    return f"""\
Real-time chat with a bot that adapts how it speaks, and with the humans behind it.

**Encodings**, by WebSocket subprotocol. The same frames in both; the examples show JSON.

{encodings}

**Messages.** One WebSocket message holds one frame (a map) or a batch (an array of 1 to {MAX_BATCH_FRAMES} frames). The
server's are at most {MAX_SERVER_MESSAGE_BYTES:,} bytes. Unknown fields are ignored.

**Answers.** Every client frame but `typing` and `receipt` has an `id`; the one direct answer, the reply named here or
an `error`, carries the same `id`. Pushes carry none.

**Errors**, as `code` and `name` of the `error` frame:

| code | name | may succeed later |
| --- | --- | --- |
{_error_rows()}

**Close codes**:

| code | meaning | reconnect? |
| --- | --- | --- |
{closes}
| any other | the network | back off with jitter, reconnect, resume |"""


def _error_rows() -> str:
    kinds: tuple[type[errors.ProtocolError], ...] = (
        *(kind for kind in errors.ProtocolError.__subclasses__() if kind is not errors.ClientError),
        *errors.ClientError.__subclasses__(),
    )
    rows = {(kind.code, kind.name): kind.temporary for kind in kinds if kind.__module__ == errors.__name__}
    return "\n".join(
        f"| {code} | {name} | {'yes' if temporary else 'no'} |" for (code, name), temporary in sorted(rows.items())
    )
