"""What was written and is not acked yet. Each letter keeps its key, so that a repeat is stored once.

Pure: it can be kept on a disk as ``letters()`` and made again from them, so that a restart loses nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Letter:
    """A message to be sent. ``key``: the client's own, made when it was written and kept until the ack."""

    channel: str
    key: str
    text: str
    data: dict[str, Any] | None = None
    reply_to: str | None = None


class OutboxFull(Exception):
    """So much is unsent that more would only pile up."""


class Outbox:
    """Letters in the order written. Those of one conversation leave one after the other, so a retry keeps the order."""

    def __init__(self, letters: Iterable[Letter] = (), *, max_letters: int = 1_000) -> None:
        self._letters = {(letter.channel, letter.key): letter for letter in letters}
        self._max_letters = max_letters

    def __len__(self) -> int:
        return len(self._letters)

    def add(self, letter: Letter) -> None:
        """Raises ``OutboxFull``, and ``ValueError`` where the key is in use for other content."""
        place = (letter.channel, letter.key)
        known = self._letters.get(place)
        if known is not None and known != letter:
            raise ValueError(f"the key {letter.key!r} already belongs to another message in {letter.channel}")
        if known is None and len(self._letters) >= self._max_letters:
            raise OutboxFull(f"{len(self._letters)} messages wait to be sent")
        self._letters.setdefault(place, letter)

    def first(self, channel: str) -> Letter | None:
        """The oldest of a conversation."""
        return next((letter for letter in self._letters.values() if letter.channel == channel), None)

    def remove(self, letter: Letter) -> None:
        """It is acked, or refused for good."""
        self._letters.pop((letter.channel, letter.key), None)

    def channels(self) -> list[str]:
        """Conversations with something unsent, the one that waits longest first."""
        return list(dict.fromkeys(letter.channel for letter in self._letters.values()))

    def letters(self) -> list[dict[str, Any]]:
        """Plain values, to be kept: ``Outbox(Letter(**one) for one in kept)`` is the same outbox."""
        return [asdict(letter) for letter in self._letters.values()]
