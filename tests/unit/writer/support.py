"""The shipped phrases and personas, and a short way to write down an analysis."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import get_args

import numpy as np
import yaml

from adapters.personas import Persona, parse_personas
from adapters.traits import TRAIT_NAMES
from inference.analysis import EMOTIONS, Act, Analysis, Entity, Sentiment, SentimentLabel
from server.chat.writer import PhraseBook, Situation, parse_phrases

ROOT = Path(__file__).parents[3]
PHRASES = ROOT / "server" / "chat" / "writer" / "phrases" / "en"
ACTS: tuple[Act, ...] = get_args(Act)

# An emotion and how strongly it is felt, the rest is neutral.
Feeling = tuple[str, float]


@cache
def _parsed() -> dict[str, object]:
    return {path.name: yaml.safe_load(path.read_text("utf-8")) for path in sorted(PHRASES.glob("*.yaml"))}


def documents() -> dict[str, object]:
    """The shipped phrase files, parsed; a copy of their own for tests that change them."""
    return deepcopy(_parsed())


@cache
def book() -> PhraseBook:
    """The shipped phrase book."""
    return parse_phrases(documents())


@cache
def personas() -> dict[str, Persona]:
    """The shipped personas by name."""
    text = (ROOT / "adapters" / "personas.yaml").read_text("utf-8")
    return {persona.name: persona for persona in parse_personas(yaml.safe_load(text))}


def persona(style: Mapping[str, tuple[str, ...]] | None = None, **traits: float) -> Persona:
    """A persona without words of its own whose unnamed traits are neutral."""
    return Persona("test", "Test", "", dict.fromkeys(TRAIT_NAMES, 0.5) | traits, style or {})


def label_of(score: float) -> SentimentLabel:
    """The sentiment label that goes with a score."""
    if score <= -0.6:
        return "very_negative"
    if score <= -0.2:
        return "negative"
    if score < 0.2:
        return "neutral"
    return "positive" if score < 0.6 else "very_positive"


def analysis(
    intent: str = "order_status",
    act: Act = "question",
    *,
    confidence: float = 0.95,
    second: tuple[str, float] = ("order", 0.02),
    oos: float = 0.02,
    score: float = 0.0,
    feeling: Feeling = ("neutral", 1.0),
    entities: tuple[tuple[str, str], ...] = (),
    urgency: float = 0.1,
    toxicity: float = 0.01,
    language: str = "en",
) -> Analysis:
    """An analysis of a text nobody needs to see; the entities' spans are made up."""
    name, strength = feeling
    emotions = dict.fromkeys(EMOTIONS, 0.0)
    emotions["neutral"] = 1.0 - strength
    emotions[name] += strength
    return Analysis(
        intent=intent,
        intent_confidence=confidence,
        intents=((intent, confidence), second),
        out_of_scope=oos,
        act=act,
        sentiment=Sentiment(label_of(score), score, 0.9),
        emotions=emotions,
        urgency=urgency,
        politeness=0.0,
        toxicity=toxicity,
        language=language,
        entities=tuple(Entity(kind, text, 0, len(text)) for kind, text in entities),
        model="test",
        cached=False,
        latency_us=0,
        embedding=np.zeros(384, np.float32),
    )


def situation(
    found: Analysis | None = None,
    who: Persona | None = None,
    *,
    text: str = "so, about this thing here",
    turn: int = 2,
    used: Collection[str] = (),
    previous: str | None = None,
    name: str | None = None,
    known: Mapping[str, str] | None = None,
) -> Situation:
    """A situation in the middle of a conversation."""
    return Situation(found or analysis(), who or persona(), text, turn, used, previous, name, known or {})
