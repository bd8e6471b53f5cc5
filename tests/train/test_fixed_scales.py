"""Fixed activation scales on a graph of two products: fused, near to float32, and blind to company."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
import pytest
from numpy.typing import NDArray

onnx = pytest.importorskip("onnx", reason="the train extra is not installed")

WIDTH, VOCABULARY = 16, 40
LOUD = VOCABULARY - 1  # a word of ten times the size of the others
SAMPLE = [[1, 2, 3], [4, 5], [6, 7, 8, 9], [30, 20, 10]]


@pytest.fixture(scope="module")
def graphs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Paths of the same graph in float32, dynamic INT8 and INT8 with fixed scales."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    from models_onnx.fixed_scales import fix_scales

    folder = tmp_path_factory.mktemp("graphs")
    paths = {name: folder / f"{name}.onnx" for name in ("float32", "dynamic", "fixed")}
    onnx.save(_toy_model(np.random.default_rng(7)), str(paths["float32"]))
    quantize_dynamic(
        paths["float32"],
        paths["dynamic"],
        op_types_to_quantize=["MatMul"],
        per_channel=True,
        weight_type=QuantType.QInt8,
    )
    fix_scales(paths["dynamic"], paths["fixed"], sample=SAMPLE)
    return paths


def _toy_model(generator: np.random.Generator) -> Any:
    """Words, a product with a bias, a product without; the mask only takes part."""
    from onnx import TensorProto, helper, numpy_helper

    words = generator.normal(size=(VOCABULARY, WIDTH))
    words[LOUD] *= 10.0
    constants = {
        "words": words,
        "first": generator.normal(size=(WIDTH, WIDTH)),
        "bias": generator.normal(size=WIDTH),
        "second": generator.normal(size=(WIDTH, 3)),
    }
    nodes = [
        helper.make_node("Cast", ["attention_mask"], ["mask"], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["mask", "last"], ["kept"]),
        helper.make_node("Gather", ["words", "input_ids"], ["found"]),
        helper.make_node("Mul", ["found", "kept"], ["hidden"]),
        helper.make_node("MatMul", ["hidden", "first"], ["product"], name="with_bias"),
        helper.make_node("Add", ["product", "bias"], ["moved"]),
        helper.make_node("Tanh", ["moved"], ["bent"]),
        helper.make_node("MatMul", ["bent", "second"], ["answer"], name="without_bias"),
    ]
    tensors = [numpy_helper.from_array(value.astype(np.float32), name) for name, value in constants.items()]
    tensors.append(numpy_helper.from_array(np.array([2]), "last"))
    shape = ["batch", "tokens"]
    inputs = [helper.make_tensor_value_info(n, TensorProto.INT64, shape) for n in ("input_ids", "attention_mask")]
    outputs = [helper.make_tensor_value_info("answer", TensorProto.FLOAT, [*shape, 3])]
    graph = helper.make_graph(nodes, "toy", inputs, outputs, tensors)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def _answers(path: Path, rows: list[list[int]]) -> NDArray[np.float32]:
    from models_onnx.tokens import pad

    session = ort.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    input_ids, attention_mask = pad(rows)
    (found,) = session.run(None, {"input_ids": input_ids, "attention_mask": attention_mask})
    return np.asarray(found, dtype=np.float32)


def test_each_product_is_one_node_and_nothing_unread_is_kept(graphs: dict[str, Path]) -> None:
    graph = onnx.load(str(graphs["fixed"])).graph
    kinds = [node.op_type for node in graph.node]
    assert kinds.count("QuantizeLinear") == kinds.count("MatMulIntegerToFloat") == 2
    assert not {"DynamicQuantizeLinear", "MatMulInteger", "Add"} & set(kinds)
    assert {tensor.name for tensor in graph.initializer} <= {name for node in graph.node for name in node.input}


def test_answers_are_near_float32(graphs: dict[str, Path]) -> None:
    exact, fixed = _answers(graphs["float32"], SAMPLE[:1]), _answers(graphs["fixed"], SAMPLE[:1])
    assert np.abs(exact - fixed).max() < 0.05 * np.abs(exact).max()


def test_company_changes_nothing(graphs: dict[str, Path]) -> None:
    quiet, loud = [1, 2, 3], [LOUD, LOUD, LOUD]
    alone = {name: _answers(path, [quiet])[0] for name, path in graphs.items()}
    beside = {name: _answers(path, [quiet, loud])[0] for name, path in graphs.items()}
    assert np.array_equal(alone["fixed"], beside["fixed"])
    # what the module is there for: the same text moves when its batch chooses the scale
    assert np.abs(alone["dynamic"] - beside["dynamic"]).max() > 0.05


def test_a_range_covers_zero_and_most_texts() -> None:
    from models_onnx.fixed_scales import choose_scale

    usual = np.ones(99)
    assert choose_scale(-usual, np.append(usual, 1000.0)) == pytest.approx((2 / 255, 128))
    assert choose_scale(usual, 2.55 * usual) == pytest.approx((0.01, 0))
    assert choose_scale(-2.55 * usual, -usual) == pytest.approx((0.01, 255))


def test_a_tensor_of_zeros_has_a_scale() -> None:
    from models_onnx.fixed_scales import choose_scale

    found = choose_scale(np.zeros(3), np.zeros(3))
    assert found.scale > 0.0
    assert found.zero_point == 0


def test_weights_with_a_zero_point_are_refused(graphs: dict[str, Path], tmp_path: Path) -> None:
    from onnxruntime.quantization import QuantType, quantize_dynamic

    from models_onnx.fixed_scales import fix_scales

    quantize_dynamic(
        graphs["float32"], tmp_path / "skewed.onnx", op_types_to_quantize=["MatMul"], weight_type=QuantType.QUInt8
    )
    with pytest.raises(ValueError, match="symmetrically"):
        fix_scales(tmp_path / "skewed.onnx", tmp_path / "fixed.onnx", sample=SAMPLE)
