"""The built-in writer: from an analysis and a persona to an answer, out of phrases that a user can edit.

It claims nothing that it can't know: it names what is needed next, gives general advice, and offers a person. Pure:
the same situation and the same random numbers give the same answer.
"""

from __future__ import annotations

import random
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Final

from adapters.personas import Persona
from server.chat.writer.book import PhraseBook
from server.chat.writer.choosing import OWN_WORDS, choose, repeat, style_pool
from server.chat.writer.citing import ANSWERABLE, OFFERABLE, citation, cited_phrase, offer_slots, titles
from server.chat.writer.conditions import ENTITY_SLOTS, Kind, Moment, level
from server.chat.writer.finish import Said, finish
from server.chat.writer.phrase import Phrase
from server.chat.writer.plan import MUST, Part, plan, plan_cited, plan_offer, sentences_for
from server.chat.writer.reading import Reading, read
from server.chat.writer.register import CASUAL, FORMAL, PLAIN
from server.chat.writer.situation import Situation, Written
from server.chat.writer.suggest import suggestions

_REGISTERS: Final = {"low": CASUAL, "medium": PLAIN, "high": FORMAL}


class BuiltInWriter:
    """Writes answers from one ``PhraseBook``. Immutable and safe to share between threads."""

    def __init__(self, book: PhraseBook) -> None:
        self._book = book

    def write(self, situation: Situation, rng: random.Random) -> Written:
        """The answer to one turn."""
        persona = situation.persona
        reading = read(situation, self._book, _intensifier(persona, rng), rng)
        known = self._cite(situation, reading, rng) or self._offer(situation, reading, rng)
        if known is not None:
            return known
        parts = plan(reading, self._book, persona.traits, rng)
        said = _Composition(persona, reading.moment, situation.used, rng).fill(parts)
        about = _about(reading, situation)
        return Written(
            text=finish(said, persona, reading.grave or reading.hostile, rng),
            phrases=tuple(one.phrase.id for one in said),
            suggestions=suggestions(self._book, reading, situation),
            kind=reading.moment.kind,
            intent=about,
            known=_known(reading, situation, about),
        )

    def _cite(self, situation: Situation, reading: Reading, rng: random.Random) -> Written | None:
        """An answer in the words of the article that answers, None where none does."""
        hit, kind = situation.found.answer, reading.moment.kind
        if hit is None or kind not in ANSWERABLE:
            return None
        persona, about = situation.persona, _about(reading, situation)
        room = sentences_for(persona.traits.get("verbosity", 0.5))
        parts = plan_cited(reading, self._book, persona.traits, cited_phrase(hit, persona.traits, room), rng)
        said = _Composition(persona, reading.moment, situation.used, rng).fill(parts)
        return Written(
            text=finish(said, persona, reading.grave or reading.hostile, rng),
            phrases=tuple(one.phrase.id for one in said),
            suggestions=titles(situation.found.others),
            kind="question" if kind in {"clarification", "out_of_scope"} else kind,
            intent=about,
            known=_known(reading, situation, about),
            citations=(citation(hit),),
        )

    def _offer(self, situation: Situation, reading: Reading, rng: random.Random) -> Written | None:
        """A question for which of the nearest articles is meant; asked in vain once, it leaves the rest to a person."""
        found, intent = situation.found, reading.intent
        topical = intent is None or intent.scope == "service"
        if (
            not found.nearest
            or reading.moment.kind not in OFFERABLE
            or not topical
            or not self._book.pools.get("nearest")
        ):
            return None
        persona, about, again = situation.persona, _about(reading, situation), situation.asked_back
        kind: Kind = "handover" if again else "clarification"
        slots = {**reading.moment.slots, **offer_slots(found)}
        if len(found.nearest) == 1:
            slots.pop("other_topic", None)
        asking = replace(reading, moment=replace(reading.moment, kind=kind, slots=slots))
        make = plan if again else plan_offer
        parts = make(asking, self._book, persona.traits, rng)
        said = _Composition(persona, asking.moment, situation.used, rng).fill(parts)
        return Written(
            text=finish(said, persona, True, rng),
            phrases=tuple(one.phrase.id for one in said),
            suggestions=() if again else titles(found.nearest),
            kind=kind,
            intent=about,
            known=_known(reading, situation, about),
        )

    def error(self, persona: Persona, rng: random.Random) -> Written:
        """The answer when the text could not be understood for technical reasons."""
        levels = {name: level(value) for name, value in persona.traits.items()}
        moment = Moment("error", "neutral", "neutral", False, levels, {"very": ""})
        said = _Composition(persona, moment, (), rng).fill([Part(MUST, (self._book.pools["error"],), required=True)])
        return Written(
            text=finish(said, persona, True, rng),
            phrases=tuple(one.phrase.id for one in said),
            suggestions=self._book.suggest.get("error", ())[:1],
            kind="error",
        )


def _about(reading: Reading, situation: Situation) -> str | None:
    """What the conversation is about after this turn: a yes, a joke or a detail in between doesn't change that."""
    topic, kind = reading.intent, reading.moment.kind
    passing = topic.scope == "chat" if topic is not None else kind != "goodbye"
    if passing and "previous" in reading.moment.slots:
        return situation.previous_intent
    if topic is None and situation.analysis.sure is False:  # a mere guess among the user's own intents
        return situation.previous_intent
    return topic.name if topic is not None else situation.analysis.intent


def _known(reading: Reading, situation: Situation, about: str | None) -> dict[str, str]:
    """Details named on the topic at hand; those of another topic would be put into the wrong mouth."""
    slots = reading.moment.slots
    kept = situation.known if about == situation.previous_intent else {}
    return {slot: slots.get(slot, kept.get(slot, "")) for slot in ENTITY_SLOTS if slot in slots or slot in kept}


def _intensifier(persona: Persona, rng: random.Random) -> str:
    words = persona.style.get("intensifiers", ())
    return rng.choice(words) if words else ""


class _Composition:
    """Fills the parts of one answer with phrases."""

    def __init__(self, persona: Persona, moment: Moment, used: Collection[str], rng: random.Random) -> None:
        self._style: Mapping[str, tuple[str, ...]] = persona.style
        self._moment = moment
        self._used = {phrase_id: place for place, phrase_id in enumerate(used)}
        self._rng = rng
        self._register = _REGISTERS[level(persona.traits.get("formality", 0.5))]
        self._room = sentences_for(persona.traits.get("verbosity", 0.5)) + moment.first  # the salutation comes on top
        self._taken: set[str] = set()
        self._named: set[str] = set()
        self._asked = False

    def fill(self, parts: list[Part]) -> list[Said]:
        """Phrases for the parts that find room, in the order of saying them; a question comes last."""
        found: dict[int, Said] = {}
        for index in sorted(range(len(parts)), key=lambda i: -parts[i].weight):
            part = parts[index]
            must = part.weight >= MUST
            if part.weight <= 0 or (self._room < 1 and not must) or (part.parting and self._asked):
                continue
            phrase = self._pick(part, must)
            if phrase is not None:
                found[index] = Said(phrase, phrase.say(self._register, self._moment.slots), part.bright)
                self._taken.add(phrase.id)
                self._named |= phrase.slots
                self._asked = self._asked or phrase.asks
                self._room -= phrase.sentences
        return [found[index] for index in sorted(found, key=lambda i: (found[i].phrase.asks, i))]

    def _pick(self, part: Part, must: bool) -> Phrase | None:
        pools = part.pools
        own = style_pool(part.style, self._style.get(part.style, ())) if part.style else ()
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
