"""What the linear part beside the encoder (`models_onnx.wide`) counts, and how its weights are fitted. No torch.

It is fitted alone, not on what the encoder leaves over: the encoder knows its training rows by heart and leaves
nothing over there. How much it adds to a head, `SHARES`, is the one number of it that was chosen on validation rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.sparse import csr_matrix
from scipy.sparse.linalg import lsqr

from models_onnx.builders import Example
from models_onnx.labels import EMOTIONS
from models_onnx.metrics import Floats, logsumexp, softmax

VOCABULARY = 30522
PAIRS = 262_139  # a prime: the largest below 2 ** 18
PLACES = VOCABULARY + PAIRS
CROWDING = 0.75  # a text's sum is divided by its count of n-grams to this power: 1 is the mean, .5 measured worse
FEWEST = 15  # a text of fewer n-grams (8 pieces) counts as one of so many: "hi" is no evidence of much
MIN_TEXTS = 4  # an n-gram of fewer training texts counts nothing
EMOTIONS_RIDGE, POLITENESS_RIDGE = 1.0, 3.0
SHARES = {"emotions": 0.6, "politeness": 0.75}
MAX_ITERATIONS = 60
COLUMNS = {"emotions": slice(0, len(EMOTIONS)), "politeness": slice(len(EMOTIONS), len(EMOTIONS) + 1)}
"""Which columns of the table belong to which output."""

Rows = Sequence[Sequence[int]]
Ids = NDArray[np.int64]


def places(row: Sequence[int]) -> Ids:
    """The table's rows for a text's token ids: each piece, then each pair of neighbours."""
    ids = np.asarray(row, dtype=np.int64)
    return np.concatenate([ids, VOCABULARY + (ids[:-1] * VOCABULARY + ids[1:]) % PAIRS])


def counted(rows: Rows) -> csr_matrix:
    """[texts, PLACES]: counts, each divided by the power of the text's count of n-grams."""
    found = [places(row) for row in rows]
    texts = np.repeat(np.arange(len(found)), [len(row) for row in found])
    values = np.repeat([float(max(FEWEST, len(row))) ** -CROWDING for row in found], [len(row) for row in found])
    return csr_matrix((values, (texts, np.concatenate(found))), shape=(len(rows), PLACES))


def fit_table(examples: Mapping[str, Sequence[Example]], ids: Mapping[str, Rows]) -> NDArray[np.float32]:
    """[PLACES, columns] from the training rows that tell emotions or politeness; `ids` are their texts', by set."""
    table = np.zeros((PLACES, COLUMNS["politeness"].stop), dtype=np.float32)
    felt = [(row, found) for name in ids for row, found in zip(examples[name], ids[name], strict=True) if row.emotions]
    table[:, COLUMNS["emotions"]] = SHARES["emotions"] * _emotions(*zip(*felt, strict=True))
    polite = np.array([row.politeness or 0.0 for row in examples["politeness"]])
    table[:, COLUMNS["politeness"]] = SHARES["politeness"] * _ridge(ids["politeness"], polite - polite.mean())
    return table


def _weighed(rows: Rows) -> tuple[csr_matrix, Floats]:
    """The counts, each column times its weight: by inverse document frequency, 0 for what is in too few texts.

    The weights [PLACES] are such that the rows' mean square is 1, which gives a ridge its meaning.
    """
    counts = counted(rows)
    texts = np.bincount(counts.indices, minlength=PLACES)
    weights = np.where(texts >= MIN_TEXTS, np.log(len(rows) / np.maximum(texts, 1)) + 1.0, 0.0)
    weighed = counts.multiply(weights[None, :]).tocsr()
    size = float(np.sqrt(weighed.power(2).sum(axis=1).mean())) or 1.0
    return weighed / size, weights / size


def _ridge(rows: Rows, truth: Floats) -> Floats:
    """[PLACES, 1]: least squares."""
    features, weights = _weighed(rows)
    used = np.flatnonzero(weights)
    table = np.zeros((PLACES, 1))
    table[used, 0] = lsqr(features[:, used], truth, damp=np.sqrt(POLITENESS_RIDGE), atol=1e-6, btol=1e-6)[0]
    return table * weights[:, None]


def _emotions(examples: Sequence[Example], rows: Rows) -> Floats:
    """[PLACES, 6]: a softmax regression, rare classes weighed up by the inverse square root of their frequency."""
    shares = np.zeros((len(examples), len(EMOTIONS)))
    for index, row in enumerate(examples):
        if row.emotions:
            shares[index, list(row.emotions)] = 1.0 / len(row.emotions)
    importance = np.array([row.emotion_weight for row in examples])
    counts = np.maximum(shares[importance == 1.0].sum(axis=0), 1.0)  # the others' labels are a guess
    rarity = counts**-0.5 * counts.sum() / (counts**0.5).sum()
    features, weights = _weighed(rows)
    used = np.flatnonzero(weights)
    table = np.zeros((PLACES, len(EMOTIONS)))
    table[used] = _softmax_regression(features[:, used], shares * rarity * importance[:, None]) * weights[used, None]
    return table


def _softmax_regression(features: csr_matrix, targets: Floats) -> Floats:
    """[features, classes] of the greatest likelihood of `targets` [rows, classes], which hold the rows' weights."""
    shape = (
        features.shape[1] + 1,
        targets.shape[1],
    )  # the last row is a constant's: a bias that the text has no say in
    total = targets.sum(axis=1, keepdims=True)
    backwards = features.T.tocsr()

    def loss(flat: Floats) -> tuple[float, Floats]:
        weights = flat.reshape(shape)
        logits = features @ weights[:-1] + weights[-1]
        likelihood = (targets * (logits - logsumexp(logits)[:, None])).sum()
        surplus = total * softmax(logits) - targets
        slope = np.vstack([backwards @ surplus + EMOTIONS_RIDGE * weights[:-1], surplus.sum(axis=0)])
        return 0.5 * EMOTIONS_RIDGE * float((weights[:-1] ** 2).sum()) - float(likelihood), slope.ravel()

    found = minimize(loss, np.zeros(shape).ravel(), jac=True, method="L-BFGS-B", options={"maxiter": MAX_ITERATIONS})
    return np.asarray(found.x.reshape(shape)[:-1], dtype=np.float64)
