"""What an analysis means for the answer: its kind, the mood, the topic, and the words that slots can take."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from inference.analysis import Analysis, Entity
from server.chat.writer.book import Intent, PhraseBook
from server.chat.writer.conditions import ENTITY_SLOTS, Moment, Mood, level
from server.chat.writer.kinds import Heard, kind_and_topics
from server.chat.writer.situation import Situation
from server.chat.writer.spoken import NO_LANGUAGE
from server.chat.writer.words import plain_words

NEGATIVE_UP_TO, POSITIVE_FROM = -0.25, 0.25
DOMINANT_EMOTION_FROM: Final = 0.35
# What a mild sentiment doesn't bear out has to be surer, and so have sadness and fear: to speak to them wrongly is
# worse than not at all.
MILD_EMOTION_FROM: Final = 0.5
TENDER_EMOTION_FROM: Final = 0.6
URGENT_FROM, HOSTILE_FROM = 0.7, 0.7
MAX_SLOT_CODE_POINTS: Final = 40
# Beside the details of the topic at hand: the order that was named on another one, for "can I return it?".
EARLIER_ORDER: Final = "earlier_order"
_ENTITY_SLOT: Final = {"order_id": "order", **{slot: slot for slot in ENTITY_SLOTS}}
# Said in passing far oftener than as the day that is meant, and stale by the next day.
_PASSING: Final = frozenset({"today", "tonight", "yesterday", "this week", "this month", "this year", "last year"})
_ORDER_LEAD: Final = re.compile(
    r"^(?:(?:order|number|no|nr|id|bestellung|bestellnummer|nummer|pedido|número|numero)[\s:.]+)+", re.IGNORECASE
)
_BREAKING: Final = re.compile(r"[!?{}\[\]<>]|[.,;:]{2}|(?:^|\s)[.,;:]")
# What customers type when they are asked for an order number.
_BARE_NUMBER: Final = re.compile(r"#?(?=[\w-]*\d{3})\w[\w-]{2,29}")
_NAME: Final = re.compile(r"[^\W\d_](?:[^\W_]|[ .'’-](?=[^\W_])){0,39}")


@dataclass(frozen=True, slots=True)
class Reading:
    """``intent``: what the answer is about, None where unknown or not about a topic. ``grave``: no light touch.

    ``named``: the details in this very message, not those known from before. ``pointed``: the words point back to the
    order that was named on another topic ("can I return it?"). ``aside``: another topic than before.
    """

    moment: Moment
    intent: Intent | None
    other: Intent | None
    named: frozenset[str]
    grave: bool
    repeated: bool
    urgent: bool
    hostile: bool
    pointed: bool = False
    aside: bool = False


def read(
    situation: Situation, book: PhraseBook, very: str, rng: random.Random, *, foreign: bool | None = None
) -> Reading:
    """Read one situation. ``very``: the persona's intensifier for this answer, possibly empty; ``foreign``: the text
    is in a language without phrases; None: in any but the book's."""
    analysis = situation.analysis
    if foreign is None:
        foreign = analysis.language not in {book.language, *NO_LANGUAGE}
    mood = mood_of(analysis)
    previous = book.intents.get(situation.previous_intent or "")
    slots = entity_slots(analysis.entities, book.lexis.own["order"]) | _asked_number(situation, book, previous)
    heard = Heard(
        analysis, situation.text, mood, emotion_of(analysis, mood), slots, previous, book, situation.asked_back, foreign
    )
    kind, intent, other = kind_and_topics(heard)
    # A wish for a person is no new mishap.
    serious = intent is not None and intent.serious and not (kind == "handover" and intent is previous)
    if serious and mood == "neutral":
        mood = "negative"
    emotion = emotion_of(analysis, mood)
    if serious and emotion == "neutral":
        emotion = "fear"  # a lost card or a theft is no mere nuisance, however calmly it is told
    slots, pointed = _slots(situation, book, heard, intent)
    slots |= _conversation_slots(situation, intent, other, previous, slots)
    own = book.lexis.own
    coin, die = rng.choice((own["heads"], own["tails"])), str(rng.randint(1, 6))
    slots |= {"very": very, "coin": coin, "die": die, "languages": book.lexis.spoken}
    moment = Moment(
        kind=kind,
        mood=mood,
        emotion=emotion,
        first=situation.turn_number <= 1,
        levels={name: level(value) for name, value in situation.persona.traits.items()},
        slots=slots,
    )
    return Reading(
        moment=moment,
        intent=intent,
        other=other,
        named=frozenset(heard.slots),
        grave=serious or mood == "negative" or kind == "complaint",
        repeated=intent is not None and intent is previous and kind in {"question", "request", "complaint", "other"},
        urgent=analysis.urgency >= URGENT_FROM,
        hostile=analysis.toxicity >= HOSTILE_FROM,
        pointed=pointed,
        aside=intent is not None and "previous" in slots and intent is not previous and intent.scope == "service",
    )


def mood_of(analysis: Analysis) -> Mood:
    """Negative also where a mildly scored text is carried by anger, fear or sadness."""
    score = analysis.sentiment.score
    dark = sum(analysis.emotions.get(name, 0.0) for name in ("anger", "fear", "sadness"))
    if score <= NEGATIVE_UP_TO or (dark >= 0.5 and score < 0.1):
        return "negative"
    return "positive" if score >= POSITIVE_FROM else "neutral"


def emotion_of(analysis: Analysis, mood: Mood) -> str:
    """The dominant emotion, ``neutral`` where none stands out or where it contradicts the mood: joy in a negative one,
    anything but joy in the others."""
    if not analysis.emotions:
        return "neutral"
    name = max(analysis.emotions, key=analysis.emotions.__getitem__)
    mild = mood == "negative" and analysis.sentiment.score > NEGATIVE_UP_TO
    least = MILD_EMOTION_FROM if mild else DOMINANT_EMOTION_FROM
    if name in {"sadness", "fear"}:
        least = TENDER_EMOTION_FROM
    if analysis.emotions[name] < least or (mood == "negative") == (name == "joy"):
        return "neutral"
    return name


def _asked_number(situation: Situation, book: PhraseBook, previous: Intent | None) -> dict[str, str]:
    """The order number that was asked for, where it comes without a sign that it is one: "4711", "it's 4711"."""
    if previous is None or previous.need_until != "order" or "order" in situation.known:
        return {}
    rest = [word for word in re.split(r"[\s.,;:!?]+", situation.text) if plain_words(word) not in book.detail_words]
    tokens = [word for word in rest if plain_words(word)]
    if len(tokens) != 1 or not _BARE_NUMBER.fullmatch(tokens[0]):
        return {}
    return {"order": f"{book.lexis.own['order']} {tokens[0]}"}


def known_slots(situation: Situation, book: PhraseBook) -> dict[str, str]:
    """The details named before; an order is called what it is called in this language."""
    if not situation.known:
        return {}
    known = {slot: words for slot, words in situation.known.items() if slot in (*ENTITY_SLOTS, EARLIER_ORDER)}
    for slot in ("order", EARLIER_ORDER):
        if slot in known:
            known[slot] = f"{book.lexis.own['order']} {known[slot].partition(' ')[2] or known[slot]}"
    return known


def _slots(situation: Situation, book: PhraseBook, heard: Heard, intent: Intent | None) -> tuple[dict[str, str], bool]:
    """The details that may be named on this topic, and whether its order is one that the words point back to."""
    known, named = known_slots(situation, book), dict(heard.slots)
    earlier = known.pop(EARLIER_ORDER, None)
    slots = known | named if intent is None or intent is heard.previous else named
    if intent is None or intent.need_until != "order" or "order" in slots:
        return slots, False
    earlier = known.get("order", earlier)
    if earlier is None or book.lexis.pointing.find(situation.text) is None:
        return slots, False
    return {"order": earlier} | slots, True


def _conversation_slots(
    situation: Situation, intent: Intent | None, other: Intent | None, previous: Intent | None, slots: Mapping[str, str]
) -> dict[str, str]:
    found = {}
    if intent is not None:
        found["topic"] = intent.topic
    if other is not None:
        found["other_topic"] = other.topic
    if previous is not None and previous.scope == "service":
        found["previous"] = previous.topic
    asking = intent or previous
    if asking is not None and asking.need is not None and asking.need_until not in slots:
        found["need"] = asking.need
    name = " ".join((situation.customer_name or "").split())
    if _NAME.fullmatch(name) and not name.casefold().startswith(("guest", "customer", "user")):
        found["name"] = name
    return found


def entity_slots(entities: tuple[Entity, ...], order: str = "order") -> dict[str, str]:
    """Slot → words, the first entity of each kind; what could break a sentence is left out. ``order``: the word that
    stands before an order's number."""
    slots: dict[str, str] = {}
    for entity in entities:
        slot = _ENTITY_SLOT.get(entity.type)
        words = " ".join(entity.text.split()).rstrip(".,;:")
        if slot == "order":
            words = _ORDER_LEAD.sub("", words)
        named = any(character.isdigit() for character in words) if slot == "order" else bool(words)
        passing = slot == "date" and words.casefold() in _PASSING
        sound = (
            named
            and not passing
            and len(words) <= MAX_SLOT_CODE_POINTS
            and words.isprintable()
            and not _BREAKING.search(words)
        )
        if slot is not None and sound:
            slots.setdefault(slot, f"{order} {words}" if slot == "order" else words)
    return slots
