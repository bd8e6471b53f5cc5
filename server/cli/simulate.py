"""``parlance simulate``: see policies learn."""

from __future__ import annotations

import hashlib
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from server.cli.extras import check_pictures
from server.cli.options import ConfigOption, JsonOption, load
from server.cli.output import console, print_json
from server.errors import StartupError

if TYPE_CHECKING:
    from adapters.policies import Policy
    from adapters.simulation import Contestant, Customers, Trace, World
    from adapters.simulation.offpolicy import OffPolicy
    from adapters.simulation.results import Result
    from server.settings import Settings

POLICIES = ("linucb", "lints", "ucb1", "uniform", "fixed")
ROUNDS, LIVE_ROUNDS = 10_000, 500
SEEDS, LIVE_SEEDS = 3, 1
MOST_ROUNDS = 1_000_000
# Of the policies' own draws: apart from the worlds', which count from 0.
POLICY_SEED = 7_919


def simulate(
    *,
    policy: Annotated[
        list[str] | None,
        typer.Option(
            "--policy",
            metavar="NAME[:KEY=VALUE,…]",
            help=f"A policy to compare, such as hybrid or linucb:alpha=1; repeat it. Else {', '.join(POLICIES)}.",
        ),
    ] = None,
    rounds: Annotated[
        int | None,
        typer.Option("--rounds", min=1, max=MOST_ROUNDS, help=f"Turns of a run; else {ROUNDS:,}, live {LIVE_ROUNDS}."),
    ] = None,
    seeds: Annotated[
        int | None,
        typer.Option("--seeds", min=1, max=1_000, help=f"Runs of each policy; else {SEEDS}, live {LIVE_SEEDS}."),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, max=2**31, help="The first run's.")] = 0,
    live: Annotated[
        bool,
        typer.Option("--live", help="Customers write texts through the real analysis, decision, answer and reward."),
    ] = False,
    customers: Annotated[
        Path | None, typer.Option("--customers", metavar="FILE", help="Who comes (YAML); else customers that ship.")
    ] = None,
    cold: Annotated[bool, typer.Option("--cold", help="Begin without the lean to what suits a mood.")] = False,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder of results.json, rounds.csv and plots.")] = (
        Path("simulation")
    ),
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Write into a folder that is not empty.")] = False,
    plots: Annotated[bool, typer.Option("--plots/--no-plots", help="Draw pictures (needs Matplotlib).")] = True,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Let customers with hidden tastes chat, and compare how well policies find out who likes whom.

    Some customers' tastes drift, some react late, some never. What each persona is worth to them is known to the
    simulation alone, so regret is exact. The same seeds give the same results, to the byte of results.json.

    Exit code 0: simulated; 2: a policy, the customers' file or the folder can't be used.
    """
    from server.cli import simulate_files, simulate_report

    if plots:
        check_pictures("give --no-plots")
    setting = _setting(policy, customers, config, is_warm=not cold)
    first, count = seed, seeds or (LIVE_SEEDS if live else SEEDS)
    plan = Plan(rounds or (LIVE_ROUNDS if live else ROUNDS), tuple(range(first, first + count)), live)
    simulate_files.prepare_folder(out, overwrite=overwrite)
    outcome = _run(setting, plan)
    document = _document(setting, outcome)
    if as_json:
        print_json(document)
    else:
        simulate_report.print_result(outcome.result, outcome.rounds_per_s, console())
    try:
        paths = simulate_files.write_results(out, outcome.result, document)
        if plots:
            from server.cli import simulate_pictures

            paths += simulate_pictures.draw_all(outcome.result, setting.customers, outcome.off_policy, out)
    except OSError as error:
        raise simulate_files.not_written(out, error) from None
    if not as_json:
        typer.echo(f"Written to {out}: {', '.join(path.name for path in paths)}.")


def _document(setting: Setting, outcome: Outcome) -> dict[str, Any]:
    """All of it as JSON values, without a time, so that the same seeds give the same bytes."""
    return {
        **outcome.result.to_json(),
        "off_policy": outcome.off_policy.to_json() if outcome.off_policy else None,
        "customers_sha256": setting.customers_sha256,
        "warm": setting.is_warm,
    }


@dataclass(frozen=True, slots=True)
class Setting:
    """Who plays with whom. ``personas``: traits by name. ``says``: the customers' lines, and those that ship where they
    have none."""

    settings: Settings
    contestants: tuple[Contestant, ...]
    customers: Customers
    customers_sha256: str
    personas: Mapping[str, Mapping[str, float]]
    says: Mapping[str, tuple[str, ...]]
    is_warm: bool

    def make(self, contestant: Contestant, seed: int) -> Policy:
        """The contestant as it begins a run."""
        from adapters.features import FEATURE_NAMES

        return contestant.make(self.personas, len(FEATURE_NAMES), POLICY_SEED + seed, is_warm=self.is_warm)


@dataclass(frozen=True, slots=True)
class Plan:
    """How long, and how often."""

    rounds: int
    seeds: tuple[int, ...]
    is_live: bool


def _setting(policies: list[str] | None, file: Path | None, config: Path | None, *, is_warm: bool) -> Setting:
    from adapters.features import FEATURE_NAMES
    from adapters.simulation import CustomersError, parse_contestant, parse_customers
    from server.contents import CUSTOMERS_FILE, read_personas, read_yaml

    settings = load(config=config, check=False, make=False).settings
    personas = {persona.name: persona.traits for persona in read_personas(settings.personas_path)}
    path = file or CUSTOMERS_FILE
    try:
        document = read_yaml(path)
    except StartupError as error:
        raise StartupError(error.problem, "Correct --customers, or the file.") from None
    try:
        who = parse_customers(document, path.name)
        contestants = tuple(parse_contestant(text) for text in policies or POLICIES)
        for contestant in contestants:
            contestant.make(personas, len(FEATURE_NAMES), 0, is_warm=False)
    except CustomersError as error:
        raise StartupError(str(error)) from None
    except ValueError as error:
        text = str(error)
        raise StartupError(text[:1].upper() + text[1:]) from None
    labels = [contestant.label for contestant in contestants]
    for label in labels:
        if labels.count(label) > 1:
            raise StartupError(f"--policy {label} is given twice.", "Name each policy once.")
    shipped = parse_customers(read_yaml(CUSTOMERS_FILE), CUSTOMERS_FILE.name)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return Setting(settings, contestants, who, digest, personas, {**shipped.says, **who.says}, is_warm)


@dataclass(frozen=True, slots=True)
class Outcome:
    """``rounds_per_s``: by policy. ``off_policy``: None where no log can tell, or no truth is known."""

    result: Result
    rounds_per_s: Mapping[str, float]
    off_policy: OffPolicy | None


def _run(setting: Setting, plan: Plan) -> Outcome:
    from adapters.simulation.results import summarise

    traces: dict[str, list[Trace]] = {contestant.label: [] for contestant in setting.contestants}
    took_s = dict.fromkeys(traces, 0.0)
    off_policy = None
    with _bar(plan.rounds * len(plan.seeds) * len(traces)) as tell:
        for seed in plan.seeds:
            world = None if plan.is_live else _world(setting, plan, seed)
            played = _live(setting, plan, seed, tell) if world is None else _vector(setting, world, seed, tell)
            for label, trace, seconds in played:
                traces[label].append(trace)
                took_s[label] += seconds
            if world is not None and seed == plan.seeds[0]:
                off_policy = _judged(setting, world, {label: of_policy[0] for label, of_policy in traces.items()})
    played_rounds = plan.rounds * len(plan.seeds)
    speeds = {label: played_rounds / max(seconds, 1e-9) for label, seconds in took_s.items()}
    return Outcome(summarise(traces, plan.seeds, is_live=plan.is_live), speeds, off_policy)


Played = Iterator[tuple[str, "Trace", float]]


def _world(setting: Setting, plan: Plan, seed: int) -> World:
    from adapters.simulation import make_world

    return make_world(setting.customers, setting.personas, rounds=plan.rounds, seed=seed)


def _vector(setting: Setting, world: World, seed: int, tell: Callable[[int], None]) -> Played:
    from adapters.simulation import play

    for contestant in setting.contestants:
        policy = setting.make(contestant, seed)
        started_s = time.perf_counter()
        trace = play(world, policy, tell)
        yield contestant.label, trace, time.perf_counter() - started_s


def _judged(setting: Setting, world: World, traces: Mapping[str, Trace]) -> OffPolicy | None:
    """What each policy would have earned on the best of the logs, estimated, beside the truth."""
    from functools import partial

    from adapters.simulation.offpolicy import best_log, judge

    logged = best_log(traces)
    if logged is None:
        return None
    policies = {one.label: partial(setting.make, one, 0) for one in setting.contestants}
    return judge(world, traces[logged], logged, policies)


def _live(setting: Setting, plan: Plan, seed: int, tell: Callable[[int], None]) -> Played:
    import asyncio
    from tempfile import TemporaryDirectory

    from server.contents import read_contents
    from server.simulation.season import Stage, play_live
    from server.telemetry import configure_logging

    configure_logging("warning", setting.settings.log_format)
    contents = read_contents(setting.settings)
    for contestant in setting.contestants:
        policy = setting.make(contestant, seed)
        started_s = time.perf_counter()
        with TemporaryDirectory(prefix="parlance-simulation-") as folder:
            stage = Stage(setting.settings, contents, setting.customers, setting.says, Path(folder))
            run = play_live(stage, policy, contestant.policy, rounds=plan.rounds, seed=seed, tell=tell)
            trace = asyncio.run(run)
        yield contestant.label, trace, time.perf_counter() - started_s


@contextmanager
def _bar(total: int) -> Iterator[Callable[[int], None]]:
    """A progress bar on standard error, where that is a terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns: tuple[Any, ...] = (
        TextColumn("Simulating"),
        BarColumn(),
        TextColumn("{task.completed:,.0f} of {task.total:,.0f} rounds"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()) as progress:
        task = progress.add_task("", total=total)
        yield lambda rounds: progress.advance(task, rounds)
