"""The command's manners: one sentence on standard error, no traceback, exit code 2 for what the caller can mend."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import typer
from typer.core import TyperGroup

from server.errors import StartupError


class ParlanceGroup(TyperGroup):
    """A command group that turns ``StartupError`` and wrong usage into a sentence and an exit code."""

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        windows_expand_args: bool = True,
        **extra: Any,
    ) -> Any:
        try:
            result = super().main(args, prog_name, complete_var, False, windows_expand_args, **extra)
        except StartupError as error:
            _say(str(error))
            result = error.exit_code
        except typer.Abort:
            _say("Stopped.")
            result = 1
        except typer.TyperException as error:
            _say(_usage_sentence(error))
            result = error.exit_code
        code = result if isinstance(result, int) else 0
        if standalone_mode:
            sys.exit(code)
        return code


def _say(sentence: str) -> None:
    if sentence:
        typer.echo(sentence, err=True)


def _usage_sentence(error: typer.TyperException) -> str:
    # On one line, and without the library's own class of the mistake.
    sentence = " ".join(error.format_message().split()).replace("Value error, ", "")
    context = getattr(error, "ctx", None)
    if not sentence or context is None:
        return sentence  # a call without a command has shown the help already
    end = "" if sentence[-1] in ".?!" else "."
    return f"{sentence}{end} `{context.command_path} --help` shows what is possible."
