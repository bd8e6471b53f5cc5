"""What a text's words tell by themselves, for a language that the model has not learnt."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import replace
from typing import Final, get_args

from inference.analysis import EMOTIONS, Act, Analysis, Sentiment
from server.chat.writer.book import PhraseBook

ACTS: Final[tuple[Act, ...]] = get_args(Act)
DARK: Final = ("anger", "fear", "sadness")
FEELINGS: Final = ("joy", *DARK, "surprise")
CUES: Final = (*(act for act in ACTS if act != "other"), *FEELINGS, "urgent", "hostile")

# What is asked or wanted outweighs the courtesies around it; among these, as in the rules for English.
_ASKING: Final[tuple[Act, ...]] = ("complaint", "request", "question")
_SOCIAL: Final[tuple[Act, ...]] = ("goodbye", "deny", "affirm", "thanks", "greeting")
_RANTING: Final = frozenset({"anger", "hostile"})
STRENGTH: Final = 0.8
"""Of a feeling that the words name."""

FOREIGN_FROM: Final = 0.9
"""``out_of_scope`` of a text that the model can't place for want of its language."""


def localised(analysis: Analysis, text: str, book: PhraseBook) -> Analysis:
    """The analysis with what the words say in place of what the model guessed in a language that it doesn't know. An
    intent of the user's own stays: it was learnt from examples in their language."""
    if not book.lexis.cues:
        return analysis
    found = book.lexis.cues.find_all(text)
    mood, emotions = _mood(found)
    return replace(
        analysis,
        act=_act(found, text),
        sentiment=mood,
        emotions=emotions,
        out_of_scope=analysis.out_of_scope if analysis.sure is not None else max(analysis.out_of_scope, FOREIGN_FROM),
        urgency=max(analysis.urgency, STRENGTH) if "urgent" in found else analysis.urgency,
        toxicity=max(analysis.toxicity, STRENGTH) if "hostile" in found else analysis.toxicity,
    )


def _act(found: Set[str], text: str) -> Act:
    if not _RANTING.isdisjoint(found):
        return "complaint"
    for act in _ASKING:
        if act in found or (act == "question" and "?" in text):
            return act
    return next((act for act in _SOCIAL if act in found), "other")


def _mood(found: Set[str]) -> tuple[Sentiment, dict[str, float]]:
    feeling = next((one for one in (*DARK, "surprise", "joy") if one in found), "neutral")
    dark = feeling in DARK or "hostile" in found or "complaint" in found
    emotions = dict.fromkeys(EMOTIONS, 0.0)
    emotions["neutral"] = 1.0 - STRENGTH
    emotions["neutral" if dark and feeling == "joy" else feeling] += STRENGTH
    if dark:
        return Sentiment("negative", -0.5, STRENGTH), emotions
    if feeling == "joy":
        return Sentiment("very_positive", STRENGTH, STRENGTH), emotions
    return Sentiment("neutral", 0.0, STRENGTH), emotions
