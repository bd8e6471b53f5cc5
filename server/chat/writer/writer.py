"""The built-in writer: from an analysis and a persona to an answer, out of phrases that a user can edit.

It claims nothing that it can't know: it names what is needed next, gives general advice, and offers a person. Pure:
the same situation and the same random numbers give the same answer.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, replace

from adapters.personas import Persona
from server.chat.writer.book import ENGLISH, PhraseBook
from server.chat.writer.citing import (
    ANSWERABLE,
    OFFERABLE,
    citation,
    cited_phrase,
    is_exhausted,
    offer_slots,
    page_slots,
    titles,
)
from server.chat.writer.composing import Composition, Voice
from server.chat.writer.conditions import ENTITY_SLOTS, Kind, Moment, level
from server.chat.writer.cues import localised
from server.chat.writer.finish import Said, finish
from server.chat.writer.kinds import is_unsure
from server.chat.writer.library import library_of
from server.chat.writer.plan import MUST, Part, plan, plan_cited, plan_cited_again, plan_offer, sentences_for
from server.chat.writer.reading import EARLIER_ORDER, Reading, read
from server.chat.writer.situation import Situation, Written
from server.chat.writer.spoken import Spoken, is_foreign, is_formal, language_of, register_of
from server.chat.writer.suggest import MAX_SUGGESTIONS, suggestions


class BuiltInWriter:
    """Writes answers from phrase books, one a language. Immutable and safe to share between threads.

    ``books``: by language (ISO 639-1), or one alone. ``default``: the language of an answer to somebody whose language
    nobody knows; it has a book.
    """

    def __init__(self, books: PhraseBook | Mapping[str, PhraseBook], default: str | None = None) -> None:
        self._books = library_of(books)
        self._default = default or (ENGLISH if ENGLISH in self._books else next(iter(self._books)))

    def write(self, situation: Situation, rng: random.Random) -> Written:
        """The answer to one turn."""
        analysis, persona, before = situation.analysis, situation.persona, situation.spoken
        book = self._books[language_of(analysis, before, self._books, self._default)]
        foreign = is_foreign(analysis, before, self._books)
        spoken, voice = _voice(persona, book, situation.text, before)
        if book.lexis.cues:
            situation = replace(situation, analysis=localised(analysis, situation.text, book))
        reading = read(situation, book, _intensifier(voice.style, rng), rng, foreign=foreign)
        answering = _Answering(book, voice, persona, situation, reading, rng, spoken)
        return answering.cite() or answering.offer() or answering.plain()

    def wants_person(self, text: str) -> bool:
        """Whether the text asks for a human being, in any of the languages."""
        return any(book.wants_person(text) for book in self._books.values())

    def error(self, persona: Persona, rng: random.Random, before: Spoken | None = None) -> Written:
        """The answer when the text could not be understood for technical reasons."""
        return self.say("error", persona, rng, before)

    def say(self, kind: Kind, persona: Persona, rng: random.Random, before: Spoken | None = None) -> Written:
        """An answer of a kind of which nothing more is known: an apology, a question back, the way to a person.

        ``before``: how the conversation's last answer was put.
        """
        spoken_before = before is not None and before.language in self._books
        book = self._books[before.language if before is not None and spoken_before else self._default]
        spoken, voice = _voice(persona, book, "", before)
        levels = {name: level(value) for name, value in persona.traits.items()}
        moment = Moment(kind, "neutral", "neutral", False, levels, {"very": "", "languages": book.lexis.spoken})
        said = Composition(voice, moment, (), rng).fill([Part(MUST, (book.pools[kind],), required=True)])
        return Written(
            text=finish(said, persona, True, rng, language=book.language),
            phrases=tuple(one.phrase.id for one in said),
            suggestions=book.suggest.get(kind, ())[:1],
            kind=kind,
            spoken=spoken,
        )


def _voice(persona: Persona, book: PhraseBook, text: str, before: Spoken | None) -> tuple[Spoken, Voice]:
    formality = persona.traits.get("formality", 0.5)
    formal = is_formal(book, text, formality, before)
    return Spoken(book.language, formal), Voice(book.style_of(persona), persona.traits, register_of(formality, formal))


def _intensifier(style: Mapping[str, tuple[str, ...]], rng: random.Random) -> str:
    words = style.get("intensifiers", ())
    return rng.choice(words) if words else ""


@dataclass(frozen=True, slots=True)
class _Answering:
    """One turn being answered, in one language."""

    book: PhraseBook
    voice: Voice
    persona: Persona
    situation: Situation
    reading: Reading
    rng: random.Random
    spoken: Spoken

    def plain(self) -> Written:
        """An answer of phrases alone."""
        reading = self.reading
        said = self._fill(plan(reading, self.book, self.persona.traits, self.rng))
        grave = reading.grave or reading.hostile
        return self._written(said, grave, suggestions(self.book, reading, self.situation), reading.moment.kind)

    def cite(self) -> Written | None:
        """An answer in the words of the article that answers, None where none does. Of an article that was cited
        before, what has not been said yet."""
        found, reading = self.situation.found, self.reading
        hit, kind = found.answer, reading.moment.kind
        if hit is None or kind not in ANSWERABLE:
            return None
        traits = self.persona.traits
        if is_exhausted(hit, self.situation.used) and self.book.pools.get("cited_again"):
            asking = replace(reading, moment=replace(reading.moment, slots={**reading.moment.slots, **page_slots(hit)}))
            parts = plan_cited_again(asking, self.book, traits, self.rng)
            said = self._fill(parts, asking)
        else:
            passage = cited_phrase(hit, traits, sentences_for(traits.get("verbosity", 0.5)), self.situation.used)
            said = self._fill(plan_cited(reading, self.book, traits, passage, self.rng))
        told: Kind = "question" if kind in {"clarification", "out_of_scope"} else kind
        offered = (*titles(found.others), *suggestions(self.book, reading, self.situation))
        written = self._written(said, reading.grave or reading.hostile, offered[:MAX_SUGGESTIONS], told)
        return replace(written, citations=(citation(hit),))

    def offer(self) -> Written | None:
        """A question for which of the nearest articles is meant; asked in vain once, it leaves the rest to a person. A
        complaint is answered as one, and the nearest article is offered beside."""
        found, reading, intent = self.situation.found, self.reading, self.reading.intent
        topical = intent is None or intent.scope == "service"
        kind = reading.moment.kind
        if not found.nearest or kind not in OFFERABLE or not topical or not self.book.pools.get("nearest"):
            return None
        if kind == "complaint":
            return self._offer_beside(reading)
        again = self.situation.asked_back
        slots = {**reading.moment.slots, **offer_slots(found)}
        if len(found.nearest) == 1:
            slots.pop("other_topic", None)
        asked: Kind = "handover" if again else "clarification"
        asking = replace(reading, moment=replace(reading.moment, kind=asked, slots=slots))
        parts = (plan if again else plan_offer)(asking, self.book, self.persona.traits, self.rng)
        return self._written(self._fill(parts, asking), True, () if again else titles(found.nearest), asked)

    def _offer_beside(self, reading: Reading) -> Written:
        found = self.situation.found
        slots = {**reading.moment.slots, **page_slots(found.nearest[0])}
        asking = replace(reading, moment=replace(reading.moment, slots=slots))
        said = self._fill(plan(asking, self.book, self.persona.traits, self.rng), asking)
        offered = (*titles(found.nearest), *suggestions(self.book, reading, self.situation))
        return self._written(said, True, offered[:MAX_SUGGESTIONS], "complaint")

    def _fill(self, parts: list[Part], reading: Reading | None = None) -> list[Said]:
        moment = (reading or self.reading).moment
        return Composition(self.voice, moment, self.situation.used, self.rng).fill(parts)

    def _written(self, said: list[Said], grave: bool, offered: tuple[str, ...], kind: Kind) -> Written:
        about = self._about()
        return Written(
            text=finish(said, self.persona, grave, self.rng, language=self.book.language),
            phrases=tuple(one.phrase.id for one in said),
            suggestions=tuple(dict.fromkeys(offered)),
            kind=kind,
            intent=about,
            known=self._known(about),
            spoken=self.spoken,
        )

    def _about(self) -> str | None:
        """What the conversation is about after this turn: a yes, a joke or a detail in between doesn't change that."""
        reading, situation = self.reading, self.situation
        topic, kind = reading.intent, reading.moment.kind
        passing = topic.scope == "chat" if topic is not None else kind != "goodbye"
        if passing and "previous" in reading.moment.slots:
            return situation.previous_intent
        if topic is None and (self.book.lexis.cues or is_unsure(situation.analysis)):  # a mere guess
            return situation.previous_intent if kind != "goodbye" else None
        return topic.name if topic is not None else situation.analysis.intent

    def _known(self, about: str | None) -> dict[str, str]:
        """Details named on the topic at hand; those of another topic would be put into the wrong mouth, but its order
        is remembered for when the words point back to it."""
        slots, situation = self.reading.moment.slots, self.situation
        kept = situation.known if about == situation.previous_intent else {}
        known = {slot: slots.get(slot, kept.get(slot, "")) for slot in ENTITY_SLOTS if slot in slots or slot in kept}
        if not situation.known:
            return known
        earlier = situation.known.get("order") or situation.known.get(EARLIER_ORDER)
        return known | ({EARLIER_ORDER: earlier} if earlier and "order" not in known else {})
