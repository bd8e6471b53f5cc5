"""How many frames one connection may send: told off at first, thrown out when that doesn't help."""

from __future__ import annotations

from dataclasses import dataclass

from server.limits import Quota, gcra


@dataclass(slots=True)
class Meter:
    """Counts a connection's frames against ``quota`` (None: no limit), by GCRA on the monotonic clock.

    A client that goes on for ``patience`` refused frames in a row reads no errors and will not stop.
    """

    quota: Quota | None
    patience: int = 0
    full_at_ms: float = 0.0
    refused: int = 0

    def wait_ms(self, mono_ms: float) -> float:
        """Charge one frame; 0 when it may pass, otherwise after how many milliseconds the next may."""
        if self.quota is None:
            return 0.0
        self.full_at_ms, wait_ms = gcra(
            self.full_at_ms, mono_ms, burst=self.quota.burst, every=self.quota.every_ms, cost=1
        )
        self.refused = self.refused + 1 if wait_ms > 0 else 0
        return wait_ms

    @property
    def exhausted(self) -> bool:
        """Whether the connection should end."""
        return self.refused > self.patience
