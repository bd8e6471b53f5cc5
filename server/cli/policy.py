"""``parlance policy``: what was learned, why a persona was chosen, whether another policy would have done better."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from server.cli import policy_versions
from server.cli.options import ConfigOption, DatabaseOption, DataDirOption, JsonOption
from server.cli.output import console, print_json

if TYPE_CHECKING:
    from server.cli.policy_judge import Judged

REFUSED_EXIT = 1
NOT_AS_REQUIRED_EXIT = 3

PolicyOption = Annotated[
    str | None, typer.Option("--policy", metavar="NAME", help="Algorithm, such as squarecb; else the settings' own.")
]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", help="A parameter of the algorithm, such as alpha=0.3."),
]
LogOption = Annotated[
    str | None, typer.Option("--log", metavar="NAME", help="The policy that made the log; else the settings' own.")
]
UntilOption = Annotated[
    str | None,
    typer.Option("--until", metavar="TIME", help="Only before 2026-01-31, 2026-01-31T12:00 (UTC) or 7d ago."),
]
SinceOption = Annotated[str | None, typer.Option("--since", metavar="TIME", help="Only from then on, likewise.")]

policy_app = typer.Typer(
    no_args_is_help=True,
    help="The policy that chooses personas: list, show, snapshot, rollback, pause, resume, explain, replay, evaluate.",
)


@policy_app.callback()
def policy() -> None:
    """The policy that chooses personas: list, show, snapshot, rollback, pause, resume, explain, replay, evaluate.

    Works on the server's database, whether the server runs or not; see docs/policies.md.
    """


policy_versions.register(policy_app)


@policy_app.command("explain")
def explain(
    decision: Annotated[str, typer.Argument(metavar="DECISION", help="The decision's id, as on the bot's message.")],
    *,
    data_dir: DataDirOption = None,
    database_url: DatabaseOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say in plain words why an answer got its persona: the policy is replayed up to that decision and asked.

    Exit code 0: told; 1: there is no such decision, or its persona is gone; 2: the database can't be read.
    """
    from server.cli.policy_explain import explain as explained
    from server.cli.policy_log import open_log
    from server.errors import ClientError

    log = open_log(data_dir=data_dir, database_url=database_url, config=config)
    try:
        found = explained(log, decision)
    except ClientError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None
    if as_json:
        print_json(found.to_json())
        return
    from server.cli.policy_pages import print_explained

    print_explained(found, console())


@policy_app.command("replay")
def replay(
    *,
    policy: PolicyOption = None,
    set_: SetOption = None,
    log: LogOption = None,
    version: Annotated[
        int | None, typer.Option("--version", metavar="N", min=0, help="Only the log's first N entries.")
    ] = None,
    until: UntilOption = None,
    data_dir: DataDirOption = None,
    database_url: DatabaseOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Fold the reward log anew, with today's algorithm or another, and show version, state and what personas earned.

    The digest of the state is the same wherever the same policy has folded the same log.

    Exit code 0: folded, even if there is nothing; 2: the database or an option can't be used.
    """
    from server.cli.policy_log import moment_ms, open_log, settings_of
    from server.cli.policy_replay import replay as replayed
    from server.clock import SystemClock

    until_ms = moment_ms(until, "--until", SystemClock().now_ms())
    opened = open_log(log, data_dir=data_dir, database_url=database_url, config=config)
    events = opened.events()
    upto = math.inf if version is None else float(version)
    if until_ms is not None:
        # Workers' clocks differ a little, and a state is that of a whole prefix.
        upto = min(upto, max((event.log_offset for event in events if event.at_ms < until_ms), default=0))
    fold = opened.state_at(upto, policy, **settings_of(set_))
    found = replayed(fold, [event for event in events if event.log_offset <= upto])
    if as_json:
        print_json(found.to_json())
        return
    from server.cli.policy_pages import print_replayed

    print_replayed(found, console())


@policy_app.command("evaluate")
def evaluate(
    file: Annotated[
        Path | None, typer.Argument(metavar="[FILE]", help="A log of your own, CSV or JSON lines; else the server's.")
    ] = None,
    *,
    policy: PolicyOption = None,
    set_: SetOption = None,
    estimator: Annotated[
        str, typer.Option("--estimator", metavar="NAME", help="ips, snips, dm, dr or switch-dr.")
    ] = "dr",
    tau: Annotated[float, typer.Option("--tau", min=0.0, help="Switch-DR's: the largest weight that counts.")] = 10.0,
    alpha: Annotated[float, typer.Option("--alpha", min=1e-6, max=0.5, help="Chance of intervals that miss.")] = 0.05,
    learning: Annotated[
        Literal["progressive", "frozen", "rejection"],
        typer.Option("--learning", help="Along the log, on its first part only, or by acting itself."),
    ] = "progressive",
    trained: Annotated[
        float, typer.Option("--trained", min=0.0, max=0.95, help="Share of the log that a frozen policy learns from.")
    ] = 0.5,
    ceiling: Annotated[
        float | None, typer.Option("--ceiling", min=1.0, help="Rejection's largest weight; else the log's largest.")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of the rejection.")] = 0,
    log: LogOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    reward_low: Annotated[float, typer.Option("--reward-low", help="Least reward in FILE.")] = 0.0,
    reward_high: Annotated[float, typer.Option("--reward-high", help="Largest reward in FILE.")] = 1.0,
    require: Annotated[
        Literal["better", "not-worse"] | None,
        typer.Option("--require", help="Exit with 3 unless this is the verdict, for scripts."),
    ] = None,
    data_dir: DataDirOption = None,
    database_url: DatabaseOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Estimate what another policy would have earned on the logged decisions, beside what was earned.

    Exit code 0: judged; 1: refused, the log can't carry an answer; 2: a file, an option or the database can't be used;
    3: judged, but not as --require asks.
    """
    from server.cli import policy_judge, policy_log
    from server.clock import SystemClock

    parameters = policy_log.settings_of(set_)
    ask = policy_judge.Ask(
        estimator=_known_estimator(estimator),
        tau=tau,
        alpha=alpha,
        learning=learning,
        trained=trained,
        ceiling=ceiling,
        seed=seed,
    )
    if file is not None:
        from server.cli.policy_file import read_log

        _refuse_with_file(log=log, since=since, until=until)
        read = read_log(file, reward_low, reward_high)
        found = policy_judge.judge_file(read, file.name, policy, parameters, ask)
    else:
        now_ms = SystemClock().now_ms()
        span = policy_log.Span(
            policy_log.moment_ms(since, "--since", now_ms), policy_log.moment_ms(until, "--until", now_ms)
        )
        opened = policy_log.open_log(log, data_dir=data_dir, database_url=database_url, config=config)
        made = opened.policy(policy, parameters)
        target = policy_judge.described(made.name, parameters, ask)
        found = policy_judge.judge_decisions(opened, span, made, target, ask)
    _show(found, as_json)
    _leave(found, require)


def _refuse_with_file(**options: str | None) -> None:
    from server.errors import StartupError

    for name, value in options.items():
        if value is not None:
            raise StartupError(f"--{name} chooses from the server's log.", "Leave it away, or FILE.")


def _known_estimator(name: str) -> str:
    from adapters.ope import estimator_named
    from server.errors import StartupError

    try:
        return estimator_named(name).name
    except ValueError as error:
        raise StartupError(f"T{str(error)[1:]}") from None


def _show(found: Judged, as_json: bool) -> None:
    if as_json:
        print_json(found.to_json())
        return
    from server.cli.policy_pages import print_judged

    print_judged(found, console())


def _leave(found: Judged, require: str | None) -> None:
    verdict = found.verdict
    if verdict == "refused":
        raise typer.Exit(REFUSED_EXIT)
    if (require == "better" and verdict != "better") or (require == "not-worse" and verdict == "worse"):
        raise typer.Exit(NOT_AS_REQUIRED_EXIT)
