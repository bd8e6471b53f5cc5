"""What all tests share."""

from __future__ import annotations

from functools import cache

import typer.main
import typer.testing
from hypothesis import HealthCheck, settings

# Time is never asserted: a busy machine must not fail a law that holds.
settings.register_profile("parlance", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("parlance")

# Typer makes all our commands anew for every call of its CliRunner, which costs more than most of them do.
setattr(typer.testing, "_get_command", cache(typer.main.get_command))  # noqa: B010  (a private name: mypy sees none)
