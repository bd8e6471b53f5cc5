"""A load test as one HTML file: figures, thresholds, failures, charts as SVG; no script, nothing fetched. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from html import escape

from loadtest.results import Entry, Moment
from loadtest.thresholds import Verdict

WIDTH, HEIGHT = 720, 200
LEFT, RIGHT, TOP, BOTTOM = 56, 12, 10, 26
MAX_POINTS = 360
# Of enough contrast on white and on near-black, and told apart without seeing red and green.
COLOURS = ("#3b7dd8", "#c77700", "#8a4fbf", "#2a9d8f", "#c2406b", "#6b7280")


@dataclass(frozen=True, slots=True)
class Run:
    """Everything that the page tells. ``settings``: what was run, by name."""

    title: str
    settings: Mapping[str, str]
    entries: Sequence[Entry]
    failures: Sequence[str]
    verdicts: Sequence[Verdict]
    history: Sequence[Moment]


Line = tuple[str, list[float | None]]


def page(run: Run, style: str) -> str:
    """The whole file; ``style`` is its CSS."""
    broken = [verdict for verdict in run.verdicts if not verdict.kept]
    mark = f'<span class="mark {"bad" if broken else "good"}">{"Limits broken" if broken else "Limits kept"}</span>'
    parts = [
        f"<h1>{escape(run.title)}</h1><p>{mark}, {_sum(run.entries)}</p>",
        _settings(run.settings),
        "<h2>Thresholds</h2>" + _thresholds(run.verdicts),
        "<h2>Requests</h2>" + _table(run.entries),
        *_charts(run),
        "<h2>Failures</h2>" + _failures(run.failures),
    ]
    head = '<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
    policy = "default-src 'none'; style-src 'unsafe-inline'"
    head += f'<meta http-equiv="Content-Security-Policy" content="{policy}"><title>{escape(run.title)}</title>'
    head += f"<style>{style}</style>"
    return f'<!doctype html><html lang="en"><head>{head}</head><body><main>{"".join(parts)}</main></body></html>\n'


def _sum(entries: Sequence[Entry]) -> str:
    requests, failed = sum(entry.requests for entry in entries), sum(entry.failures for entry in entries)
    return f"{requests:,} requests, {failed:,} failed ({failed / max(1, requests):.2%})"


def _settings(settings: Mapping[str, str]) -> str:
    rows = "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in settings.items())
    return f"<dl>{rows}</dl>"


def _thresholds(verdicts: Sequence[Verdict]) -> str:
    if not verdicts:
        return '<p class="dim">None were set.</p>'
    rows = []
    for verdict in verdicts:
        mark = '<span class="good">kept</span>' if verdict.kept else '<span class="bad mark">broken</span>'
        measured = "nothing measured" if verdict.measured is None else _number(verdict.measured)
        rows.append(f"<tr><td>{escape(verdict.threshold)}</td><td>{measured}</td><td>{mark}</td></tr>")
    return _scroll("Thresholds", "<tr><th>threshold</th><th>measured</th><th>verdict</th></tr>" + "".join(rows))


def _table(entries: Sequence[Entry]) -> str:
    shown = ("50%", "95%", "99%", "99.9%")
    heads = ("ms", "count", "failed", "per s", "mean", *shown, "max")
    rows = ["<tr>" + "".join(f"<th>{escape(head)}</th>" for head in heads) + "</tr>"]
    for entry in entries:
        percentiles = [_number(entry.percentiles_ms[name]) if name in entry.percentiles_ms else "" for name in shown]
        cells = [escape(entry.name), f"{entry.requests:,}", f"{entry.failures:,}", f"{entry.per_s:.1f}"]
        cells += [_number(entry.mean_ms), *percentiles, _number(entry.max_ms)]
        rows.append("<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>")
    return _scroll("Requests", "".join(rows))


def _scroll(name: str, rows: str) -> str:
    return f'<div class="scroll" tabindex="0" role="region" aria-label="{name}"><table>{rows}</table></div>'


def _failures(failures: Sequence[str]) -> str:
    if not failures:
        return '<p class="dim">None.</p>'
    rest = f'<p class="dim">and {len(failures) - 50} other kinds</p>' if len(failures) > 50 else ""
    return "<ul>" + "".join(f"<li>{escape(line)}</li>" for line in failures[:50]) + "</ul>" + rest


# --------------------------------------------------------------------------- charts


def _charts(run: Run) -> list[str]:
    whole = [moment for moment in run.history if moment.name == ""]
    if len(whole) < 2:
        return ['<p class="dim">Too short for charts.</p>']
    at_s = [moment.at_s - whole[0].at_s for moment in whole]
    charts = [
        "<h2>Over time</h2>",
        chart("Users", at_s, [("users", [float(moment.users) for moment in whole])]),
        chart(
            "Requests and failures per second",
            at_s,
            [("requests", [each.per_s for each in whole]), ("failures", [each.failures_per_s for each in whole])],
        ),
    ]
    for name in dict.fromkeys(moment.name for moment in run.history if moment.name):
        by_s = {moment.at_s - whole[0].at_s: moment for moment in run.history if moment.name == name}
        lines = [(label, [_at(by_s.get(second), label) for second in at_s]) for label in ("50%", "95%", "99%")]
        if any(value for _, values in lines for value in values):
            charts.append(chart(f"{name}, ms", at_s, lines))
    return charts


def _at(moment: Moment | None, label: str) -> float | None:
    """None where nothing happened: a gap, not a zero."""
    return moment.percentiles_ms.get(label) if moment is not None and moment.per_s else None


def chart(title: str, at_s: Sequence[float], lines: Sequence[Line]) -> str:
    """A figure of lines over time (seconds). Values that are None leave a gap."""
    step = max(1, math.ceil(len(at_s) / MAX_POINTS))
    at_s = list(at_s)[::step]
    lines = [(label, _thinned(values, step)) for label, values in lines]
    top = _nice(max((value for _, values in lines for value in values if value is not None), default=1.0))
    end = at_s[-1] or 1.0
    plot_w, plot_h = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM

    def place(second: float, value: float) -> tuple[float, float]:
        return LEFT + plot_w * second / end, TOP + plot_h * (1 - value / top)

    drawn = [_path(at_s, values, place, COLOURS[number % len(COLOURS)]) for number, (_, values) in enumerate(lines)]
    swatch = '<span class="of"><span class="key" style="background:{}"></span>{}</span>'
    keys = "".join(
        swatch.format(COLOURS[number % len(COLOURS)], escape(label)) for number, (label, _) in enumerate(lines)
    )
    peaks = ", ".join(
        f"{label} up to {_number(max((v for v in values if v is not None), default=0))}" for label, values in lines
    )
    return (
        f'<figure><figcaption>{escape(title)}{keys}</figcaption><svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-label="{escape(title)}: {escape(peaks)}">{_grid(end, top, place)}{"".join(drawn)}</svg></figure>'
    )


def _thinned(values: Sequence[float | None], step: int) -> list[float | None]:
    """The highest of each ``step`` neighbours: a peak must not fall between two points."""
    groups = (values[start : start + step] for start in range(0, len(values), step))
    return [max((value for value in group if value is not None), default=None) for group in groups]


def _path(
    at_s: Sequence[float],
    values: Sequence[float | None],
    place: Callable[[float, float], tuple[float, float]],
    colour: str,
) -> str:
    commands, pen_down = [], False
    for second, value in zip(at_s, values, strict=True):
        if value is None:
            pen_down = False
            continue
        x, y = place(second, value)
        commands.append(f"{'L' if pen_down else 'M'}{x:.1f} {y:.1f}")
        pen_down = True
    path = "".join(commands)
    return f'<path class="line" d="{path}" stroke="{colour}"/>'


def _grid(end: float, top: float, place: Callable[[float, float], tuple[float, float]]) -> str:
    parts = []
    for part in range(5):
        value = top * part / 4
        _, y = place(0, value)
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{_number(value)}</text>')
    for part in range(5):
        x, _ = place(end * part / 4, 0)
        anchor = ("start", "middle", "middle", "middle", "end")[part]
        parts.append(f'<text x="{x:.1f}" y="{HEIGHT - 8}" text-anchor="{anchor}">{_clock(end * part / 4)}</text>')
    return "".join(parts)


def _nice(value: float) -> float:
    """The next of 1, 2, 4, 5, 8, 10 times a power of ten: an axis that can be read."""
    if value < 1e-6:
        return 1.0
    scale = 10.0 ** math.floor(math.log10(value))
    return next(step * scale for step in (1, 2, 4, 5, 8, 10) if step * scale >= value * 0.999)


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 or value == int(value) else f"{value:.3g}"


def _clock(seconds: float) -> str:
    whole = round(seconds)
    if whole >= 3600:
        return f"{whole // 3600}:{whole % 3600 // 60:02d} h"
    return f"{whole // 60}:{whole % 60:02d} min" if whole >= 60 else f"{whole} s"
