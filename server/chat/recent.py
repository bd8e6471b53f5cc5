"""A bounded memory of what was found lately."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

KeyT = TypeVar("KeyT", bound=Hashable)
ValueT = TypeVar("ValueT")


class Recent(Generic[KeyT, ValueT]):
    """The least recently used goes first. ``entries`` bounds it, 0 turns it off; ``looked_up`` hears of each look-up
    whether it was there. For one thread."""

    def __init__(self, entries: int, looked_up: Callable[[bool], None]) -> None:
        self._entries = entries
        self._looked_up = looked_up
        self._found: OrderedDict[KeyT, ValueT] = OrderedDict()

    def __len__(self) -> int:
        return len(self._found)

    def get(self, key: KeyT) -> ValueT | None:
        """What was put, or None."""
        if not self._entries:
            return None
        found = self._found.get(key)
        self._looked_up(found is not None)
        if found is not None:
            self._found.move_to_end(key)
        return found

    def put(self, key: KeyT, value: ValueT) -> None:
        """Remember."""
        if not self._entries:
            return
        self._found[key] = value
        self._found.move_to_end(key)
        if len(self._found) > self._entries:
            self._found.popitem(last=False)

    def clear(self) -> None:
        """Forget everything."""
        self._found.clear()


def normalised(question: str) -> str:
    """The same for questions that differ in nothing but case, spaces and what ends them."""
    return " ".join(question.casefold().split()).rstrip(" ?!.")
