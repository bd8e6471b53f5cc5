"""A linear part beside the encoder: every word piece, and every pair of neighbours, adds to two heads.

Cheng et al. 2016, *Wide & Deep Learning for Recommender Systems*. An encoder that was trained on a few thousand rows
knows them by heart; what it has not understood of others' wording, a regularised linear model over n-grams often has
("why did you", "thanks for"). Pairs share `PAIRS` places by a hash, so the table is small and no list of n-grams is
needed (feature hashing, Weinberger et al. 2009).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from models_onnx.ngrams import CROWDING, FEWEST, PAIRS, PLACES, VOCABULARY
from models_onnx.tokens import PAD_ID


class Wide(nn.Module):  # type: ignore[misc]  # torch is untyped here
    """`table` [PLACES, columns] in INT8 with a scale per column, the row of padding all zeros."""

    def __init__(self, table: Tensor) -> None:
        super().__init__()
        scale = table.abs().amax(dim=0).clamp_min(1e-8) / 127.0
        rows = torch.round(table / scale).to(torch.int8)
        rows[PAD_ID] = 0
        self.register_buffer("scale", scale)
        self.register_buffer("rows", rows)
        if len(rows) != PLACES:
            raise ValueError(f"the table has {len(rows)} rows, not {PLACES}")

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Both int64 [batch, tokens] -> [batch, columns]; what stands beside a text in a batch changes nothing."""
        first, second = input_ids[:, :-1], input_ids[:, 1:]
        pairs = VOCABULARY + (first * VOCABULARY + second) % PAIRS
        places = torch.cat([input_ids, pairs * attention_mask[:, 1:]], dim=1)
        found = self.get_buffer("rows")[places].to(torch.float32).sum(dim=1) * self.get_buffer("scale")
        count = 2 * attention_mask.sum(dim=1, keepdim=True).to(torch.float32) - 1.0
        return torch.as_tensor(found * count.clamp_min(FEWEST) ** -CROWDING)
