"""Versions of the small model without ONNX, and engines of them."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from inference.engine import Engine
from inference.heads import RawOutputs
from inference.manifest import MODEL_FILE, TOKENIZER_FILE, Manifest, PackedFile
from inference.pack import Pack
from inference.tokenise import Tokeniser
from tests.unit.inference.support import LEXICON, MANIFEST, FakeModel, StepClock, tokenizer


class Contrary(FakeModel):
    """Says the opposite."""

    def __call__(self, input_ids: NDArray[np.int64], attention_mask: NDArray[np.int64]) -> RawOutputs:
        said = super().__call__(input_ids, attention_mask)
        return RawOutputs(
            *(-values for values in (said.embedding, said.intent, said.sentiment, said.emotions)),
        )


def manifest(version: str, model_digit: str = "1") -> Manifest:
    """``nlu-<version>``; the digest of its model is that digit alone."""
    files = {MODEL_FILE: PackedFile(model_digit * 64, 1), TOKENIZER_FILE: PackedFile("2" * 64, 1)}
    return msgspec.structs.replace(MANIFEST, version=version, files=files)


def pack(version: str, model: FakeModel | None = None) -> Pack:
    tokeniser = Tokeniser(tokenizer(), max_tokens=MANIFEST.max_tokens, pad_id=MANIFEST.pad_id)
    return Pack(Path(version), manifest(version), tokeniser, model or FakeModel())


def engine(version: str, model: FakeModel | None = None, max_waiting: int = 64) -> Engine:
    return Engine(pack(version, model), clock=StepClock(), cache_entries=0, max_waiting=max_waiting, lexicon=LEXICON)
