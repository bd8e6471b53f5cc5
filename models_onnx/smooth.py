"""Evens out the ranges of activations before quantisation (SmoothQuant, Xiao et al. 2023).

A few of MiniLM's 384 channels are forty times as large as the rest, and one INT8 scale serves them all.
Dividing a channel by s, and multiplying the weights that read it by s, changes nothing in float32 and
divides the error of the INT8 products by about ten.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from models_onnx.network import Layer, Network
from models_onnx.tokens import pad

MIGRATION = 0.7  # share of the range that moves into the weights; .6 to .75 measured alike, .5 and below worse
CAPPED_CHANNELS = 16  # behind the GELU a handful of 1,536 channels is eighty times as large as the rest
READERS = ("qkv", "up", "down")


def smooth(network: Network, sample: Sequence[list[int]]) -> Network:
    """A copy that computes the same, with even activations before the products.

    `sample` holds token ids of typical texts.
    """
    smoothed: Network = copy.deepcopy(network).eval()
    peaks = _peaks(smoothed, sample)
    norm: nn.LayerNorm = smoothed.embedding_norm
    with torch.no_grad():
        for index, layer in enumerate(smoothed.layers):
            layer.input_scale = _move(norm, layer.qkv, peaks[f"{index}.qkv"])
            layer.middle_scale = _move(layer.attention_norm, layer.up, peaks[f"{index}.up"])
            layer.inner_factor = _cap(layer.down, peaks[f"{index}.down"])
            norm = layer.norm
    return smoothed


def _move(norm: nn.LayerNorm, reader: nn.Linear, peak: Tensor) -> Tensor:
    """Divides the output of `norm` by a scale [384], which the weights of `reader` take over; returns the scale."""
    weight_peak = reader.weight.abs().amax(dim=0).clamp_min(1e-4)
    scale = peak.clamp_min(1e-3) ** MIGRATION / weight_peak ** (1.0 - MIGRATION)
    norm.weight /= scale
    norm.bias /= scale
    reader.weight *= scale
    return torch.as_tensor(scale)


def _cap(reader: nn.Linear, peak: Tensor) -> Tensor:
    """Factors [1536] that bring the few largest channels down to the next; `reader` takes the inverse."""
    scale = (peak / peak.topk(CAPPED_CHANNELS + 1).values[-1]).clamp_min(1.0)
    reader.weight *= scale
    return torch.as_tensor(1.0 / scale)


def _peaks(network: Network, sample: Sequence[list[int]]) -> dict[str, Tensor]:
    """The largest absolute input of every product that is smoothed, by layer and name."""
    peaks: dict[str, Tensor] = {}

    def observe(name: str, value: Tensor) -> None:
        largest = value.abs().flatten(0, -2).amax(dim=0)
        peaks[name] = torch.maximum(peaks[name], largest) if name in peaks else largest

    handles = [
        module.register_forward_pre_hook(lambda _module, inputs, name=name: observe(name, inputs[0]))
        for name, module in _readers(network.layers)
    ]
    with torch.no_grad():
        for row in sample:  # one at a time: padding must not count
            input_ids, mask = pad([row])
            network(torch.from_numpy(input_ids), torch.from_numpy(mask))
    for handle in handles:
        handle.remove()
    return peaks


def _readers(layers: Sequence[Layer]) -> list[tuple[str, nn.Linear]]:
    return [(f"{index}.{name}", getattr(layer, name)) for index, layer in enumerate(layers) for name in READERS]
