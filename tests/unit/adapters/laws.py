"""How the properties of this folder run."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

# How long an example takes, or its making, is the machine's affair and never a failure.
law = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
slow_law = settings(law, max_examples=40)
