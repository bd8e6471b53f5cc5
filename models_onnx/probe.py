"""What is asked of the shipped artefact beside accuracy: speed, and answers that batching does not change."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

import numpy as np
import onnxruntime as ort
from tokenizers import Tokenizer

from models_onnx.metrics import softmax
from models_onnx.runtime import Array, run_all, run_batch
from models_onnx.tokens import encode

WORD = "order"  # one token, so that a text of n words has n + 2


def latency_ms(
    session: ort.InferenceSession, tokenizer: Tokenizer, *, max_tokens: int, repeats: int = 100
) -> dict[str, float]:
    """Median milliseconds from text to raw outputs, one text at a time, by number of tokens."""
    medians: dict[str, float] = {}
    for tokens in (8, 16, 32):
        text = " ".join([WORD] * (tokens - 2))
        taken: list[float] = []
        for _ in range(repeats):
            start = time.perf_counter()
            run_batch(session, encode(tokenizer, [text], max_tokens))
            taken.append(1000.0 * (time.perf_counter() - start))
        medians[str(tokens)] = round(float(np.median(taken[repeats // 10 :])), 3)
    return medians


def batching_drift(
    session: ort.InferenceSession, rows: Sequence[list[int]], temperatures: Mapping[str, float], *, batch: int = 32
) -> dict[str, float]:
    """Largest change of any answer when rows go through in batches of like lengths, not alone.

    With fixed activation scales there is none but rounding's; dynamic ones moved an intent by up to .17.
    """
    alone, together = run_all(session, rows), run_all(session, rows, batch=batch)
    drift: dict[str, float] = {}
    for head in temperatures:
        first = softmax(alone[head].astype(np.float64), temperatures[head])
        second = softmax(together[head].astype(np.float64), temperatures[head])
        gaps = np.abs(first - second).max(axis=1)
        drift[f"{head}_max_probability_change"] = round(float(gaps.max()), 4)
        drift[f"{head}_mean_probability_change"] = round(float(gaps.mean()), 4)
        drift[f"{head}_label_changed"] = round(float((first.argmax(axis=1) != second.argmax(axis=1)).mean()), 4)
    for tone in ("urgency", "toxicity", "politeness"):
        gap = np.abs(_sigmoid(alone[tone]) - _sigmoid(together[tone])).max()
        drift[f"{tone}_max_probability_change"] = round(float(gap), 4)
    cosine = (alone["embedding"] * together["embedding"]).sum(axis=1)
    drift["embedding_min_cosine"] = round(float(cosine.min()), 4)
    return drift


def _sigmoid(logits: Array) -> Array:
    return np.asarray(1.0 / (1.0 + np.exp(-logits)), dtype=np.float32)


def mean_cosine(first: Array, second: Array) -> float:
    """Mean cosine of two tables of unit vectors, row by row."""
    return round(float((first * second).sum(axis=1).mean()), 4)
