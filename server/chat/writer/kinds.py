"""Which kind of answer a message gets, and about which topic: the model's view, the words and the conversation."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from inference.analysis import Analysis
from server.chat.writer.book import MAX_TOPIC_CODE_POINTS, Intent, PhraseBook
from server.chat.writer.conditions import Kind, Mood
from server.chat.writer.words import plain_words

# Below this the likeliest intent is a guess: the customer is asked.
UNSURE_BELOW: Final = 0.4
# A text is foreign to every intent from this out_of_scope on, unless its intent is confident and it is not quite so
# foreign. Measured on CLINC150's validation set with the shipped model: keeps 96.9 % of the in-scope texts and finds
# 96 % of the others, where out_of_scope alone keeps 95.0 % and finds 97 %.
OUT_OF_SCOPE_FROM: Final = 0.5
CONFIDENT_FROM: Final = 0.7
SURELY_OUT_OF_SCOPE_FROM: Final = 0.85
# From this sentiment on, of at most 1, it is praise even where it surprises.
DELIGHTED_FROM: Final = 0.8
# Up to this a greeting, thanks, yes or no in the words outweighs another intent.
CERTAIN_FROM: Final = 0.8
# A second guess is worth naming in a clarification from this probability.
SECOND_GUESS_FROM: Final = 0.08
# Intents of CLINC150 that a shop's customers seldom mean where their words tell another topic: "can I still cancel it?"
# stops no conversation, "I want to return some shoes" places no order, "I want my money back" pays no bill, and "how
# are you?" is more than a hello.
YIELDING: Final = frozenset({"cancel", "order", "pay_bill", "greeting"})
# The label that intent models give to texts that belong to none of their intents.
NO_INTENT: Final = "oos"
MAX_DETAIL_WORDS: Final = 8
# A foreign text this short says too little to be refused: "asdfgh", "Canada?".
MAX_FRAGMENT_WORDS: Final = 2
# A yes or no with more words than this is about something: "no error, it just closes".
MAX_ANSWER_WORDS: Final = 3

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


@dataclass(frozen=True, slots=True)
class Heard:
    """One message. ``emotion``: the dominant one; ``slots``: the details it names; ``previous``: the topic before.

    ``asked_back``: the answer before asked what was meant. ``foreign``: it is in a language without phrases.
    """

    analysis: Analysis
    text: str
    mood: Mood
    emotion: str
    slots: Mapping[str, str]
    previous: Intent | None
    book: PhraseBook
    asked_back: bool = False
    foreign: bool = False

    @property
    def words(self) -> int:
        return len(self.text.split())

    @property
    def told(self) -> Intent | None:
        """The topic that the words tell. A confident model is not contradicted."""
        found = self.analysis
        if found.sure:
            return None
        doubtful = found.out_of_scope >= OUT_OF_SCOPE_FROM or found.intent_confidence < CONFIDENT_FROM
        doubtful = doubtful or found.intent in YIELDING
        return self.book.topic_of(self.text) if doubtful or found.intent == NO_INTENT else None

    @property
    def serving(self) -> bool:
        """Whether the turn before was about something that a person of the company can settle."""
        return self.previous is not None and self.previous.scope == "service"


def is_lost(analysis: Analysis) -> bool:
    """Whether the text belongs to none of the model's intents: "can u help me" is no thanks, however sure it seems."""
    if analysis.sure is not None:
        return False  # the user's own intents: what is foreign to the model may be their business
    courtesy = analysis.intent in _SOCIAL and analysis.act not in _SOCIAL
    surely = analysis.out_of_scope >= SURELY_OUT_OF_SCOPE_FROM
    doubtful = surely or analysis.intent_confidence < CONFIDENT_FROM or courtesy
    return (analysis.out_of_scope >= OUT_OF_SCOPE_FROM and doubtful) or analysis.intent == NO_INTENT


def is_unsure(analysis: Analysis) -> bool:
    """Whether the likeliest intent is nothing to build an answer on."""
    if analysis.sure is not None:
        return not analysis.sure
    return is_lost(analysis) or analysis.intent_confidence < UNSURE_BELOW


def kind_and_topics(heard: Heard) -> tuple[Kind, Intent | None, Intent | None]:
    """The kind of answer, what it is about, and the second guess where the customer is asked."""
    book, analysis, told = heard.book, heard.analysis, heard.told
    if book.wants_person(heard.text):
        return "handover", told or heard.previous, None
    if _is_detail(heard, told):
        return "information", heard.previous, None
    social = _social_kind(heard, told)
    if social is not None:
        return social, None, None
    if told is not None or not is_unsure(analysis):
        topic = told or book.intents.get(analysis.intent) or _unnamed(analysis.intent)
        return _TOPICAL.get(analysis.act, "other"), topic, None
    return _continued(heard) or _fallback(heard)


def _fallback(heard: Heard) -> tuple[Kind, Intent | None, Intent | None]:
    """Ask back; with the user's own intents only once in a row, then offer a person."""
    kind, topic, other = _unsure(heard)
    if heard.asked_back and heard.analysis.sure is False and kind == "clarification":
        return "handover", heard.previous, None
    return kind, topic, other


def _continued(heard: Heard) -> tuple[Kind, Intent | None, None] | None:
    """What the model can't place goes on about the topic before where it sounds like it, or tells something."""
    analysis = heard.analysis
    if not heard.serving or heard.foreign:
        return None
    if analysis.act in {"affirm", "deny"} or (analysis.act == "other" and heard.mood != "negative"):
        return "information", heard.previous, None
    if heard.words <= MAX_DETAIL_WORDS and heard.book.is_follow_up(heard.text):
        return _TOPICAL.get(analysis.act, "other"), heard.previous, None
    return None


def _social_kind(heard: Heard, told: Intent | None) -> Kind | None:
    """The words' own form wins over a doubtful intent; a complaint is never answered as a courtesy."""
    analysis = heard.analysis
    if analysis.act == "complaint":
        return None
    if analysis.act == "other" and _is_praise(heard, told):
        return "praise"
    by_act = _SOCIAL.get(analysis.act)
    unsure = is_unsure(analysis)
    weak = heard.words <= MAX_ANSWER_WORDS if analysis.sure else analysis.intent_confidence < CERTAIN_FROM
    doubtful = unsure or (by_act is not None and weak)
    social = by_act if doubtful else _SOCIAL.get(analysis.intent)
    if social == "thanks" and heard.mood == "negative":
        return "complaint"
    if told is not None and social in {"greeting", "affirm", "deny"}:
        return None  # "Hello, I'd like a refund"
    if unsure and heard.serving and social in {"affirm", "deny"} and heard.words > MAX_ANSWER_WORDS:
        return None
    return social


def _is_praise(heard: Heard, told: Intent | None) -> bool:
    """Joy that wants nothing: "I love the new app", "wow, that was fast!"."""
    analysis = heard.analysis
    glad = heard.emotion == "joy" or analysis.sentiment.score >= DELIGHTED_FROM
    joyful = heard.mood == "positive" and glad and not heard.foreign
    return joyful and (told is not None or is_unsure(analysis) or _SOCIAL.get(analysis.intent) == "thanks")


def _is_detail(heard: Heard, told: Intent | None) -> bool:
    """A short text with an entity after a service turn: the answer to what was asked."""
    if not heard.slots or not heard.serving or heard.words > MAX_DETAIL_WORDS:
        return False
    if is_bare(heard):
        return True
    elsewhere = told is not None and told is not heard.previous
    affirmed = _social_kind(heard, told) == "affirm"
    return not elsewhere and (is_unsure(heard.analysis) or affirmed)


def is_bare(heard: Heard) -> bool:
    """Whether the text says nothing but the details: "order number is 55-231"."""
    rest = heard.text
    for entity in heard.analysis.entities:
        rest = rest.replace(entity.text, " ")
    return set(plain_words(rest).split()) <= heard.book.detail_words | set(
        plain_words(heard.slots.get("order", "")).split()
    )


def _unsure(heard: Heard) -> tuple[Kind, Intent | None, Intent | None]:
    analysis = heard.analysis
    if heard.foreign:
        return "other_language", None, None
    if analysis.act == "complaint":
        return "complaint", None, None
    if heard.mood == "negative" and analysis.act == "other":
        # Grief and worry are no complaint: they want to be heard.
        return ("other" if heard.emotion in {"sadness", "fear"} else "complaint"), None, None
    fragment = analysis.act == "other" or heard.words <= MAX_FRAGMENT_WORDS
    if is_lost(analysis):
        return ("clarification" if fragment else "out_of_scope"), None, None
    guesses = [heard.book.intents.get(name) for name, p in analysis.intents if p >= SECOND_GUESS_FROM]
    topics = [*(guess for guess in guesses if guess is not None and guess.scope == "service"), None, None]
    return "clarification", topics[0], topics[1]


def _unnamed(name: str) -> Intent | None:
    """An intent that no file describes yet is talked about by its own name."""
    topic = " ".join(re.sub(r"[^\w]+|_", " ", name).split())
    if not topic or name == NO_INTENT or name in _SOCIAL:
        return None
    return Intent(name, None, topic[:MAX_TOPIC_CODE_POINTS], None, None, None, "service", False, False, (), {})
