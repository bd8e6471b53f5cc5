"""What a server says of itself over HTTP."""

from __future__ import annotations

import re
import urllib.error
import urllib.request

from tests.chaos.length import WITHIN_S
from tests.support.server import ServerProcess


def readiness(server: ServerProcess) -> int:
    """The status of ``/readyz``."""
    try:
        with urllib.request.urlopen(f"{server.http_url}/readyz", timeout=WITHIN_S) as answer:  # noqa: S310
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def metric(server: ServerProcess, name: str) -> float:
    """A figure without labels of ``/metrics``."""
    with urllib.request.urlopen(f"{server.http_url}/metrics", timeout=WITHIN_S) as answer:  # noqa: S310
        text = answer.read().decode()
    found = re.search(rf"^{name} (\S+)$", text, re.MULTILINE)
    assert found is not None, f"no metric {name}"
    return float(found[1])
