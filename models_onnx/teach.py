"""Trained networks as teachers of another: their mean is better calibrated and more often right than each.

Hinton et al. 2015, *Distilling the Knowledge in a Neural Network*. The teachers run on every batch as it is
drawn, so that they speak of damaged texts and of texts without labels too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor

from models_onnx.network import Network, Outputs, thinned

SOFTMAX_HEADS = ("intent", "sentiment", "emotions", "act")


def load_checkpoint(network: Network, path: Path) -> list[str]:
    """Fills `network` from a training checkpoint and returns the names of heads that it did not hold.

    A checkpoint of more layers gives every n-th; a head with more classes than the checkpoint's keeps its own
    initial values for the others.
    """
    state: dict[str, Tensor] = torch.load(path, weights_only=True, map_location="cpu")["network"]
    own = network.state_dict()
    network.load_state_dict(
        own | {name: _widened(value, own[name]) for name, value in thinned(state, len(network.layers)).items()}
    )
    return [name for name in own if name not in state and name.endswith("classify.weight")]


def _widened(value: Tensor, initial: Tensor) -> Tensor:
    return value if value.shape == initial.shape else torch.cat([value, initial[len(value) :]])


def load_teachers(paths: Sequence[Path], intents: int, device: torch.device) -> list[Network]:
    """Frozen networks from checkpoints of this very kind, of any number of layers."""
    teachers: list[Network] = []
    for path in paths:
        state = torch.load(path, weights_only=True, map_location="cpu")["network"]
        layers = len({name.split(".")[1] for name in state if name.startswith("layers.")})
        teacher = Network(intents, layers=layers).eval().requires_grad_(False)
        teacher.load_state_dict(state)
        teachers.append(teacher.to(device))
    return teachers


def ensemble(teachers: Sequence[Network], input_ids: Tensor, mask: Tensor) -> dict[str, Tensor]:
    """By head: mean probabilities of the teachers, [batch, classes]; politeness: their mean."""
    with torch.no_grad():
        spoken = [_probabilities(teacher(input_ids, mask)) for teacher in teachers]
    return {name: torch.stack([found[name] for found in spoken]).mean(0) for name in spoken[0]}


def _probabilities(outputs: Outputs) -> Mapping[str, Tensor]:
    found = {name: torch.softmax(getattr(outputs, name), dim=-1) for name in SOFTMAX_HEADS}
    found |= {name: torch.sigmoid(getattr(outputs, name)) for name in ("fine_emotions", "urgency", "toxicity")}
    return found | {"politeness": outputs.politeness}
