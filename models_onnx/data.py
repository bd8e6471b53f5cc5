"""Reads the licensed data sets and the authored examples. Needs neither torch nor onnxruntime.

A data folder holds `<set>/{train,val}.jsonl.gz`, one JSON object a line; what was authored for the model is
committed in `models_onnx/authored`.
"""

from __future__ import annotations

import gzip
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path

from models_onnx import builders
from models_onnx.acts import merged
from models_onnx.authored import read_authored
from models_onnx.builders import OUTLIER, Builder, Example, Row, Split
from models_onnx.errors import DataError
from models_onnx.labels import intent_labels

__all__ = ["OUTLIER", "Example", "read_intent_labels", "read_rows", "read_split"]


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
    """All examples of a split, by data set; at most `limit_rows` lines are read of each.

    Validation has a set more, `blind`, which only measures.
    """
    examples: dict[str, list[Example]] = {}
    for name, (fields, build) in _sets(split, intents).items():
        path = data / name / f"{split}.jsonl.gz"
        examples[name] = list(_build_all(path, fields, build, limit_rows))
        if not examples[name]:
            raise DataError(f"{path} holds no usable row: fetch the file again")
    examples["multidogo"] = _distinct(examples["multidogo"])
    examples["authored"] = _authored(split, limit_rows)
    if split == "val":
        examples["blind"] = _authored("blind", limit_rows)
    return examples


def _authored(split: str, limit_rows: int | None) -> list[Example]:
    return [example for row in islice(read_authored(split), limit_rows) for example in builders.authored(row)]


def _sets(split: Split, intents: tuple[str, ...]) -> Mapping[str, tuple[Mapping[str, type], Builder]]:
    intent = {"text": str, "intent": str}
    return {
        "clinc150": (intent, builders.clinc(intents)),
        "goemotions": ({"text": str, "emotions": list}, builders.goemotions),
        "xed": ({"text": str, "emotions": list}, builders.xed),
        "dynasent": ({"text": str, "sentiment": str}, builders.polarity("dynasent")),
        "reviews_clothing": ({"text": str, "title": str, "stars": int}, builders.reviews(split)),
        "uci_sentences": ({"text": str, "sentiment": str}, builders.polarity("uci_sentences")),
        "multidogo": (intent, builders.multidogo),
        "bitext": (intent | {"tags": str}, builders.bitext),
        "nlupp": ({"text": str, "intents": list}, builders.nlupp),
        "banking77": (intent, builders.banking77),
        "politeness": ({"text": str, "politeness": float}, builders.politeness),
        "offensive": ({"text": str, "label": str}, builders.offensive),
    }


def _build_all(path: Path, fields: Mapping[str, type], build: Builder, limit_rows: int | None) -> Iterator[Example]:
    for number, row in enumerate(islice(read_rows(path, fields), limit_rows), start=1):
        try:
            built = build(row)
        except (KeyError, ValueError) as error:
            raise DataError(f"{path}, line {number}: unknown label ({error}); fetch the file again") from error
        yield from (example for example in built if example.text.strip())


def _distinct(rows: Sequence[Example]) -> list[Example]:
    """One example a text, its act the mean of what its copies say: "ok" comes 3,000 times."""
    copies: dict[str, list[Example]] = {}
    for row in rows:
        copies.setdefault(row.text.lower(), []).append(row)
    return [_one(found) for found in copies.values()]


def _one(copies: Sequence[Example]) -> Example:
    counts = Counter(row.act for row in copies if row.act is not None)
    return replace(copies[0], act=merged(counts) if counts else None)
