"""Commands and scripts as values."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

Word = str | bytes | int
Words = tuple[Word, ...]


@dataclass(frozen=True, slots=True)
class Command:
    """``words`` as sent; ``key`` decides which server of a Cluster gets it."""

    key: str
    words: Words
    script: Script | None = None

    @classmethod
    def of(cls, name: str, key: str, *arguments: Word) -> Command:
        """A command whose first argument is its key."""
        return cls(key, (name, key, *arguments))

    @property
    def loading(self) -> Words:
        """The words for a server that does not know the script (any more)."""
        if self.script is None:
            raise ValueError(f"{self.words[0]!r} runs no script")
        return ("EVAL", self.script.text, *self.words[2:])


@dataclass(frozen=True, slots=True)
class Script:
    """A Lua script with one key. Redis keeps it by its digest until it is restarted or flushed."""

    text: str
    digest: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "digest", hashlib.sha1(self.text.encode(), usedforsecurity=False).hexdigest())

    def on(self, key: str, *arguments: Word) -> Command:
        """The command that runs it."""
        return Command(key, ("EVALSHA", self.digest, 1, key, *arguments), script=self)
