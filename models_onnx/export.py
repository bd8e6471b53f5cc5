"""Torch network to ONNX: float32 with fused nodes, then INT8 by dynamic quantisation.

`models_onnx.fixed_scales` makes the dynamic scales of activations constant afterwards.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path

import onnx
import torch
from onnxruntime.quantization import QuantType, quantize_dynamic
from onnxruntime.transformers.fusion_options import FusionOptions
from onnxruntime.transformers.optimizer import optimize_model
from torch import Tensor, nn

from models_onnx.network import ATTENTION_HEADS, HIDDEN, Network, Outputs
from models_onnx.smooth import smooth

OPSET = 17
INPUTS = ("input_ids", "attention_mask")
FLOAT32_HEAD = ("/politeness/dense/Gemm_MatMul", "/politeness/classify/Gemm_MatMul")
"""In INT8 these two products cost .6 points of politeness' correlation; no other head loses .3."""


class Int8Words(nn.Module):  # type: ignore[misc]  # torch is untyped here
    """The word table as int8 with one scale per word.

    onnxruntime's own Gather quantisation has one scale for all 30,522 words, which costs accuracy.
    """

    def __init__(self, table: Tensor) -> None:
        super().__init__()
        scale = table.abs().amax(dim=1, keepdim=True).clamp_min(1e-8) / 127.0
        self.register_buffer("scale", scale)
        self.register_buffer("rows", torch.round(table / scale).to(torch.int8))

    def forward(self, input_ids: Tensor) -> Tensor:
        """[batch, tokens] -> [batch, tokens, 384]."""
        rows, scale = self.get_buffer("rows"), self.get_buffer("scale")
        return rows[input_ids].to(torch.float32) * scale[input_ids]


def centre_intents(network: Network) -> None:
    """Makes every row of intent logits sum to zero.

    The softmax of training takes no notice of what is added to all of a row's logits alike, so training leaves it to
    chance, and a score out of the raw logits, such as the largest, takes notice of nothing but.
    """
    with torch.no_grad():
        classify = network.intent.classify
        classify.weight -= classify.weight.mean(dim=0, keepdim=True)
        classify.bias -= classify.bias.mean()


def export_float32(network: Network, path: Path) -> None:
    """Writes the float32 graph with fused attention, layer norm and GELU."""
    raw = path.with_suffix(".raw.onnx")
    _trace(network, raw)
    _fuse(raw, path)
    raw.unlink()


def export_int8(network: Network, path: Path, *, sample: Sequence[list[int]]) -> None:
    """Writes the dynamic INT8 graph: S8 weights per channel, U8 activations, word table per row.

    `sample` holds token ids of training texts, on which the ranges of activations are observed.
    """
    fused = path.with_suffix(".fused.onnx")
    compact = smooth(network, sample)
    compact.words = Int8Words(network.words.weight.detach().clone())
    export_float32(compact, fused)
    quantize_dynamic(
        fused,
        path,
        op_types_to_quantize=["MatMul", "Attention"],
        nodes_to_exclude=[*_pooling_nodes(fused), *FLOAT32_HEAD],
        per_channel=True,
        weight_type=QuantType.QInt8,
        # shape inference stops at the fused nodes; everything behind them is float
        extra_options={"DefaultTensorType": onnx.TensorProto.FLOAT},
    )
    fused.unlink()


def _trace(network: Network, path: Path) -> None:
    network = network.eval()
    sample = torch.tensor([[101, 7592, 2088, 102, 0], [101, 7592, 2088, 999, 102]])
    mask = (sample != 0).to(torch.int64)
    axes = {0: "batch", 1: "tokens"}
    with warnings.catch_warnings(), torch.no_grad():
        # The exporter announces its successor, which cannot emit a single fused Attention node.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            network,
            (sample, mask),
            str(path),
            dynamo=False,
            opset_version=OPSET,
            custom_opsets={"com.microsoft": 1},
            input_names=list(INPUTS),
            output_names=list(Outputs._fields),
            dynamic_axes={**dict.fromkeys(INPUTS, axes), **{name: {0: "batch"} for name in Outputs._fields}},
        )


def _fuse(raw: Path, path: Path) -> None:
    options = FusionOptions("bert")
    options.enable_attention = False  # already one node
    options.enable_embed_layer_norm = False  # it would pull the word table back to float32
    options.enable_bias_gelu = False  # the bias is free in the product, and GELU alone is faster: 17 against 28 us
    options.enable_skip_layer_norm = False
    options.enable_bias_skip_layer_norm = False
    model = optimize_model(
        str(raw),
        model_type="bert",
        num_heads=ATTENTION_HEADS,
        hidden_size=HIDDEN,
        optimization_options=options,
        opt_level=0,
        use_gpu=False,
    )
    for node in model.model.graph.node:
        if node.op_type == "Add" and _feeds_layer_norm(model.model.graph, node.output[0]):
            # Measured at 16 tokens: SkipLayerNormalization 39 us, an addition and LayerNormalization 7 us.
            # onnxruntime joins an Add to the fused kind when it loads the model; a Sum it leaves alone.
            node.op_type = "Sum"
    model.save_model_to_file(str(path))


def _feeds_layer_norm(graph: onnx.GraphProto, name: str) -> bool:
    return any(node.op_type == "LayerNormalization" and name in node.input for node in graph.node)


def _pooling_nodes(path: Path) -> list[str]:
    """Names of the matrix products of pooling, which has no weights worth a quarter of their size."""
    graph = onnx.load(str(path)).graph
    encoder_or_head = ("layers.", "/dense/", "/classify/")
    return [
        node.name
        for node in graph.node
        if node.op_type == "MatMul" and not any(k in node.name for k in encoder_or_head)
    ]
