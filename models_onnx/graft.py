"""Puts the linear part of `models_onnx.wide` beside an INT8 graph that ships, and nothing else of it moves.

A whole new build observes its activation scales on other texts as soon as one training row is another, and every head's
figures move by some tenths of a point. Here the encoder and the other heads keep their bits.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from models_onnx.ngrams import COLUMNS, CROWDING, FEWEST, PAIRS, VOCABULARY
from models_onnx.tokens import PAD_ID

Array = NDArray[np.float32]
FLOAT, END = onnx.TensorProto.FLOAT, 2**31 - 1
HEADS = {"emotions": COLUMNS["emotions"], "politeness": COLUMNS["politeness"]}


class _Nodes:
    """Nodes and constants to add, each value named after `wide/`."""

    def __init__(self, graph: onnx.GraphProto) -> None:
        self.graph = graph

    def constant(self, name: str, value: object, kind: type = np.int64) -> str:
        self.graph.initializer.append(numpy_helper.from_array(np.asarray(value, dtype=kind), f"wide/{name}"))
        return f"wide/{name}"

    def add(self, kind: str, inputs: Sequence[str], outputs: Sequence[str], **attributes: object) -> str:
        self.graph.node.append(
            helper.make_node(kind, list(inputs), list(outputs), name=f"/wide/{outputs[0]}", **attributes)
        )
        return outputs[0]


def graft(model: onnx.ModelProto, table: Array, politeness: Mapping[str, Array]) -> None:
    """Adds `table` [PLACES, 7] in INT8 to the outputs of `model`, in place; the politeness head becomes float32.

    `politeness` are its `dense.weight` [384, 384], `dense.bias`, `classify.weight` [1, 384] and `classify.bias`.
    """
    nodes = _Nodes(model.graph)
    _to_float32(model.graph, nodes, politeness)
    for head in HEADS:
        _rename_output(model.graph, head)
    parts = [f"wide/{head}" for head in HEADS]
    widths = nodes.constant("widths", [columns.stop - columns.start for columns in HEADS.values()])
    nodes.add("Split", [_added(nodes, table), widths], parts, axis=1)
    for head, part in zip(HEADS, parts, strict=True):
        nodes.add("Add", [f"{head}/deep", part], [head])


def _added(nodes: _Nodes, table: Array) -> str:
    """What `Wide.forward` computes, as nodes."""
    scale = np.maximum(np.abs(table).max(axis=0), 1e-8) / 127.0
    rows = np.round(table / scale).astype(np.int8)
    rows[PAD_ID] = 0
    zero, one, last, end = (nodes.constant(*pair) for pair in (("0", [0]), ("1", [1]), ("-1", [-1]), ("end", [END])))
    vocabulary = nodes.constant("vocabulary", VOCABULARY)
    first = nodes.add("Slice", ["input_ids", zero, last, one], ["wide/first"])
    second = nodes.add("Slice", ["input_ids", one, end, one], ["wide/second"])
    seen = nodes.add("Slice", ["attention_mask", one, end, one], ["wide/seen"])
    pair = nodes.add("Add", [nodes.add("Mul", [first, vocabulary], ["wide/left"]), second], ["wide/pair"])
    place = nodes.add("Mod", [pair, nodes.constant("pairs", PAIRS)], ["wide/hash"])
    place = nodes.add("Mul", [nodes.add("Add", [place, vocabulary], ["wide/place"]), seen], ["wide/unpadded"])
    places = nodes.add("Concat", ["input_ids", place], ["wide/places"], axis=1)
    found = nodes.add("Gather", [nodes.constant("rows", rows, np.int8), places], ["wide/found"], axis=0)
    found = nodes.add("Cast", [found], ["wide/found_float"], to=FLOAT)
    total = nodes.add("ReduceSum", [found, one], ["wide/total"], keepdims=0)
    total = nodes.add("Mul", [total, nodes.constant("scale", scale, np.float32)], ["wide/scaled"])
    tokens = nodes.add("ReduceSum", ["attention_mask", one], ["wide/tokens"], keepdims=1)
    tokens = nodes.add("Cast", [tokens], ["wide/tokens_float"], to=FLOAT)
    twice = nodes.add("Mul", [tokens, nodes.constant("2", 2.0, np.float32)], ["wide/twice"])
    count = nodes.add("Sub", [twice, nodes.constant("less", 1.0, np.float32)], ["wide/count"])
    count = nodes.add("Max", [count, nodes.constant("fewest", FEWEST, np.float32)], ["wide/least"])
    factor = nodes.add("Pow", [count, nodes.constant("crowding", -CROWDING, np.float32)], ["wide/factor"])
    return nodes.add("Mul", [total, factor], ["wide/added"])


def _rename_output(graph: onnx.GraphProto, name: str) -> None:
    for node in graph.node:
        for index, output in enumerate(node.output):
            if output == name:
                node.output[index] = f"{name}/deep"


def _to_float32(graph: onnx.GraphProto, nodes: _Nodes, weights: Mapping[str, Array]) -> None:
    """Each INT8 product of the politeness head, with what quantises its input, becomes a product in float32."""
    written_by = {name: node for node in graph.node for name in node.output}
    position = {node.name: index for index, node in enumerate(graph.node)}
    for part in ("dense", "classify"):
        product = next(node for node in graph.node if node.name.startswith(f"/politeness/{part}/"))
        quantise = written_by[product.input[0]]
        weight = nodes.constant(f"politeness.{part}.weight", weights[f"{part}.weight"].T, np.float32)
        bias = nodes.constant(f"politeness.{part}.bias", weights[f"{part}.bias"], np.float32)
        node = helper.make_node("Gemm", [quantise.input[0], weight, bias], list(product.output), name=product.name)
        graph.node[position[product.name]].CopyFrom(node)
        graph.node.remove(quantise)
        position = {node.name: index for index, node in enumerate(graph.node)}
    read = {name for node in graph.node for name in node.input}
    kept = [tensor for tensor in graph.initializer if tensor.name in read or tensor.name.startswith("wide/")]
    del graph.initializer[:]
    graph.initializer.extend(kept)
