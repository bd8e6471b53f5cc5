"""A command line in a folder of its own, with nothing of this machine's environment."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from server.cli.main import app

Command = Callable[..., Result]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("PARLANCE_")]:
        monkeypatch.delenv(name)
    return tmp_path


@pytest.fixture
def parlance(folder: Path) -> Command:
    """``parlance("token", "--kind", "agent", PARLANCE_PORT="1")``: words are arguments, keywords environment."""

    def run(*arguments: str, **environ: str) -> Result:
        return CliRunner().invoke(app, list(arguments), prog_name="parlance", env=environ)

    return run
