"""``parlance token``."""

from __future__ import annotations

import re
from typing import Annotated, Literal

import typer

from server.cli.options import ConfigOption, DataDirOption, JsonOption, load
from server.cli.output import print_json
from server.clock import SystemClock
from server.errors import StartupError

SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
MAX_TTL_S = 3_650 * SECONDS["d"]


def token(
    *,
    kind: Annotated[Literal["customer", "agent", "admin", "service"], typer.Option(help="What the bearer may do.")],
    sub: Annotated[str, typer.Option(metavar="ID", help="The user's id, at most 128 characters.")],
    name: Annotated[str | None, typer.Option(metavar="NAME", help="Shown to others; the id unless given.")] = None,
    ttl: Annotated[str, typer.Option(metavar="TIME", help="How long it is valid: 90s, 30m, 1h, 1d12h, 2w.")] = "1h",
    data_dir: DataDirOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print a token (JWT) that the server with the same settings or data directory accepts.

    Example: parlance token --kind agent --sub ann --name Ann --ttl 8h
    """
    from server.tokens import Tokens

    ttl_s = parse_ttl_s(ttl)
    tokens = Tokens.from_settings(load(data_dir=data_dir, config=config, check=False).settings)
    now_s = SystemClock().now_ms() / 1_000
    try:
        made = tokens.issue(kind, sub, name, ttl_s, now_s)
    except ValueError as error:
        raise StartupError(str(error), "Correct --sub or --name.") from None
    if not as_json:
        typer.echo(made)
        return
    claims = tokens.verify(made, now_s)
    user = {"id": claims.user.id, "kind": claims.user.kind, "name": claims.user.name}
    print_json({"token": made, "user": user, "exp_ms": claims.exp_ms})


def parse_ttl_s(text: str) -> int:
    """Seconds of "90s", "30m", "1h", "1d12h", "2w" or a bare number of seconds. Raises ``StartupError``."""
    if re.fullmatch(r"[0-9]{1,10}", text):
        seconds = int(text)
    elif re.fullmatch(r"([0-9]{1,6}[smhdw])+", text):
        seconds = sum(int(number) * SECONDS[unit] for number, unit in re.findall(r"([0-9]+)([smhdw])", text))
    else:
        raise StartupError(f"--ttl {text} is no time.", "Write it as 90s, 30m, 1h, 1d12h or 2w.")
    if not 0 < seconds <= MAX_TTL_S:
        raise StartupError(f"--ttl {text} is not between 1 second and ten years.", "Give a shorter or longer time.")
    return seconds
