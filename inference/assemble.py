"""One ``Analysis`` from what the words and the heads say about a text (pure)."""

from __future__ import annotations

from operator import itemgetter
from typing import NamedTuple

from inference import lexical
from inference.acts import act
from inference.analysis import Act, Analysis, Entity
from inference.entities import NO_PRODUCTS, entities
from inference.heads import Readings
from inference.language import identify
from inference.lexical import Cues
from inference.lexicon import Lexicon
from inference.products import Products
from inference.trust import trusted
from inference.wordless import wordless

# Measured with a pack that has the heads, on authored and on blind turns: surer or weightier was no better.
ACT_IS_SURE = 0.5
UNSEEN_URGENCY = 0.3
# The corpus' validation rows would have the words at a tenth to a fifth (r = .600; .587 at .4, .567 at .5). But nobody
# swears there or draws a finger, and its "why …?" is an accusation where a customer's is a question.
WORDS_SHARE = 0.4


class Wording(NamedTuple):
    """What the words alone say."""

    cues: Cues
    toxicity: float
    language: str
    entities: tuple[Entity, ...]
    language_confidence: float = 1.0


def read_words(text: str, lexicon: Lexicon, products: Products = NO_PRODUCTS) -> Wording:
    """``text`` in NFC."""
    cues = lexical.scan(text, lexicon)
    spoken, surely = identify(text, cues.words, lexicon.stop_words)
    return Wording(cues, lexical.toxicity(cues), spoken, entities(text, products), surely)


def assemble(wording: Wording, readings: Readings, lexicon: Lexicon, *, model: str, latency_us: int) -> Analysis:
    """``wording`` and ``readings`` of the same text; ``model`` as ``nlu-1.1.0``."""
    if not wording.cues.words:
        readings = wordless(readings, wording.cues.emoji_mood)
    readings = trusted(readings, wording.language)
    intent, confidence = readings.intents[0]
    return Analysis(
        intent=intent,
        intent_confidence=confidence,
        intents=readings.intents,
        out_of_scope=readings.out_of_scope,
        act=_act(wording, readings, lexicon),
        sentiment=readings.sentiment,
        emotions=readings.emotions,
        urgency=_urgency(wording, readings, lexicon),
        politeness=_politeness(wording, readings),
        toxicity=max(wording.toxicity, readings.toxicity or 0.0),
        language=wording.language,
        entities=wording.entities,
        model=model,
        cached=False,
        latency_us=latency_us,
        embedding=readings.embedding,
        language_confidence=wording.language_confidence,
    )


def _act(wording: Wording, readings: Readings, lexicon: Lexicon) -> Act:
    """The model's where it is sure; a turn without words, and one it is unsure of, is the rules'."""
    if readings.acts is not None and wording.cues.words:
        likeliest, chance = max(readings.acts.items(), key=itemgetter(1))
        if chance >= ACT_IS_SURE:
            return likeliest
    intent, confidence = readings.intents[0]
    return act(
        wording.cues,
        lexicon,
        intent=intent,
        intent_confidence=confidence,
        out_of_scope=readings.out_of_scope,
        sentiment_score=readings.sentiment.score,
        toxicity=wording.toxicity,
    )


def _urgency(wording: Wording, readings: Readings, lexicon: Lexicon) -> float:
    """The model's, raised by what it cannot see (capitals, runs of marks, emoji); the rules' where it has no head."""
    intent, confidence = readings.intents[0]
    cues, mood = wording.cues, readings.sentiment.score
    if readings.urgency is None:
        topic = lexicon.intent_urgency.get(intent, 0.0) * confidence * (1.0 - readings.out_of_scope)
        return lexical.urgency(cues, intent_urgency=topic, sentiment_score=mood)
    return 1.0 - (1.0 - readings.urgency) * (1.0 - UNSEEN_URGENCY * lexical.urgency(cues, sentiment_score=mood))


def _politeness(wording: Wording, readings: Readings) -> float:
    words = lexical.politeness(wording.cues, sentiment_score=readings.sentiment.score)
    if readings.politeness is None:
        return words
    return WORDS_SHARE * words + (1.0 - WORDS_SHARE) * readings.politeness
