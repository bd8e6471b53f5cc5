"""``parlance experiment``: experiments from the command line."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from server.cli import experiment_csv, experiment_live
from server.cli.experiment_split import Split, split_of
from server.cli.extras import check_pictures
from server.cli.options import JsonOption
from server.cli.output import console, print_json, refusal
from server.errors import StartupError

if TYPE_CHECKING:
    from adapters.experiments.metrics import Metric
    from adapters.experiments.plan import Plan
    from adapters.experiments.report import Report

BLOCKED_EXIT = 1

experiment_app = typer.Typer(
    no_args_is_help=True,
    help="Experiments that one can trust: create, start, pause, ramp, stop, withdraw, list, show, report, templates; "
    "analyse for data from anywhere.",
)


@experiment_app.callback()
def experiment() -> None:
    """Experiments that one can trust: create, start, pause, ramp, stop, withdraw, list, show, report, templates.

    They work on the server's database, whether the server runs or not. `analyse` takes data from anywhere.
    """


experiment_app.command("create")(experiment_live.create)
experiment_app.command("start")(experiment_live.start)
experiment_app.command("pause")(experiment_live.pause)
experiment_app.command("ramp")(experiment_live.ramp)
experiment_app.command("stop")(experiment_live.stop)
experiment_app.command("withdraw")(experiment_live.withdraw)
experiment_app.command("list")(experiment_live.list_experiments)
experiment_app.command("show")(experiment_live.show)
experiment_app.command("report")(experiment_live.report)
experiment_app.command("templates")(experiment_live.templates)


@experiment_app.command("analyse")
def analyse(
    data: Annotated[Path, typer.Argument(metavar="DATA.CSV", help="One observation a row, with a header.")],
    *,
    unit: Annotated[str, typer.Option("--unit", metavar="COLUMN", help="What was randomised, such as user_id.")],
    metric: Annotated[
        list[str],
        typer.Option(
            "--metric",
            metavar="NAME:KIND",
            help="binary, continuous or ratio (NUMERATOR/DENOMINATOR); then :lower where lower is better, :sum where a"
            " unit's rows add up. The first metric decides.",
        ),
    ],
    variant: Annotated[
        str | None, typer.Option("--variant", metavar="COLUMN", help="The variant of each row's unit.")
    ] = None,
    control: Annotated[
        str | None, typer.Option("--control", metavar="NAME", help="The variant to compare with.")
    ] = None,
    factor: Annotated[
        list[str] | None,
        typer.Option(
            "--factor",
            metavar="COLUMN=BASE",
            help="In place of --variant and --control, twice: two factors at once, each with its base level.",
        ),
    ] = None,
    covariate: Annotated[
        str | None, typer.Option("--covariate", metavar="COLUMN", help="Known before the experiment: CUPED.")
    ] = None,
    sequential: Annotated[
        bool,
        typer.Option("--sequential/--fixed", help="Right however often one looks, or only at one planned end."),
    ] = True,
    alpha: Annotated[float, typer.Option("--alpha", min=1e-6, max=0.5, help="Chance of a false alarm.")] = 0.05,
    correction: Annotated[
        str, typer.Option("--correction", metavar="NAME", help="Of many comparisons: holm, bh or none.")
    ] = "holm",
    weight: Annotated[
        list[str] | None,
        typer.Option(
            "--weight", metavar="VARIANT=NUMBER", help="How units were split, of every variant; else equally."
        ),
    ] = None,
    guardrail: Annotated[
        list[str] | None,
        typer.Option("--guardrail", metavar="METRIC=SHARE", help="May get worse by at most this share, such as .02."),
    ] = None,
    minimum_effect: Annotated[
        float | None, typer.Option("--minimum-effect", metavar="SHARE", help="Smallest relative effect of interest.")
    ] = None,
    min_units: Annotated[int, typer.Option("--min-units", min=2, help="Per variant, before any verdict.")] = 100,
    planned_units: Annotated[
        int | None, typer.Option("--planned-units", metavar="N", min=4, help="Of all variants, as planned beforehand.")
    ] = None,
    propensity: Annotated[
        str | None,
        typer.Option(
            "--propensity",
            metavar="COLUMN",
            help="Chance of each row's variant; `propensity` if there is such a column.",
        ),
    ] = None,
    bootstrap: Annotated[
        int, typer.Option("--bootstrap", metavar="N", min=0, max=100_000, help="Resamples, as a check of intervals.")
    ] = 0,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of the bootstrap.")] = 0,
    plot: Annotated[Path | None, typer.Option("--plot", metavar="FILE.PNG", help="Draw a forest plot there.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Compare the variants of an experiment on recorded observations, at the unit that was randomised.

    Rows of a unit are put together first: a binary metric is 1 where any row is, a continuous one is the mean of the
    known rows (or their sum), a ratio is a quotient of sums. What is empty is unknown and left out.

    Two factors at once: --factor tone=today --factor length=short, where tone and length are columns. Every
    combination is a variant; main effects and interaction are read beside them.

    Exit code 0: analysed; 1: something is wrong with the experiment itself (sample-ratio mismatch, variants chosen by a
    policy, units in several variants), so nothing may be concluded; 2: the file or an option can't be used.
    """
    from server.cli import experiment_picture, experiment_report

    if plot is not None:
        check_pictures("leave --plot away")
    split = split_of(variant, control, factor or ())
    metrics = _metrics(metric)
    plan = _plan(
        metrics,
        control=split.control,
        weights=_numbers("--weight", weight),
        guardrails=_numbers("--guardrail", guardrail),
        covariate=covariate,
        correction=correction,
        minimum_effect=minimum_effect,
        min_units=min_units,
        planned_units=planned_units,
        resamples=bootstrap,
    )
    if propensity is None and "propensity" in experiment_csv.header(data):
        propensity = "propensity"
    binary = frozenset(one.column for one in metrics if one.kind == "binary")
    columns = experiment_csv.Columns(unit, split.columns, plan.columns(), binary, propensity or "")
    report = _report(data, columns, split, plan, Reading("sequential" if sequential else "fixed", alpha, seed))
    if plot is not None:
        experiment_picture.draw(report, plot)
    if as_json:
        print_json(report.to_json())
    else:
        experiment_report.print_report(report, console())
    if report.findings.blocked:
        raise typer.Exit(BLOCKED_EXIT)


@dataclass(frozen=True, slots=True)
class Reading:
    """``method`` sequential or fixed, at the level ``alpha``; ``seed`` is the bootstrap's."""

    method: str
    alpha: float
    seed: int


def _metrics(texts: list[str]) -> tuple[Metric, ...]:
    from adapters.experiments.metrics import parse_metric

    try:
        return tuple(parse_metric(text) for text in texts)
    except ValueError as error:
        raise refusal(error) from None


def _plan(metrics: tuple[Metric, ...], guardrails: dict[str, float], **given: Any) -> Plan:
    from adapters.experiments.guardrails import Guardrail
    from adapters.experiments.plan import Plan

    try:
        return Plan(metrics, guardrails=tuple(Guardrail(*one) for one in guardrails.items()), **given)
    except ValueError as error:
        raise refusal(error) from None


def _report(data: Path, columns: experiment_csv.Columns, split: Split, plan: Plan, reading: Reading) -> Report:
    import numpy as np

    from adapters.experiments.plan import inference_for
    from adapters.experiments.report import analyse as analysed

    observations = experiment_csv.read_observations(data, columns)
    try:
        inference = inference_for(reading.method, reading.alpha, plan.planned_units, len(observations.variants))
        plan = replace(plan, inference=inference, factors=split.factors(observations.variants))
        return analysed(observations, plan, np.random.default_rng(reading.seed))
    except ValueError as error:
        raise refusal(error) from None


def _numbers(option: str, texts: list[str] | None) -> dict[str, float]:
    found = {}
    for text in texts or ():
        name, equals, number = text.rpartition("=")
        try:
            found[name] = float(number)
        except ValueError:
            equals = ""
        if not equals or not name or not found[name] > 0.0:
            raise StartupError(f"{option} {text!r} is no NAME=NUMBER above 0.", f"Write it like {option} A=0.5.")
    return found
