"""Weighted means of checkpoints of one lineage, which are often better than each ("model soups").

python -m models_onnx.soup OUT.pt FIRST.pt=0.2 SECOND.pt=0.8

Wortsman et al. 2022, *Model soups: averaging weights of multiple fine-tuned models improves accuracy without
increasing inference time*. OUT is the last one's checkpoint but for the weights.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from models_onnx.errors import SoupError


def soup(states: Sequence[dict[str, Tensor]], weights: Sequence[float]) -> dict[str, Tensor]:
    """The mean of `states`, whose names and shapes are the same; `weights` sum to 1. SoupError otherwise."""
    if abs(sum(weights) - 1.0) > 1e-6:
        raise SoupError(f"the weights {', '.join(map(str, weights))} sum to {sum(weights):g}: make them sum to 1")
    shapes = [{name: value.shape for name, value in state.items()} for state in states]
    if any(found != shapes[0] for found in shapes):
        raise SoupError("the checkpoints are of different networks: take those of one lineage")
    return {
        name: torch.stack([weight * state[name] for weight, state in zip(weights, states, strict=True)]).sum(0)
        for name in states[0]
    }


def main(arguments: Sequence[str]) -> int:
    """Exit code 0, or 1 with a sentence on standard error."""
    try:
        out, parts = Path(arguments[0]), [part.rsplit("=", 1) for part in arguments[1:]]
        found: list[dict[str, Any]] = [torch.load(path, weights_only=True, map_location="cpu") for path, _ in parts]
        mixed = soup([state["network"] for state in found], [float(weight) for _, weight in parts])
        torch.save(found[-1] | {"network": mixed}, out)
    except (IndexError, ValueError, OSError, SoupError) as error:
        print(f"error: {error}\nusage: python -m models_onnx.soup OUT.pt FIRST.pt=0.2 SECOND.pt=0.8", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
