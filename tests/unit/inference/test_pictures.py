"""Pictures are drawn whatever the figures: no class, one class, many; nothing confused; one bin."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from inference import pictures
from inference.confusion import Pair
from inference.reliability import Reliability, reliability


def size_of(path: Path) -> tuple[int, int]:
    """Width and height in pixels, from the PNG's header."""
    head = path.read_bytes()[:24]
    assert head[:8] == b"\x89PNG\r\n\x1a\n"
    return int.from_bytes(head[16:20]), int.from_bytes(head[20:24])


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "drawn.png"


@pytest.mark.parametrize("classes", [1, 3, 9, 40])
def test_matrices_grow_with_their_classes(path: Path, classes: int) -> None:
    labels = [f"class {number}" for number in range(classes)]
    pictures.draw_confusion(labels, np.eye(classes, dtype=int).tolist(), path, truth="label", title="all right")
    width, height = size_of(path)
    assert width == height == int(max(4.8, 0.32 * classes + 2.5) * pictures.PIXELS_PER_INCH)


@pytest.mark.parametrize("count", [0, 1, 30])
def test_pairs(path: Path, count: int) -> None:
    pairs = [Pair(f"intent_{number}", "another_one", 30 - number, 0.5) for number in range(count)]
    pictures.draw_pairs(pairs, path)
    assert size_of(path)[0] == 8 * pictures.PIXELS_PER_INCH


@pytest.mark.parametrize("heads", [1, 2, 4, 5])
def test_reliability(path: Path, heads: int) -> None:
    honest = reliability(np.linspace(0.2, 1.0, 50), np.arange(50) % 3 > 0)
    found = {f"head {number}": honest for number in range(heads - 1)} | {"last": Reliability((1.0,), (1.0,), (3,), 0.0)}
    pictures.draw_reliability(found, path)
    panels = {1: (1, 1), 2: (2, 1), 4: (2, 2), 5: (3, 2)}[heads]
    inches = (3.6 * panels[0], 3.8 * panels[1])
    assert size_of(path) == tuple(int(length * pictures.PIXELS_PER_INCH + 1e-6) for length in inches)


def test_curves_and_histograms(path: Path) -> None:
    values = np.linspace(0.0, 1.0, 30)
    pictures.draw_scores({"in": values, "out": np.array([1.0])}, path, score="score")
    size_of(path)
    pictures.draw_roc({"score": (values, values, 0.5)}, path)
    size_of(path)
    pictures.draw_latency([8, 16], {"p50": [1.0, 2.0], "p95": [1.5, 3.0]}, path)
    size_of(path)
    pictures.draw_confidence(values, values > 0.5, 0.4, path)
    size_of(path)


def test_the_ground_is_opaque(path: Path) -> None:
    from matplotlib.image import imread

    pictures.draw_latency([8], {"p50": [1.0]}, path)
    corner = imread(path)[0, 0]
    assert corner.tolist() in ([1.0, 1.0, 1.0, 1.0], [1.0, 1.0, 1.0])
