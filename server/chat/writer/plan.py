"""Which parts an answer has, in the order of saying them, and how much each one matters to this persona.

A part's ``weight`` from 1 on means that it is said whatever the length; the others fill the rest of the length that
the persona's verbosity allows, the weightiest first; 0 and less is never said.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from server.chat.writer.book import Domain, Intent, PhraseBook, Pool
from server.chat.writer.conditions import ENTITY_SLOTS
from server.chat.writer.phrase import Phrase
from server.chat.writer.reading import Reading

MUST = 1.0


@dataclass(frozen=True, slots=True)
class Part:
    """``pools``: the first one that still has something unsaid serves. ``style``: the persona's words for it.

    ``bright``: an enthusiastic persona may end it with an exclamation mark. ``parting``: pointless beside a question.
    ``required``: said even when nothing unsaid is left.
    """

    weight: float
    pools: tuple[Pool, ...]
    style: str | None = None
    bright: bool = False
    parting: bool = False
    required: bool = False


NOTHING: Final = Part(0.0, ())


def sentences_for(verbosity: float) -> int:
    """How many sentences an answer should have: 2 for the tersest persona, 6 for the most talkative."""
    return int(2.0 + 4.0 * verbosity + 0.5)


def plan(reading: Reading, book: PhraseBook, traits: Mapping[str, float], rng: random.Random) -> list[Part]:
    """The parts of one answer. One draw from ``rng`` decides what is said only now and then: jokes, cool sympathy."""
    planner = _Planner(reading, book, traits, rng.random())
    kind = reading.moment.kind
    if kind in {"question", "request", "complaint", "other", "information"}:
        return planner.topical()
    if kind == "clarification":
        return [*planner.reaction(), planner.required(kind)]
    if kind == "out_of_scope":
        return planner.out_of_scope()
    if kind == "handover":
        return [*planner.reaction(), planner.required(kind)]
    return planner.social()


def plan_cited(
    reading: Reading, book: PhraseBook, traits: Mapping[str, float], passage: Phrase, rng: random.Random
) -> list[Part]:
    """The parts of an answer whose substance is an article's."""
    planner = _Planner(reading, book, traits, rng.random())
    introduced = 0.2 + 0.5 * planner.trait("agreeableness")
    return [
        *planner.lead(salute=True),
        planner.general("cited", introduced if planner.leisurely else 0.0, "openers", bright=True),
        Part(MUST, ((passage,),), required=True),
        planner.support(),
        planner.closer(own_words=planner.leisurely),
    ]


def plan_cited_again(reading: Reading, book: PhraseBook, traits: Mapping[str, float], rng: random.Random) -> list[Part]:
    """The parts of an answer where all that an article says was said before."""
    planner = _Planner(reading, book, traits, rng.random())
    return [*planner.lead(salute=False), planner.required("cited_again"), planner.next_step()]


def plan_offer(reading: Reading, book: PhraseBook, traits: Mapping[str, float], rng: random.Random) -> list[Part]:
    """The parts of an answer that offers the nearest articles."""
    planner = _Planner(reading, book, traits, rng.random())
    return [*planner.reaction(), planner.required("nearest")]


@dataclass(frozen=True, slots=True)
class _Planner:
    reading: Reading
    book: PhraseBook
    traits: Mapping[str, float]
    chance: float

    def trait(self, name: str) -> float:
        return self.traits.get(name, 0.5)

    @property
    def caring(self) -> float:
        """How much this persona answers a bad mood, in [0, 1]."""
        return 0.6 * self.trait("empathy") + 0.4 * self.trait("supportiveness")

    @property
    def calm(self) -> bool:
        """A plain question or request about something unpleasant: to be answered, not to be pitied for."""
        moment, intent = self.reading.moment, self.reading.intent
        plain = moment.kind in {"question", "request", "handover"} and moment.emotion == "neutral"
        grave = intent is not None and (intent.serious or intent.scope != "service")
        return moment.mood == "negative" and plain and not grave

    @property
    def moved(self) -> bool:
        """Whether the mood calls for sympathy. A cloud over small talk does only when it is more than a cloud."""
        intent, moment = self.reading.intent, self.reading.moment
        small = intent is not None and intent.scope != "service" and moment.emotion == "neutral"
        return moment.mood == "negative" and not self.reading.hostile and not small and not self.calm

    @property
    def leisurely(self) -> bool:
        """Whether a persona may begin and end in its own manner: "no hurry" is not for whoever is in one."""
        return not (self.reading.grave or self.reading.urgent)

    @property
    def glad(self) -> bool:
        moment = self.reading.moment
        return moment.mood == "positive" and moment.emotion == "joy" and moment.kind != "complaint"

    def general(self, pool: str, weight: float, style: str | None = None, bright: bool = False) -> Part:
        return Part(weight, (self.book.pools.get(pool, ()),), style, bright) if weight > 0 else NOTHING

    def required(self, pool: str, style: str | None = None, bright: bool = False) -> Part:
        return Part(MUST, (self.book.pools[pool],), style, bright, required=True)

    def salutation(self) -> Part:
        """The first answer's hello. A persona's own greetings suit only those who have said no more than hello."""
        grave = self.reading.grave or self.reading.hostile
        weight = 0.0 if not self.reading.moment.first or grave else MUST if self.trait("verbosity") >= 0.4 else 0.4
        return self.general("greeting", weight, bright=True)

    def reaction(self, own_words: bool = False) -> list[Part]:
        """The answer to the mood. ``own_words``: an answer of substance follows, so a persona may announce it."""
        reading = self.reading
        hurt = reading.moment.kind == "complaint" and reading.moment.emotion != "neutral"
        # The cool show sympathy now and then, sooner to those who are hurt.
        likely = self.caring if hurt and self.caring >= 0.33 else self.caring**2
        feeling = MUST if self.caring >= 0.4 or (hurt and self.chance < likely) else 0.3 * (self.chance < likely)
        # Personas' sympathy is about frustration, and some joke in it: it is not for the sad and the frightened.
        serious = reading.intent is not None and reading.intent.serious
        gentle = serious or reading.moment.emotion in {"sadness", "fear"}
        return [
            self.general("hostile", 0.98 if reading.hostile else 0.0),
            self.general("empathy", feeling if self.moved else 0.0, "empathy" if own_words and not gentle else None),
        ]

    def lead(self, salute: bool) -> list[Part]:
        """What comes before the substance: salutation, the reaction to the mood, a start."""
        reading = self.reading
        joy = 0.2 + 0.4 * max(self.trait("empathy"), self.trait("enthusiasm"))
        return [
            self.salutation() if salute else NOTHING,
            *self.reaction(own_words=True),
            self.general("calm", 0.2 + 0.5 * self.caring if self.calm and not reading.hostile else 0.0),
            self.general("joy", joy if self.glad else 0.0, bright=True),
            self.general("urgent", 0.6 if reading.urgent else 0.0),
        ]

    def support(self) -> Part:
        """Encouragement: the second sentence for a bad mood."""
        wanted = self.moved and self.caring >= 0.4
        return self.general("support", self.trait("supportiveness") - 0.05 if wanted else 0.0)

    def next_step(self) -> Part:
        """What can be done next: always by the proactive, hardly by the others. Complaints get one sooner."""
        intent, domain = self.reading.intent, self._domain()
        pools = (_own(intent, "next"), _shared(domain, "next"), self.book.pools.get("next", ()))
        drive, complaint = self.trait("proactivity"), self.reading.moment.kind == "complaint"
        weight = MUST if drive >= 0.6 else 0.7 if complaint else 0.5 if drive >= 0.4 else 0.0
        return Part(weight, pools, bright=True)

    def humor(self, *pools: Pool) -> Part:
        """The light touch, never when the mood or the matter is grave."""
        wit = self.trait("humor")
        drawn = not self.reading.grave and not self.reading.repeated and wit >= 0.4 and self.chance < wit
        weight = 0.0 if not drawn else MUST if wit >= 0.6 else 0.5
        return Part(weight, (*pools, self.book.pools.get("humor", ())), bright=True)

    def closer(self, own_words: bool) -> Part:
        """A last sentence. A persona's own ones suit only an answer that has helped."""
        weight = 0.15 + 0.4 * self.trait("agreeableness")
        return Part(weight, (self.book.pools.get("closer", ()),), "closers" if own_words else None, True, True)

    def receipts(self) -> Pool:
        """Words for a detail that this message brings; "Thanks, order 7 it is" is no answer to a sum or a story."""
        elsewhere = frozenset(ENTITY_SLOTS) - self.reading.named
        return tuple(one for one in self.book.pools["information"] if elsewhere.isdisjoint(one.slots))

    def topical(self) -> list[Part]:
        """An answer about a topic: lead, substance, details, next step, light touch, the question for what's needed."""
        reading, intent, domain = self.reading, self.reading.intent, self._domain()
        scope = "service" if intent is None else intent.scope
        service = scope == "service"
        told = reading.moment.kind == "information"
        listening = reading.moment.kind == "other" and reading.moment.emotion in {"sadness", "fear"}
        core = (
            _own(intent, "core"),
            _shared(domain, "core"),
            self.book.pools["other" if told else reading.moment.kind],
        )
        details = (_own(intent, "detail") or _shared(domain, "detail"),)
        asks = _own(intent, "ask") or _shared(domain, "ask") or self.book.pools.get("ask", ())
        light = (_own(intent, "humor"), _shared(domain, "humor"))
        plain = service and self.leisurely and not (told or reading.repeated or reading.pointed)
        lively = max(self.trait("extraversion"), self.trait("enthusiasm")) >= 0.6
        opening = MUST if lively else 0.2 + 0.4 * self.trait("agreeableness")
        last = self.closer(own_words=service and self.leisurely) if scope != "outside" else self.general("invite", 0.5)
        return [
            *self.lead(salute=scope != "chat"),
            self.general("opener", opening if plain else 0.0, "openers", bright=True),
            self.support() if scope != "chat" else NOTHING,
            Part(MUST if told else 0.0, (self.receipts(),), bright=True),
            self.general("again", MUST if reading.repeated and service else 0.0),
            self.general("same", MUST if reading.pointed else 0.0),
            self.general("aside", 0.3 if reading.aside and not (reading.pointed or reading.grave) else 0.0),
            Part(MUST, core, required=True),
            Part(0.35 + 0.5 * self.trait("verbosity"), details),
            Part(self.trait("verbosity") - 0.2, details),
            self.general("meanwhile", MUST if "page" in reading.moment.slots else 0.0),
            self.next_step() if service and not listening else NOTHING,
            self.humor(*light) if scope != "chat" else NOTHING,
            Part(0.0 if not service else MUST if "need" in reading.moment.slots else 0.95, (asks,)),
            last,
        ]

    def out_of_scope(self) -> list[Part]:
        proactive = self.trait("proactivity")
        return [
            *self.reaction(),
            self.required("out_of_scope"),
            self.general("welcome", MUST if proactive >= 0.6 else 0.4),
            self.humor(),
            self.general("invite", 0.6),
        ]

    def social(self) -> list[Part]:
        """Greeting, thanks, praise, goodbye, yes and no, another language."""
        kind = self.reading.moment.kind
        proactive = MUST if self.trait("proactivity") >= 0.6 else 0.5
        if kind == "greeting":
            return [
                self.required("greeting", "greetings", bright=True),
                self.general("welcome", proactive),
                self.humor(),
                self.general("invite", 0.99),
            ]
        if kind == "goodbye":
            return [self.required("goodbye", "sign_offs", bright=True), self.humor()]
        parts = [self.required(kind, bright=kind in {"thanks", "praise"})]
        if kind == "praise":
            parts += [self.humor(), self.general("invite", 0.5)]
        elif kind == "thanks":
            # A persona's own last words are for an answer: "keep this in mind for next time".
            parts += [self.humor(), self.closer(own_words=False)]
        elif kind == "deny":
            parts.append(self.general("invite", 0.6))
        return parts

    def _domain(self) -> Domain | None:
        intent = self.reading.intent
        return None if intent is None or intent.domain is None else self.book.domains.get(intent.domain)


def _own(intent: Intent | None, pool: str) -> Pool:
    return intent.pool(pool) if intent is not None else ()


def _shared(domain: Domain | None, pool: str) -> Pool:
    return domain.pools.get(pool, ()) if domain is not None else ()
