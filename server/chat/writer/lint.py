"""What a phrase book says twice, never says, or says about intents that no model knows.

A phrase is said once a conversation; since no sentence stands in two phrases either, no sentence comes twice.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from typing import Final

from adapters.names import suggestion
from server.chat.writer.book import GENERAL_POOLS, PhraseBook, Pool, PoolSpec
from server.chat.writer.conditions import KINDS, MOODS
from server.chat.writer.kinds import NO_INTENT, SOCIAL_INTENTS
from server.chat.writer.phrase import Phrase

_TOPICAL_SPEC: Final = PoolSpec(kinds=("question", "request", "complaint", "other", "information"))
# Slots that are filled for a few lists only.
_SLOTS_OF: Final = {"page": ("cited_again", "meanwhile"), "other_topic": ("clarification", "nearest")}
MIN_NOTICED_WORDS: Final = 4
_SENTENCE_END: Final = re.compile(r"(?<=[.!?…]) ")
# An emotion is only ever the dominant one in a mood that it goes with.
_EMOTION_MOODS: Final = {
    "joy": {"neutral", "positive"},
    "anger": {"negative"},
    "fear": {"negative"},
    "sadness": {"negative"},
    "surprise": {"negative"},
    "neutral": set(MOODS),
}


def lint(book: PhraseBook, intents: Collection[str]) -> list[str]:
    """Sentences about what should be mended, empty when all is well. ``intents``: the model's labels."""
    return [*_duplicates(book), *_repeated_sentences(book), *_unreachable(book), *_unknown_intents(book, intents)]


def _duplicates(book: PhraseBook) -> Iterator[str]:
    seen: dict[str, str] = {}
    for phrase in book.phrases():
        text = " ".join(phrase.source.casefold().split())
        places = book.places[phrase.id]
        if text not in seen:
            seen[text] = places[0]
            if len(places) > 1:
                yield f"{places[1]}: the same phrase as {places[0]}. Remove one."
        elif seen[text] not in places:
            yield f"{places[0]}: the same phrase as {seen[text]}. Remove one, or word it differently."


def _repeated_sentences(book: PhraseBook) -> Iterator[str]:
    """Sentences of two phrases; short ones ("I'm sorry.") are nothing to notice."""
    seen: dict[str, Phrase] = {}
    for phrase in book.phrases():
        told = False
        for sentence in dict.fromkeys(one for text in phrase.texts for one in _sentences(text)):
            other = seen.setdefault(sentence, phrase)
            if other.source.casefold() != phrase.source.casefold() and not told:
                told = True
                place, first = book.places[phrase.id][0], book.places[other.id][0]
                yield f"{place}: “{sentence}” stands in {first} too. Word one of them differently."


def _sentences(text: str) -> Iterator[str]:
    for sentence in _SENTENCE_END.split(text):
        plain = sentence.strip(" .!?…¡¿").casefold()
        if plain.count(" ") + 1 >= MIN_NOTICED_WORDS:
            yield plain


def _unreachable(book: PhraseBook) -> Iterator[str]:
    for name, pool in book.pools.items():
        yield from _unreachable_in(book, pool, GENERAL_POOLS[name], name)
    groups = [one.pools for one in book.domains.values()] + [one.pools for one in book.intents.values()]
    for name, pool in (item for group in groups for item in group.items()):
        yield from _unreachable_in(book, pool, _TOPICAL_SPEC, name)
    for intent in book.intents.values():
        for name in ("next", "ask"):
            if intent.scope != "service" and intent.pools.get(name):
                place = book.places[intent.pools[name][0].id][0]
                yield f"{place}: never said, {name!r} serves only intents of scope service. Remove it."


def _unreachable_in(book: PhraseBook, pool: Pool, spec: PoolSpec, name: str) -> Iterator[str]:
    for phrase in pool:
        reason = _reason(phrase, spec, name)
        if reason:
            yield f"{book.places[phrase.id][0]}: never said, {reason}."


def _reason(phrase: Phrase, spec: PoolSpec, pool: str) -> str | None:
    """Why a phrase can never be said, None where it can."""
    when = phrase.when
    moods = (when.values("mood") or frozenset(MOODS)) & frozenset(spec.moods or MOODS)
    if not moods:
        return f"this list is only used in the moods {', '.join(spec.moods)}; change its 'mood' or move it"
    kinds = (when.values("kind") or frozenset(KINDS)) & frozenset(spec.kinds or KINDS)
    if not kinds:
        return f"this list is only used for {', '.join(spec.kinds)}; change its 'kind' or move it"
    emotions = when.values("emotion")
    if emotions is not None and not any(_EMOTION_MOODS[emotion] & moods for emotion in emotions):
        return f"{' or '.join(sorted(emotions))} does not occur in that mood; change 'emotion' or 'mood'"
    return _slots_reason(phrase, pool)


def _slots_reason(phrase: Phrase, pool: str) -> str | None:
    """Why a phrase's slots can never be filled, None where they can."""
    without = phrase.when.values("without") or frozenset()
    missing = without & phrase.slots
    if missing:
        return f"it uses {{{min(missing)}}} but stands under 'without: {min(missing)}'; remove one of them"
    both = without & (phrase.when.values("with") or frozenset())
    if both:
        return f"{min(both)!r} can't be both known and unknown; remove it under 'with' or 'without'"
    unfilled = sorted(slot for slot in phrase.slots if slot in _SLOTS_OF and pool not in _SLOTS_OF[slot])
    if unfilled:
        return f"{{{unfilled[0]}}} is filled only in {', '.join(_SLOTS_OF[unfilled[0]])}; move it there"
    return None


def _unknown_intents(book: PhraseBook, intents: Collection[str]) -> Iterator[str]:
    known = sorted(set(intents) - {NO_INTENT} - SOCIAL_INTENTS)
    for name in sorted(set(book.intents) - set(intents)):
        if not book.intents[name].by_words:
            yield f"intents.{name}: the model has no such intent, and it has no words. {suggestion(name, known)}"
    for name in known:
        if name not in book.intents:
            yield f"intents.{name}: no file names this intent of the model. Add it with its topic to its domain's file."
