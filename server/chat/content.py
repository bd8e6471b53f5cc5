"""What a text, its data and a rating may be (PROTOCOL §5), decided in functions of values."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from server.errors import Invalid, TooLarge
from server.wire.parts import MAX_DATA_BYTES, MAX_TEXT_CODE_POINTS

MAX_COMMENT_CODE_POINTS = 2_000
MAX_CATEGORY_CODE_POINTS = 64


def normal_text(text: str) -> str:
    """The NFC form that is stored, pushed and counted.

    Raises:
        Invalid: empty, longer than 8,000 code points, or with NUL or a lone surrogate.
    """
    normal = text if text.isascii() else unicodedata.normalize("NFC", text)
    if not 1 <= len(normal) <= MAX_TEXT_CODE_POINTS:
        raise Invalid(f"text has {len(normal):,} code points; 1 to {MAX_TEXT_CODE_POINTS:,} are allowed")
    if "\0" in normal:
        raise Invalid("text holds a NUL character")
    if not normal.isascii() and any("\ud800" <= char <= "\udfff" for char in normal):
        raise Invalid("text holds a lone surrogate, which is no Unicode text")
    return normal


def plain_data(data: Mapping[str, Any] | None, field: str = "data") -> dict[str, Any] | None:
    """``data`` as JSON will give it back: MessagePack's own types don't survive, and are refused.

    Raises:
        TooLarge: more than 8,192 bytes as JSON.
        Invalid: a value that JSON doesn't have.
    """
    if data is None:
        return None
    try:
        encoded = msgspec.json.encode(data)
        plain: dict[str, Any] = msgspec.json.decode(encoded)
    except (TypeError, ValueError, RecursionError, OverflowError, msgspec.MsgspecError) as error:
        raise Invalid(f"{field} holds a value that JSON does not have: {error}") from error
    if len(encoded) > MAX_DATA_BYTES:
        raise TooLarge(f"{field} has {len(encoded):,} bytes as JSON; at most {MAX_DATA_BYTES:,} are allowed")
    if plain != data:
        raise Invalid(f"{field} holds a value that JSON does not have (binary, a time, a number that is no number …)")
    return plain


def checked_rating(rating: float) -> float:
    """``Invalid`` unless it is a number in [0, 1]."""
    if not (math.isfinite(rating) and 0.0 <= rating <= 1.0):
        raise Invalid(f"rating is {rating}; a number from 0 to 1 is expected")
    return rating


def checked_comment(comment: str | None) -> str | None:
    """``Invalid`` where it is too long or holds NUL."""
    if comment is not None and len(comment) > MAX_COMMENT_CODE_POINTS:
        raise Invalid(f"comment has {len(comment):,} code points; at most {MAX_COMMENT_CODE_POINTS:,} are allowed")
    return comment.replace("\0", "") if comment is not None else None


def checked_categories(categories: Sequence[str]) -> tuple[str, ...]:
    """``Invalid`` where one is empty, too long or holds NUL; repeats are dropped."""
    for category in categories:
        if not 1 <= len(category) <= MAX_CATEGORY_CODE_POINTS or "\0" in category:
            raise Invalid(f"a category has 1 to {MAX_CATEGORY_CODE_POINTS} code points and no NUL")
    return tuple(dict.fromkeys(categories))


def short_text(text: str, field: str, max_code_points: int) -> str:
    """The NFC form; ``Invalid`` where it is empty, too long or holds NUL."""
    normal = unicodedata.normalize("NFC", text)
    if not 1 <= len(normal) <= max_code_points or "\0" in normal:
        raise Invalid(f"{field} has {len(normal):,} code points; 1 to {max_code_points:,} are allowed, and no NUL")
    return normal
