"""``parlance alerts``: check a file of rules, see what stands, be silent for a while, try the roads to receivers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from server.cli.options import ConfigOption, DatabaseOption, DataDirOption, JsonOption, load
from server.cli.output import console, print_json
from server.errors import StartupError

if TYPE_CHECKING:
    from server.chat.alerting.values import Plan
    from server.settings import Settings

ByOption = Annotated[str, typer.Option("--by", metavar="ID", help="Who does it, for the record.")]
FileArgument = Annotated[
    Path | None, typer.Argument(metavar="[FILE]", help="Rules (YAML); those of the settings if left out.")
]

alerts_app = typer.Typer(
    no_args_is_help=True, help="Alerts: check rules, list what stands, acknowledge, silence, test receivers."
)


@alerts_app.callback()
def alerts() -> None:
    """Alerts: check rules, list what stands, acknowledge, silence, test receivers.

    Works on the server's database, whether the server runs or not; a running one follows within 5 seconds.
    """


@alerts_app.command("check")
def check(file: FileArgument = None, *, as_json: JsonOption = False, config: ConfigOption = None) -> None:
    """Say which rules a file has, and whether word can reach its receivers with these settings.

    Exit code 0: it can be used; 2: it can't, and why.
    """
    from server.chat.alerting.office import rule_shown
    from server.contents import check_receivers

    path, plan, settings = _plan(file, config)
    check_receivers(plan, settings)
    if as_json:
        print_json({
            "file": str(path),
            "group_wait_s": plan.group_wait_ms / 1000,
            "rules": [rule_shown(rule) for rule in plan.rules],
            "receivers": {
                name: {"webhooks": len(one.webhooks), "emails": len(one.emails)} for name, one in plan.receivers.items()
            },
        })  # fmt: skip
        return
    _print_rules(plan)
    told = ", ".join(plan.receivers) or "nobody beside admin:alerts"
    typer.echo(f"{path}: {len(plan.rules)} rules; told: {told}.")


@alerts_app.command("measures")
def measures(*, as_json: JsonOption = False) -> None:
    """List what rules may look at, with units. Exit code 0."""
    from server.chat.alerting.measures import MEASURES

    if as_json:
        print_json([
            {"name": name, "unit": one.unit, "counted": one.counted, "meaning": one.meaning}
            for name, one in MEASURES.items()
        ])  # fmt: skip
        return
    _table(("Measure", "Unit", "Counts", "Meaning"), [
        (name, one.unit, "yes" if one.counted else "", one.meaning) for name, one in MEASURES.items()
    ])  # fmt: skip


@alerts_app.command("list")
def list_alerts(
    *,
    state: Annotated[Literal["raised", "cleared", "all"], typer.Option("--state", help="Which of them.")] = "raised",
    limit: Annotated[int, typer.Option("--limit", metavar="N", min=1, max=1_000, help="At most so many.")] = 50,
    data_dir: DataDirOption = None,
    database_url: DatabaseOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show alerts, the newest first: those that stand, those that are over, or all.

    Exit code 0: none that was asked for is critical and stands; 1: one is; 2: the database can't be used.
    """
    from server.chat.alerting.letters import shown
    from server.cli.ledger import with_store

    settings = _settings(data_dir, database_url, config)
    wanted = None if state == "all" else state
    rows = with_store(settings, lambda store: store.alerts(state=wanted, limit=limit))
    _, plan, _ = _plan(None, config)
    items = [shown(row, plan) for row in rows]
    if as_json:
        print_json(items)
    elif items:
        _table(
            ("Alert", "Rule", "Severity", "State", "Value", "Since", "Acknowledged by"), [_line(one) for one in items]
        )
    else:
        typer.echo("All is well." if state == "raised" else "There is none.")
    if any(one["severity"] == "critical" and one["state"] == "raised" for one in items):
        raise typer.Exit(1)


@alerts_app.command("ack")
def acknowledge(
    alert_id: Annotated[str, typer.Argument(metavar="ALERT", help="Its id; see `list`.")],
    *,
    by: ByOption = "cli",
    data_dir: DataDirOption = None,
    database_url: DatabaseOption = None,
    config: ConfigOption = None,
) -> None:
    """Say that somebody sees to an alert: nobody further is told, unless it gets worse.

    Exit code 0: done; 1: there is no such alert, or it is over; 2: the database can't be used.
    """
    from server.cli.ledger import with_store
    from server.clock import SystemClock

    settings, now_ms = _settings(data_dir, database_url, config), SystemClock().now_ms()
    row = with_store(settings, lambda store: store.acknowledge_alert(alert_id, by, now_ms))
    typer.echo(f"{row.rule}: acknowledged by {by}.")


@alerts_app.command("silence")
def silence(
    rule: Annotated[str, typer.Argument(metavar="RULE", help="Its name; * and ? stand for any letters (quote them).")],
    *,
    minutes: Annotated[float, typer.Option("--minutes", metavar="N", min=0.1, max=43_200, help="How long.")] = 60.0,
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why, for whoever asks later.")] = "",
    by: ByOption = "cli",
    data_dir: DataDirOption = None,
    database_url: DatabaseOption = None,
    config: ConfigOption = None,
) -> None:
    """Tell nobody of these rules' alerts for a while; they are raised and shown all the same.

    Exit code 0: done; 1: there is no such rule; 2: the database can't be used.
    """
    from ulid import ULID

    from server.chat.alerting.office import checked_pattern, checked_until_ms
    from server.cli.ledger import with_store
    from server.clock import SystemClock
    from server.store.alert_ports import SilenceRow
    from server.store.sql import SqlStore

    settings, now_ms = _settings(data_dir, database_url, config), SystemClock().now_ms()
    _, plan, _ = _plan(None, config)
    silence_id = str(ULID())

    async def add(store: SqlStore) -> None:
        until_ms = checked_until_ms(minutes * 60, None, now_ms)
        await store.add_silence(SilenceRow(silence_id, checked_pattern(rule, plan), until_ms, by, now_ms, reason))

    with_store(settings, add)
    typer.echo(f"{rule}: silent for {minutes:g} minutes. To end it: parlance alerts unsilence {silence_id}")


@alerts_app.command("unsilence")
def unsilence(
    silence_id: Annotated[str, typer.Argument(metavar="SILENCE", help="Its id, which `silence` printed.")],
    *,
    by: ByOption = "cli",
    data_dir: DataDirOption = None,
    database_url: DatabaseOption = None,
    config: ConfigOption = None,
) -> None:
    """Tell people again. Exit code 0: done; 1: there is no such silence; 2: the database can't be used."""
    from server.cli.ledger import with_store
    from server.clock import SystemClock

    settings, now_ms = _settings(data_dir, database_url, config), SystemClock().now_ms()
    row = with_store(settings, lambda store: store.end_silence(silence_id, by, now_ms))
    typer.echo(f"{row.rule}: no longer silent.")


@alerts_app.command("test")
def test(
    receiver: Annotated[str, typer.Argument(metavar="RECEIVER", help="A name of the file's receivers.")],
    *,
    file: Annotated[
        Path | None, typer.Option("--file", metavar="FILE", help="Rules (YAML); those of the settings if unset.")
    ] = None,
    config: ConfigOption = None,
) -> None:
    """Send one letter to each address of a receiver, once, and say what became of it.

    Exit code 0: all were taken; 1: one was not, and why; 2: the file or the settings can't be used.
    """
    from server.cli.alerts_trial import tried

    _, plan, settings = _plan(file, config)
    found = tried(plan, settings, receiver)
    for address, problem in found:
        typer.echo(f"{address}: {problem or 'taken'}", err=bool(problem))
    if any(problem for _, problem in found):
        raise typer.Exit(1)


def _settings(data_dir: Path | None, database_url: str | None, config: Path | None) -> Settings:
    flags = {"data_dir": data_dir, "database_url": database_url, "config": config}
    return load(check=False, make=False, **flags).settings


def _plan(file: Path | None, config: Path | None) -> tuple[Path, Plan, Settings]:
    from server.contents import read_alert_plan

    settings = load(config=config, check=False, make=False).settings
    path = file or settings.alert_rules_path
    try:
        return path, read_alert_plan(path), settings
    except StartupError as error:
        # The settings, which the remedy may speak of, have no part in a file that was named here.
        raise error if file is None else StartupError(error.problem, "Correct FILE.") from None


def _print_rules(plan: Plan) -> None:
    rows = []
    for rule in plan.rules:
        bounds = ", ".join(
            f"{severity} {rule.direction} {one.raise_at:g} (clear {one.clear_at:g})"
            for severity, one in rule.thresholds.items()
        )
        least = f"{rule.at_least}" if rule.at_least else ""
        rows.append((rule.name, rule.measure, bounds, f"{rule.for_ms / 1000:g} s", least, rule.group))
    _table(("Rule", "Measure", "Raised", "For", "At least", "Group"), rows)


def _line(alert: dict[str, Any]) -> tuple[str, ...]:
    from datetime import UTC, datetime

    since = datetime.fromtimestamp(alert["raised_at_ms"] / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")
    said = (alert["severity"], alert["state"], f"{alert['value']:g}", since, alert.get("acknowledged_by", ""))
    return (alert["alert_id"], alert["rule"], *said)


def _table(titles: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table(header_style="bold")
    for title in titles:
        table.add_column(title, overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    console().print(table)
