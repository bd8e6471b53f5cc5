"""Intents on an embedding made up of directions, so that what is right is known."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from inference.intents.fitting import Floats
from inference.intents.parsing import parse_intents
from inference.intents.table import Table
from inference.intents.trained import Space
from inference.intents.values import IntentSet

DIM = 16
SPACE = Space("nlu-0.0.1", "a" * 64, DIM)


def clouds(classes: int = 6, each: int = 12, *, spread: float = 0.5, dim: int = DIM, seed: int = 0) -> Table:
    """Unit rows around a direction per class; ``each`` examples without variants."""
    rng = np.random.default_rng(seed)
    centres = np.linalg.qr(rng.normal(size=(dim, dim)))[0][:classes]
    targets = np.repeat(np.arange(classes), each)
    x = centres[targets] + spread * rng.normal(size=(len(targets), dim)) / np.sqrt(dim)
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    return Table(
        labels=tuple(f"intent_{number}" for number in range(classes)),
        texts=tuple(f"text {number}" for number in range(len(targets))),
        x=x.astype(np.float32),
        targets=targets,
        weights=np.ones(len(targets), dtype=np.float32),
        groups=np.arange(len(targets)),
    )


def shop() -> IntentSet:
    """Three intents with slots and synonyms."""
    document = {
        "intents": {
            "hours": ["when are you open", "opening hours", "are you open on Sundays", "until when are you open"],
            "returns": {"ask": "Send it back", "examples": ["return the {product}", "send it back", "return label"]},
            "stock": ["is the {product} in stock", "do you have the {product}", "any {product} left"],
        },
        "lookups": {"product": ["tent", "stove"]},
        "synonyms": {"return": ["bring back"]},
    }
    return parse_intents({"shop.yaml": document})


def embed(texts: Sequence[str]) -> Floats:
    """A bag of words, each on a direction drawn by its letters."""
    rows = np.zeros((len(texts), DIM))
    for row, text in enumerate(texts):
        for word in text.lower().split() or [""]:
            rows[row] += np.random.default_rng(list(word.encode())).normal(size=DIM)
    found: Floats = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    return found
