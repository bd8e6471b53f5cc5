"""How a persona's traits sound, in words for a model (pure)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, get_args

from adapters.traits import NEUTRAL, TRAIT_NAMES

Tone = Literal["professional", "friendly", "casual", "formal", "empathetic"]
Verbosity = Literal["concise", "detailed", "balanced"]
Character = Literal["helpful", "knowledgeable", "enthusiastic", "calm", "proactive"]

TONES: Final[tuple[Tone, ...]] = get_args(Tone)
VERBOSITIES: Final[tuple[Verbosity, ...]] = get_args(Verbosity)
CHARACTERS: Final[tuple[Character, ...]] = get_args(Character)

# From here on a trait decides; the same bounds as the built-in writer's.
LOW: Final = 0.4
HIGH: Final = 0.6
VERY_HIGH: Final = 0.8


@dataclass(frozen=True, slots=True)
class Style:
    """What the traits come to."""

    tone: Tone
    verbosity: Verbosity
    character: Character


def style_of(traits: Mapping[str, float]) -> Style:
    """Every mapping of traits has a style; one left out is neutral."""
    return Style(_tone(traits), _verbosity(traits), _character(traits))


def in_words(traits: Mapping[str, float], adjectives: Mapping[str, str], degrees: tuple[str, ...]) -> str:
    """The traits that are not neutral, such as "very formal, slightly humorous", in the order of ``TRAIT_NAMES``.

    ``degrees`` divide [0, 1] evenly, from none to much.
    """
    said = []
    for name in TRAIT_NAMES:
        value = traits.get(name, NEUTRAL)
        if LOW <= value <= HIGH:
            continue
        place = min(int(value * len(degrees)), len(degrees) - 1)
        said.append(f"{degrees[place]} {adjectives[name]}")
    return ", ".join(said)


def _of(traits: Mapping[str, float], name: str) -> float:
    return traits.get(name, NEUTRAL)


def _tone(traits: Mapping[str, float]) -> Tone:
    if _of(traits, "empathy") >= VERY_HIGH:
        return "empathetic"
    if _of(traits, "formality") >= VERY_HIGH:
        return "formal"
    if _of(traits, "formality") < LOW:
        friendly = _of(traits, "agreeableness") >= HIGH and _of(traits, "humor") < HIGH
        return "friendly" if friendly else "casual"
    if _of(traits, "agreeableness") >= HIGH or _of(traits, "extraversion") >= HIGH:
        return "friendly"
    return "professional"


def _verbosity(traits: Mapping[str, float]) -> Verbosity:
    value = _of(traits, "verbosity")
    return "concise" if value < LOW else "detailed" if value >= HIGH else "balanced"


def _character(traits: Mapping[str, float]) -> Character:
    """The strongest, the first of equals; nobody stands out: helpful."""
    strength: dict[Character, float] = {
        "helpful": max(_of(traits, "supportiveness"), HIGH),
        "enthusiastic": _of(traits, "enthusiasm"),
        "proactive": _of(traits, "proactivity"),
        "knowledgeable": _of(traits, "conscientiousness"),
        "calm": 1.0 - _of(traits, "neuroticism"),
    }
    # Most personas are calm and conscientious: only marked degrees of these are a character.
    for common in ("knowledgeable", "calm"):
        strength[common] -= 0.1
    return max(CHARACTERS, key=lambda name: strength[name])
