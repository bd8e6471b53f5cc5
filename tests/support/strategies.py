"""Hypothesis strategies for every frame of the protocol, derived from the structs themselves."""

from __future__ import annotations

from typing import Any

import msgspec
from hypothesis import strategies as st
from msgspec import inspect

SAFE_TEXT = st.text(st.characters(codec="utf-8"), max_size=20)
_JSON_LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | SAFE_TEXT
)
JSON_VALUES = st.recursive(
    _JSON_LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(SAFE_TEXT, inner, max_size=3),
    max_leaves=8,
)


def instances(kind: type[msgspec.Struct]) -> st.SearchStrategy[Any]:
    """Valid values of one struct."""
    return _of(inspect.type_info(kind))


def _of(info: inspect.Type) -> st.SearchStrategy[Any]:  # noqa: PLR0911  (one line per kind of type)
    match info:
        case inspect.StructType():
            fields = {
                field.name: _of(field.type)
                if field.required
                else (st.just(field.default) | _of(field.type))
                if field.default is not msgspec.NODEFAULT
                else _of(field.type)
                for field in info.fields
            }
            return st.builds(info.cls, **fields)
        case inspect.UnionType():
            return st.one_of(*(_of(part) for part in info.types))
        case inspect.NoneType():
            return st.none()
        case inspect.BoolType():
            return st.booleans()
        case inspect.IntType():
            return st.integers(-(2**53) if info.ge is None else info.ge, 2**53 - 1 if info.le is None else info.le)
        case inspect.FloatType():
            return st.floats(allow_nan=False, allow_infinity=False)
        case inspect.StrType():
            return st.text(
                st.characters(codec="utf-8"),
                min_size=info.min_length or 0,
                max_size=min(info.max_length or 20, 20),
            )
        case inspect.LiteralType():
            return st.sampled_from(info.values)
        case inspect.ListType():
            return st.lists(_of(info.item_type), max_size=2)
        case inspect.DictType():
            return st.dictionaries(SAFE_TEXT, _of(info.value_type), max_size=2)
        case inspect.AnyType():
            return JSON_VALUES
    raise AssertionError(f"no strategy for {info}")
