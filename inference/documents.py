"""Documents that users write, as YAML gives them: where something stands in them, and what is wrong there (pure)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches


class DocumentError(ValueError):
    """A file that can't be used: ``file``, ``entry`` (the path to the spot), ``problem`` and ``remedy``."""

    def __init__(self, file: str, entry: str, problem: str, remedy: str) -> None:
        super().__init__(f"{file}: {entry}: {problem}. {remedy}" if entry else f"{file}: {problem}. {remedy}")
        self.file = file
        self.entry = entry
        self.problem = problem
        self.remedy = remedy


@dataclass(frozen=True, slots=True)
class Place:
    """A spot in a file: ``entry`` is the path of keys to it, such as ``intents.returns.examples[2]``.

    ``kind``: the error that is raised about it.
    """

    file: str
    entry: str = ""
    kind: type[DocumentError] = DocumentError

    def key(self, name: str) -> Place:
        """The value under a key of this mapping."""
        return replace(self, entry=f"{self.entry}.{name}" if self.entry else name)

    def item(self, number: int) -> Place:
        """An element of this list, counted from 1."""
        return replace(self, entry=f"{self.entry}[{number}]")

    def error(self, problem: str, remedy: str) -> DocumentError:
        """What to raise about this spot."""
        return self.kind(self.file, self.entry, problem, remedy)

    def __str__(self) -> str:
        return f"{self.file}: {self.entry}" if self.entry else self.file


def mapping_of(value: object, at: Place, known: Iterable[str] | None = None) -> Mapping[str, object]:
    """A mapping whose keys are texts, and among ``known`` where that is given."""
    if value is None:
        raise at.error("nothing stands here", "Fill it in or remove it.")
    if not isinstance(value, Mapping):
        raise at.error("this is no mapping", "Write 'name: value' lines.")
    names = None if known is None else tuple(known)
    for key in value:
        if not isinstance(key, str):
            # YAML 1.1 reads a bare yes, no, on, off as a truth value.
            raise at.error(f"the key {key!r} is no text", "Put the key in quotes.")
        if names is not None and key not in names:
            near = get_close_matches(key, names, n=1)
            remedy = f"Did you mean {near[0]!r}?" if near else f"Known names: {', '.join(names)}."
            raise at.error(f"unknown key {key!r}", remedy)
    return value


def list_of(value: object, at: Place) -> list[object]:
    """A list with at least one element."""
    if not isinstance(value, list):
        raise at.error("this is no list", "Write each one on its own line after a dash.")
    if not value:
        raise at.error("the list is empty", "Add an entry or remove the key.")
    return value
