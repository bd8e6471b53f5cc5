"""The wall clock of a server under test."""

from __future__ import annotations

import struct
from pathlib import Path

_FOLDER = Path(__file__).parent / "clock_step"


class WallClock:
    """A clock that starts out right. ``env`` is for the process whose clock it is."""

    def __init__(self, path: Path) -> None:
        self._path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(struct.pack("<d", 0.0))

    @property
    def env(self) -> dict[str, str]:
        return {"PYTHONPATH": str(_FOLDER), "CLOCK_STEP_FILE": str(self._path)}

    def step(self, off_s: float) -> None:
        """From now on it is off by ``off_s`` seconds, at once, in the running process too."""
        with self._path.open("r+b") as file:  # the same file, since the process has it mapped
            file.write(struct.pack("<d", off_s))
