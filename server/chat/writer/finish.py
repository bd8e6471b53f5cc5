"""The last touches: exclamation marks, an emoji, one line of clean text."""

from __future__ import annotations

import random
from dataclasses import dataclass

from adapters.personas import Persona
from server.chat.writer.book import ENGLISH
from server.chat.writer.marks import opened
from server.chat.writer.phrase import Phrase

# How often a persona that has emoji uses one: hardly the composed, mostly the enthusiastic.
EMOJI_CHANCE_LEAST, EMOJI_CHANCE_MOST = 0.2, 0.8


@dataclass(frozen=True, slots=True)
class Said:
    """A phrase as said. ``bright``: its end may become an exclamation mark."""

    phrase: Phrase
    text: str
    bright: bool

    @property
    def marks(self) -> bool:
        """Whether its marks may be changed; those of an article's words may not."""
        return not self.phrase.quoted


def exclamations_for(enthusiasm: float, grave: bool) -> int:
    """How many exclamation marks an answer may have."""
    if grave or enthusiasm < 0.4:
        return 0
    return 1 if enthusiasm < 0.6 else 2 if enthusiasm < 0.8 else 3


def finish(said: list[Said], persona: Persona, grave: bool, rng: random.Random, *, language: str = ENGLISH) -> str:
    """The answer's text."""
    enthusiasm = persona.traits.get("enthusiasm", 0.5)
    texts = _exclaim(said, exclamations_for(enthusiasm, grave), eager=enthusiasm >= 0.6)
    if language == "es":
        texts = [opened(text) if one.marks else text for one, text in zip(said, texts, strict=True)]
    emoji = persona.style.get("emoji", ())
    chance = EMOJI_CHANCE_LEAST + (EMOJI_CHANCE_MOST - EMOJI_CHANCE_LEAST) * enthusiasm
    if emoji and not grave and persona.traits.get("formality", 0.5) < 0.6 and rng.random() < chance:
        bright = [index for index, one in enumerate(said) if one.bright and not one.phrase.asks]
        if bright:
            texts[bright[-1]] += f" {rng.choice(emoji)}"
    return " ".join(texts)


def _exclaim(said: list[Said], allowed: int, eager: bool) -> list[str]:
    """Marks beyond ``allowed`` become full stops; the eager raise bright sentences until they have theirs."""
    texts = []
    for one in said:
        if "!" not in one.text or not one.marks:
            texts.append(one.text)
            continue
        kept = min(allowed, one.text.count("!"))
        head, *tail = one.text.split("!")
        for number, piece in enumerate(tail):
            head += ("!" if number < kept else ".") + piece
        allowed -= kept
        texts.append(head)
    for index, one in enumerate(said):
        if eager and allowed > 0 and one.bright and texts[index].endswith("."):
            texts[index] = f"{texts[index][:-1]}!"
            allowed -= 1
    return texts
