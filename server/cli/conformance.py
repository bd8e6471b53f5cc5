"""``parlance conformance``."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

import typer

from server.cli.options import JsonOption
from server.cli.output import console, print_json
from server.errors import StartupError

if TYPE_CHECKING:
    from server.conformance.bench import Target
    from server.conformance.checks import Check, Result

STYLES = {"pass": "green", "fail": "bold red", "skip": "yellow"}


def conformance(
    url: Annotated[
        str, typer.Argument(metavar="URL", help="The server, as ws://127.0.0.1:8000 or wss://chat.example/ws.")
    ],
    *,
    token: Annotated[
        list[str] | None, typer.Option("--token", help="A customer's token; guests if unset. Twice for two customers.")
    ] = None,
    admin_token: Annotated[
        str | None, typer.Option("--admin-token", help="An admin's or agent's token; else what needs staff is skipped.")
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option("--only", metavar="SECTION|NAME", help="Only this section, or checks named so; may be repeated."),
    ] = None,
    within: Annotated[
        float, typer.Option("--within", metavar="SECONDS", help="How long to wait for an answer.")
    ] = 10.0,
    as_json: JsonOption = False,
) -> None:
    """Ask a server from outside whether it keeps the protocol, rule by rule, in both encodings.

    It opens conversations and sends messages: use a server that may be written to. Exits with 0 when all that was
    checked holds, with 1 when something does not, with 2 when it can't be asked.

    Example: parlance conformance ws://127.0.0.1:8000 --admin-token "$(parlance token --kind admin --sub ada)"
    """
    from server.conformance.bench import Target
    from server.conformance.checks import chosen, load_checks

    target = Target(websocket_url(url), tuple(token or ()), admin_token, within)
    try:
        checks = chosen(load_checks(), only or ())
    except ValueError as unknown:
        names = ", ".join(one.name for one in load_checks())
        raise StartupError(f"There is no check {unknown}.", f"Name a section, 1 to 8, or a check: {names}.") from None
    results = asyncio.run(_run(target, checks, as_json))
    counts = Counter(result.outcome for result in results)
    if as_json:
        sums = {"pass": counts["pass"], "fail": counts["fail"], "skip": counts["skip"]}
        print_json({"ok": not counts["fail"], "url": target.url, **sums, "checks": [asdict(one) for one in results]})
    raise typer.Exit(1 if counts["fail"] else 0)


def websocket_url(text: str) -> str:
    """``ws://host:port`` → ``ws://host:port/ws``; http(s) becomes ws(s). Raises ``StartupError``."""
    parts = urlsplit(text if "//" in text else f"ws://{text}")
    scheme = {"http": "ws", "https": "wss"}.get(parts.scheme, parts.scheme)
    if scheme not in {"ws", "wss"} or not parts.hostname:
        raise StartupError(f"{text!r} is no address of a server", "Give one such as ws://127.0.0.1:8000.")
    return f"{scheme}://{parts.netloc}{parts.path.rstrip('/') or '/ws'}"


async def _run(target: Target, checks: list[Check], as_json: bool) -> list[Result]:
    from server.conformance.checks import run_checks

    await _reachable(target)
    results: list[Result] = []
    async for result in run_checks(target, checks):
        results.append(result)
        if not as_json:
            _print(result)
    if not as_json:
        _print_sums(results)
    return results


async def _reachable(target: Target) -> None:
    """Raises ``StartupError`` where there is no WebSocket to ask."""
    from contextlib import AsyncExitStack

    from websockets.exceptions import InvalidHandshake

    from server.conformance.bench import Bench, People

    async with AsyncExitStack() as stack:
        try:
            await Bench(target, People([]), "json", stack).dial()
        except (OSError, TimeoutError, InvalidHandshake) as failed:
            problem = f"No WebSocket opens at {target.url}: {failed or type(failed).__name__}."
            raise StartupError(problem, "Is the server running, and is the path right?") from None


def _print(result: Result) -> None:
    from rich.text import Text

    out = console()
    mark = Text(f"{result.outcome:<5}", STYLES[result.outcome])
    out.print(Text.assemble(mark, f"{result.encoding:<8} {result.name}"), soft_wrap=True)
    if result.outcome == "fail":
        out.print(Text(f"{'':<14}rule: {result.text}"), soft_wrap=True)
    if result.reason:
        out.print(Text(f"{'':<14}{result.reason}", "dim" if result.outcome == "skip" else ""), soft_wrap=True)


def _print_sums(results: list[Result]) -> None:
    from rich.table import Table

    table = Table("section", "passed", "failed", "skipped", title="conformance")
    for section in sorted({result.section for result in results}):
        counts = Counter(result.outcome for result in results if result.section == section)
        table.add_row(str(section), str(counts["pass"]), str(counts["fail"]), str(counts["skip"]))
    out = console()
    out.print(table)
    failed = sum(result.outcome == "fail" for result in results)
    skipped = sum(result.outcome == "skip" for result in results)
    left = f" {skipped} could not be checked (see their reasons)." if skipped else ""
    out.print(f"{failed} of {len(results)} checks failed.{left}" if failed else f"All that was checked holds.{left}")
