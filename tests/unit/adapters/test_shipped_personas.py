"""The personas that ship: many, well-formed, and clearly different from each other."""

from __future__ import annotations

import re
from itertools import chain, combinations
from pathlib import Path

import pytest
import yaml

import adapters
from adapters.personas import OPTIONAL_STYLE_KEYS, STYLE_KEYS, Persona, parse_personas

TEXT = (Path(adapters.__file__).parent / "personas.yaml").read_text(encoding="utf-8")
PERSONAS = parse_personas(yaml.safe_load(TEXT))
BY_NAME = {persona.name: persona for persona in PERSONAS}
every_persona = pytest.mark.parametrize("persona", PERSONAS, ids=lambda persona: persona.name)


def lines(persona: Persona) -> list[str]:
    return [line for key, phrases in persona.style.items() if key not in OPTIONAL_STYLE_KEYS for line in phrases]


def test_at_least_six() -> None:
    assert len(PERSONAS) >= 6


@every_persona
def test_enough_phrases_to_vary(persona: Persona) -> None:
    for key in set(STYLE_KEYS) - OPTIONAL_STYLE_KEYS:
        assert 4 <= len(persona.style[key]) <= 8, key


def test_no_two_say_the_same_line() -> None:
    everything = list(chain.from_iterable(lines(persona) for persona in PERSONAS))

    assert sorted(set(everything)) == sorted(everything)


@pytest.mark.parametrize(("one", "other"), list(combinations(PERSONAS, 2)), ids=lambda persona: persona.name)
def test_every_two_differ_in_several_traits(one: Persona, other: Persona) -> None:
    differences = [abs(one.traits[name] - other.traits[name]) for name in one.traits]

    assert sum(difference >= 0.25 for difference in differences) >= 3
    assert max(differences) >= 0.4


@every_persona
def test_every_phrase_is_a_whole_one(persona: Persona) -> None:
    for line in lines(persona):
        assert re.fullmatch(r"[A-Z].*[.!?:…]", line), line
        assert not re.search(r"\s\s|[{}<>\t]", line), line


def test_the_phrases_fit_the_traits() -> None:
    def mean_words(name: str) -> float:
        texts = lines(BY_NAME[name])
        return sum(len(text.split()) for text in texts) / len(texts)

    def exclamations(name: str) -> int:
        return sum("!" in text for text in lines(BY_NAME[name]))

    assert max(BY_NAME, key=exclamations) == "enthusiastic"
    assert min(BY_NAME, key=mean_words) == "concise"
    assert exclamations("professional") == exclamations("calm") == exclamations("expert") == 0
    assert not [line for line in lines(BY_NAME["professional"]) if re.search(r"\w'(s|re|ll|t|m|ve|d)\b", line)]


def test_the_comments_explain_every_key() -> None:
    comments = "\n".join(line for line in TEXT.splitlines() if line.startswith("#"))
    for key in (*STYLE_KEYS, *PERSONAS[0].traits, "title", "description", "name"):
        assert re.search(rf"\b{key}\b", comments), key
