"""What the server is told: one frozen model from a TOML file, ``PARLANCE_*`` and flags, in rising precedence."""

from __future__ import annotations

from server.settings.load import Loaded, load_settings
from server.settings.model import Settings
from server.settings.rules import check_settings

__all__ = ["Loaded", "Settings", "check_settings", "load_settings"]
