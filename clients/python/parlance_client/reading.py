"""Decoded maps into frames, checked on the way: one reader per class, made from its annotations at import."""

from __future__ import annotations

import functools
import operator
import types
from collections.abc import Callable
from dataclasses import MISSING, fields, is_dataclass
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from parlance_client.errors import ProtocolViolation
from parlance_client.frames import TYPES, ServerFrame

Reader = Callable[[Any], Any]


def read_frame(plain: Any) -> ServerFrame | None:
    """The frame in a decoded map; None for a type unknown here, as section 1 asks. Raises ``ProtocolViolation``."""
    if not isinstance(plain, dict) or not isinstance(plain.get("type"), str):
        raise ProtocolViolation(f"no frame: {str(plain)[:200]}")
    reader = _FRAMES.get(plain["type"])
    if reader is None:
        return None
    try:
        frame: ServerFrame = reader(plain)
    except _Mistyped as wrong:
        raise ProtocolViolation(f"{plain['type']}: {wrong}") from None
    return frame


class _Mistyped(Exception):
    """What is wrong with a value; the fields on the way to it are put before."""


def _whole(value: Any) -> Any:
    if type(value) is not int:
        raise _Mistyped(f"no whole number: {value!r:.80}")
    return value


def _number(value: Any) -> Any:
    if type(value) is not float and type(value) is not int:
        raise _Mistyped(f"no number: {value!r:.80}")
    return value


def _text(value: Any) -> Any:
    if type(value) is not str:
        raise _Mistyped(f"no text: {value!r:.80}")
    return value


def _truth(value: Any) -> Any:
    if type(value) is not bool:
        raise _Mistyped(f"neither true nor false: {value!r:.80}")
    return value


def _map(value: Any) -> Any:
    if type(value) is not dict:
        raise _Mistyped(f"no map: {value!r:.80}")
    return value


def _id(value: Any) -> Any:
    if type(value) is not int and type(value) is not str:
        raise _Mistyped(f"no id: {value!r:.80}")
    return value


_PLAIN: dict[Any, Reader] = {int: _whole, float: _number, str: _text, bool: _truth, int | str: _id}


def _reader_of(annotation: Any) -> Reader:
    if annotation in _PLAIN:
        return _PLAIN[annotation]
    origin, args = get_origin(annotation), get_args(annotation)
    if origin is Literal:  # a value of tomorrow must not end a connection of today
        return _text
    if origin in (Union, types.UnionType):
        inner = tuple(arg for arg in args if arg is not type(None))
        return _optional(_reader_of(functools.reduce(operator.or_, inner)))
    if origin is list:
        return _list_of(_reader_of(args[0]))
    if origin is dict:
        return _map if args[1] is Any else _map_of(_reader_of(args[1]))
    if is_dataclass(annotation):
        return _dataclass_reader(annotation)
    raise TypeError(f"no reader for {annotation}")


def _optional(reader: Reader) -> Reader:
    return lambda value: None if value is None else reader(value)


def _list_of(reader: Reader) -> Reader:
    def read(value: Any) -> Any:
        if type(value) is not list:
            raise _Mistyped(f"no list: {value!r:.80}")
        return [reader(item) for item in value]

    return read


def _map_of(reader: Reader) -> Reader:
    return lambda value: {name: reader(item) for name, item in _map(value).items()}


def _shortcut(annotation: Any) -> Any:
    """The type whose values need no reader: ``str`` for ``str`` and ``str | None``."""
    inner = [arg for arg in get_args(annotation) if arg is not type(None)] or [annotation]
    if get_origin(annotation) is Literal or (len(inner) == 1 and get_origin(inner[0]) is Literal):
        return str
    return inner[0] if len(inner) == 1 and inner[0] in (int, str, bool, float) else None


def _dataclass_reader(made: Any) -> Reader:
    hints = get_type_hints(made)
    parts = [
        (str(one.metadata.get("wire", one.name)), _shortcut(hints[one.name]), _reader_of(hints[one.name]), one.default)
        for one in fields(made)
    ]

    def read(value: Any) -> Any:
        given: Any = _map(value).get
        values = []
        wire = ""
        try:
            for wire, plain, reader, default in parts:
                item = given(wire, MISSING)
                if type(item) is plain:
                    values.append(item)
                elif item is not MISSING:
                    values.append(reader(item))
                elif default is not MISSING:
                    values.append(default)
                else:
                    raise _Mistyped("missing")
        except _Mistyped as wrong:
            raise _Mistyped(f"{wire}: {wrong}") from None
        return made(*values)

    return read


_FRAMES: dict[str, Reader] = {name: _dataclass_reader(made) for name, made in TYPES.items()}
