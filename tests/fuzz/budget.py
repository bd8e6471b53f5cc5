"""How long a fuzzer goes on, and with which numbers."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Iterator

SHORT_S = 2.0


def rounds(name: str) -> Iterator[tuple[int, random.Random]]:
    """Seeds and their generators until the time is spent.

    ``FUZZ_S``: for how many seconds; then every run draws anew. Without it the seeds are the same each time.
    """
    given = os.environ.get("FUZZ_S", "")
    seed = random.SystemRandom().randrange(2**32) if given else 0
    until_s = time.monotonic() + (float(given) if given else SHORT_S)
    while time.monotonic() < until_s:
        seed += 1
        yield seed, random.Random(f"{name} {seed}")
