"""Customers and personas that simulations are tested with."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import yaml
from hypothesis import settings
from hypothesis import strategies as st

from adapters.features import FEATURE_NAMES
from adapters.personas import parse_personas
from adapters.simulation import Customers, Delay, Drift, Segment, parse_customers
from adapters.simulation.customers import ALWAYS
from adapters.simulation.moods import MOOD_NAMES
from adapters.traits import TRAIT_NAMES
from tests.unit.adapters.laws import law

# A world is a hundred draws for hypothesis, and takes milliseconds to make.
world_law = settings(law, max_examples=20)

ADAPTERS = Path(__file__).resolve().parents[3] / "adapters"
SHIPPED_FILE = ADAPTERS / "simulation" / "customers.yaml"

PERSONAS: Mapping[str, Mapping[str, float]] = {
    persona.name: persona.traits for persona in parse_personas(yaml.safe_load((ADAPTERS / "personas.yaml").read_text()))
}
SHIPPED = parse_customers(yaml.safe_load(SHIPPED_FILE.read_text(encoding="utf-8")))

seeds = st.integers(0, 2**32 - 1)
shares = st.floats(0.0, 1.0)
likes = st.dictionaries(
    st.sampled_from((ALWAYS, *FEATURE_NAMES[1:])),
    st.dictionaries(st.sampled_from(TRAIT_NAMES), st.floats(-3.0, 3.0), max_size=3),
    max_size=3,
)


@st.composite
def customers(draw: st.DrawFn) -> Customers:
    """One to three segments with anything that the format knows."""
    names = ["one", "two", "three"][: draw(st.integers(1, 3))]
    return Customers(
        segments=tuple(draw(segments(name, names)) for name in names),
        count=draw(st.integers(1, 20)),
        conversation_turns=draw(st.floats(1.0, 8.0)),
        base=draw(st.floats(-2.0, 2.0)),
        noise=draw(shares),
        likes=draw(likes),
    )


@st.composite
def segments(draw: st.DrawFn, name: str, names: list[str]) -> Segment:
    drifts = st.builds(Drift, share=shares, to=st.sampled_from(names), at=shares, over=shares)
    return Segment(
        name=name,
        share=draw(st.floats(0.1, 10.0)),
        moods=draw(st.dictionaries(st.sampled_from(MOOD_NAMES), st.floats(0.1, 5.0), max_size=3)),
        likes=draw(likes),
        deviation=draw(st.floats(0.0, 2.0)),
        reacts=draw(shares),
        silent=draw(shares),
        delay=draw(st.none() | st.builds(Delay, share=shares, hours=st.floats(0.0, 48.0))),
        drift=draw(st.none() | drifts),
    )
