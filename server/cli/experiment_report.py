"""The analysis of an experiment as a person reads it: a table and sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from adapters.experiments.report import Report
    from adapters.experiments.rows import EffectRow, Row


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
        interval = "–" if row.ci is None else f"{figure(row.ci[0], sign=True)} … {figure(row.ci[1], sign=True)}"
        cells = (row.effect, row.level, figure(row.difference, sign=True), interval, _p(row.p_value))
        # As texts: a name may hold what Rich takes for markup.
        table.add_row(*map(Text, (row.metric if row.metric != last else "", *cells, _p(row.p_adjusted), mark(row))))
        last = row.metric
    return table


def _cells(row: Row) -> list[str]:
    return [
        row.variant,
        f"{row.units:,}",
        figure(row.mean),
        figure(row.difference, sign=True),
        "–" if row.relative is None or row.relative_ci is None else f"{row.relative:+.1%}",
        "–" if row.ci is None else f"{figure(row.ci[0], sign=True)} … {figure(row.ci[1], sign=True)}",
        _p(row.p_value),
        _p(row.p_adjusted),
        "–" if row.chance_to_win is None else f"{row.chance_to_win:.1%}",
        mark(row),
    ]


def mark(row: Row | EffectRow) -> str:
    """A word for what is significant."""
    if not row.significant:
        return ""
    return "interacts" if row.better is None else "better" if row.better else "worse"


def figure(value: float | None, *, sign: bool = False) -> str:
    """Four digits; a dash for what is unknown."""
    if value is None:
        return "–"
    shown = f"{value:{'+' if sign else ''},.4g}"
    return f"{value:{'+' if sign else ''},.0f}" if "e+" in shown else shown


def _p(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:.1e}" if value < 0.0001 else f"{value:.4f}"
