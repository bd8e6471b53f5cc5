"""How long things may take."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds. A link that has died silently is noticed after ``ping_s + silence_s`` at the latest, and another attempt
    to connect follows within ``retry_max_s``: together well within the 5 s in which the workers have to hear each other
    again."""

    ping_s: float = 1.0
    """Between two pings, on each link."""
    silence_s: float = 2.0
    """Without an answer to a ping the link is dead after this long; so is one that takes no bytes for so long."""
    dial_s: float = 2.0
    """To connect, log in and get a first answer."""
    answer_s: float = 2.0
    """For one command, or for the server's word that a channel is subscribed."""
    start_s: float = 10.0
    """For everything at the start; a Redis that is still loading its data is waited for."""
    retry_first_s: float = 0.05
    retry_max_s: float = 1.0
    """Between attempts to connect: doubled each time, with jitter."""
    refresh_s: float = 0.25
    """Least time between two readings of a Cluster's slots."""
    recheck_s: float = 5.0
    """Between two questions to the sentinels whether the primary is still the same."""


TIMING = Timing()
