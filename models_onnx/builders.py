"""What becomes of one row of each data set: texts with the labels that the row gives."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from models_onnx import acts
from models_onnx.acts import Acts
from models_onnx.labels import (
    ACTS,
    EMOTIONS,
    FINE_EMOTIONS,
    GOEMOTIONS_TO_EMOTION,
    GOEMOTIONS_TO_POLARITY,
    OUT_OF_SCOPE,
    POLARITY_CLASSES,
    URGENCY_TARGETS,
    XED_TO_EMOTION,
    map_emotions,
    stars_to_sentiment,
)
from models_onnx.sources import (
    OUTLIER_MIN_WORDS,
    OUTLIER_WEIGHT,
    TITLE_MIN_WORDS,
    WEAK_MOOD_WEIGHT,
    WEAK_SENTIMENT_WEIGHT,
    WEAK_TONE_WEIGHT,
    WEAK_URGENCY_WEIGHT,
)

Split = Literal["train", "val"]
Row = Mapping[str, Any]

OUTLIER = -1
"""Intent index of a text outside every intent: its target is the uniform distribution."""


@dataclass(frozen=True, slots=True)
class Example:
    """One text and what is known of it; `None` where its set says nothing of a head."""

    text: str
    source: str
    intent: int | None = None
    intent_weight: float = 1.0
    emotions: tuple[int, ...] | None = None
    emotion_weight: float = 1.0
    fine_emotions: tuple[int, ...] | None = None
    sentiments: tuple[int, ...] | None = None
    sentiment_weight: float = 1.0
    votes: tuple[float, ...] | None = None
    """Shares of annotators for negative, neutral, positive: finer than `sentiments`, which must be given too."""
    act: Acts | None = None
    urgency: float | None = None
    urgency_weight: float = 1.0
    politeness: float | None = None
    toxicity: float | None = None
    toxicity_weight: float = 1.0


Builder = Callable[[Row], tuple[Example, ...]]

# The UCI files of this copy contain Vietnamese chat lines with arbitrary labels; the model is English.
NOT_ENGLISH = re.compile(r"[\u0100-\u1eff]")
_URGENT_TOPICS = {
    *("report_fraud", "report_lost_card", "freeze_account", "account_blocked", "lost_luggage", "jump_start"),
    *("card_declined", "reportlostcard"),
}
_HARMLESS: dict[str, Any] = {"toxicity": 0.02, "toxicity_weight": WEAK_TONE_WEIGHT}


def clinc(intents: tuple[str, ...]) -> Builder:
    """CLINC150: intent, act by form, harmless."""
    index = {name: position for position, name in enumerate(intents)} | {OUT_OF_SCOPE: OUTLIER}

    def build(row: Row) -> tuple[Example, ...]:
        text, intent = row["text"], row["intent"]
        act = acts.clinc_act(text, intent)
        weak = _HARMLESS | _weak_urgency(act, intent) | _weak_mood(act)
        return (Example(text, "clinc150", intent=index[intent], act=act, **weak),)

    return build


def goemotions(row: Row) -> tuple[Example, ...]:
    """GoEmotions: the six, the 28, and a weak polarity where all its emotions share one."""
    emotions = map_emotions(row["emotions"], GOEMOTIONS_TO_EMOTION)
    if not emotions:
        return ()
    polarities = {GOEMOTIONS_TO_POLARITY[name] for name in row["emotions"]}
    polarity = polarities.pop() if len(polarities) == 1 else None
    return (
        Example(
            row["text"],
            "goemotions",
            **_outlier(row["text"]),
            emotions=emotions,
            fine_emotions=tuple(sorted(FINE_EMOTIONS.index(name) for name in row["emotions"])),
            sentiments=None if polarity is None else POLARITY_CLASSES[polarity],
            sentiment_weight=WEAK_SENTIMENT_WEIGHT,
        ),
    )


def xed(row: Row) -> tuple[Example, ...]:
    """XED: the six, where one is left."""
    emotions = map_emotions(row["emotions"], XED_TO_EMOTION)
    return (Example(row["text"], "xed", **_outlier(row["text"]), emotions=emotions),) if emotions else ()


def polarity(source: str) -> Builder:
    """DynaSent and UCI: negative, neutral or positive, with the annotators' votes where they are told."""

    def build(row: Row) -> tuple[Example, ...]:
        text: str = row["text"]
        if NOT_ENGLISH.search(text):
            return ()
        label, votes = row["sentiment"], row.get("votes")
        return (
            Example(
                text,
                source,
                **_outlier(text),
                sentiments=POLARITY_CLASSES[label],
                votes=None if votes is None else _shares(votes),
            ),
        )

    return build


def _shares(votes: Mapping[str, int]) -> tuple[float, ...] | None:
    """Shares of the three polarities; "mixed" counts for both sides."""
    mixed = votes.get("mixed", 0) / 2.0
    parts = (votes["negative"] + mixed, float(votes["neutral"]), votes["positive"] + mixed)
    return tuple(part / sum(parts) for part in parts) if sum(parts) else None


def review_text(title: str, text: str) -> str:
    """Title and text as one: the title often holds the verdict, and stands before any truncation."""
    return ". ".join(part for part in (title.strip(), text.strip()) if part)


def reviews(split: Split) -> Builder:
    """Reviews: stars are the five classes; in training a title is an example of its own."""

    def build(row: Row) -> tuple[Example, ...]:
        sentiments = (stars_to_sentiment(row["stars"]),)
        text = review_text(row["title"], row["text"])
        whole = Example(text, "reviews_clothing", **_outlier(text), sentiments=sentiments)
        if split == "val" or len(row["title"].split()) < TITLE_MIN_WORDS:
            return (whole,)
        # chat turns are short: a title alone is the only short text with five classes
        return (whole, Example(row["title"], "reviews_clothing", sentiments=sentiments))

    return build


def multidogo(row: Row) -> tuple[Example, ...]:
    """MultiDoGO: act only. The same text comes often; `models_onnx.data` makes one example of it."""
    act = acts.multidogo_act(row["text"], row["intent"])
    weak = _HARMLESS | _weak_urgency(act, row["intent"]) | _weak_mood(act)
    return (Example(row["text"], "multidogo", act=act, **weak),)


def bitext(row: Row) -> tuple[Example, ...]:
    """Bitext: act; its rows with swear words say nothing of toxicity, since nobody is insulted."""
    harmless = {} if "W" in row["tags"] else _HARMLESS
    act = acts.bitext_act(row["text"], row["intent"])
    return (Example(row["text"], "bitext", act=act, **harmless, **(_weak_mood(act) if harmless else {})),)


def nlupp(row: Row) -> tuple[Example, ...]:
    """NLU++: act."""
    return (Example(row["text"], "nlupp", act=acts.nlupp_act(row["text"], row["intents"]), **_HARMLESS),)


def banking77(row: Row) -> tuple[Example, ...]:
    """banking77: the text alone, for the embedding to stay what it is on intents that users will bring."""
    return (Example(row["text"], "banking77", **_HARMLESS),)


def politeness(row: Row) -> tuple[Example, ...]:
    """The politeness corpus: the annotators' mean, normalised by its authors."""
    return (Example(_unescaped(row["text"]), "politeness", politeness=float(row["politeness"])),)


def offensive(row: Row) -> tuple[Example, ...]:
    """Hate speech and offensive language: both are toxic."""
    label = {"hate": 1.0, "offensive": 1.0, "neither": 0.0}[row["label"]]
    return (Example(_unescaped(row["text"]), "offensive", toxicity=label),)


def authored(row: Row) -> tuple[Example, ...]:
    """What was written for this model: act and urgency."""
    act, urgency = acts.only(row["act"]), URGENCY_TARGETS[row["urgency"]]
    mood = _weak_mood(act) if row["act"] == "deny" else {}
    return (Example(row["text"], "authored", act=act, urgency=urgency, **_HARMLESS, **mood),)


def _weak_urgency(act: Acts | None, topic: str) -> dict[str, Any]:
    """What a topic or an act makes likely of a turn's urgency, at little weight."""
    if topic in _URGENT_TOPICS:
        return {"urgency": 0.6, "urgency_weight": WEAK_URGENCY_WEIGHT}
    if act is None or acts.settled(act) is None:
        return {}
    contents = sum(act[ACTS.index(name)] for name in ("question", "request", "complaint"))
    return {"urgency": 0.02 + 0.18 * contents, "urgency_weight": WEAK_URGENCY_WEIGHT}


def _weak_mood(act: Acts | None) -> dict[str, Any]:
    """Plain questions, requests and refusals are calm, where the sets of opinions hear surprise or dislike in them."""
    settled = None if act is None else acts.settled(act)
    if settled is None or ACTS[settled] not in ("question", "request", "deny"):
        return {}
    mood: dict[str, Any] = {"emotions": (EMOTIONS.index("neutral"),), "emotion_weight": WEAK_MOOD_WEIGHT}
    if ACTS[settled] == "deny":
        mood |= {"sentiments": POLARITY_CLASSES["neutral"], "sentiment_weight": WEAK_MOOD_WEIGHT}
    return mood


def _unescaped(text: str) -> str:
    """The corpora hold remains of HTML, some without their semicolons: "&#44" is a comma."""
    return html.unescape(re.sub(r"&#(\d+)(?!\d|;)", r"&#\1;", text))


def _outlier(text: str) -> dict[str, Any]:
    if len(text.split()) < OUTLIER_MIN_WORDS:
        return {}
    return {"intent": OUTLIER, "intent_weight": OUTLIER_WEIGHT}
