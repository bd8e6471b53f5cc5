"""The analysis of an experiment as a person reads it: a table, sentences, and a forest plot."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from server.errors import StartupError

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from adapters.experiments.report import Report
    from adapters.experiments.rows import EffectRow, Row

PIXELS_PER_INCH = 140

# Okabe and Ito's palette: told apart by colour-blind readers too; the markers differ besides.
BETTER, WORSE, UNCLEAR = "#0072B2", "#D55E00", "#6b6b6b"


def print_report(report: Report, console: Console) -> None:
    """Who took part, the comparisons, what follows."""
    from rich.text import Text

    counts = ", ".join(f"{name} {units:,}" for name, units in report.findings.units.items())
    console.print(Text(f"Units: {counts}. Sample ratio: p = {_p(report.srm_p_value)}."), soft_wrap=True)
    console.print(_table(report))
    if report.findings.effects:
        console.print(_effects(report))
    for sentence in report.insights:
        console.print(Text(f"• {sentence}"), soft_wrap=True)
    verdict = report.verdict
    heading = {"blocked": "Blocked", "continue": "Go on", "stop": "Stop"}[verdict.action]
    won = f" Winner: {verdict.winner}." if verdict.winner else ""
    if verdict.action == "blocked":
        console.print(Text("Blocked: nothing may be concluded.", "bold red"))
    else:
        console.print(Text.assemble((f"{heading}.{won} ", "bold"), verdict.reason), soft_wrap=True)


def _table(report: Report) -> Table:
    from rich.table import Table
    from rich.text import Text

    inference = report.findings.plan.inference
    level = f"{1.0 - inference.alpha:.0%}"
    table = Table(
        header_style="bold", title=f"{inference.name}, α = {inference.alpha:g}, {report.findings.plan.correction}"
    )
    table.add_column("Metric", overflow="fold")
    headings = ("Variant", "Units", "Mean", "Difference", "Relative", f"{level} interval", "p", "p adjusted")
    for title in (*headings, "Chance to win", ""):
        table.add_column(title, justify="left" if title in ("Variant", "") else "right", no_wrap=True)
    last = ""
    for row in report.findings.rows:
        if last and row.metric != last:
            table.add_section()
        # As texts: a name may hold what Rich takes for markup.
        table.add_row(*map(Text, (row.metric if row.metric != last else "", *_cells(row))))
        last = row.metric
    return table


def _effects(report: Report) -> Table:
    from rich.table import Table
    from rich.text import Text

    first, second = report.findings.plan.factors
    table = Table(header_style="bold", title=f"{first.name} and {second.name}: main effects and interaction")
    table.add_column("Metric", overflow="fold")
    level = f"{1.0 - report.findings.plan.inference.alpha:.0%}"
    for title in ("Effect", "Level", "Difference", f"{level} interval", "p", "p adjusted", ""):
        table.add_column(title, justify="left" if title in ("Effect", "Level", "") else "right", no_wrap=True)
    last = ""
    for row in report.findings.effects:
        if last and row.metric != last:
            table.add_section()
        interval = "–" if row.ci is None else f"{_figure(row.ci[0], sign=True)} … {_figure(row.ci[1], sign=True)}"
        found = "interacts" if row.significant and row.is_interaction else _mark(row)
        cells = (row.effect, row.level, _figure(row.difference, sign=True), interval, _p(row.p_value))
        # As texts: a name may hold what Rich takes for markup.
        table.add_row(*map(Text, (row.metric if row.metric != last else "", *cells, _p(row.p_adjusted), found)))
        last = row.metric
    return table


def _cells(row: Row) -> list[str]:
    return [
        row.variant,
        f"{row.units:,}",
        _figure(row.mean),
        _figure(row.difference, sign=True),
        "–" if row.relative is None or row.relative_ci is None else f"{row.relative:+.1%}",
        "–" if row.ci is None else f"{_figure(row.ci[0], sign=True)} … {_figure(row.ci[1], sign=True)}",
        _p(row.p_value),
        _p(row.p_adjusted),
        "–" if row.chance_to_win is None else f"{row.chance_to_win:.1%}",
        _mark(row),
    ]


def _mark(row: Row | EffectRow) -> str:
    return ("better" if row.better else "worse") if row.significant else ""


def _figure(value: float | None, *, sign: bool = False) -> str:
    if value is None:
        return "–"
    shown = f"{value:{'+' if sign else ''},.4g}"
    return f"{value:{'+' if sign else ''},.0f}" if "e+" in shown else shown


def _p(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:.1e}" if value < 0.0001 else f"{value:.4f}"


def draw(report: Report, path: Path) -> None:
    """``draw_forest`` for a command. ``StartupError`` where ``path`` can't be written."""
    try:
        draw_forest(report, path)
    except OSError as error:
        raise StartupError(f"{path} can't be written: {error.strerror}.", "Give another --plot.") from None


def draw_forest(report: Report, path: Path) -> None:
    """Relative differences with their intervals, by metric and variant; absolute ones where the control's mean is too
    near 0 to divide by. A blocked report is drawn as its reason. Raises ``OSError`` where ``path`` can't be
    written."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    rows = [row for row in report.findings.rows if row.relative_ci is not None]
    plain = [row for row in report.findings.rows if row.ci is not None and row.relative_ci is None]
    panels = [(own, relative) for own, relative in ((rows, True), (plain, False)) if own]
    heights = [len(own) + 1.2 for own, _ in panels] or [2.0]
    figure = Figure(figsize=(9.0, 1.3 + 0.42 * sum(heights) + 0.5 * len(panels)), layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(_title(report), fontsize=11)
    if not panels:
        _draw_reason(report, figure)
    else:
        axes = figure.subplots(len(panels), 1, squeeze=False, gridspec_kw={"height_ratios": heights})
        for (own, relative), (at,) in zip(panels, axes, strict=True):
            _draw_panel(report, own, at, relative)
    figure.savefig(path, dpi=PIXELS_PER_INCH)


def _title(report: Report) -> str:
    if report.findings.blocked:
        return "Blocked: nothing may be concluded"
    inference = report.findings.plan.inference
    kind = "confidence sequences" if inference.name == "sequential" else "confidence intervals"
    units = sum(report.findings.units.values())
    title = f"Against {report.findings.plan.control}: {1.0 - inference.alpha:.0%} {kind}, {units:,} units"
    return f"{title}\n▲ better   ▼ worse   ● not shown to differ"


def _draw_reason(report: Report, figure: Any) -> None:
    import textwrap

    axes = figure.subplots()
    axes.axis("off")
    reason = (
        report.findings.blocked[0]
        if report.findings.blocked
        else "There is nothing to compare: the values do not vary."
    )
    axes.text(0.5, 0.5, textwrap.fill(reason, 90), ha="center", va="center", fontsize=10, transform=axes.transAxes)


def _draw_panel(report: Report, rows: Sequence[Row], axes: Any, relative: bool) -> None:
    from matplotlib.ticker import PercentFormatter

    lower = {metric.name for metric in report.findings.plan.metrics if metric.direction == "lower"}
    for place, row in enumerate(rows):
        value, ci = (row.relative, row.relative_ci) if relative else (row.difference, row.ci)
        assert value is not None and ci is not None  # noqa: S101 - chosen so
        colour, marker = _look(row)
        axes.plot(ci, (place, place), color=colour, linewidth=2.2, solid_capstyle="butt")
        axes.plot([value], [place], marker, color=colour, markersize=8)
        shown = f"{value:+.1%}" if relative else _figure(value, sign=True)
        axes.annotate(
            f"{shown}  {_mark(row)}".strip(), (1.01, place), xycoords=("axes fraction", "data"), va="center", fontsize=9
        )
    axes.axvline(0.0, color="black", linewidth=1.0, linestyle="--")
    names = [f"{row.metric}{' (lower is better)' if row.metric in lower else ''}: {row.variant}" for row in rows]
    axes.set_yticks(range(len(rows)), names, fontsize=9)
    axes.tick_params(axis="y", length=0)
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.grid(axis="x", color="#dddddd", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.set_xlabel("relative difference" if relative else "difference")
    if relative:
        axes.xaxis.set_major_formatter(PercentFormatter(1.0))
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)


def _look(row: Row) -> tuple[str, str]:
    if not row.significant:
        return UNCLEAR, "o"
    return (BETTER, "^") if row.better else (WORSE, "v")
