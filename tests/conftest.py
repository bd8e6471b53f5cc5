"""What all tests share."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

# Time is never asserted: a busy machine must not fail a law that holds.
settings.register_profile("parlance", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("parlance")
