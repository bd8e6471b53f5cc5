"""Where traces are hooked in. Off, which is the default, every part stays as it is: nothing is wrapped or imported."""

from __future__ import annotations

from typing import Literal, TypeVar

Part = Literal[
    "author", "bot", "engine", "fanout", "http", "knowledge", "learner",
    "model", "sockets", "store", "submit", "trials", "voice",
]  # fmt: skip
"""What can be watched: ports of the turn, the functions that pass turns on, and where frames and requests come in."""

T = TypeVar("T")


class Tracing:
    """No traces. ``server.tracing`` has those of OpenTelemetry."""

    def around(self, part: Part, port: T) -> T:  # noqa: ARG002
        """``port``, or what does the same and tells of it."""
        return port

    def close(self) -> None:
        """Send what waits; may take seconds."""
