"""One ``Analysis`` from what the heads and the rules say about a text (pure)."""

from __future__ import annotations

from inference import lexical
from inference.acts import act
from inference.analysis import Analysis
from inference.entities import entities
from inference.heads import Readings
from inference.language import language
from inference.lexicon import Lexicon


def assemble(text: str, readings: Readings, lexicon: Lexicon, *, model: str, latency_us: int) -> Analysis:
    """``text`` in NFC; ``readings`` of the model for it; ``model`` as ``nlu-1.0.0``."""
    intent, confidence = readings.intents[0]
    mood = readings.sentiment.score
    cues = lexical.scan(text, lexicon)
    toxicity = lexical.toxicity(cues)
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
            toxicity=toxicity,
        ),
        sentiment=readings.sentiment,
        emotions=readings.emotions,
        urgency=lexical.urgency(
            cues, intent_urgency=lexicon.intent_urgency.get(intent, 0.0) * in_scope, sentiment_score=mood
        ),
        politeness=lexical.politeness(cues, sentiment_score=mood),
        toxicity=toxicity,
        language=language(text, cues.words, lexicon.stop_words),
        entities=entities(text),
        model=model,
        cached=False,
        latency_us=latency_us,
        embedding=readings.embedding,
    )
