"""The parts of an answer filled with phrases, none of them twice."""

from __future__ import annotations

import random
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from server.chat.writer.choosing import OWN_WORDS, choose, repeat, style_pool
from server.chat.writer.conditions import Moment
from server.chat.writer.finish import Said
from server.chat.writer.phrase import Phrase
from server.chat.writer.plan import MUST, Part, sentences_for


@dataclass(frozen=True, slots=True)
class Voice:
    """How an answer is put: the persona's own words in its language, its traits, the register of every phrase."""

    style: Mapping[str, tuple[str, ...]]
    traits: Mapping[str, float]
    register: int


class Composition:
    """Fills the parts of one answer with phrases. ``used``: ids of what was said before, the oldest first."""

    def __init__(self, voice: Voice, moment: Moment, used: Collection[str], rng: random.Random) -> None:
        self._voice = voice
        self._moment = moment
        self._used = {phrase_id: place for place, phrase_id in enumerate(used)}
        self._rng = rng
        # The salutation comes on top.
        self._room = sentences_for(voice.traits.get("verbosity", 0.5)) + moment.first
        self._taken: set[str] = set()
        self._named: set[str] = set()
        self._asked = False

    def fill(self, parts: list[Part]) -> list[Said]:
        """Phrases for the parts that find room, in the order of saying them; a question comes last."""
        found: dict[int, Said] = {}
        wanted = [index for index, part in enumerate(parts) if part.weight > 0]
        for index in sorted(wanted, key=lambda i: -parts[i].weight):
            part = parts[index]
            must = part.weight >= MUST
            if (self._room < 1 and not must) or (part.parting and self._asked):
                continue
            phrase = self._pick(part, must)
            if phrase is not None:
                found[index] = Said(phrase, phrase.say(self._voice.register, self._moment.slots), part.bright)
                self._taken.add(phrase.id)
                self._named |= phrase.slots
                self._asked = self._asked or phrase.asks
                self._room -= phrase.sentences
        return [found[index] for index in sorted(found, key=lambda i: (found[i].phrase.asks, i))]

    def _pick(self, part: Part, must: bool) -> Phrase | None:
        pools = part.pools
        own = style_pool(part.style, self._voice.style.get(part.style, ())) if part.style else ()
        if own:
            pools = (own, *pools) if self._rng.random() < OWN_WORDS else (*pools, own)
        phrase = choose(pools, self._moment, self._was_said, lambda one: self._allows(one, must), self._rng)
        if phrase is None and part.required:
            phrase = repeat(
                pools, self._moment, self._used, lambda one: one.id not in self._taken and self._allows(one, must)
            )
        return phrase

    def _was_said(self, phrase_id: str) -> bool:
        return phrase_id in self._used or phrase_id in self._taken

    def _allows(self, phrase: Phrase, must: bool) -> bool:
        # Naming the order or the topic twice in one answer reads like a form letter.
        return (
            not (self._asked and phrase.asks)
            and (must or phrase.sentences <= self._room)
            and self._named.isdisjoint(phrase.slots)
        )
