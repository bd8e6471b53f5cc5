"""The pictures and files of ``parlance intents test``. Matplotlib is an extra: only this module needs it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from server.errors import StartupError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

PIXELS_PER_INCH = 120
MAX_NUMBERED = 30
"""Intents up to which each cell shows its count: beyond, the figures would overlap."""


def check_pictures() -> None:
    """``StartupError`` where pictures can't be made."""
    try:
        import matplotlib.figure  # noqa: F401
    except ImportError:
        remedy = "Install it with `pip install 'parlance[report]'`, or give --no-pictures."
        raise StartupError("The pictures need Matplotlib, which is not installed.", remedy) from None


def write_json(found: dict[str, Any], path: Path) -> None:
    """One JSON document."""
    path.write_text(json.dumps(found, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


def write_errors(found: dict[str, Any], path: Path) -> None:
    """The errors as a Markdown table, the surest first."""
    lines = ["# Errors", "", "| confidence | intent | taken for | text |", "| --- | --- | --- | --- |"]
    for error in found["errors"]:
        text = error["text"].replace("\\", "\\\\").replace("|", "\\|")
        lines.append(f"| {error['confidence']:.2f} | {error['intent']} | {error['taken_for']} | {text} |")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def draw_confusion(labels: Sequence[str], counts: Sequence[Sequence[int]], path: Path) -> None:
    """Rows are the true intents, columns what they were taken for; a cell's shade is its share of its row."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    shares = [[count / max(sum(row), 1) for count in row] for row in counts]
    inches = max(6.0, 0.32 * len(labels) + 2.5)
    figure = Figure(figsize=(inches, inches), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    axes.imshow(shares, cmap="Blues", vmin=0.0, vmax=1.0)
    size = 8 if len(labels) <= MAX_NUMBERED else 6
    axes.set_xticks(range(len(labels)), labels, rotation=90, fontsize=size)
    axes.set_yticks(range(len(labels)), labels, fontsize=size)
    axes.set_xlabel("taken for")
    axes.set_ylabel("intent")
    if len(labels) <= MAX_NUMBERED:
        for row, own in enumerate(counts):
            for column, count in enumerate(own):
                if count:
                    colour = "white" if shares[row][column] > 0.5 else "black"
                    axes.text(column, row, str(count), ha="center", va="center", fontsize=size, color=colour)
    figure.savefig(path, dpi=PIXELS_PER_INCH)


def draw_confidence(confidence: NDArray[np.float64], right: NDArray[np.bool_], threshold: float, path: Path) -> None:
    """How sure it was where it was right and where it was wrong, with the threshold between asking and answering."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.0, 4.0), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    bins = [step / 20 for step in range(21)]
    parts = [confidence[right], confidence[~right]]
    axes.hist(parts, bins=bins, stacked=True, color=["#2b7bba", "#d1495b"], label=["right", "wrong"])
    axes.axvline(threshold, color="black", linestyle="--", label=f"threshold {threshold:.2f}")
    axes.set_xlim(0.0, 1.0)
    axes.set_xlabel("confidence")
    axes.set_ylabel("examples")
    axes.legend()
    figure.savefig(path, dpi=PIXELS_PER_INCH)
