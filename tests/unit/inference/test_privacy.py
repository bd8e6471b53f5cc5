"""What runs here stays here: ONNX Runtime reports nothing to its maker."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

OPEN_FILES = "print([fd.readlink() for fd in pathlib.Path('/proc/self/fd').iterdir() if fd.is_symlink()])"


@pytest.mark.parametrize("module", ["inference.pack", "models_onnx.runtime", "loadtest.peers.naive_pipeline"])
def test_onnx_runtime_gathers_no_events(module: str, tmp_path: Path) -> None:
    """It would keep them in a database in the home directory until they are sent."""
    code = f"import pathlib, sys, {module}; assert 'onnxruntime' in sys.modules; {OPEN_FILES}"
    env = {"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)
    assert "onnxruntime.db" not in done.stdout
    assert list(tmp_path.iterdir()) == []
