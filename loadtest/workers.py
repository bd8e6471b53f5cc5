"""Workers of one chat, started for a benchmark: each a process of its own, as an operator would start them."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from loadtest.peers.catalog import SECRET
from loadtest.processes import Measured, parlance


@contextmanager
def workers(
    count: int, database_url: str = "", redis_url: str = "", env: Mapping[str, str] | None = None
) -> Iterator[list[Measured]]:
    """``count`` of them, each on a port of its own, so that the clients choose whose they are.

    Without ``database_url`` the one there may be keeps its SQLite file in a temporary folder. All take
    ``loadtest.peers.catalog.token``. Raises ``StartError``; ``ValueError`` for several without back ends.
    """
    if count > 1 and not (database_url and redis_url):
        raise ValueError("several workers need a database_url and a redis_url")
    settings = {"PARLANCE_SECRET": SECRET, "PARLANCE_LOG_LEVEL": "warning"}
    settings |= {"PARLANCE_DATABASE_URL": database_url} if database_url else {}
    settings |= {"PARLANCE_REDIS_URL": redis_url} if redis_url else {}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        yield [
            stack.enter_context(parlance(folder / str(number), {**settings, **(env or {})})) for number in range(count)
        ]
