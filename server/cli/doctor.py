"""``parlance doctor``."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import TYPE_CHECKING

import typer

from server.cli.options import (
    ConfigOption,
    DatabaseOption,
    DataDirOption,
    HostOption,
    JsonOption,
    PortOption,
    RedisOption,
    load,
)
from server.cli.output import console, print_json
from server.errors import StartupError

if TYPE_CHECKING:
    from server.cli.checks import Finding

STYLES = {"ok": "green", "warn": "yellow", "fail": "bold red"}


def doctor(
    *,
    host: HostOption = None,
    port: PortOption = None,
    data_dir: DataDirOption = None,
    database_url: DatabaseOption = None,
    redis_url: RedisOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Check settings, database, model, personas, phrases, port and limits, and say what to do about each problem.

    Changes nothing. Exits with 0 when a server would start well, with 1 when it would not.
    """
    flags = {"host": host, "port": port, "data_dir": data_dir, "database_url": database_url, "redis_url": redis_url}
    findings = list(_findings(config=config, **flags)) if as_json else _printed(_findings(config=config, **flags))
    failed = any(finding.status == "fail" for finding in findings)
    if as_json:
        print_json({"ok": not failed, "checks": [asdict(finding) for finding in findings]})
    raise typer.Exit(1 if failed else 0)


def _findings(**flags: object) -> Iterable[Finding]:
    from server.cli.checks import Finding, diagnose

    try:
        loaded = load(check=False, make=False, **flags)
    except StartupError as error:
        yield Finding("settings", "fail", error.problem, error.remedy)
        return
    yield from diagnose(loaded)


def _printed(findings: Iterable[Finding]) -> list[Finding]:
    """Each line as soon as it is known, then the sum."""
    from rich.text import Text

    out, done = console(), []
    for finding in findings:
        done.append(finding)
        line = Text.assemble((f"{finding.status:<4}", STYLES[finding.status]), f"  {finding.check:<14}  {finding.text}")
        out.print(line, soft_wrap=True)
        if finding.remedy:
            out.print(Text(f"{'':<22}→ {finding.remedy}"), soft_wrap=True)
    bad = sum(finding.status != "ok" for finding in done)
    out.print("All is well." if not bad else f"{bad} of {len(done)} findings need attention.")
    return done
