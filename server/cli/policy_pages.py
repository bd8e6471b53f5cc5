"""What the commands of ``parlance policy`` show to people."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from adapters.ope import Estimate, Evaluation

if TYPE_CHECKING:
    from rich.console import Console

    from server.cli.policy_explain import Explained
    from server.cli.policy_judge import Judged
    from server.cli.policy_replay import Replayed

MOST_FEATURES = 3


def print_explained(found: Explained, console: Console) -> None:
    """The words, then the arms side by side."""
    made = found.decision
    reward = "not known" if made.reward is None else f"{made.reward:.3f}"
    head = f"{made.decision_id}: {made.arm}, by {made.policy} at version {made.version:,}, {_time(made.at_ms)} UTC"
    console.print(Text(f"{head}; reward {reward}"), soft_wrap=True)
    console.print(Text(found.words), soft_wrap=True)
    if not found.arms:
        return
    table = _table("Persona", "Logged", "Replayed", "Expected", "Unsure", "Features that weigh most", texts=(0, 5))
    logged = dict(zip(made.arms, made.probabilities, strict=True))
    for arm in sorted(found.arms, key=lambda one: -one.probability):
        features = ", ".join(f"{name} {value:+.3f}" for name, value in arm.features[:MOST_FEATURES])
        cells = [
            f"{logged.get(arm.arm, 0.0):.4f}",
            f"{arm.probability:.4f}",
            f"{arm.exploit:.4f}",
            f"{arm.explore:.4f}",
        ]
        table.add_row(*map(Text, [arm.arm, *cells, features]))
    console.print(table)


def print_replayed(found: Replayed, console: Console) -> None:
    """Version, digest, and mean rewards by persona over time."""
    console.print(Text(f"{found.policy}: version {found.version:,}, state SHA-256 {found.digest}"), soft_wrap=True)
    if found.passed_over:
        console.print(Text(f"{found.passed_over:,} of {found.events:,} events are of personas that are gone."))
    if not found.edges_ms:
        console.print("The log has no rewards yet.")
        return
    titles = [_time(edge) for edge in found.edges_ms[:-1]]
    table = _table("Persona", "Rewarded", "Mean", *titles, texts=(0,))
    for arm, cells in found.arms.items():
        total = found.total[arm]
        table.add_row(
            *map(Text, [arm, f"{total.decisions:,}", _mean(total.mean), *(_mean(cell.mean) for cell in cells)])
        )
    console.print(table)


def print_judged(judged: Judged, console: Console) -> None:
    """The figures, what carries them, and the verdict."""
    found, seen = judged.found, judged.found.diagnostics
    read = f"{judged.decisions:,} decisions, {judged.unknown:,} without a reward"
    console.print(Text(f"Target: {judged.target}. Log: {judged.log}, {read}."), soft_wrap=True)
    if isinstance(found, Evaluation):
        level = f"{1.0 - found.alpha:.4g}"
        table = _table(found.estimator, "Mean reward", f"Interval at {level}", "At every look", texts=(0,))
        for name, estimate in (("target", found.target), ("logged", found.logged), ("difference", found.difference)):
            table.add_row(*map(Text, _cells(name, estimate)))
        console.print(table)
    covered = "not known" if seen.covered is None else f"{seen.covered:.1%}"
    console.print(
        Text(
            f"Rows {seen.rows:,}, worth {seen.effective_rows:,.0f} of the target's own; largest weight"
            f" {seen.largest_weight:,.2f}, mean {seen.mean_weight:.3f}; covered {covered}."
        ),
        soft_wrap=True,
    )
    styles = {"better": "bold green", "worse": "bold red", "unclear": "bold", "refused": "bold yellow"}
    console.print(Text(judged.words, styles[judged.verdict]), soft_wrap=True)


def _cells(name: str, estimate: Estimate) -> list[str]:
    sign = "+" if name == "difference" else ""
    spans = [
        f"{low:{sign}.4f} … {high:{sign}.4f}" for low, high in (estimate.bounds.interval, estimate.bounds.sequence)
    ]
    return [name, f"{estimate.value:{sign}.4f}", *spans]


def _table(*titles: str, texts: Sequence[int]) -> Table:
    table = Table(header_style="bold")
    for place, title in enumerate(titles):
        table.add_column(
            Text(title), justify="left" if place in texts else "right", overflow="fold", no_wrap=place == 0
        )
    return table


def _mean(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _time(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1_000, UTC).strftime("%Y-%m-%d %H:%M")
