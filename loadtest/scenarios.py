"""What kinds of load there are: how many are there at which moment, and what they do beside chatting. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

Curve = Callable[[float], float]
"""Share of the run that is over (0 to 1) → share of the customers who are there (0 to 1)."""


def flat(_over: float) -> float:
    """Everybody, all the time."""
    return 1.0


def rising(over: float) -> float:
    """Evenly more until four fifths of the run, then everybody."""
    return min(1.0, over / 0.8)


def spiked(over: float) -> float:
    """A fifth of them; everybody at once for the middle fifth."""
    return 1.0 if 0.4 <= over < 0.6 else 0.2


@dataclass(frozen=True, slots=True)
class Scenario:
    """``leaves``: chance that a customer goes and comes back between two conversations. ``storms``: all connections
    are lost at once, again and again. ``broadcasts``: an admin speaks to everybody. ``agents``: people answer, too.
    ``chats``: whether the customers write at all."""

    name: str
    text: str
    curve: Curve = flat
    leaves: float = 0.0
    storms: bool = False
    broadcasts: bool = False
    agents: bool = False
    chats: bool = True

    def customers_at(self, elapsed_s: float, customers: int, duration_s: float) -> int | None:
        """How many customers there should be, at least one; None when the run is over."""
        if elapsed_s >= duration_s:
            return None
        return max(1, math.ceil(customers * self.curve(elapsed_s / duration_s) - 1e-9))

    def agents_for(self, customers: int, agents: int) -> int:
        """How many agents there are; ``agents`` 0: one for 20 customers."""
        return (agents or max(1, round(customers / 20))) if self.agents else 0

    def staff(self, customers: int, agents: int) -> int:
        """Users who are no customers."""
        return self.agents_for(customers, agents) + int(self.broadcasts)


SCENARIOS = {
    scenario.name: scenario
    for scenario in (
        Scenario("steady", "All customers from the beginning to the end."),
        Scenario("ramp", "Evenly more customers, to find where it begins to hurt.", rising),
        Scenario("spike", "A fifth of the customers; all of them at once for the middle fifth.", spiked),
        Scenario("soak", "All customers for hours; they come and go.", leaves=0.3),
        Scenario(
            "storm", "All connections are lost at once, and come back within seconds; again and again.", storms=True
        ),
        Scenario("broadcast", "Customers listen while an admin speaks to everybody.", broadcasts=True, chats=False),
        Scenario(
            "mixed", "Customers and agents: some customers ask for a human, agents take over and answer.", agents=True
        ),
    )
}
