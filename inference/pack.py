"""Loads a packed model folder: ``model.onnx``, ``tokenizer.json`` and ``manifest.json``, verified before use.

Create a pack's session after a fork, not before it: ONNX Runtime's threads do not survive one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from tokenizers import Tokenizer

from inference.errors import ModelError
from inference.heads import RawOutputs, Runner
from inference.manifest import MODEL_FILE, TOKENIZER_FILE, Manifest, parse_manifest
from inference.tokenise import Ids, Tokeniser, pad

if TYPE_CHECKING:
    import onnxruntime as ort

MANIFEST_FILE = "manifest.json"
INPUTS = ("input_ids", "attention_mask")
_PROBES = ("hello", "where is my order? it should have been here two days ago already", "why " * 40)


@dataclass(frozen=True, slots=True)
class Pack:
    """A verified model that is ready to run."""

    folder: Path
    manifest: Manifest
    tokeniser: Tokeniser
    run: Runner


def read_manifest(folder: Path) -> Manifest:
    """The manifest in a folder, whose other files are not looked at.

    Raises:
        ModelError: the folder or the manifest is missing or malformed.
    """
    if not folder.is_dir():
        raise ModelError(folder, "is not a folder", "Give the folder of a packed model.")
    path = folder / MANIFEST_FILE
    try:
        return parse_manifest(_content(path))
    except ValueError as error:
        raise ModelError(path, f"can't be used: {error}") from error


def verify_pack(folder: Path) -> Manifest:
    """The manifest of a folder whose files all have the recorded sizes and digests.

    Raises:
        ModelError: names the file that is missing, malformed or altered, and the remedy.
    """
    manifest, _ = _verified(folder)
    return manifest


def load_pack(folder: Path) -> Pack:
    """Verify the folder, open the model and run it once, which also warms it up.

    Raises:
        ModelError: as ``verify_pack``, and for a model that doesn't fit its manifest.
    """
    manifest, contents = _verified(folder)
    tokeniser = _tokeniser(folder / TOKENIZER_FILE, contents[TOKENIZER_FILE], manifest)
    run = _runner(folder / MODEL_FILE, contents[MODEL_FILE], manifest)
    _probe(folder / MODEL_FILE, tokeniser, run, manifest)
    return Pack(folder, manifest, tokeniser, run)


def session_options() -> ort.SessionOptions:
    """One thread that sleeps when idle: the defaults take every core, spin while idle and are slow in a quota."""
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    return options


def _verified(folder: Path) -> tuple[Manifest, dict[str, bytes]]:
    manifest = read_manifest(folder)
    return manifest, {name: _checked(folder / name, manifest) for name in manifest.files}


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        raise ModelError(path, "is missing") from error
    except OSError as error:
        raise ModelError(path, f"can't be read ({error.strerror})", "Check the file's permissions.") from error


def _checked(path: Path, manifest: Manifest) -> bytes:
    content, recorded = _content(path), manifest.files[path.name]
    if len(content) != recorded.bytes:
        raise ModelError(path, f"has {len(content)} bytes, its manifest says {recorded.bytes}")
    digest = hashlib.sha256(content).hexdigest()
    if digest != recorded.sha256:
        raise ModelError(path, f"has the wrong digest: SHA-256 is {digest}, its manifest says {recorded.sha256}")
    return content


def _tokeniser(path: Path, content: bytes, manifest: Manifest) -> Tokeniser:
    try:
        tokenizer = Tokenizer.from_str(content.decode("utf-8"))
    except Exception as error:  # the binding raises bare Exception
        raise ModelError(path, f"is not a tokenizer: {error}") from error
    return Tokeniser(tokenizer, max_tokens=manifest.max_tokens, pad_id=manifest.pad_id)


def _runner(path: Path, content: bytes, manifest: Manifest) -> Runner:
    import onnxruntime as ort  # here, since its import starts a thread: commands that run no model need neither

    try:
        session = ort.InferenceSession(content, session_options(), providers=["CPUExecutionProvider"])
    except Exception as error:  # the binding's exceptions share no other base
        raise ModelError(path, f"is not a model that ONNX Runtime {ort.__version__} opens: {error}") from error
    _check_inputs(path, session.get_inputs())
    _check_outputs(path, session.get_outputs(), manifest)
    names = tuple(manifest.widths)

    def run(input_ids: Ids, attention_mask: Ids) -> RawOutputs:
        values = session.run(names, {"input_ids": input_ids, "attention_mask": attention_mask})
        return RawOutputs(**dict(zip(names, values, strict=True)))

    return run


def _check_inputs(path: Path, inputs: Sequence[Any]) -> None:
    found = {entry.name: (entry.type, len(entry.shape)) for entry in inputs}
    if found != dict.fromkeys(INPUTS, ("tensor(int64)", 2)):
        raise ModelError(path, f"has the inputs {found}, not input_ids and attention_mask of int64 [batch, tokens]")


def _check_outputs(path: Path, outputs: Sequence[Any], manifest: Manifest) -> None:
    found = {entry.name: entry for entry in outputs}
    for name, width in manifest.widths.items():
        if name not in found:
            raise ModelError(path, f"has no output `{name}`")
        kind, shape = found[name].type, found[name].shape
        if kind != "tensor(float)" or len(shape) != 2 or shape[1] != width:
            raise ModelError(path, f"gives `{name}` as {kind} {shape}, its manifest says float [batch, {width}]")


def _probe(path: Path, tokeniser: Tokeniser, run: Runner, manifest: Manifest) -> None:
    for text in _PROBES:
        try:
            raw = run(*pad([tokeniser.encode(text)], tokeniser.pad_id))
        except Exception as error:  # the binding's exceptions share no other base
            raise ModelError(path, f"fails on its first text: {error}") from error
        for name, width in manifest.widths.items():
            values = getattr(raw, name)
            if values.shape != (1, width) or not np.isfinite(values).all():
                raise ModelError(path, f"gives a wrong `{name}`: shape {values.shape}, or values that are not finite")
