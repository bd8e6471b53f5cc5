"""What runs here stays here: ONNX Runtime reports nothing to its maker."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

OPEN_FILES = "print([fd.readlink() for fd in pathlib.Path('/proc/self/fd').iterdir() if fd.is_symlink()])"


LOADERS = [
    "import inference.pack; inference.pack.session_options()",
    "import models_onnx.runtime",
    "import loadtest.peers.naive_pipeline",
]


@pytest.mark.parametrize("loading", LOADERS)
def test_onnx_runtime_gathers_no_events(loading: str, tmp_path: Path) -> None:
    """It would keep them in a database in the home directory until they are sent."""
    code = f"import pathlib, sys; {loading}; assert 'onnxruntime' in sys.modules; {OPEN_FILES}"
    env = {"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)
    assert "onnxruntime.db" not in done.stdout
    assert list(tmp_path.iterdir()) == []
