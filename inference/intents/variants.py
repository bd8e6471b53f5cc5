"""What an example also stands for: its slots filled from their lists, its words replaced by synonyms (pure)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from itertools import islice
from typing import Final
from zlib import crc32

from inference.intents.parsing import SLOT
from inference.intents.values import IntentSet

MAX_VARIANTS: Final = 4
"""Of one example, itself included. They share its weight; more of them would only repeat the sentence's frame."""


def variants(text: str, intents: IntentSet) -> tuple[str, ...]:
    """At least one text without slots, the same ones each time.

    Which values stand in is drawn by the text itself, so that examples with the same slot show different values.
    """
    number = crc32(text.encode("utf-8", "replace"))
    filled = dict.fromkeys(_filled(text, intents.values, number))
    room = MAX_VARIANTS - 1
    replaced = (other for one in filled for other in _replaced(one, intents.synonyms))
    return tuple(dict.fromkeys([*filled, *islice(replaced, room)]))[:MAX_VARIANTS]


def _filled(text: str, values: Mapping[str, tuple[str, ...]], number: int) -> Iterator[str]:
    slots = SLOT.findall(text)
    if not slots:
        yield text
        return
    for turn in range(number, number + min(MAX_VARIANTS - 1, max(len(values[slot]) for slot in slots))):
        chosen = {slot: values[slot][turn % len(values[slot])] for slot in slots}
        # Texts and slots alternate in what the split gives.
        pieces = SLOT.split(text)
        yield "".join(chosen[piece] if place % 2 else piece for place, piece in enumerate(pieces))


def _replaced(text: str, synonyms: Mapping[str, tuple[str, ...]]) -> Iterator[str]:
    for word, others in synonyms.items():
        family = (word, *others)
        present = next((one for one in family if _pattern(one).search(text)), None)
        if present is not None:
            for other in family:
                if other != present:
                    yield other.join(_pattern(present).split(text))


@lru_cache(maxsize=4_096)
def _pattern(words: str) -> re.Pattern[str]:
    return re.compile(rf"(?<!\w){re.escape(words)}(?!\w)", re.IGNORECASE)
