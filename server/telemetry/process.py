"""What this process takes of the machine."""

from __future__ import annotations

import os
import resource
import sys
import time
from dataclasses import dataclass
from pathlib import Path

_STATM = Path("/proc/self/statm")
_PEAK_UNIT_BYTES = 1 if sys.platform == "darwin" else 1024  # getrusage(2): bytes there, KiB elsewhere


@dataclass(frozen=True, slots=True)
class Usage:
    """``cpu_s``: processor time of all threads since the start, user and system. ``rss_bytes``: resident memory."""

    cpu_s: float
    rss_bytes: int


def process_usage() -> Usage:
    """The process's own usage; where the system doesn't tell the resident memory, its peak."""
    return Usage(time.process_time(), _resident_bytes())


def _resident_bytes() -> int:
    try:
        return int(_STATM.read_bytes().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _PEAK_UNIT_BYTES
