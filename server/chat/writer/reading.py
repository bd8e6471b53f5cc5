"""What an analysis means for the answer: its kind, the mood, the topic, and the words that slots can take."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from inference.analysis import Analysis, Entity
from server.chat.writer.book import Intent, PhraseBook
from server.chat.writer.conditions import ENTITY_SLOTS, Kind, Moment, Mood, level
from server.chat.writer.situation import Situation

# Below this the likeliest intent is a guess: the customer is asked. From this on a text is foreign to every intent.
UNSURE_BELOW: Final = 0.4
OUT_OF_SCOPE_FROM: Final = 0.5
# Up to this a greeting, thanks, yes or no in the words outweighs another intent.
CERTAIN_FROM: Final = 0.8
# A second guess is worth naming in a clarification from this probability.
SECOND_GUESS_FROM: Final = 0.08
NEGATIVE_UP_TO, POSITIVE_FROM = -0.25, 0.25
DOMINANT_EMOTION_FROM: Final = 0.35
URGENT_FROM, HOSTILE_FROM = 0.7, 0.7
# The label that intent models give to texts that belong to none of their intents.
NO_INTENT: Final = "oos"
MAX_DETAIL_WORDS: Final = 8
MAX_SLOT_CODE_POINTS: Final = 40

_SOCIAL: Final[Mapping[str, Kind]] = {
    "greeting": "greeting",
    "thank_you": "thanks",
    "thanks": "thanks",
    "goodbye": "goodbye",
    "yes": "affirm",
    "affirm": "affirm",
    "no": "deny",
    "deny": "deny",
}
SOCIAL_INTENTS: Final = frozenset(_SOCIAL)
_TOPICAL: Final[Mapping[str, Kind]] = {"question": "question", "request": "request", "complaint": "complaint"}
_ENTITY_SLOT: Final = {"order_id": "order", **{slot: slot for slot in ENTITY_SLOTS}}
_ORDER_LEAD: Final = re.compile(r"^(?:(?:order|number|no|nr|id)[\s:.]+)+", re.IGNORECASE)
_NAME: Final = re.compile(r"[^\W\d_](?:[^\W_]|[ .'’-](?=[^\W_])){0,39}")


@dataclass(frozen=True, slots=True)
class Reading:
    """``intent``: what the answer is about, None where unknown or not about a topic. ``grave``: no light touch."""

    moment: Moment
    intent: Intent | None
    other: Intent | None
    grave: bool
    repeated: bool
    urgent: bool
    hostile: bool


def read(situation: Situation, book: PhraseBook, very: str, rng: random.Random) -> Reading:
    """Read one situation. ``very`` is the persona's intensifier for this answer, possibly empty."""
    analysis = situation.analysis
    mood = mood_of(analysis)
    slots = entity_slots(analysis.entities)
    kind = kind_of(situation, book, mood, slots)
    previous = book.intents.get(situation.previous_intent or "")
    intent, other = _topics(analysis, kind, book, previous)
    serious = intent is not None and intent.serious
    if serious and mood == "neutral":
        mood = "negative"
    if intent is None or intent is previous:
        slots = {slot: words for slot, words in situation.known.items() if slot in ENTITY_SLOTS} | slots
    slots |= _conversation_slots(situation, intent, other, previous, slots)
    slots |= {"very": very, "coin": rng.choice(("heads", "tails")), "die": str(rng.randint(1, 6))}
    moment = Moment(
        kind=kind,
        mood=mood,
        emotion=emotion_of(analysis, mood),
        first=situation.turn_number <= 1,
        levels={name: level(value) for name, value in situation.persona.traits.items()},
        slots=slots,
    )
    return Reading(
        moment=moment,
        intent=intent,
        other=other,
        grave=serious or mood == "negative" or kind == "complaint",
        repeated=intent is not None and intent is previous and kind in {"question", "request", "complaint", "other"},
        urgent=analysis.urgency >= URGENT_FROM,
        hostile=analysis.toxicity >= HOSTILE_FROM,
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
    if analysis.emotions[name] < DOMINANT_EMOTION_FROM or (mood == "negative") == (name == "joy"):
        return "neutral"
    return name


def kind_of(situation: Situation, book: PhraseBook, mood: Mood, slots: Mapping[str, str]) -> Kind:
    """Which kind of answer is due."""
    analysis = situation.analysis
    if book.wants_person(situation.text):
        return "handover"
    unsure = is_lost(analysis) or analysis.intent_confidence < UNSURE_BELOW
    social = _social_kind(analysis, unsure)
    if slots and (unsure or social == "affirm") and _is_detail(situation, book):
        return "information"
    if social is not None:
        return "complaint" if social == "thanks" and mood == "negative" else social
    return _unsure_kind(analysis, mood) if unsure else _TOPICAL.get(analysis.act, "other")


def _social_kind(analysis: Analysis, unsure: bool) -> Kind | None:
    """The words' own form wins over a doubtful intent; a complaint is never answered as a courtesy."""
    if analysis.act == "complaint":
        return None
    by_act = _SOCIAL.get(analysis.act)
    doubtful = unsure or (by_act is not None and analysis.intent_confidence < CERTAIN_FROM)
    return by_act if doubtful else _SOCIAL.get(analysis.intent)


def is_lost(analysis: Analysis) -> bool:
    """Whether the text belongs to none of the model's intents."""
    return analysis.out_of_scope >= OUT_OF_SCOPE_FROM or analysis.intent == NO_INTENT


def _unsure_kind(analysis: Analysis, mood: Mood) -> Kind:
    if analysis.language not in {"en", "und", ""}:
        return "other_language"
    if analysis.act == "complaint" or (mood == "negative" and analysis.act == "other"):
        return "complaint"
    return "out_of_scope" if is_lost(analysis) else "clarification"


def _is_detail(situation: Situation, book: PhraseBook) -> bool:
    """A short text with an entity after a service turn: the answer to what was asked."""
    previous = book.intents.get(situation.previous_intent or "")
    return previous is not None and previous.scope == "service" and len(situation.text.split()) <= MAX_DETAIL_WORDS


def _topics(
    analysis: Analysis, kind: Kind, book: PhraseBook, previous: Intent | None
) -> tuple[Intent | None, Intent | None]:
    if kind in {"information", "handover"}:
        return previous, None
    if kind == "clarification":
        guesses = [(book.intents.get(name), p) for name, p in analysis.intents if p >= SECOND_GUESS_FROM]
        topics = [intent for intent, _ in guesses if intent is not None and intent.scope == "service"]
        return (topics[0] if topics else None), (topics[1] if len(topics) > 1 else None)
    unsure = is_lost(analysis) or analysis.intent_confidence < UNSURE_BELOW
    if unsure or kind not in {"question", "request", "complaint", "other"}:
        return None, None
    return book.intents.get(analysis.intent) or _unknown_intent(analysis.intent), None


def _unknown_intent(name: str) -> Intent | None:
    """An intent that no file describes yet is talked about by its own name."""
    topic = " ".join(re.sub(r"[^\w]+|_", " ", name).split())
    if not topic or name == NO_INTENT or name in _SOCIAL:
        return None
    return Intent(name, None, topic[:MAX_SLOT_CODE_POINTS], None, None, None, "service", False, (), {})


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


def entity_slots(entities: tuple[Entity, ...]) -> dict[str, str]:
    """Slot → words, the first entity of each kind; what could break a sentence is left out."""
    slots: dict[str, str] = {}
    for entity in entities:
        slot = _ENTITY_SLOT.get(entity.type)
        words = " ".join(entity.text.split()).rstrip(".,;:")
        if slot == "order":
            words = _ORDER_LEAD.sub("", words)
        named = any(character.isdigit() for character in words) if slot == "order" else bool(words)
        sound = (
            named
            and len(words) <= MAX_SLOT_CODE_POINTS
            and words.isprintable()
            and not re.search(r"[!?{}\[\]<>]", words)
        )
        if slot is not None and sound:
            slots.setdefault(slot, f"order {words}" if slot == "order" else words)
    return slots
