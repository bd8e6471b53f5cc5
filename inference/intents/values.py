"""A user's intents as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256

from inference.documents import Place


@dataclass(frozen=True, slots=True)
class Example:
    """One text that a customer might write. ``{name}`` in it stands for any value of that list."""

    text: str
    place: Place


@dataclass(frozen=True, slots=True)
class Intent:
    """What customers may want. ``ask``: the text on the button when the customer is asked whether it was meant."""

    name: str
    examples: tuple[Example, ...]
    ask: str
    place: Place


@dataclass(frozen=True, slots=True)
class IntentSet:
    """All intents of a folder, in the order of their names.

    ``synonyms``: a word or phrase and others that mean the same, in small letters. ``values``: what ``{name}`` may be:
    the whole of a lookup list, or examples of an entity.
    """

    intents: tuple[Intent, ...]
    synonyms: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    values: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def names(self) -> tuple[str, ...]:
        """The intents' names, sorted."""
        return tuple(intent.name for intent in self.intents)

    def digest(self) -> str:
        """SHA-256 (hex) of everything that training sees; the order of files and entries does not matter."""
        parts = [f"intent {one.name} {example.text}" for one in self.intents for example in one.examples]
        parts += [f"ask {one.name} {one.ask}" for one in self.intents]
        parts += [f"synonym {word} {other}" for word, others in self.synonyms.items() for other in others]
        parts += [f"value {name} {value}" for name, values in self.values.items() for value in values]
        return sha256("\n".join(sorted(parts)).encode("utf-8", "replace")).hexdigest()
