"""What goes wrong with a user's intents, told so that the one who writes them can mend it."""

from __future__ import annotations

from dataclasses import dataclass


class IntentsError(ValueError):
    """An intents file that can't be used: ``file``, ``entry`` (the path to it), ``problem`` and ``remedy``."""

    def __init__(self, file: str, entry: str, problem: str, remedy: str) -> None:
        super().__init__(f"{file}: {entry}: {problem}. {remedy}" if entry else f"{file}: {problem}. {remedy}")
        self.file = file
        self.entry = entry
        self.problem = problem
        self.remedy = remedy


@dataclass(frozen=True, slots=True)
class Place:
    """A spot in a file: ``entry`` is the path of keys to it, such as ``intents.returns.examples[2]``."""

    file: str
    entry: str = ""

    def key(self, name: str) -> Place:
        """The value under a key of this mapping."""
        return Place(self.file, f"{self.entry}.{name}" if self.entry else name)

    def item(self, number: int) -> Place:
        """An element of this list, counted from 1."""
        return Place(self.file, f"{self.entry}[{number}]")

    def error(self, problem: str, remedy: str) -> IntentsError:
        """What to raise about this spot."""
        return IntentsError(self.file, self.entry, problem, remedy)

    def __str__(self) -> str:
        return f"{self.file}: {self.entry}" if self.entry else self.file
