"""Client frames checked by hand after a fast decoder: the peer of msgspec's decode-and-validate in one step.

The checks are those of ``server.wire.frames``, field by field; the result is the decoded map itself. Raises
``ValueError`` for what is no valid frame.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from server.wire.parts import MAX_HISTORY, MAX_SAFE_INTEGER

Frame = dict[str, Any]


def validate(frame: Any) -> Frame:
    """Check one decoded client frame."""
    if type(frame) is not dict:
        raise ValueError("a frame is a map")
    kind = frame.get("type")
    check = _CHECKS.get(kind) if type(kind) is str else None
    if check is None:
        raise ValueError("unknown type")
    _frame_id(frame)
    check(frame)
    return frame


def _frame_id(frame: Frame) -> None:
    value = frame.get("id")
    # type(…) is int, not isinstance: True is an int to Python, and no id.
    if type(value) is int:
        if not 0 <= value <= MAX_SAFE_INTEGER:
            raise ValueError("id out of range")
    elif type(value) is str:
        if len(value) > 64:
            raise ValueError("id too long")
    else:
        raise ValueError("id missing or mistyped")


def _text(frame: Frame, name: str, least: int = 0, most: int | None = None) -> None:
    value = frame.get(name)
    if type(value) is not str or len(value) < least or (most is not None and len(value) > most):
        raise ValueError(f"{name} missing, mistyped or of a wrong length")


def _optional_text(frame: Frame, name: str) -> None:
    value = frame.get(name)
    if value is not None and type(value) is not str:
        raise ValueError(f"{name} mistyped")


def _optional_map(frame: Frame, name: str) -> None:
    value = frame.get(name)
    if value is not None and (type(value) is not dict or not all(type(key) is str for key in value)):
        raise ValueError(f"{name} mistyped")


def _whole(value: object, least: int, most: int, name: str) -> None:
    if type(value) is float and value.is_integer():
        value = int(value)
    if type(value) is not int or not least <= value <= most:
        raise ValueError(f"{name} mistyped or out of range")


def _offset(frame: Frame, name: str) -> None:
    value = frame.get(name)
    if value is not None and (type(value) is not int or not 0 <= value <= MAX_SAFE_INTEGER):  # no 1.0 here: as msgspec
        raise ValueError(f"{name} mistyped or out of range")


def _channel(frame: Frame) -> None:
    _text(frame, "channel", 1, 160)


def _connect(frame: Frame) -> None:
    _optional_text(frame, "token")
    client = frame.get("client")
    if client is not None:
        if type(client) is not dict:
            raise ValueError("client mistyped")
        for name in ("name", "version"):
            if name in client:
                _text(client, name)
    resume = frame.get("resume")
    if resume is None:
        return
    _optional_map(frame, "resume")
    for position in resume.values():
        if type(position) is not dict:
            raise ValueError("position mistyped")
        _text(position, "epoch")
        _whole(position.get("offset"), 0, MAX_SAFE_INTEGER, "offset")


def _subscribe(frame: Frame) -> None:
    _channel(frame)
    _optional_text(frame, "epoch")
    _offset(frame, "offset")


def _history(frame: Frame) -> None:
    _channel(frame)
    _offset(frame, "before")
    _offset(frame, "after")
    if "limit" in frame:
        _whole(frame["limit"], 1, MAX_HISTORY, "limit")


def _open(frame: Frame) -> None:
    _text(frame, "key", 1, 64)
    _optional_map(frame, "metadata")


def _send(frame: Frame) -> None:
    _channel(frame)
    _text(frame, "key", 1, 64)
    _text(frame, "text")
    _optional_map(frame, "data")
    _optional_text(frame, "reply_to")


def _resolve(frame: Frame) -> None:
    _channel(frame)
    if type(frame.get("resolved")) is not bool:
        raise ValueError("resolved missing or mistyped")


def _feedback(frame: Frame) -> None:
    _text(frame, "message_id")
    if type(frame.get("rating")) not in {int, float}:
        raise ValueError("rating missing or mistyped")
    _optional_text(frame, "comment")


_CHECKS: dict[str, Callable[[Frame], None]] = {
    "connect": _connect,
    "ping": lambda _: None,
    "refresh": lambda frame: _text(frame, "token"),
    "subscribe": _subscribe,
    "unsubscribe": _channel,
    "history": _history,
    "open": _open,
    "send": _send,
    "resolve": _resolve,
    "feedback": _feedback,
}
