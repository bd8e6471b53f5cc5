"""The analysis of an experiment as a picture: a forest plot, or in words why there is none."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from server.cli.experiment_report import figure as number
from server.cli.experiment_report import mark
from server.errors import StartupError

if TYPE_CHECKING:
    from adapters.experiments.report import Report
    from adapters.experiments.rows import EffectRow, Interval, Row

PIXELS_PER_INCH: Final = 140
MOST_CODE_POINTS: Final = 96
"""Of a line of words."""

# Okabe and Ito's palette: told apart by colour-blind readers too; the markers differ besides.
BETTER, WORSE, UNCLEAR, INTERACTS = "#0072B2", "#D55E00", "#6b6b6b", "#CC79A7"


@dataclass(frozen=True, slots=True)
class _Line:
    """``value`` with its interval, beside its ``name``; ``row`` says what to make of it."""

    name: str
    value: float
    ci: Interval
    row: Row | EffectRow


@dataclass(frozen=True, slots=True)
class _Panel:
    """Of one axis, of which ``title`` says what it measures."""

    title: str
    lines: Sequence[_Line]
    is_relative: bool = False


def draw(report: Report | None, path: Path) -> None:
    """``draw_forest`` for a command; None: nobody took part yet. ``StartupError`` where ``path`` can't be written."""
    try:
        if report is None:
            _draw_nobody(path)
        else:
            draw_forest(report, path)
    except OSError as error:
        raise StartupError(f"{path} can't be written: {error.strerror}.", "Give another --plot.") from None


def _draw_nobody(path: Path) -> None:
    made = _figure(2.5)
    made.suptitle("There is nothing to show", fontsize=11)
    _draw_words(("Nobody was shown it yet.",), made.subplots())
    made.savefig(path, dpi=PIXELS_PER_INCH)


def _figure(inches: float) -> Any:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    made = Figure(figsize=(9.0, inches), layout="constrained")
    FigureCanvasAgg(made)
    return made


def draw_forest(report: Report, path: Path) -> None:
    """Relative differences with their intervals, by metric and variant; absolute ones where the control's mean is too
    near 0 to divide by; the effects of two factors. What can't be compared is said in words, and so is what blocks the
    report. Raises ``OSError`` where ``path`` can't be written."""
    panels = [panel for panel in _panels(report) if panel.lines]
    words = _words(report)
    heights = [len(panel.lines) + 1.2 for panel in panels] or [2.0]
    made = _figure(1.3 + 0.42 * sum(heights) + 0.5 * len(panels) + 0.2 * len(words))
    made.suptitle(_title(report, panels), fontsize=11)
    if panels:
        axes = made.subplots(len(panels), 1, squeeze=False, gridspec_kw={"height_ratios": heights})
        for panel, (at,) in zip(panels, axes, strict=True):
            _draw_panel(panel, at)
        if words:
            made.supxlabel("\n".join(words), fontsize=9, x=0.02, ha="left")
    else:
        _draw_words(words, made.subplots())
    made.savefig(path, dpi=PIXELS_PER_INCH)


def _panels(report: Report) -> Iterator[_Panel]:
    found = report.findings
    lower = {metric.name for metric in found.plan.metrics if metric.direction == "lower"}

    def name(row: Row | EffectRow, what: str) -> str:
        return f"{row.metric}{' (lower is better)' if row.metric in lower else ''}: {what}"

    relative, absolute, effects = [], [], []
    for row in found.rows:
        if row.relative is not None and row.relative_ci is not None:
            relative.append(_Line(name(row, row.variant), row.relative, row.relative_ci, row))
        elif row.difference is not None and row.ci is not None:
            absolute.append(_Line(name(row, row.variant), row.difference, row.ci, row))
    for effect in found.effects:
        if effect.ci is not None:
            what = f"both, {effect.level}" if effect.is_interaction else f"{effect.effect}, {effect.level}"
            effects.append(_Line(name(effect, what), effect.difference, effect.ci, effect))
    yield _Panel("relative difference", relative, is_relative=True)
    yield _Panel("difference", absolute)
    yield _Panel("effects of the factors, each averaged over the other, and of both together", effects)


def _words(report: Report) -> list[str]:
    """What is not drawn, and why."""
    found = report.findings
    if found.blocked:
        return textwrap.wrap(found.blocked[0], MOST_CODE_POINTS)
    known = {(row.metric, row.variant): row.units for row in found.rows}
    said = []
    for row in found.rows:
        if row.variant == found.plan.control or row.ci is not None:
            continue
        few = [name for name in (found.plan.control, row.variant) if known[row.metric, name] < 2]
        reason = f"too few known values of {' and '.join(few)}" if few else "the values do not vary"
        said += textwrap.wrap(f"{row.metric}, {row.variant}: not compared, {reason}.", MOST_CODE_POINTS)
    return said


def _title(report: Report, panels: Sequence[_Panel]) -> str:
    if report.findings.blocked:
        return "Blocked: nothing may be concluded"
    if not panels:
        return f"Against {report.findings.plan.control}: there is nothing to show"
    inference = report.findings.plan.inference
    kind = "confidence sequences" if inference.name == "sequential" else "confidence intervals"
    units = sum(report.findings.units.values())
    title = f"Against {report.findings.plan.control}: {1.0 - inference.alpha:.0%} {kind}, {units:,} units"
    both = "   ◆ the factors interact" if report.findings.effects else ""
    return f"{title}\n▲ better   ▼ worse   ● not shown to differ{both}"


def _draw_words(words: Sequence[str], axes: Any) -> None:
    axes.axis("off")
    axes.text(0.5, 0.5, "\n".join(words), ha="center", va="center", fontsize=10, transform=axes.transAxes)


def _draw_panel(panel: _Panel, axes: Any) -> None:
    from matplotlib.ticker import PercentFormatter

    lines = panel.lines
    for place, line in enumerate(lines):
        colour, marker = _look(line.row)
        axes.plot(line.ci, (place, place), color=colour, linewidth=2.2, solid_capstyle="butt")
        axes.plot([line.value], [place], marker, color=colour, markersize=8)
        shown = f"{line.value:+.1%}" if panel.is_relative else number(line.value, sign=True)
        at = (1.01, place)
        text = f"{shown}  {mark(line.row)}".strip()
        axes.annotate(text, at, xycoords=("axes fraction", "data"), va="center", fontsize=9)
    axes.axvline(0.0, color="black", linewidth=1.0, linestyle="--")
    axes.set_yticks(range(len(lines)), [line.name for line in lines], fontsize=9)
    axes.tick_params(axis="y", length=0)
    axes.set_ylim(len(lines) - 0.4, -0.6)
    axes.grid(axis="x", color="#dddddd", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.set_xlabel(panel.title)
    if panel.is_relative:
        axes.xaxis.set_major_formatter(PercentFormatter(1.0))
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)


def _look(row: Row | EffectRow) -> tuple[str, str]:
    if not row.significant:
        return UNCLEAR, "o"
    if row.better is None:
        return INTERACTS, "D"
    return (BETTER, "^") if row.better else (WORSE, "v")
