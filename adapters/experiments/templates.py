"""Ready-made experiments, to start from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from adapters.experiments.changes import Change
from adapters.experiments.design import Experiment, Variant
from adapters.names import suggestion


def _response_style(experiment_id: str) -> Experiment:
    return Experiment(
        experiment_id,
        (
            Variant("professional", 1, (Change("writer_style", {"tone": "professional"}),)),
            Variant("friendly", 1, (Change("writer_style", {"tone": "friendly"}),)),
        ),
        ("satisfaction", "engagement_rate", "resolution", "handoff_rate"),
        "Customers rate a friendly tone higher than a professional one.",
        {"handoff_rate": 0.05},
        planned_units=500,
    )


def _personality(experiment_id: str) -> Experiment:
    detailed = {"conscientiousness": 0.9, "openness": 0.7, "verbosity": 0.8}
    proactive = {"agreeableness": 0.9, "enthusiasm": 0.7, "proactivity": 0.9}
    return Experiment(
        experiment_id,
        (
            Variant("helpful", 1, (Change("trait_overrides", {"supportiveness": 0.9, "empathy": 0.7}),)),
            Variant("knowledgeable_detailed", 1, (Change("trait_overrides", detailed),)),
            Variant("friendly_proactive", 1, (Change("trait_overrides", proactive),)),
        ),
        ("satisfaction", "resolution", "conversation_length", "sentiment"),
        "A personality that knows much or one that offers the next step satisfies more than one that only helps.",
        {"resolution": 0.05},
        planned_units=750,
    )


TEMPLATES: Mapping[str, Callable[[str], Experiment]] = MappingProxyType(
    {"response_style": _response_style, "personality": _personality}
)


def from_template(name: str, experiment_id: str) -> Experiment:
    """A draft. ``ValueError`` names the nearest template to an unknown one."""
    if name not in TEMPLATES:
        raise ValueError(f"there is no template {name!r}. {suggestion(name, TEMPLATES)}")
    return TEMPLATES[name](experiment_id)
