"""``parlance policy``: what the policies have learned."""

from __future__ import annotations

import typer

from server.cli import policy_versions

policy_app = typer.Typer(no_args_is_help=True, help="What policies have learned: list, show, snapshot, rollback.")


@policy_app.callback()
def policy() -> None:
    """What policies have learned: list, show, snapshot, rollback.

    Works on the server's database, whether the server runs or not; see docs/policies.md.
    """


policy_versions.register(policy_app)
