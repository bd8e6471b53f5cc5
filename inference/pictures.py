"""The pictures of tests and reports: matrices, histograms, curves. Matplotlib is an extra: only this module needs it.

Every picture is opaque, so that it reads alike on a light and on a dark page; the colours are told apart with any
colour vision (Okabe and Ito 2008, *Color Universal Design*).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from inference.confusion import Pair
from inference.reliability import Reliability

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

PIXELS_PER_INCH = 120
MAX_NUMBERED = 30
"""Classes up to which each cell shows its count: beyond, the figures would overlap."""

FEW = 12
"""Classes up to which their names are printed larger and aslant."""

SPARSE = 20
"""Rows below which a bin's accuracy is mostly chance: its point is drawn hollow."""

BLUE, VERMILION, GREEN, PURPLE, GREY = "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#999999"
LINES = ("-", "--", "-.", ":")
BAR_INCHES = 0.24


def draw_confusion(
    labels: Sequence[str], counts: Sequence[Sequence[int]], path: Path, *, truth: str, title: str = ""
) -> None:
    """Rows are the true classes, which ``truth`` names, columns what they were taken for; a cell's shade is its share
    of its row."""
    shares = [[count / max(sum(row), 1) for count in row] for row in counts]
    inches = max(4.8, 0.32 * len(labels) + 2.5)
    figure, axes = _figure(inches, inches, title)
    axes.imshow(shares, cmap="Blues", vmin=0.0, vmax=1.0)
    size = 9 if len(labels) <= FEW else 8 if len(labels) <= MAX_NUMBERED else 6
    turned = {"rotation": 40, "ha": "right", "rotation_mode": "anchor"} if len(labels) <= FEW else {"rotation": 90}
    axes.set_xticks(range(len(labels)), labels, fontsize=size, **turned)
    axes.set_yticks(range(len(labels)), labels, fontsize=size)
    axes.set_xlabel("taken for")
    axes.set_ylabel(truth)
    if len(labels) <= MAX_NUMBERED:
        for row, own in enumerate(counts):
            for column, count in enumerate(own):
                if count:
                    colour = "white" if shares[row][column] > 0.5 else "black"
                    axes.text(column, row, str(count), ha="center", va="center", fontsize=size, color=colour)
    _save(figure, path)


def draw_confidence(confidence: NDArray[np.float64], right: NDArray[np.bool_], threshold: float, path: Path) -> None:
    """How sure it was where it was right and where it was wrong, with the threshold between asking and answering."""
    figure, axes = _figure(7.0, 4.0)
    parts = [confidence[right], confidence[~right]]
    axes.hist(parts, bins=_twentieths(), stacked=True, color=[BLUE, VERMILION], label=["right", "wrong"])
    axes.axvline(threshold, color="black", linestyle="--", label=f"threshold {threshold:.2f}")
    axes.set_xlim(0.0, 1.0)
    axes.set_xlabel("confidence")
    axes.set_ylabel("examples")
    axes.legend()
    _save(figure, path)


def draw_pairs(pairs: Sequence[Pair], path: Path, *, title: str = "") -> None:
    """A bar a pair, the worst on top: how many rows, and which share of the true class that is."""
    figure, axes = _figure(8.0, 1.4 + BAR_INCHES * max(1, len(pairs)), title)
    places = range(len(pairs))
    axes.barh(places, [pair.rows for pair in pairs], color=BLUE)
    axes.set_yticks(places, [f"{pair.truth} → {pair.taken_for}" for pair in pairs], fontsize=8)
    for place, pair in enumerate(pairs):
        axes.annotate(
            f"{pair.share:.0%}", (pair.rows, place), xytext=(3, 0), textcoords="offset points", va="center", fontsize=8
        )
    axes.invert_yaxis()
    axes.set_ylim(len(pairs) - 0.4, -0.6)
    axes.margins(x=0.1)
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.set_xlabel("rows, and their share of the true class")
    _save(figure, path)


def draw_reliability(heads: Mapping[str, Reliability], path: Path) -> None:
    """A panel a head: on the diagonal confidence is honest, below it too high; bars are the share of rows; hollow
    points stand for few of them."""
    columns = 2 if len(heads) == 4 else min(3, len(heads))
    lines = -(-len(heads) // columns)
    figure, panels = _figure(3.6 * columns, 3.8 * lines, grid=(lines, columns))
    for axes in panels[len(heads) :]:
        axes.remove()
    for axes, (name, found) in zip(panels, heads.items(), strict=False):
        total = max(1, sum(found.rows))
        axes.bar(found.confidence, [rows / total for rows in found.rows], width=0.045, color=GREY, alpha=0.55)
        axes.plot([0.0, 1.0], [0.0, 1.0], color="black", linestyle=":", linewidth=1)
        axes.plot(found.confidence, found.accuracy, color=BLUE)
        fill = [BLUE if rows >= SPARSE else "white" for rows in found.rows]
        axes.scatter(found.confidence, found.accuracy, s=20, c=fill, edgecolors=BLUE, zorder=3, clip_on=False)
        axes.set_xlim(0.0, 1.0)
        axes.set_ylim(0.0, 1.0)
        axes.set_aspect("equal")
        axes.set_title(f"{name}: ECE {found.error:.3f}, {total:,} rows", fontsize=9)
        axes.set_xlabel("confidence")
        axes.set_ylabel("accuracy; bars: share of rows", fontsize=8)
    _save(figure, path)


def draw_scores(parts: Mapping[str, NDArray[np.float64]], path: Path, *, score: str, title: str = "") -> None:
    """Histograms of a score in [0, 1], each part's as shares of its own rows; the scale is logarithmic, since most
    rows lie at the ends."""
    from matplotlib.ticker import NullFormatter, PercentFormatter

    figure, axes = _figure(7.0, 4.0, title)
    axes.hist(
        list(parts.values()),
        bins=_twentieths(),
        weights=[[1.0 / len(values)] * len(values) for values in parts.values()],
        color=[BLUE, VERMILION, GREEN, PURPLE][: len(parts)],
        label=[f"{name} ({len(values):,} rows)" for name, values in parts.items()],
    )
    axes.axvline(0.5, color="black", linestyle="--", linewidth=1)
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter(PercentFormatter(1.0))
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.set_xlim(0.0, 1.0)
    axes.set_xlabel(score)
    axes.set_ylabel("share of the part's rows")
    axes.legend(loc="upper center")
    _save(figure, path)


def draw_roc(
    curves: Mapping[str, tuple[NDArray[np.float64], NDArray[np.float64], float]], path: Path, *, title: str = ""
) -> None:
    """Receiver operating characteristics: name → false positive rates, true positive rates, area under the curve."""
    figure, axes = _figure(5.2, 5.2, title)
    axes.plot([0.0, 1.0], [0.0, 1.0], color=GREY, linestyle=":", linewidth=1)
    styles = zip((BLUE, VERMILION, GREEN, PURPLE), LINES, strict=True)
    for (name, (false, true, area)), (colour, line) in zip(curves.items(), styles, strict=False):
        axes.plot(false, true, color=colour, linestyle=line, label=f"{name}: AUROC {area:.3f}")
    axes.set_xlim(0.0, 1.0)
    axes.set_ylim(0.0, 1.005)
    axes.set_aspect("equal")
    axes.set_xlabel("false positive rate")
    axes.set_ylabel("true positive rate")
    axes.legend(loc="lower right")
    _save(figure, path)


def draw_latency(tokens: Sequence[int], series: Mapping[str, Sequence[float]], path: Path, *, title: str = "") -> None:
    """Milliseconds against the length of a text; ``series``: name → one value a length."""
    figure, axes = _figure(7.0, 4.2, title)
    styles = zip((BLUE, VERMILION, GREEN, PURPLE), LINES, "os^D", strict=True)
    for (name, values), (colour, line, mark) in zip(series.items(), styles, strict=False):
        axes.plot(tokens, values, color=colour, linestyle=line, marker=mark, markersize=5, label=name)
    axes.set_xlim(left=0)
    axes.set_ylim(bottom=0.0)
    axes.set_xlabel("tokens of the text, the two special ones included")
    axes.set_ylabel("milliseconds")
    axes.grid(color=GREY, alpha=0.3)
    axes.legend()
    _save(figure, path)


def _figure(width: float, height: float, title: str = "", grid: tuple[int, int] | None = None) -> tuple[Any, Any]:
    """A figure in inches on an opaque white ground, and its axes: one, or a list row by row."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained", facecolor="white")
    FigureCanvasAgg(figure)
    if title:
        figure.suptitle(title, fontsize=10)
    if grid is None:
        return figure, figure.subplots()
    return figure, list(figure.subplots(*grid, squeeze=False).flat)


def _save(figure: Any, path: Path) -> None:
    figure.savefig(path, dpi=PIXELS_PER_INCH)


def _twentieths() -> list[float]:
    return [step / 20 for step in range(21)]
