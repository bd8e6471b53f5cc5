"""The pictures of a simulation: opaque on any page, colours that colour-blind readers tell apart (Okabe and Ito 2008,
*Color Universal Design*), lines that differ in dashes too, letters that a phone shows large enough."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from adapters.simulation.customers import Customers
    from adapters.simulation.offpolicy import OffPolicy
    from adapters.simulation.results import PolicyResult, Result

PIXELS_PER_INCH = 130
BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY, YELLOW, BLACK, GREY = (
    "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#F0E442", "#000000", "#6b6b6b",
)  # fmt: skip
# Names are written in their line's colour, for which the palette's purple, green and orange are too light.
LINES = (
    (BLUE, "-"), ("#C04F00", "--"), ("#00805D", "-."), ("#A8447F", ":"), ("#8C6100", (0, (5, 1, 1, 1, 1, 1))),
    (BLACK, (0, (8, 2))),
)  # fmt: skip
# Neighbours in a stack differ in lightness as well.
AREAS = (BLUE, ORANGE, GREEN, YELLOW, PURPLE, SKY, VERMILION, "#333333", "#BBBBBB", "#8C6D31")
MARKERS = "os^DvP"
LONGEST_LABEL = 16  # of a policy, on one line
HATCHES = ("", "//", "..", "xx")


def draw_all(result: Result, customers: Customers, off_policy: OffPolicy | None, folder: Path) -> list[Path]:
    """Regret, reward, the personas' shares and off-policy estimates, each in a file. ``OSError``."""
    paths = [folder / name for name in ("regret.png", "reward.png", "personas.png")]
    for draw, path in zip((draw_regret, draw_reward, draw_personas), paths, strict=True):
        draw(result, customers, path)
    if off_policy is not None and off_policy.judged:
        paths.append(folder / "off-policy.png")
        draw_off_policy(off_policy, paths[-1])
    return paths


def draw_off_policy(off_policy: OffPolicy, path: Path) -> None:
    """What estimators say of each policy from another's log, with 95 % intervals, beside the truth."""
    judged = off_policy.judged
    figure, axes = _figure(7.2, 1.9 + 1.05 * len(judged))
    names = [estimate.estimator for estimate in judged[0].estimates]
    step = 0.8 / len(names)
    for row, one in enumerate(judged):
        axes.plot([one.truth] * 2, [row - 0.42, row + 0.42], color=BLACK, linewidth=2.4, zorder=3)
        for place, estimate in enumerate(one.estimates):
            at = row + (place - (len(names) - 1) / 2) * step
            colour, marker = LINES[place % len(LINES)][0], MARKERS[place % len(MARKERS)]
            if estimate.value is None:
                axes.annotate(f"{estimate.estimator}: refused", (one.truth, at), (6, 0), textcoords="offset points",
                              fontsize=9, color=colour, va="center")  # fmt: skip
                continue
            axes.plot([estimate.low, estimate.high], [at, at], color=colour, linewidth=2.0, solid_capstyle="butt")
            axes.plot([estimate.value], [at], marker, color=colour, markersize=7)
    axes.set_yticks(range(len(judged)), [one.label for one in judged], fontsize=11)
    axes.set_ylim(len(judged) - 0.45, -0.55)
    axes.tick_params(axis="y", length=0)
    _legend_of_estimators(figure, names)
    axes.set_title(
        f"What a log can tell of policies that did not make it\n{off_policy.rows:,} decisions of {off_policy.logged}, "
        "95 % intervals", loc="left", fontsize=12,
    )  # fmt: skip
    _finish(figure, axes, path, x_label="mean reward", grid="x")


def _legend_of_estimators(figure: Any, names: Sequence[str]) -> None:
    from matplotlib.lines import Line2D

    handles = [Line2D([], [], color=BLACK, linewidth=2.4, label="truth")]
    for place, name in enumerate(names):
        colour, marker = LINES[place % len(LINES)][0], MARKERS[place % len(MARKERS)]
        handles.append(Line2D([], [], color=colour, marker=marker, markersize=7, linewidth=2.0, label=name))
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles), fontsize=10, frameon=False,
                  columnspacing=1.2, handlelength=1.4)  # fmt: skip


def draw_regret(result: Result, customers: Customers, path: Path) -> None:
    """How much reward each policy has missed so far, with 95 % intervals over the seeds."""
    figure, axes = _figure(7.2, 4.6)
    from adapters.simulation.results import half_width

    ends = []
    for policy, (colour, dashes) in _styled(result):
        x = np.concatenate([[0.0], policy.curves.ends])
        mean = np.concatenate([[0.0], policy.curves.regret.mean(axis=0)])
        around = np.concatenate([[0.0], half_width(policy.curves.regret)])
        axes.plot(x, mean, color=colour, linestyle=dashes, linewidth=2.2)
        if len(result.seeds) > 1:
            axes.fill_between(x, mean - around, mean + around, color=colour, alpha=0.12, linewidth=0)
        ends.append((float(mean[-1]), policy.label, colour))
    axes.set_ylim(bottom=0.0)
    axes.set_xlim(0, result.rounds)
    _drifts(axes, customers, result.rounds)
    _labels_beside(axes, ends)
    _thousands(axes.xaxis)
    _thousands(axes.yaxis)
    axes.set_ylabel("regret: reward missed so far")
    axes.set_title(_title(result, "What it costs to learn whom to be"), loc="left", fontsize=12)
    _finish(figure, axes, path)


def draw_reward(result: Result, customers: Customers, path: Path) -> None:
    """The mean worth of what each policy chose, between one persona for everybody and the best at every turn."""
    figure, axes = _figure(7.2, 4.6)
    ends = []
    for policy, (colour, dashes) in _styled(result):
        values = policy.curves.expected.mean(axis=0)
        axes.plot(policy.curves.ends, values, color=colour, linestyle=dashes, linewidth=2.2)
        ends.append((float(values[-max(1, len(values) // 10) :].mean()), policy.label, colour))
    axes.axhline(result.ideal.mean, color=GREY, linewidth=1.2)
    axes.annotate(
        "the best persona at every turn", (result.rounds * 0.01, result.ideal.mean), (0, 3), textcoords="offset points",
        color=GREY, fontsize=10,
    )  # fmt: skip
    axes.set_xlim(0, result.rounds)
    low, high = axes.get_ylim()
    axes.set_ylim(low, high + 0.06 * (high - low))
    _drifts(axes, customers, result.rounds)
    _labels_beside(axes, ends)
    _thousands(axes.xaxis)
    axes.set_ylabel("mean reward expected")
    axes.set_title(_title(result, "How well the chosen personas suit"), loc="left", fontsize=12)
    _finish(figure, axes, path)


def draw_personas(result: Result, customers: Customers, path: Path) -> None:
    """Which personas speak how often, by policy, and which would be the best."""
    shown: list[tuple[str, Any]] = [(policy.label, policy.curves.shares) for policy in result.policies]
    shown.append(("the best at every turn", result.policies[0].curves.best_shares))
    columns = 2 if len(shown) > 1 else 1
    rows = -(-len(shown) // columns)
    figure, grid = _figure(7.2, 1.3 + 2.2 * rows, grid=(rows, columns))
    ends = result.policies[0].curves.ends
    starts = np.concatenate([[0.0], ends[:-1]])
    for number, (axes, (label, shares)) in enumerate(zip(grid, shown, strict=False)):
        _stack(axes, result, starts, ends, shares.mean(axis=0))
        for at in {edge for span in _spans(customers) for edge in span}:
            axes.axvline(at * result.rounds, color="white", linewidth=2.4)
            axes.axvline(at * result.rounds, color=BLACK, linewidth=1.2, linestyle=":")
        axes.set_title(label, loc="left", fontsize=11)
        if number % columns:
            axes.set_yticklabels([])
    for axes in grid[len(shown) :]:
        axes.axis("off")
    handles, names = grid[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=min(4, len(names)), fontsize=10, frameon=False)
    figure.suptitle(_title(result, "Who speaks: the personas' shares over time"), x=0.01, ha="left", fontsize=12)
    figure.savefig(path, dpi=PIXELS_PER_INCH)


def _stack(axes: Any, result: Result, starts: Any, ends: Any, shares: Any) -> None:
    """Steps, since a share belongs to a whole part of the rounds."""
    from matplotlib.ticker import PercentFormatter

    x = np.stack([starts, ends], axis=1).ravel()
    look = [(AREAS[n % len(AREAS)], HATCHES[n // len(AREAS) % len(HATCHES)]) for n in range(len(result.arms))]
    below = np.zeros(len(x))
    for number, (arm, (colour, hatch)) in enumerate(zip(result.arms, look, strict=True)):
        above = below + np.repeat(shares[:, number], 2)
        axes.fill_between(x, below, above, color=colour, hatch=hatch, label=arm, linewidth=0)
        below = above
    axes.set_xlim(0, result.rounds)
    axes.set_ylim(0.0, 1.0)
    axes.yaxis.set_major_formatter(PercentFormatter(1.0))
    axes.set_yticks([0.0, 0.5, 1.0])
    axes.set_xticks([0, result.rounds / 2, result.rounds])
    _thousands(axes.xaxis)


def _styled(result: Result) -> list[tuple[PolicyResult, tuple[str, Any]]]:
    return [(policy, LINES[number % len(LINES)]) for number, policy in enumerate(result.policies)]


def _figure(width: float, height: float, grid: tuple[int, int] | None = None) -> tuple[Any, Any]:
    """A figure in inches on an opaque white ground, and its axes: one, or a list row by row."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained", facecolor="white")
    FigureCanvasAgg(figure)
    if grid is None:
        return figure, figure.subplots()
    return figure, list(figure.subplots(*grid, squeeze=False).flat)


def _spans(customers: Customers) -> list[tuple[float, float]]:
    """When tastes begin to drift and when they have done so, as parts of the time."""
    drifts = [one.drift for one in customers.segments if one.drift is not None and one.drift.share > 0.0]
    return sorted({(drift.at, min(drift.at + drift.over, 1.0)) for drift in drifts})


def _drifts(axes: Any, customers: Customers, rounds: int) -> None:
    """Shade the time in which tastes drift."""
    for number, (start, end) in enumerate(_spans(customers)):
        axes.axvspan(start * rounds, end * rounds, color=GREY, alpha=0.2, linewidth=1.0)
        if not number:
            axes.annotate(
                "tastes\ndrift", (end * rounds, 0.02), (4, 0), xycoords=("data", "axes fraction"),
                textcoords="offset points", fontsize=10, color="#444444", va="bottom",
            )  # fmt: skip


def _labels_beside(axes: Any, ends: Sequence[tuple[float, str, str]]) -> None:
    """Names at the lines' ends, pushed apart where they would overlap; long ones on two lines."""
    low, high = axes.get_ylim()
    ordered = sorted(ends, key=lambda end: end[0])
    texts = [label.replace(":", ":\n", 1) if len(label) > LONGEST_LABEL else label for _, label, _ in ordered]
    heights = [(0.055 + 0.05 * text.count("\n")) * (high - low) for text in texts]
    at = apart([value for value, _, _ in ordered], heights, low, high)
    for text, place, (_, _, colour) in zip(texts, at, ordered, strict=True):
        axes.annotate(
            text, (1.01, place), xycoords=("axes fraction", "data"), color=colour, fontsize=11, va="center",
            annotation_clip=False,
        )  # fmt: skip


def apart(wanted: Sequence[float], heights: Sequence[float], low: float, high: float) -> list[float]:
    """The middles of labels of these heights, near the ``wanted`` (ascending) ones, in their order and not overlapping:
    pushed up, and where that leads over ``high`` all of them down again, which may lead under ``low``."""
    placed: list[float] = []
    top = low
    for middle, height in zip(wanted, heights, strict=True):
        placed.append(max(middle, top + height / 2.0))
        top = placed[-1] + height / 2.0
    roof = high
    for number in reversed(range(len(placed))):
        placed[number] = min(placed[number], roof - heights[number] / 2.0)
        roof = placed[number] - heights[number] / 2.0
    return placed


def _title(result: Result, text: str) -> str:
    seeds = f"{len(result.seeds)} seeds" if len(result.seeds) > 1 else "one seed"
    return f"{text}\n{result.rounds:,} {'live turns' if result.is_live else 'turns'}, {seeds}"


def _finish(figure: Any, axes: Any, path: Path, x_label: str = "customers' turns", grid: str = "both") -> None:
    axes.set_xlabel(x_label)
    axes.grid(axis=grid, color="#dddddd", linewidth=0.8)
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    figure.savefig(path, dpi=PIXELS_PER_INCH)


def _thousands(axis: Any) -> None:
    from matplotlib.ticker import FuncFormatter

    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.10g}"))
