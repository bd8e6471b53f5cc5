"""Text to token ids, the same way in training, evaluation and the packed tokenizer."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

PAD_ID = 0
Ids = NDArray[np.int64]


def load_tokenizer(path: Path) -> Tokenizer:
    """A fast tokenizer that neither pads nor truncates: both belong to the caller."""
    tokenizer = Tokenizer.from_file(str(path))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer


def encode(tokenizer: Tokenizer, texts: Sequence[str], max_tokens: int) -> list[list[int]]:
    """Ids of each text, with [CLS] and [SEP]; a long text keeps its beginning and its [SEP]."""
    return [truncate(encoding.ids, max_tokens) for encoding in tokenizer.encode_batch(list(texts))]


def truncate(ids: list[int], max_tokens: int) -> list[int]:
    """At most `max_tokens` ids, the last one kept."""
    return ids if len(ids) <= max_tokens else [*ids[: max_tokens - 1], ids[-1]]


def pad(rows: Sequence[list[int]]) -> tuple[Ids, Ids]:
    """`input_ids` and `attention_mask`, both int64 [batch, longest]."""
    width = max(map(len, rows))
    input_ids = np.full((len(rows), width), PAD_ID, dtype=np.int64)
    attention_mask = np.zeros_like(input_ids)
    for index, row in enumerate(rows):
        input_ids[index, : len(row)] = row
        attention_mask[index, : len(row)] = 1
    return input_ids, attention_mask
