"""Several real workers as one chat: each a process of its own, on one Redis and one PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.support.server import ServerProcess

SECRET = "a secret that all the workers of a test share"


class Workers:
    """``count`` workers with data directories of their own. The back ends are named by URL, so that a proxy may stand
    between; ``redis_urls`` may name another one for each worker."""

    def __init__(
        self,
        folder: Path,
        count: int,
        *,
        database_url: str,
        redis_url: str | Sequence[str],
        env: dict[str, str] | None = None,
    ) -> None:
        redis_urls = [redis_url] * count if isinstance(redis_url, str) else list(redis_url)
        self.servers = [
            ServerProcess(
                folder / f"worker-{number}" / "data",
                env={
                    "PARLANCE_SECRET": SECRET,
                    "PARLANCE_DATABASE_URL": database_url,
                    "PARLANCE_REDIS_URL": redis_urls[number],
                    **(env or {}),
                },
            )
            for number in range(count)
        ]

    def start(self) -> Self:
        """All at once, as after a power cut; each waits for its ``/healthz``."""
        for server in self.servers:
            server.data_dir.parent.mkdir(parents=True, exist_ok=True)
        with ThreadPoolExecutor(len(self.servers)) as pool:
            list(pool.map(ServerProcess.start, self.servers))
        return self

    def stop(self) -> None:
        """SIGTERM to all, together."""
        with ExitStack() as stack:
            for server in self.servers:
                stack.callback(server.kill)
            with ThreadPoolExecutor(len(self.servers)) as pool:
                list(pool.map(ServerProcess.stop, self.servers))

    def __getitem__(self, number: int) -> ServerProcess:
        return self.servers[number]

    def __len__(self) -> int:
        return len(self.servers)

    def __iter__(self) -> Iterator[ServerProcess]:
        return iter(self.servers)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
