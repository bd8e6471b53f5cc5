"""The word lists behind the lexical rules, compiled into one table that is walked once per text.

The data is a YAML file; its path is an argument. Nothing here knows what the cues mean: that is ``lexical.py``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple, TypeVar

import yaml

PACKAGED = Path(__file__).with_name("lexicon.yaml")
SCORES = ("complaint", "urgency", "politeness", "toxicity")

_WORD = re.compile(r"[^\W_]+(?:['*]+[^\W_]+)*")
_STRETCHED = re.compile(r"(\w)\1{2,}")
_SHORTEST_TYPO = 5
"""Below five letters too many real words are one letter apart."""
_LONGEST_WORD = 24
"""No listed word is longer, and looking for a typo costs the square of the length."""


Scores = tuple[float, float, float, float]
"""One weight for each of ``SCORES``."""

Says = TypeVar("Says")
Phrases = Mapping[str, tuple[tuple[tuple[str, ...], Says], ...]]
"""The phrases that begin with one word, by their second word, "" for the word alone: (the words after the first one,
what the phrase says), the longest first. Words such as "i" begin a hundred."""


_NONE: Mapping[str, Any] = MappingProxyType({})


class Mark(NamedTuple):
    """What a phrase does in the conversation; ``alone``: only where nothing else is said."""

    name: str
    alone: bool


class Emoji(NamedTuple):
    """What one character says; ``mood``: one of ``EMOTIONS`` or ""."""

    mark: str
    scores: Scores
    mood: str = ""


class Entry(NamedTuple):
    """The phrases that begin with one word."""

    marks: Phrases[Mark] = _NONE
    forms: Phrases[str] = _NONE
    scores: Phrases[Scores] = _NONE


@dataclass(frozen=True, slots=True)
class Lexicon:
    """The compiled word lists. ``entries`` has every listed word, also those that only stand within phrases: one
    look-up a word is all that a scan pays. ``typos`` maps a word with one letter left out to the words it may stand
    for; ``familiar`` words are never looked at for typos.
    """

    entries: Mapping[str, Entry]
    emoji: Mapping[str, Emoji]
    question_words: frozenset[str]
    auxiliaries: frozenset[str]
    subjects: frozenset[str]
    imperatives: frozenset[str]
    intent_acts: Mapping[str, str]
    intent_urgency: Mapping[str, float]
    stop_words: Mapping[str, tuple[str, ...]]
    familiar: frozenset[str]
    typos: Mapping[str, tuple[str, ...]]
    insults: tuple[str, ...]

    def spell(self, word: str) -> str:
        """The listed word that an unlisted ``word`` stretches, masks or mistypes; ``word`` itself where none."""
        if len(word) > _LONGEST_WORD:
            return word
        if "*" in word:
            masked = re.compile(re.escape(word).replace(r"\*", "."))
            return next((insult for insult in self.insults if masked.fullmatch(insult)), word)
        if _STRETCHED.search(word):
            for kept in (r"\1", r"\1\1"):
                if (squeezed := _STRETCHED.sub(kept, word)) in self.entries:
                    return squeezed
        if len(word) < _SHORTEST_TYPO or word in self.familiar:
            return word
        # A swap or a wrong letter is likelier than one too many: "thansk" is "thanks", not "thank".
        found = [meant for meant in self._candidates(word) if one_slip(word, meant)]
        return min(found, key=lambda meant: abs(len(meant) - len(word)), default=word)

    def _candidates(self, word: str) -> Iterator[str]:
        for key in (word, *_deletions(word)):
            yield from self.typos.get(key, ())


def words_of(text: str) -> list[str]:
    """The words of ``text`` in small letters; masked ones stay whole (``f*ck``)."""
    return _WORD.findall(text.lower().replace("’", "'"))


def one_slip(typed: str, meant: str) -> bool:
    """Whether one letter was added, left out, swapped with its neighbour or replaced (OSA distance at most 1)."""
    if len(typed) != len(meant):
        shorter, longer = sorted((typed, meant), key=len)
        return shorter in _deletions(longer)
    wrong = [index for index, (a, b) in enumerate(zip(typed, meant, strict=True)) if a != b]
    if len(wrong) == 2:
        first, second = wrong
        return second == first + 1 and typed[first] == meant[second] and typed[second] == meant[first]
    return len(wrong) <= 1


def load_lexicon(path: Path = PACKAGED, *, known_words: frozenset[str] = frozenset()) -> Lexicon:
    """Read and compile the word lists. ``known_words`` are never taken for typos; without any, no typo is mended.

    Raises:
        ValueError: names the file and the entry that can't be used.
    """
    try:
        return _compile(yaml.load(path.read_bytes(), Loader=_LOADER), known_words)  # noqa: S506, both are safe loaders
    except (KeyError, TypeError, AttributeError, ValueError, yaml.YAMLError) as error:
        raise ValueError(f"{path} can't be used as a lexicon: {error!r}. Compare it with the packaged one.") from error


_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def _compile(data: dict[str, Any], known_words: frozenset[str]) -> Lexicon:
    marks = [(phrase, Mark(name, False)) for name, phrases in data["marks"].items() for phrase in phrases]
    marks += [(phrase, Mark(name, True)) for name, phrases in data["alone"].items() for phrase in phrases]
    forms = [(phrase, name) for name, phrases in data["forms"].items() for phrase in phrases]
    entries = _entries(_table(marks), _table(forms), _table(_weighed(data)))
    insults = tuple(word for word in data["toxicity"] if word.isalpha())
    return Lexicon(
        entries=entries,
        emoji={
            char: Emoji(says.get("mark", ""), _scores(says), says.get("mood", ""))
            for char, says in data["emoji"].items()
        },
        question_words=_spellings(data["question_words"]),
        auxiliaries=_spellings(data["auxiliaries"]),
        subjects=_spellings(data["subjects"]),
        imperatives=_spellings(data["imperatives"]),
        intent_acts={intent: act for act, intents in data["intents"].items() for intent in _listed(intents)},
        intent_urgency={intent: float(weight) for intent, weight in data["intent_urgency"].items()},
        stop_words=_stop_words(data["stop_words"]),
        familiar=known_words,
        # An insult is never guessed from a typo: the false alarm costs more than the miss.
        typos=_typos(set(entries).difference(insults)) if known_words else {},
        insults=insults,
    )


def _listed(entry: str | list[str]) -> list[str]:
    return entry.split() if isinstance(entry, str) else entry


def _spellings(listed: str) -> frozenset[str]:
    words = listed.split()
    return frozenset(words) | {word.replace("'", "") for word in words}


def _scores(says: Mapping[str, float]) -> Scores:
    complaint, urgency, politeness, toxicity = (float(says.get(name, 0.0)) for name in SCORES)
    return complaint, urgency, politeness, toxicity


def _weighed(data: dict[str, Any]) -> list[tuple[str, Scores]]:
    phrases = dict.fromkeys(phrase for name in SCORES for phrase in data[name])
    return [(phrase, _scores({name: data[name].get(phrase, 0.0) for name in SCORES})) for phrase in phrases]


def _table(phrases: Iterable[tuple[str, Says]]) -> dict[str, Phrases[Says]]:
    table: dict[str, dict[tuple[str, ...], Says]] = {}
    for phrase, says in phrases:
        for first, *rest in _ways_to_write(phrase):
            table.setdefault(first, {})[tuple(rest)] = says
    return {first: _by_second_word(of) for first, of in table.items()}


def _by_second_word(phrases: Mapping[tuple[str, ...], Says]) -> Phrases[Says]:
    found: dict[str, list[tuple[tuple[str, ...], Says]]] = {}
    for rest, says in sorted(phrases.items(), key=lambda entry: -len(entry[0])):
        found.setdefault(rest[0] if rest else "", []).append((rest, says))
    return {second: tuple(same) for second, same in found.items()}


def _entries(
    marks: Mapping[str, Phrases[Mark]], forms: Mapping[str, Phrases[str]], scores: Mapping[str, Phrases[Scores]]
) -> dict[str, Entry]:
    firsts = {*marks, *forms, *scores}
    entries = {
        first: Entry(marks.get(first, _NONE), forms.get(first, _NONE), scores.get(first, _NONE)) for first in firsts
    }
    for entry in list(entries.values()):
        for phrases in entry:
            for rest, _ in chain.from_iterable(phrases.values()):
                entries.update((word, Entry()) for word in rest if word not in entries)
    return entries


def _stop_words(data: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    table: dict[str, tuple[str, ...]] = {}
    for language, words in data.items():
        for word in words.split():
            table[word] = (*table.get(word, ()), language)
    return table


def _ways_to_write(phrase: str) -> list[list[str]]:
    words = words_of(phrase)
    if not words:
        raise ValueError(f"{phrase!r} has no word")
    bare = [word.replace("'", "") for word in words]
    return [words] if bare == words else [words, bare]


def _typos(words: Iterable[str]) -> dict[str, tuple[str, ...]]:
    table: dict[str, tuple[str, ...]] = {}
    for word in sorted(words):
        if len(word) >= _SHORTEST_TYPO and word.isalpha():
            for key in (word, *_deletions(word)):
                table[key] = (*table.get(key, ()), word)
    return table


def _deletions(word: str) -> set[str]:
    return {word[:index] + word[index + 1 :] for index in range(len(word))}
