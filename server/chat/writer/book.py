"""All phrases of one language, checked once and indexed for the writer.

A document (one YAML file) holds ``phrases`` (pool → list), and either the general keys ``suggest`` (kind → list),
``handover_words`` and the like (``parsing_words``), or those of one domain: ``domain``, ``scope``, ``suggest``
(a list) and ``intents``. Documents add up: the same pool, domain or intent may be continued in another file.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Final, Literal

from adapters.personas import Persona
from server.chat.writer.phrase import Phrase
from server.chat.writer.words import WordTopics

MAX_TOPIC_CODE_POINTS: Final = 40
"""Of an intent that is talked about by its own name."""

Scope = Literal["service", "outside", "chat"]
Pool = tuple[Phrase, ...]


@dataclass(frozen=True, slots=True)
class Intent:
    """What the writer knows of an intent.

    ``topic``: a noun phrase that names it; ``example``: what a customer would type; ``need``: the detail that is
    needed next, a noun phrase, until the slot ``need_until`` is known. ``serious``: no jokes, no exclamations.
    ``by_words``: it has words of its own, so no model needs to know it.
    """

    name: str
    domain: str | None
    topic: str
    example: str | None
    need: str | None
    need_until: str | None
    scope: Scope
    serious: bool
    by_words: bool
    suggest: tuple[str, ...]
    pools: Mapping[str, Pool]

    def pool(self, name: str) -> Pool:
        """The phrases of one of its pools, empty where it has none."""
        return self.pools.get(name, ())


@dataclass(frozen=True, slots=True)
class Domain:
    """Phrases for every intent of a domain that has none of its own left."""

    name: str
    scope: Scope
    suggest: tuple[str, ...]
    pools: Mapping[str, Pool]


@dataclass(frozen=True, slots=True)
class PoolSpec:
    """Where the writer uses a general pool: in these moods and kinds (empty: in all). ``required``: never empty."""

    required: bool = False
    moods: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()


_NOT_NEGATIVE: Final = ("neutral", "positive")
_TOPICAL: Final = ("question", "request", "complaint", "other")

GENERAL_POOLS: Final[Mapping[str, PoolSpec]] = {
    "greeting": PoolSpec(required=True),
    "welcome": PoolSpec(required=True, kinds=("greeting", "out_of_scope")),
    "invite": PoolSpec(required=True),
    "thanks": PoolSpec(required=True, kinds=("thanks",)),
    "praise": PoolSpec(required=True, kinds=("praise",)),
    "goodbye": PoolSpec(required=True, kinds=("goodbye",)),
    "affirm": PoolSpec(required=True, kinds=("affirm",)),
    "deny": PoolSpec(required=True, kinds=("deny",)),
    "question": PoolSpec(required=True, kinds=("question",)),
    "request": PoolSpec(required=True, kinds=("request",)),
    "complaint": PoolSpec(required=True, kinds=("complaint",)),
    "other": PoolSpec(required=True, kinds=("other", "information")),
    "information": PoolSpec(required=True, kinds=("information",)),
    "clarification": PoolSpec(required=True, kinds=("clarification",)),
    "out_of_scope": PoolSpec(required=True, kinds=("out_of_scope",)),
    "other_language": PoolSpec(required=True, kinds=("other_language",)),
    "handover": PoolSpec(required=True, kinds=("handover",)),
    "error": PoolSpec(required=True, kinds=("error",)),
    "opener": PoolSpec(moods=_NOT_NEGATIVE, kinds=_TOPICAL),
    "cited": PoolSpec(),
    "cited_again": PoolSpec(),
    "meanwhile": PoolSpec(kinds=("complaint",)),
    "nearest": PoolSpec(kinds=("clarification",)),
    "empathy": PoolSpec(moods=("negative",)),
    "calm": PoolSpec(moods=("negative",), kinds=("question", "request")),
    "support": PoolSpec(moods=("negative",)),
    "joy": PoolSpec(moods=("positive",)),
    "hostile": PoolSpec(),
    "urgent": PoolSpec(),
    "again": PoolSpec(kinds=_TOPICAL),
    "same": PoolSpec(kinds=_TOPICAL),
    "aside": PoolSpec(kinds=_TOPICAL),
    "ask": PoolSpec(kinds=(*_TOPICAL, "information")),
    "next": PoolSpec(),
    "humor": PoolSpec(moods=_NOT_NEGATIVE),
    "closer": PoolSpec(),
}
TOPIC_POOLS: Final = ("core", "detail", "ask", "next", "humor")

ENGLISH: Final = "en"
OWN_WORDS: Final[Mapping[str, str]] = MappingProxyType(
    {"order": "order", "and": "and", "heads": "heads", "tails": "tails"}
)
NO_WORDS: Final = WordTopics({}, {})


@dataclass(frozen=True, slots=True)
class Lexis:
    """What there is to know of a language beside its phrases.

    ``cues``: what customers' words tell by themselves, an act or a feeling (``cues``), for a language that the model
    has not learnt. ``address``: words that tell ``formal`` or ``informal`` address; none where a language has but one.
    ``pointing``: words that point back to what was spoken of. ``own``: the words that slots are made with, by the names
    of ``OWN_WORDS``. ``names``: languages' names by code. ``styles``: personas' own words by persona. ``spoken``: the
    names of the languages that answers are written in, as words.
    """

    language: str
    cues: WordTopics = NO_WORDS
    address: WordTopics = NO_WORDS
    pointing: WordTopics = NO_WORDS
    own: Mapping[str, str] = field(default_factory=lambda: OWN_WORDS)
    names: Mapping[str, str] = field(default_factory=dict)
    styles: Mapping[str, dict[str, tuple[str, ...]]] = field(default_factory=dict)
    spoken: str = "English"


ENGLISH_LEXIS: Final = Lexis(ENGLISH)


@dataclass(frozen=True, slots=True)
class PhraseBook:
    """Frozen and shareable; replace it as a whole when a file changes. ``places``: phrase id → "file: entry"."""

    pools: Mapping[str, Pool]
    domains: Mapping[str, Domain]
    intents: Mapping[str, Intent]
    suggest: Mapping[str, tuple[str, ...]]
    handover: re.Pattern[str] | None
    words: WordTopics
    follow_up: WordTopics
    detail_words: frozenset[str]
    places: Mapping[str, tuple[str, ...]]
    lexis: Lexis = ENGLISH_LEXIS

    @property
    def language(self) -> str:
        """Its code."""
        return self.lexis.language

    def wants_person(self, text: str) -> bool:
        """Whether the text asks for a human being."""
        return self.handover is not None and self.handover.search(text.casefold()) is not None

    def is_follow_up(self, text: str) -> bool:
        """Whether the text, where the model can't place it, goes on about the topic before."""
        return self.follow_up.find(text) is not None

    def topic_of(self, text: str) -> Intent | None:
        """The intent that the text's words tell, whatever the model says."""
        return self.intents.get(self.words.find(text) or "")

    def style_of(self, persona: Persona) -> Mapping[str, tuple[str, ...]]:
        """A persona's own words in this language; only its emoji where nobody has put any into it."""
        if self.language == ENGLISH:
            return persona.style
        return self.lexis.styles.get(persona.name, {}) | {"emoji": persona.style.get("emoji", ())}

    def phrases(self) -> list[Phrase]:
        """Every phrase."""
        groups = [self.pools, *(one.pools for one in self.domains.values()), *(i.pools for i in self.intents.values())]
        return [phrase for group in groups for pool in group.values() for phrase in pool]


def with_intents(book: PhraseBook, asks: Mapping[str, str]) -> PhraseBook:
    """The book with the user's own intents, by name with the text of their button.

    What the files say of an intent of that name stays; of one that no file describes the button is quoted: a name such
    as ``damaged`` is no noun, while words in quotes stand wherever one does.
    """
    own = {}
    for name, ask in asks.items():
        unnamed = Intent(
            name, None, _quoted(ask) or name.replace("_", " "), None, None, None, "service", False, False, (), {}
        )
        own[name] = replace(book.intents.get(name, unnamed), example=ask)
    return replace(book, intents={**book.intents, **own})


def _quoted(ask: str) -> str:
    words = ask.strip(" .,;:!?…")
    return f"“{words}”" if words else ""
