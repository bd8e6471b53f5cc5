"""A model folder is used whole and unaltered, or not at all."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from inference.errors import ModelError
from inference.heads import RawOutputs
from inference.pack import Pack, load_pack, verify_pack
from inference.tokenise import pad

Damage = Callable[[dict[str, Any]], None]


def replace(path: Path, content: bytes) -> None:
    path.unlink()
    path.write_bytes(content)


def edit_manifest(folder: Path, change: Damage) -> None:
    path = folder / "manifest.json"
    data = json.loads(path.read_bytes())
    change(data)
    replace(path, json.dumps(data).encode())


def swap_in(folder: Path, name: str, content: bytes) -> None:
    """Other content with its own right digest in the manifest."""
    replace(folder / name, content)

    def record(data: dict[str, Any]) -> None:
        data["files"][name] = {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}

    edit_manifest(folder, record)


def refused(folder: Path) -> ModelError:
    with pytest.raises(ModelError) as caught:
        load_pack(folder)
    return caught.value


def test_the_shipped_pack_runs(pack: Pack) -> None:
    rows = [pack.tokeniser.encode(text) for text in ("hello", "where is my order?")]
    raw = pack.run(*pad(rows, pack.manifest.pad_id))
    given = {name: values for name, values in raw._asdict().items() if values is not None}
    assert {name: values.shape for name, values in given.items()} == {
        name: (2, width) for name, width in pack.manifest.widths.items()
    }
    assert all(values.dtype == np.float32 and np.isfinite(values).all() for values in given.values())


def test_the_shipped_pack_has_what_the_issue_asks_for(pack: Pack) -> None:
    classes = {"embedding": 384, "intent": 150, "sentiment": 5, "emotions": 6, "act": 9}
    assert pack.manifest.widths == classes | dict.fromkeys(("urgency", "politeness", "toxicity"), 1)
    assert set(pack.manifest.widths) <= set(RawOutputs._fields)
    assert pack.manifest.model.startswith("nlu-")


def test_verifying_gives_the_manifest(pack_folder: Path, pack: Pack) -> None:
    assert verify_pack(pack_folder) == pack.manifest


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    error = refused(tmp_path / "none")
    assert str(error) == f"{tmp_path / 'none'} is not a folder. Give the folder of a packed model."


@pytest.mark.parametrize("name", ["model.onnx", "tokenizer.json", "manifest.json"])
def test_a_missing_file_is_named(copied: Path, name: str) -> None:
    (copied / name).unlink()
    error = refused(copied)
    assert error.path == copied / name
    assert "is missing" in str(error)
    assert "Restore it" in str(error)


@pytest.mark.parametrize("name", ["model.onnx", "tokenizer.json"])
def test_one_altered_byte_is_found(copied: Path, name: str) -> None:
    content = bytearray((copied / name).read_bytes())
    content[len(content) // 2] ^= 1
    replace(copied / name, bytes(content))
    error = refused(copied)
    assert error.path == copied / name
    assert "wrong digest" in str(error)
    with pytest.raises(ModelError, match="wrong digest"):
        verify_pack(copied)


def test_a_file_cut_short_is_found(copied: Path) -> None:
    replace(copied / "model.onnx", (copied / "model.onnx").read_bytes()[:1000])
    error = refused(copied)
    assert error.path == copied / "model.onnx"
    assert "has 1000 bytes, its manifest says" in str(error)


def test_a_folder_in_the_place_of_a_file(copied: Path) -> None:
    (copied / "tokenizer.json").unlink()
    (copied / "tokenizer.json").mkdir()
    error = refused(copied)
    assert error.path == copied / "tokenizer.json"
    assert "can't be read" in str(error)


def test_a_file_that_is_no_model(copied: Path) -> None:
    swap_in(copied, "model.onnx", b"not a graph")
    error = refused(copied)
    assert error.path == copied / "model.onnx"
    assert "is not a model that ONNX Runtime" in str(error)


def test_a_file_that_is_no_tokenizer(copied: Path) -> None:
    swap_in(copied, "tokenizer.json", b'{"version": "1.0"}')
    error = refused(copied)
    assert error.path == copied / "tokenizer.json"
    assert "is not a tokenizer" in str(error)


def test_a_vocabulary_larger_than_the_model(copied: Path) -> None:
    data = json.loads((copied / "tokenizer.json").read_bytes())
    data["model"]["vocab"]["hello"] = 10_000_000
    swap_in(copied, "tokenizer.json", json.dumps(data).encode())
    error = refused(copied)
    assert error.path == copied / "model.onnx"
    assert "fails on its first text" in str(error)


def fewer_intents(data: dict[str, Any]) -> None:
    data["heads"]["intent"]["labels"].pop()


def another_width(data: dict[str, Any]) -> None:
    data["embedding_dim"] = 768


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (fewer_intents, "`intent` as tensor(float) ['batch', 150], its manifest says float [batch, 149]"),
        (another_width, "`embedding` as tensor(float) ['batch', 384], its manifest says float [batch, 768]"),
    ],
)
def test_a_model_of_another_shape_than_its_manifest(copied: Path, change: Damage, said: str) -> None:
    edit_manifest(copied, change)
    error = refused(copied)
    assert error.path == copied / "model.onnx"
    assert said in str(error)


def test_a_newer_schema(copied: Path) -> None:
    edit_manifest(copied, lambda data: data.update(schema=2))
    error = refused(copied)
    assert error.path == copied / "manifest.json"
    assert "has schema 2, this program reads schema 1" in str(error)


def test_a_manifest_that_is_not_json(copied: Path) -> None:
    replace(copied / "manifest.json", b"{")
    error = refused(copied)
    assert error.path == copied / "manifest.json"
    assert "can't be used" in str(error)
