"""Customers with tastes of their own, to see policies learn: ``make_world(customers, personas, rounds=…, seed=…)`` lays
out turns with a truth that is known, ``play(world, policy)`` lets a policy through them."""

from __future__ import annotations

from adapters.simulation.contestants import Contestant, parse_contestant
from adapters.simulation.customers import Customers, CustomersError, Delay, Drift, Segment, parse_customers, taste
from adapters.simulation.playing import Trace, play
from adapters.simulation.population import Person, Truth, draw_people
from adapters.simulation.world import World, make_world

__all__ = [
    "Contestant",
    "Customers",
    "CustomersError",
    "Delay",
    "Drift",
    "Person",
    "Segment",
    "Trace",
    "Truth",
    "World",
    "draw_people",
    "make_world",
    "parse_contestant",
    "parse_customers",
    "play",
    "taste",
]
