"""The command ``parlance``. Modules that take time to import are imported by the command that needs them."""

from __future__ import annotations

import platform

import typer

from server import __version__
from server.cli.alerts import alerts_app
from server.cli.analyze import analyze
from server.cli.config import config_app
from server.cli.conformance import conformance
from server.cli.doctor import doctor
from server.cli.experiment import experiment_app
from server.cli.flags import flags_app
from server.cli.group import ParlanceGroup
from server.cli.inbox import inbox_app
from server.cli.intents import intents_app
from server.cli.kb import kb_app
from server.cli.loadtest import loadtest
from server.cli.model import model_app
from server.cli.mood import mood_app
from server.cli.options import JsonOption
from server.cli.output import print_json
from server.cli.persona import persona_app
from server.cli.policy import policy_app
from server.cli.redact import redact
from server.cli.serve import serve
from server.cli.simulate import simulate
from server.cli.token import token
from server.cli.usage import usage

app = typer.Typer(
    name="parlance",
    cls=ParlanceGroup,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Parlance: a real-time chat server that adapts how it speaks.",
    epilog="Settings come from parlance.toml, PARLANCE_* variables and flags: `parlance config explain` shows them.",
)


@app.command("version")
def version(as_json: JsonOption = False) -> None:
    """Print the version."""
    if as_json:
        print_json({"name": "parlance", "version": __version__, "python": platform.python_version()})
    else:
        typer.echo(f"parlance {__version__}")


app.command("serve")(serve)
app.command("token")(token)
app.command("doctor")(doctor)
app.command("analyze")(analyze)
app.command("redact")(redact)
app.command("simulate")(simulate)
app.command("conformance")(conformance)
app.command("usage")(usage)
app.command("loadtest", context_settings={"allow_extra_args": True, "ignore_unknown_options": True})(loadtest)
app.add_typer(config_app, name="config")
app.add_typer(alerts_app, name="alerts")
intents_app.add_typer(inbox_app, name="inbox")
app.add_typer(intents_app, name="intents")
app.add_typer(model_app, name="model")
app.add_typer(kb_app, name="kb")
app.add_typer(mood_app, name="mood")
app.add_typer(persona_app, name="persona")
app.add_typer(policy_app, name="policy")
app.add_typer(experiment_app, name="experiment")
app.add_typer(flags_app, name="flags")


def main() -> None:
    """The entry point; ends the process with the command's exit code."""
    app(prog_name="parlance")


if __name__ == "__main__":
    main()
