"""What the ordinary environment uses must not need torch."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

TORCH_FREE = (
    *("build", "calibrate", "card", "data", "errors", "evaluate", "judged", "labels", "metrics", "ngrams"),
    *("pack", "per_class", "pretrained", "probe", "report", "runtime", "schedule", "tokens"),
)


def test_no_torch_is_imported() -> None:
    code = (
        "import sys\n"
        "sys.modules['torch'] = sys.modules['onnx'] = None\n"
        f"for name in {TORCH_FREE!r}: __import__(f'models_onnx.{{name}}')\n"
    )
    root = Path(__file__).parents[3]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
