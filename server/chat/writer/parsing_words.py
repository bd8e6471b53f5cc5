"""The words of a phrase document that are not said: what customers' words tell, and how slots are worded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from adapters.personas import STYLE_KEYS
from inference.documents import Place, list_of, mapping_of
from server.chat.writer.book import OWN_WORDS, Lexis
from server.chat.writer.cues import CUES
from server.chat.writer.phrase import style_text
from server.chat.writer.values import choice_of_words, topic_words_of, words_of
from server.chat.writer.words import word_topics

LEXIS_KEYS: Final = ("cue_words", "address_words", "pointing_words", "own_words", "language_names", "personas")
ADDRESSES: Final = ("informal", "formal")
_STYLES: Final = tuple(key for key in STYLE_KEYS if key != "emoji")


@dataclass(slots=True)
class LexisDraft:
    """A language's words while files are still adding to them."""

    cues: dict[str, str] = field(default_factory=dict)
    address: dict[str, str] = field(default_factory=dict)
    pointing: list[str] = field(default_factory=list)
    own: dict[str, str] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    styles: dict[str, dict[str, tuple[str, ...]]] = field(default_factory=dict)

    def read(self, document: Mapping[str, object], at: Place) -> None:
        """Add what stands under ``LEXIS_KEYS``."""
        for key, telling, names in (("cue_words", self.cues, CUES), ("address_words", self.address, ADDRESSES)):
            if key in document:
                _read_telling(telling, document[key], names, at.key(key))
        if "pointing_words" in document:
            self.pointing.extend(topic_words_of(document["pointing_words"], at.key("pointing_words")))
        if "own_words" in document:
            self.own |= choice_of_words(document["own_words"], at.key("own_words"), OWN_WORDS)
        if "language_names" in document:
            given = mapping_of(document["language_names"], at.key("language_names"))
            self.names |= {name: words_of(words, at.key("language_names").key(name)) for name, words in given.items()}
        if "personas" in document:
            for name, style in mapping_of(document["personas"], at.key("personas")).items():
                self.styles.setdefault(name, {}).update(_style_of(style, at.key("personas").key(name)))

    def made(self, language: str) -> Lexis:
        """All of them."""
        return Lexis(
            language=language,
            cues=word_topics(self.cues),
            address=word_topics(self.address),
            pointing=word_topics(dict.fromkeys(self.pointing, "")),
            own={**OWN_WORDS, **self.own},
            names=self.names,
            styles=self.styles,
            spoken=self.names.get(language, "English"),
        )


def _read_telling(telling: dict[str, str], value: object, names: tuple[str, ...], at: Place) -> None:
    for name, words in mapping_of(value, at, names).items():
        for number, one in enumerate(topic_words_of(words, at.key(name)), start=1):
            if telling.setdefault(one, name) != name:
                problem = f"{one!r} tells {telling[one]!r} already"
                raise at.key(name).item(number).error(problem, "Keep it under one of the two, or add a word.")


def _style_of(value: object, at: Place) -> dict[str, tuple[str, ...]]:
    found = {}
    for key, texts in mapping_of(value, at, _STYLES).items():
        said = []
        for number, text in enumerate(list_of(texts, at.key(key)), start=1):
            if not isinstance(text, str) or not text.strip():
                raise at.key(key).item(number).error("this is no text", "Write it in quotes.")
            said.append(style_text(text, may_ask=key == "closers") if key != "intensifiers" else text.strip())
        found[key] = tuple(text for text in said if text)
    return found
