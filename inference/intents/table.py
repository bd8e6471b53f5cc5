"""A set of intents as the rows that a classifier learns from (pure)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from inference.intents.fitting import Floats, Ints
from inference.intents.validate import Embed, folded
from inference.intents.values import IntentSet
from inference.intents.variants import variants

BALANCE: Final = 0.5
"""Power of (mean size / size) in a text's weight: 0 leaves rare intents weak, 1 makes them too eager."""
AUTHORED: Final = -1
"""Group of the rows that are no example: an intent's name and the text on its button. Never held out."""


@dataclass(frozen=True, slots=True)
class Table:
    """``x``: embeddings, float32 (rows, 384). ``groups``: the example that a row is a variant of, or ``AUTHORED``."""

    labels: tuple[str, ...]
    texts: tuple[str, ...]
    x: Floats
    targets: Ints
    weights: Floats
    groups: Ints

    @property
    def first(self) -> Ints:
        """One row of each example: the first of its variants, in the order of the examples."""
        groups, rows = np.unique(self.groups, return_index=True)
        found: Ints = rows[groups != AUTHORED].astype(np.int64)
        return found

    def rows(self, chosen: NDArray[np.bool_] | Ints) -> tuple[Floats, Ints, Floats]:
        """Embeddings, targets and weights of some rows."""
        return self.x[chosen], self.targets[chosen], self.weights[chosen]


def tabulate(intents: IntentSet, embed: Embed) -> Table:
    """All rows: variants of the examples, which share their example's weight, and of each intent its name and ask.

    A name such as ``card_arrival`` says what is meant: from five examples each it gains 2.5 points on Banking77, from
    all nothing, and it costs nothing. The ask is what comes back when the customer presses that button.
    """
    texts: list[str] = []
    targets: list[int] = []
    shares: list[float] = []
    groups: list[int] = []
    number = 0
    for target, intent in enumerate(intents.intents):
        rows: list[tuple[str, float, int]] = []
        for example in intent.examples:
            stands_for = variants(example.text, intents)
            rows += [(text, 1.0 / len(stands_for), number) for text in stands_for]
            number += 1
        seen = {folded(text) for text, _, _ in rows}
        for text in (intent.name.replace("_", " "), intent.ask):
            if folded(text) not in seen:
                rows.append((text, 1.0, AUTHORED))
                seen.add(folded(text))
        texts += [text for text, _, _ in rows]
        shares += [share for _, share, _ in rows]
        groups += [group for _, _, group in rows]
        targets += [target] * len(rows)
    found = np.array(targets, dtype=np.int64)
    sizes = np.bincount(found, weights=shares, minlength=len(intents.intents))
    weights = np.array(shares) * ((sizes.mean() / sizes) ** BALANCE)[found]
    x = embed(texts).astype(np.float32)
    return Table(intents.names, tuple(texts), x, found, weights.astype(np.float32), np.array(groups, dtype=np.int64))


def folds_of(table: Table, folds: int, rng: np.random.Generator) -> Ints:
    """The fold of each row: examples of each intent spread evenly, an example's variants together; ``AUTHORED`` -1."""
    first = table.first
    fold_of_group = np.full(len(first), -1, dtype=np.int64)
    for target in range(len(table.labels)):
        own = np.flatnonzero(table.targets[first] == target)
        # Where an intent has fewer examples than there are folds, other intents' must not meet in the same ones.
        fold_of_group[rng.permutation(own)] = (np.arange(len(own)) + rng.integers(folds)) % folds
    return np.where(table.groups == AUTHORED, -1, fold_of_group[np.maximum(table.groups, 0)])
