"""How long the faults last: short as part of ``make test``, at length with ``CHAOS=long`` (``make chaos``)."""

from __future__ import annotations

import os
from typing import TypeVar

T = TypeVar("T")

LONG = os.environ.get("CHAOS") == "long"

# How long a fleet waits for anything at all: far more than a guarantee allows, since a busy machine is nobody's fault.
WITHIN_S = 180.0 if LONG else 60.0
# The same for a start.
START_WITHIN_S = 90.0


def pick(short: T, long: T) -> T:
    """The value for this length."""
    return long if LONG else short
