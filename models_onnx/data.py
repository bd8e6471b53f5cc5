"""Reads the licensed data sets into one kind of example. Needs neither torch nor onnxruntime.

A data folder holds `<set>/{train,val}.jsonl.gz`, one JSON object a line.
"""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Literal

from models_onnx.errors import DataError
from models_onnx.labels import (
    GOEMOTIONS_TO_EMOTION,
    OUT_OF_SCOPE,
    POLARITY_CLASSES,
    XED_TO_EMOTION,
    intent_labels,
    map_emotions,
    stars_to_sentiment,
)

Split = Literal["train", "val"]
Row = Mapping[str, Any]

OUTLIER = -1
"""Intent index of a text outside every intent: its target is the uniform distribution."""


@dataclass(frozen=True, slots=True)
class Source:
    """One data set: where it comes from, and how often it is seen in one epoch."""

    name: str
    origin: str
    licence: str
    share_per_epoch: float


@dataclass(frozen=True, slots=True)
class Example:
    """One text and what is known of it; `None` where its set says nothing of a head."""

    text: str
    source: str
    intent: int | None = None
    intent_weight: float = 1.0
    emotions: tuple[int, ...] | None = None
    sentiments: tuple[int, ...] | None = None


Builder = Callable[[Row], tuple[Example, ...]]

# One epoch is one pass over CLINC150; the other sets are spread over several epochs.
SOURCES: Mapping[str, Source] = {
    source.name: source
    for source in (
        Source("clinc150", "github.com/clinc/oos-eval", "CC BY 3.0", 1.0),
        Source("goemotions", "GoEmotions, github.com/monologg/GoEmotions-pytorch", "Apache 2.0", 0.4),
        Source("xed", "github.com/Helsinki-NLP/XED", "CC BY 4.0", 0.4),
        Source("dynasent", "github.com/cgpotts/dynasent", "CC BY 4.0", 0.6),
        Source("reviews_clothing", "Women's E-Commerce Clothing Reviews", "CC0", 0.2),
        Source("uci_sentences", "UCI Sentiment Labelled Sentences", "CC BY 4.0", 0.6),
    )
}

TITLE_MIN_WORDS = 2
REVIEWS_PER_STAR = 2500  # five stars are 56 % of the reviews; equal shares keep the rare stars heard
OOS_COPIES = 6  # 100 out-of-scope rows against 15,000 in scope
OUTLIER_WEIGHT = 0.1  # text of another domain teaches "no intent", gently: small talk is among the intents
OUTLIER_MIN_WORDS = 9  # short opinions and thanks may well be an intent of CLINC150

# The UCI files of this copy contain Vietnamese chat lines with arbitrary labels; the model is English.
NOT_ENGLISH = re.compile(r"[\u0100-\u1eff]")


def read_rows(path: Path, fields: Mapping[str, type]) -> Iterator[Row]:
    """Yields the objects of one gzipped JSON-lines file, checked for `fields` and their types.

    Raises DataError naming the file, and the line where there is one.
    """
    if not path.is_file():
        raise DataError(f"{path} is missing: point --data at the folder that holds {path.parent.name}/{path.name}")
    try:
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            for number, line in enumerate(lines, start=1):
                yield _parse(path, number, line, fields)
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise DataError(f"{path} cannot be read ({error}): fetch the file again") from error


def _parse(path: Path, number: int, line: str, fields: Mapping[str, type]) -> Row:
    remedy = "repair or delete the line, or fetch the file again"
    try:
        row = json.loads(line)
    except json.JSONDecodeError as error:
        raise DataError(f"{path}, line {number}: not JSON ({error}); {remedy}") from error
    if not isinstance(row, dict):
        raise DataError(f"{path}, line {number}: an object is expected; {remedy}")
    for field, kind in fields.items():
        if not isinstance(row.get(field), kind):
            raise DataError(f"{path}, line {number}: field {field!r} must be of type {kind.__name__}; {remedy}")
    return row


def read_intent_labels(data: Path) -> tuple[str, ...]:
    """The in-scope intents of CLINC150's training split, sorted."""
    path = data / "clinc150" / "train.jsonl.gz"
    return intent_labels(row["intent"] for row in read_rows(path, {"text": str, "intent": str}))


def read_split(
    data: Path, split: Split, intents: tuple[str, ...], *, limit_rows: int | None = None
) -> dict[str, list[Example]]:
    """All examples of a split, by data set; at most `limit_rows` lines are read of each."""
    builders: Mapping[str, tuple[Mapping[str, type], Builder]] = {
        "clinc150": ({"text": str, "intent": str}, _clinc_builder(intents)),
        "goemotions": ({"text": str, "emotions": list}, _emotion_builder("goemotions", GOEMOTIONS_TO_EMOTION)),
        "xed": ({"text": str, "emotions": list}, _emotion_builder("xed", XED_TO_EMOTION)),
        "dynasent": ({"text": str, "sentiment": str}, _polarity_builder("dynasent")),
        "reviews_clothing": ({"text": str, "title": str, "stars": int}, _review_builder(split)),
        "uci_sentences": ({"text": str, "sentiment": str}, _polarity_builder("uci_sentences")),
    }
    examples: dict[str, list[Example]] = {}
    for name, (fields, build) in builders.items():
        path = data / name / f"{split}.jsonl.gz"
        examples[name] = list(_build_all(path, fields, build, limit_rows))
        if not examples[name]:
            raise DataError(f"{path} holds no usable row: fetch the file again")
    return examples


def _build_all(path: Path, fields: Mapping[str, type], build: Builder, limit_rows: int | None) -> Iterator[Example]:
    for number, row in enumerate(islice(read_rows(path, fields), limit_rows), start=1):
        try:
            built = build(row)
        except (KeyError, ValueError) as error:
            raise DataError(f"{path}, line {number}: unknown label ({error}); fetch the file again") from error
        yield from (example for example in built if example.text.strip())


def _clinc_builder(intents: tuple[str, ...]) -> Builder:
    index = {name: position for position, name in enumerate(intents)} | {OUT_OF_SCOPE: OUTLIER}

    def build(row: Row) -> tuple[Example, ...]:
        return (Example(row["text"], "clinc150", intent=index[row["intent"]]),)

    return build


def _emotion_builder(source: str, mapping: Mapping[str, str | None]) -> Builder:
    def build(row: Row) -> tuple[Example, ...]:
        emotions = map_emotions(row["emotions"], mapping)
        return (Example(row["text"], source, **_outlier(row["text"]), emotions=emotions),) if emotions else ()

    return build


def _polarity_builder(source: str) -> Builder:
    def build(row: Row) -> tuple[Example, ...]:
        text: str = row["text"]
        if NOT_ENGLISH.search(text):
            return ()
        return (Example(text, source, **_outlier(text), sentiments=POLARITY_CLASSES[row["sentiment"]]),)

    return build


def review_text(title: str, text: str) -> str:
    """Title and text as one: the title often holds the verdict, and stands before any truncation."""
    return ". ".join(part for part in (title.strip(), text.strip()) if part)


def _review_builder(split: Split) -> Builder:
    def build(row: Row) -> tuple[Example, ...]:
        sentiments = (stars_to_sentiment(row["stars"]),)
        text = review_text(row["title"], row["text"])
        whole = Example(text, "reviews_clothing", **_outlier(text), sentiments=sentiments)
        if split == "val" or len(row["title"].split()) < TITLE_MIN_WORDS:
            return (whole,)
        # chat turns are short: a title alone is the only short text with five classes
        return (whole, Example(row["title"], "reviews_clothing", sentiments=sentiments))

    return build


def _outlier(text: str) -> dict[str, Any]:
    if len(text.split()) < OUTLIER_MIN_WORDS:
        return {}
    return {"intent": OUTLIER, "intent_weight": OUTLIER_WEIGHT}
