"""Phrase documents → ``PhraseBook``. Every rule that a file breaks is told with file, entry and remedy."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from inference.documents import Place, list_of, mapping_of
from server.chat.writer.book import (
    ENGLISH,
    GENERAL_POOLS,
    TOPIC_POOLS,
    Domain,
    Intent,
    PhraseBook,
    Pool,
    Scope,
)
from server.chat.writer.conditions import ALWAYS_FILLED, KINDS
from server.chat.writer.errors import PhraseError
from server.chat.writer.parsing_words import LEXIS_KEYS, LexisDraft
from server.chat.writer.phrase import Phrase, parse_phrase
from server.chat.writer.values import (
    buttons_of,
    flag_of,
    need_of,
    scope_of,
    short_texts_of,
    topic_words_of,
    words_of,
)
from server.chat.writer.wishes import any_of, wishes_of
from server.chat.writer.words import plain_words, word_topics

_GENERAL_KEYS: Final = (
    *("phrases", "suggest", "handover_words", "handover_alone", "follow_up_words", "detail_words"),
    *LEXIS_KEYS,
)
_DOMAIN_KEYS: Final = ("domain", "scope", "phrases", "suggest", "intents")
_INTENT_KEYS: Final = ("topic", "example", "need", "scope", "serious", "words", "suggest", *TOPIC_POOLS)

_Pools = dict[str, list[Phrase]]


@dataclass(slots=True)
class _Topical:
    """A domain or an intent while files are still adding to it. A fact is stated once, or the same each time."""

    at: Place
    domain: str | None = None
    topic: str | None = None
    example: str | None = None
    need: tuple[str, str | None] | None = None
    scope: Scope | None = None
    serious: bool | None = None
    suggest: list[str] = field(default_factory=list)
    pools: _Pools = field(default_factory=dict)

    def state(self, key: str, value: object, at: Place) -> None:
        """Set a fact."""
        if getattr(self, key) not in {None, value}:
            raise at.error(f"{key!r} is given twice, and differently", f"See {self.at} and keep one.")
        setattr(self, key, value)


@dataclass(slots=True)
class _Draft:
    pools: _Pools = field(default_factory=dict)
    suggest: dict[str, list[str]] = field(default_factory=dict)
    handover_words: list[str] = field(default_factory=list)
    handover_alone: list[str] = field(default_factory=list)
    follow_up_words: list[str] = field(default_factory=list)
    detail_words: list[str] = field(default_factory=list)
    domains: dict[str, _Topical] = field(default_factory=dict)
    intents: dict[str, _Topical] = field(default_factory=dict)
    words: dict[str, str] = field(default_factory=dict)
    lexis: LexisDraft = field(default_factory=LexisDraft)
    places: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def read_pools(
        self, pools: _Pools, prefix: str, given: Mapping[str, object], names: Iterable[str], at: Place
    ) -> None:
        """Add the phrases that stand under ``names``."""
        for name in names:
            for number, value in enumerate(list_of(given[name], at.key(name)) if name in given else (), start=1):
                place = at.key(name).item(number)
                phrase = parse_phrase(f"{prefix}{name}", value, place)
                pools.setdefault(name, []).append(phrase)
                self.places[phrase.id] = (*self.places.get(phrase.id, ()), str(place))

    def read_words(self, intent: str, value: object, at: Place) -> None:
        """Add the words that tell an intent; the same words can't tell two."""
        for number, words in enumerate(topic_words_of(value, at), start=1):
            if self.words.setdefault(words, intent) != intent:
                problem = f"{words!r} tells {self.words[words]!r} already"
                raise at.item(number).error(problem, "Keep it under one of the two, or add a word.")


def parse_phrases(documents: Mapping[str, object], language: str = ENGLISH) -> PhraseBook:
    """The book of the parsed YAML ``documents`` by file name, in a language (ISO 639-1). Raises ``PhraseError``."""
    draft = _Draft()
    for file in sorted(documents):
        at = Place(file, kind=PhraseError)
        document = mapping_of(documents[file], at)
        if "domain" in document:
            _read_domain(draft, mapping_of(document, at, _DOMAIN_KEYS), at)
        else:
            _read_general(draft, mapping_of(document, at, _GENERAL_KEYS), at)
    _check_required(draft)
    return PhraseBook(
        pools=_freeze(draft.pools),
        domains={name: _domain(name, one) for name, one in draft.domains.items()},
        intents={name: _intent(name, one, draft) for name, one in draft.intents.items()},
        suggest={kind: tuple(texts) for kind, texts in draft.suggest.items()},
        words=word_topics(draft.words),
        follow_up=word_topics(dict.fromkeys(draft.follow_up_words, "")),
        detail_words=frozenset(plain_words(word) for word in draft.detail_words),
        handover=any_of(draft.handover_words, draft.handover_alone),
        places=draft.places,
        lexis=draft.lexis.made(language),
    )


def _read_general(draft: _Draft, document: Mapping[str, object], at: Place) -> None:
    if "phrases" in document:
        phrases = mapping_of(document["phrases"], at.key("phrases"), GENERAL_POOLS)
        draft.read_pools(draft.pools, "", phrases, GENERAL_POOLS, at.key("phrases"))
    if "suggest" in document:
        for kind, texts in mapping_of(document["suggest"], at.key("suggest"), KINDS).items():
            draft.suggest.setdefault(kind, []).extend(buttons_of(texts, at.key("suggest").key(kind)))
    if "handover_words" in document:
        draft.handover_words.extend(wishes_of(document["handover_words"], at.key("handover_words")))
    if "handover_alone" in document:
        draft.handover_alone.extend(wishes_of(document["handover_alone"], at.key("handover_alone")))
    if "follow_up_words" in document:
        draft.follow_up_words.extend(topic_words_of(document["follow_up_words"], at.key("follow_up_words")))
    if "detail_words" in document:
        draft.detail_words.extend(short_texts_of(document["detail_words"], at.key("detail_words")))
    draft.lexis.read(document, at)


def _read_domain(draft: _Draft, document: Mapping[str, object], at: Place) -> None:
    name = words_of(document["domain"], at.key("domain"))
    domain = draft.domains.setdefault(name, _Topical(at))
    if "scope" in document:
        domain.state("scope", scope_of(document["scope"], at.key("scope")), at.key("scope"))
    if "suggest" in document:
        domain.suggest.extend(buttons_of(document["suggest"], at.key("suggest")))
    if "phrases" in document:
        phrases = mapping_of(document["phrases"], at.key("phrases"), TOPIC_POOLS)
        draft.read_pools(domain.pools, f"{name}.", phrases, TOPIC_POOLS, at.key("phrases"))
    if "intents" in document:
        for intent, given in mapping_of(document["intents"], at.key("intents")).items():
            _read_intent(draft, name, intent, given, at.key("intents").key(intent))


def _read_intent(draft: _Draft, domain: str, name: str, value: object, at: Place) -> None:
    given = mapping_of(value, at, _INTENT_KEYS)
    intent = draft.intents.setdefault(name, _Topical(at))
    intent.state("domain", domain, at)
    checks = {"topic": words_of, "example": words_of, "need": need_of, "scope": scope_of, "serious": flag_of}
    for key, check in checks.items():
        if key in given:
            intent.state(key, check(given[key], at.key(key)), at.key(key))
    if "suggest" in given:
        intent.suggest.extend(buttons_of(given["suggest"], at.key("suggest")))
    if "words" in given:
        draft.read_words(name, given["words"], at.key("words"))
    draft.read_pools(intent.pools, f"{name}.", given, TOPIC_POOLS, at)


def _check_required(draft: _Draft) -> None:
    """Required pools hold a phrase that can be said at any time, so that there is always an answer."""
    for name, spec in GENERAL_POOLS.items():
        if spec.required and not _has_plain(draft.pools.get(name, ()), ALWAYS_FILLED, name == "invite"):
            problem = "no phrase of this list fits always"
            raise PhraseError("the phrase files", f"phrases.{name}", problem, "Add one without 'when' and slots.")
    for name, domain in draft.domains.items():
        if not _has_plain(domain.pools.get("core", ()), (*ALWAYS_FILLED, "topic"), False):
            problem = f"domain {name!r} has no phrase that fits always"
            raise domain.at.key("phrases.core").error(problem, "Add one without 'when' and slots but {topic}.")


def _has_plain(phrases: Iterable[Phrase], filled: tuple[str, ...], may_ask: bool) -> bool:
    return any(
        not phrase.when.conditions and phrase.slots <= set(filled) and (may_ask or not phrase.asks)
        for phrase in phrases
    )


def _domain(name: str, draft: _Topical) -> Domain:
    return Domain(name, draft.scope or "service", tuple(draft.suggest), _freeze(draft.pools))


def _intent(name: str, draft: _Topical, book: _Draft) -> Intent:
    if draft.topic is None:
        raise draft.at.error("'topic' is missing", 'Name the intent in words, such as topic: "the status of an order".')
    need, until = draft.need or (None, None)
    return Intent(
        name=name,
        domain=draft.domain,
        topic=draft.topic,
        example=draft.example,
        need=need,
        need_until=until,
        scope=draft.scope or book.domains[draft.domain or ""].scope or "service",
        serious=draft.serious is True,
        by_words=name in book.words.values(),
        suggest=tuple(draft.suggest),
        pools=_freeze(draft.pools),
    )


def _freeze(pools: _Pools) -> dict[str, Pool]:
    return {name: tuple(phrases) for name, phrases in pools.items()}
