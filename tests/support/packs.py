"""Model packs for tests: the one that ships, under another version."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import msgspec

from inference.manifest import Manifest
from inference.pack import MANIFEST_FILE, read_manifest

SHIPPED = Path(__file__).resolve().parents[2] / "models_onnx" / "nlu"


def shipped() -> Manifest:
    """Of the pack that ships."""
    return read_manifest(SHIPPED)


def renamed(folder: Path, version: str, **metrics: float) -> Path:
    """A copy in ``folder`` that says to be that version, and to have these metrics."""
    shutil.copytree(SHIPPED, folder)
    path = folder / MANIFEST_FILE
    content: dict[str, Any] = msgspec.json.decode(path.read_bytes())
    content["version"] = version
    content["metrics"]["int8"] |= metrics
    path.write_bytes(msgspec.json.encode(content))
    return folder
