"""``parlance model``: versions of the model side by side, and which of them answers."""

from __future__ import annotations

import typer

from server.cli.model_change import add, canary, promote, remove, rollback, shadow
from server.cli.model_report import report
from server.cli.model_show import list_versions, show

model_app = typer.Typer(
    no_args_is_help=True,
    help="Roll out models without fear: list, show, add, shadow, canary, promote, rollback, remove, report.",
)


@model_app.callback()
def model() -> None:
    """Roll out models without fear: list, show, add, shadow, canary, promote, rollback, remove, report.

    A running server follows within two seconds, on every worker; see docs/models.md.
    """


model_app.command("list")(list_versions)
model_app.command("show")(show)
model_app.command("add")(add)
model_app.command("shadow")(shadow)
model_app.command("canary")(canary)
model_app.command("promote")(promote)
model_app.command("rollback")(rollback)
model_app.command("remove")(remove)
model_app.command("report")(report)
