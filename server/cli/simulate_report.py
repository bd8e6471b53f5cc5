"""A simulation as a person reads it: a table and a few sentences."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from adapters.simulation.results import Figure, Result


def print_result(result: Result, speeds: Mapping[str, float], console: Console) -> None:
    """``speeds``: rounds per second by policy."""
    from rich.text import Text

    console.print(_table(result, speeds))
    name, single = result.single
    console.print(
        Text(
            f"Best possible mean reward: {result.ideal.mean:.3f}; of one persona for everybody: {single.mean:.3f}"
            f" ({name}). A reward came back for {result.policies[0].reacted.mean:.0%} of the answers."
        ),
        soft_wrap=True,
    )


def _table(result: Result, speeds: Mapping[str, float]) -> Table:
    from rich.table import Table
    from rich.text import Text

    seeds = f"{len(result.seeds)} seeds" if len(result.seeds) > 1 else f"seed {result.seeds[0]}"
    mode = "live: texts through the whole pipeline" if result.is_live else "vector mode"
    table = Table(header_style="bold", title=f"{result.rounds:,} rounds, {seeds}, {mode}")
    table.add_column("Policy", overflow="fold")
    for title in ("Regret", "Behind the best", "Mean reward", "Best persona chosen", "Rounds/s"):
        table.add_column(title, justify="right", no_wrap=True)
    least = min(policy.regret.mean for policy in result.policies)
    for policy in result.policies:
        cells = (
            policy.label,
            _figure(policy.regret, _form(policy.regret)),
            _figure(policy.behind, "+" + _form(policy.regret)) if any(policy.behind.each) else "–",
            _figure(policy.reward, ".3f"),
            _figure(policy.best_share, ".0%"),
            f"{speeds[policy.label]:,.0f}",
        )
        # As texts: a name may hold what Rich takes for markup.
        style = "bold" if policy.regret.mean == least else ""
        table.add_row(*(Text(cell, style) for cell in cells))
    return table


def _form(figure: Figure) -> str:
    return ",.0f" if figure.mean >= 100 else ",.1f"


def _figure(figure: Figure, form: str) -> str:
    if figure.high is None:
        return f"{figure.mean:{form}}"
    around = f"{figure.high - figure.mean:{form.removeprefix('+')}}"
    return f"{figure.mean:{form}} ± {around}"
