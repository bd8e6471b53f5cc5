"""The pipeline that one writes in an afternoon: tokenizers, onnxruntime as it comes, a softmax per head."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray
from tokenizers import Tokenizer


class NaivePipeline:
    """Default session options, one text a run, no cache. ``labels``: output name → labels in column order."""

    def __init__(self, folder: Path, labels: dict[str, tuple[str, ...]]) -> None:
        self.tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self.session = ort.InferenceSession(str(folder / "model.onnx"))
        self.labels = labels

    def __call__(self, text: str) -> dict[str, Any]:
        """Probabilities by label of every head, and the embedding."""
        encoding = self.tokenizer.encode(text)
        ids = np.array([encoding.ids], dtype=np.int64)
        mask = np.array([encoding.attention_mask], dtype=np.int64)
        names = [output.name for output in self.session.get_outputs()]
        found = dict(zip(names, self.session.run(None, {"input_ids": ids, "attention_mask": mask}), strict=True))
        heads = {
            name: dict(zip(labels, _softmax(found[name][0]).tolist(), strict=True))
            for name, labels in self.labels.items()
        }
        return {**heads, "embedding": found["embedding"][0]}


def _softmax(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    weights: NDArray[np.float32] = np.exp(logits - logits.max())
    probabilities: NDArray[np.float32] = weights / weights.sum()
    return probabilities
