"""Fixed activation scales for a dynamically quantised graph, observed on training texts.

Dynamic quantisation takes one activation scale per tensor from whatever runs, a whole batch at once, so that
a text's answers move with its company: the largest intent probability by up to .185. With constant scales a
text's products are its own, and its answers are the same alone and beside others. Constants suffice because
`models_onnx.smooth` has evened the activations: their ranges hardly differ from text to text. For the same
reason one scale per tensor is enough.

A range runs from the .1 quantile of the texts' minima to the .9 quantile of their maxima; what lies outside
is clipped to its end. The extremes over all texts make every step coarser for the sake of a few outliers.
On the validation splits .9 and .99 measured alike, within half a point of float32 on every accuracy and F1
of the card; the extremes lost .7 points on the UCI sentences and .5 on the stars of reviews.

onnxruntime fuses the dynamic products when it loads a graph, but not those of constant scales, therefore
this module writes `MatMulIntegerToFloat` itself (com.microsoft; scales, zero point and bias in one node).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import onnx
import onnxruntime as ort
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from models_onnx.tokens import pad

QUANTILE = 0.9
LEVELS = 255  # steps of an UINT8 range
CONTRIB_DOMAIN = "com.microsoft"
Array = NDArray[np.float64]
Readers = Mapping[str, Sequence[onnx.NodeProto]]
"""The nodes that read a value, by its name."""


class Scale(NamedTuple):
    """Real value = scale * (UINT8 - zero_point)."""

    scale: float
    zero_point: int


def fix_scales(source: Path, target: Path, *, sample: Sequence[list[int]]) -> None:
    """Writes the dynamically quantised graph `source` with constant activation scales to `target`.

    `sample` holds token ids of training texts, each of which runs alone.
    """
    model = onnx.load(str(source))
    scales = {name: choose_scale(*found) for name, found in _observe(model, sample).items()}
    _replace_quantisers(model.graph, scales)
    _fuse_products(model.graph)
    _drop_unread_constants(model.graph)
    if all(opset.domain != CONTRIB_DOMAIN for opset in model.opset_import):
        model.opset_import.append(helper.make_opsetid(CONTRIB_DOMAIN, 1))
    onnx.save(model, str(target))


def choose_scale(lowest: Array, highest: Array) -> Scale:
    """The scale of one tensor, from its minimum and maximum in each text, both [texts]."""
    low = min(0.0, float(np.quantile(lowest, 1.0 - QUANTILE)))
    high = max(0.0, float(np.quantile(highest, QUANTILE)))
    scale = max((high - low) / LEVELS, float(np.finfo(np.float32).tiny))
    return Scale(scale, int(np.clip(round(-low / scale), 0, LEVELS)))


def _observe(model: onnx.ModelProto, sample: Sequence[list[int]]) -> dict[str, tuple[Array, Array]]:
    """Minima and maxima, both [texts], of every quantised tensor, by its name after quantisation."""
    quantisers = list(_nodes(model.graph, "DynamicQuantizeLinear"))
    session = _session_with_outputs(model, [name for node in quantisers for name in node.output[1:]])
    found = np.array([_run_alone(session, row) for row in sample])
    # each quantiser tells the scale and the zero point that it chose for the text
    scales, zero_points = found[:, 0::2], found[:, 1::2]
    lowest, highest = -zero_points * scales, (LEVELS - zero_points) * scales
    return {node.output[0]: (lowest[:, index], highest[:, index]) for index, node in enumerate(quantisers)}


def _session_with_outputs(model: onnx.ModelProto, names: Sequence[str]) -> ort.InferenceSession:
    """A session of the graph as it stands that gives only the named values."""
    watched = onnx.ModelProto()
    watched.CopyFrom(model)
    del watched.graph.output[:]
    watched.graph.output.extend(onnx.ValueInfoProto(name=name) for name in names)
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    return ort.InferenceSession(watched.SerializeToString(), options, providers=["CPUExecutionProvider"])


def _run_alone(session: ort.InferenceSession, row: list[int]) -> list[float]:
    input_ids, attention_mask = pad([row])
    return [float(value) for value in session.run(None, {"input_ids": input_ids, "attention_mask": attention_mask})]


def _replace_quantisers(graph: onnx.GraphProto, scales: Mapping[str, Scale]) -> None:
    """Turns each DynamicQuantizeLinear to QuantizeLinear; the names of its outputs become constants."""
    for node in _nodes(graph, "DynamicQuantizeLinear"):
        quantised, scale_name, zero_point_name = node.output
        scale, zero_point = scales[quantised]
        graph.initializer.append(numpy_helper.from_array(np.array(scale, np.float32), scale_name))
        graph.initializer.append(numpy_helper.from_array(np.array(zero_point, np.uint8), zero_point_name))
        node.op_type = "QuantizeLinear"
        node.input.extend([scale_name, zero_point_name])
        del node.output[1:]


def _fuse_products(graph: onnx.GraphProto) -> None:
    """Makes one node of each MatMulInteger and what turns its sums to real numbers."""
    readers = _readers(graph)
    written_by = {name: node for node in graph.node for name in node.output}
    constants = {tensor.name: tensor for tensor in graph.initializer}
    fused: dict[str, onnx.NodeProto] = {}
    absorbed: set[str] = set()
    for product in _nodes(graph, "MatMulInteger"):
        (cast,) = readers[product.output[0]]
        (rescale,) = readers[cast.output[0]]
        factors = written_by[next(name for name in rescale.input if name != cast.output[0])]
        bias = _bias_addition(rescale, readers, constants)
        absorbed |= {node.output[0] for node in (cast, rescale, factors, bias) if node is not None}
        _check_symmetric(product, constants)
        fused[product.output[0]] = _fused_product(product, factors, bias, rescale, constants)
    kept = [fused.get(node.output[0], node) for node in graph.node if node.output[0] not in absorbed]
    del graph.node[:]
    graph.node.extend(kept)


def _bias_addition(
    rescale: onnx.NodeProto, readers: Readers, constants: Mapping[str, onnx.TensorProto]
) -> onnx.NodeProto | None:
    following = readers.get(rescale.output[0], ())
    if len(following) != 1 or following[0].op_type != "Add":
        return None
    return following[0] if any(name in constants for name in following[0].input) else None


def _check_symmetric(product: onnx.NodeProto, constants: Mapping[str, onnx.TensorProto]) -> None:
    if numpy_helper.to_array(constants[product.input[3]]).any():
        raise ValueError(f"{product.name} has weights with a zero point: quantise them to signed INT8, symmetrically")


def _fused_product(
    product: onnx.NodeProto,
    factors: onnx.NodeProto,
    bias: onnx.NodeProto | None,
    rescale: onnx.NodeProto,
    constants: Mapping[str, onnx.TensorProto],
) -> onnx.NodeProto:
    activation, weight, zero_point = product.input[:3]
    activation_scale, weight_scale = factors.input
    added = "" if bias is None else next(name for name in bias.input if name in constants)
    return helper.make_node(
        "MatMulIntegerToFloat",
        [activation, weight, activation_scale, weight_scale, zero_point, "", added],
        [(rescale if bias is None else bias).output[0]],
        name=f"{product.name}_to_float",
        domain=CONTRIB_DOMAIN,
    )


def _nodes(graph: onnx.GraphProto, op_type: str) -> Iterator[onnx.NodeProto]:
    return (node for node in graph.node if node.op_type == op_type)


def _readers(graph: onnx.GraphProto) -> Readers:
    readers: dict[str, list[onnx.NodeProto]] = {}
    for node in graph.node:
        for name in node.input:
            readers.setdefault(name, []).append(node)
    return readers


def _drop_unread_constants(graph: onnx.GraphProto) -> None:
    readers = _readers(graph)
    kept = [tensor for tensor in graph.initializer if tensor.name in readers]
    del graph.initializer[:]
    graph.initializer.extend(kept)
