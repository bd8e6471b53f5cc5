"""``parlance model report``. It runs beside the server's code: what measures a model lives where models are made."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from server.cli.extras import check_pictures
from server.cli.options import ConfigOption, load
from server.errors import StartupError


def report(
    *,
    data: Annotated[
        Path, typer.Option("--data", metavar="DIR", help="Folder of labelled sets, as DIR/clinc150/val.jsonl.gz.")
    ],
    model: Annotated[
        Path | None, typer.Option("--model", metavar="DIR", help="Folder of a model pack; the configured one if unset.")
    ] = None,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder to write into.")] = Path("docs/model"),
    limit_rows: Annotated[
        int | None, typer.Option("--limit-rows", metavar="N", min=1, help="Read only so many lines of each file.")
    ] = None,
    config: ConfigOption = None,
) -> None:
    """Measure a model on the validation sets: confusion matrices, reliability diagrams, latency against length, figures
    of each class, the surest mistakes; README.md ties them together. Takes a minute or two.

    Exit code 0: written; 2: something is missing or can't be read or written.
    """
    check_pictures()
    if not data.is_dir():
        raise StartupError(f"{data} is not a folder.", "Give --data the folder that holds clinc150/val.jsonl.gz.")
    folder = model or load(config=config, check=False, make=False).settings.model_path
    command = [sys.executable, "-m", "models_onnx.report", f"--data={data}", f"--model={folder}", f"--out={out}"]
    if limit_rows is not None:
        command.append(f"--limit-rows={limit_rows}")
    code = subprocess.run(command, check=False).returncode  # noqa: S603, our own module, and no shell
    if code:
        raise typer.Exit(code)
