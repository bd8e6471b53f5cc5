"""The whole pipeline on a handful of rows: train, stop, resume, export, quantise, evaluate, pack."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from models_onnx.build import main
from models_onnx.data import read_split
from models_onnx.evaluate import EMOTION_SETS
from models_onnx.pack import EMBEDDING_DIM, MAX_PACK_BYTES, MAX_TOKENS, verify_pack
from models_onnx.runtime import OUTPUTS, open_session, run_all
from models_onnx.tokens import encode, load_tokenizer
from tests.train.toy import INTENTS, write_toy_data

torch = pytest.importorskip("torch", reason="the train extra is not installed")

COPIES = 4
pytestmark = pytest.mark.timeout(400)  # two builds from end to end, on whatever machine this is
TEXTS = ("what is my balance", "I love this so much!", "good morning to you, will it rain tomorrow in paris or london?")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with data, work and a pack made in two runs: stopped after two steps, then resumed."""
    root = tmp_path_factory.mktemp("pipeline")
    write_toy_data(root / "data", copies=COPIES)
    arguments = ["--data", str(root / "data"), "--work", str(root / "work"), "--out", str(root / "nlu")]
    arguments += ["--limit-rows", str(10 * COPIES)]  # of what was authored, too
    assert main([*arguments, "--epochs", "1", "--stop-after-steps", "2"]) == 0
    assert _position(root / "work") == (0, 2, 2)
    assert main([*arguments, "--note", "Stopped once.", "--epochs", "2", "--resume"]) == 0
    return root


@pytest.fixture(scope="module")
def manifest(built: Path) -> Mapping[str, Any]:
    return verify_pack(built / "nlu")


def _position(work: Path) -> tuple[int, int, int]:
    found = torch.load(work / "checkpoint.pt", weights_only=True)["position"]
    return (found[0], found[1], found[2])


def test_the_resumed_run_reached_its_end(built: Path) -> None:
    epoch, batch, step = _position(built / "work")
    assert (epoch, batch) == (2, 0)
    assert step > 4


def test_manifest_describes_the_pack(built: Path, manifest: Mapping[str, Any]) -> None:
    assert manifest["heads"]["intent"]["labels"] == sorted(INTENTS)
    assert {source["name"] for source in manifest["data"]} >= {"clinc150", *EMOTION_SETS}
    assert manifest["made_by"]["command"].endswith("--epochs 2 --resume")
    assert manifest["made_by"]["note"] == "Stopped once."
    assert sum(file.stat().st_size for file in (built / "nlu").iterdir()) < MAX_PACK_BYTES
    assert "# nlu" in (built / "nlu" / "MODEL_CARD.md").read_text(encoding="utf-8")


def test_both_kinds_are_measured_alike(manifest: Mapping[str, Any]) -> None:
    int8, float32 = manifest["metrics"]["int8"], manifest["metrics"]["float32"]
    assert set(float32) <= set(int8)
    assert int8["clinc150_in_scope_rows"] == 8 * COPIES
    assert int8["clinc150_oos_rows"] == 2 * COPIES


def test_pack_runs_with_the_promised_shapes(built: Path) -> None:
    rows = encode(load_tokenizer(built / "nlu" / "tokenizer.json"), TEXTS, MAX_TOKENS)
    found = run_all(open_session(built / "nlu" / "model.onnx"), rows, batch=3)
    assert {name: array.shape for name, array in found.items()} == {
        "embedding": (3, EMBEDDING_DIM),
        "intent": (3, len(INTENTS)),
        "sentiment": (3, 5),
        "emotions": (3, 6),
        "fine_emotions": (3, 28),
        "act": (3, 9),
        "urgency": (3, 1),
        "politeness": (3, 1),
        "toxicity": (3, 1),
    }
    assert np.allclose(np.linalg.norm(found["embedding"], axis=1), 1.0, atol=1e-5)


def test_int8_agrees_with_float32(built: Path) -> None:
    rows = encode(load_tokenizer(built / "nlu" / "tokenizer.json"), TEXTS, MAX_TOKENS)
    int8 = run_all(open_session(built / "nlu" / "model.onnx"), rows)
    float32 = run_all(open_session(built / "work" / "float32.onnx"), rows)
    assert float((int8["embedding"] * float32["embedding"]).sum(axis=1).min()) > 0.98
    for name in OUTPUTS[1:]:
        assert np.abs(int8[name] - float32[name]).max() < 0.5


def test_int8_answers_alone_as_in_company(built: Path, manifest: Mapping[str, Any]) -> None:
    rows = encode(load_tokenizer(built / "nlu" / "tokenizer.json"), TEXTS, MAX_TOKENS)
    session = open_session(built / "nlu" / "model.onnx")
    alone, together = run_all(session, rows), run_all(session, rows, batch=3)
    for name in OUTPUTS:
        assert np.allclose(alone[name], together[name], atol=1e-4)
    drift = manifest["metrics"]["int8"]["batch_of_32"]
    changes = [change for name, change in drift.items() if name.endswith("_max_probability_change")]
    assert len(changes) == 7
    assert max(changes) <= 0.001


def test_only_the_fixed_graph_is_kept(built: Path) -> None:
    assert sorted(path.name for path in (built / "work").glob("*.onnx")) == ["float32.onnx", "int8.onnx"]


def test_float32_graph_is_the_trained_network(built: Path) -> None:
    from models_onnx.build import widen
    from models_onnx.export import centre_intents
    from models_onnx.network import Network
    from models_onnx.tokens import pad

    network = Network(len(INTENTS)).eval()
    network.load_state_dict(torch.load(built / "work" / "checkpoint.pt", weights_only=True)["network"])
    widen(network, read_split(built / "data", "train", tuple(sorted(INTENTS)), limit_rows=10 * COPIES))
    centre_intents(network)
    rows = encode(load_tokenizer(built / "nlu" / "tokenizer.json"), TEXTS, MAX_TOKENS)
    found = run_all(open_session(built / "work" / "float32.onnx"), rows, batch=3)
    with torch.no_grad():
        expected = network(*map(torch.from_numpy, pad(rows)))
    for name in OUTPUTS:
        assert np.allclose(found[name], getattr(expected, name).numpy(), atol=1e-4)


def test_smoothing_changes_nothing_in_float32(built: Path) -> None:
    from models_onnx.network import Network
    from models_onnx.smooth import smooth
    from models_onnx.tokens import pad

    network = Network(len(INTENTS)).eval()
    network.load_state_dict(torch.load(built / "work" / "checkpoint.pt", weights_only=True)["network"])
    rows = encode(load_tokenizer(built / "nlu" / "tokenizer.json"), TEXTS, MAX_TOKENS)
    inputs = list(map(torch.from_numpy, pad(rows)))
    with torch.no_grad():
        plain, smoothed = network(*inputs), smooth(network, rows)(*inputs)
    for name in OUTPUTS:
        assert torch.allclose(getattr(plain, name), getattr(smoothed, name), atol=1e-3)


def test_a_small_network_learns_from_the_large_one(built: Path, tmp_path: Path) -> None:
    """The fast model's road: three layers, begun from the trained six and taught by them."""
    teacher = str(built / "work" / "checkpoint.pt")
    arguments = ["--data", str(built / "data"), "--work", str(tmp_path / "work"), "--out", str(tmp_path / "fast")]
    arguments += ["--limit-rows", "10", "--layers", "3", "--start", teacher, "--teachers", teacher]
    assert main([*arguments, "--name", "nlu-fast", "--epochs", "1", "--stop-after-steps", "2"]) == 0
    manifest = verify_pack(tmp_path / "fast")
    assert manifest["name"] == "nlu-fast"
    assert manifest["files"]["model.onnx"]["bytes"] < 22_000_000
    assert "3 layers of MiniLM-L6" in (tmp_path / "fast" / "MODEL_CARD.md").read_text(encoding="utf-8")


def test_another_seed_is_not_resumed(built: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--data", str(built / "data"), "--work", str(built / "work"), "--out", str(built / "other")]
    arguments += ["--limit-rows", str(10 * COPIES)]
    assert main([*arguments, "--seed", "1", "--resume"]) == 1
    assert "use another --work folder" in capsys.readouterr().err


def test_missing_file_ends_with_a_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = write_toy_data(tmp_path / "data")
    (data / "xed" / "val.jsonl.gz").unlink()
    assert main(["--data", str(data), "--work", str(tmp_path / "work"), "--out", str(tmp_path / "nlu")]) == 1
    said = capsys.readouterr().err
    assert said.startswith("error: ") and "val.jsonl.gz is missing" in said
    assert not (tmp_path / "nlu").exists()


def test_malformed_line_ends_with_a_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import gzip

    data = write_toy_data(tmp_path / "data")
    path = data / "dynasent" / "train.jsonl.gz"
    path.write_bytes(gzip.compress(b'{"text": "x", "sentiment": "neutral"}\n{"text": \n'))
    assert main(["--data", str(data), "--work", str(tmp_path / "work"), "--out", str(tmp_path / "nlu")]) == 1
    assert "train.jsonl.gz, line 2: not JSON" in capsys.readouterr().err
