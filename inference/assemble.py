"""One ``Analysis`` from what the words and the heads say about a text (pure)."""

from __future__ import annotations

from typing import NamedTuple

from inference import lexical
from inference.acts import act
from inference.analysis import Analysis, Entity
from inference.entities import NO_PRODUCTS, entities
from inference.heads import Readings
from inference.language import language
from inference.lexical import Cues
from inference.lexicon import Lexicon
from inference.products import Products


class Wording(NamedTuple):
    """What the words alone say."""

    cues: Cues
    toxicity: float
    language: str
    entities: tuple[Entity, ...]


def read_words(text: str, lexicon: Lexicon, products: Products = NO_PRODUCTS) -> Wording:
    """``text`` in NFC."""
    cues = lexical.scan(text, lexicon)
    spoken = language(text, cues.words, lexicon.stop_words)
    return Wording(cues, lexical.toxicity(cues), spoken, entities(text, products))


def assemble(wording: Wording, readings: Readings, lexicon: Lexicon, *, model: str, latency_us: int) -> Analysis:
    """``wording`` and ``readings`` of the same text; ``model`` as ``nlu-1.0.0``."""
    intent, confidence = readings.intents[0]
    mood = readings.sentiment.score
    cues = wording.cues
    in_scope = confidence * (1.0 - readings.out_of_scope)
    return Analysis(
        intent=intent,
        intent_confidence=confidence,
        intents=readings.intents,
        out_of_scope=readings.out_of_scope,
        act=act(
            cues,
            lexicon,
            intent=intent,
            intent_confidence=confidence,
            out_of_scope=readings.out_of_scope,
            sentiment_score=mood,
            toxicity=wording.toxicity,
        ),
        sentiment=readings.sentiment,
        emotions=readings.emotions,
        urgency=lexical.urgency(
            cues, intent_urgency=lexicon.intent_urgency.get(intent, 0.0) * in_scope, sentiment_score=mood
        ),
        politeness=lexical.politeness(cues, sentiment_score=mood),
        toxicity=wording.toxicity,
        language=wording.language,
        entities=wording.entities,
        model=model,
        cached=False,
        latency_us=latency_us,
        embedding=readings.embedding,
    )
