"""A private Redis server, for benchmarks and tests: its own port, its own folder, ended with its starter.

It listens on 127.0.0.1 only and keeps nothing on disk beyond its temporary folder. Everything here blocks. The file is
not called ``redis.py``, since locust puts this folder at the head of the import path.
"""

from __future__ import annotations

import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from loadtest.processes import free_port

HOST = "127.0.0.1"


def wait_until(is_so: Callable[[], Any], what: str, within_s: float = 30.0) -> None:
    """Poll until ``is_so()`` is true; ``RuntimeError`` naming ``what`` when it never is. Redis being away is "no"."""
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        try:
            if is_so():
                return
        except RedisError:
            pass
        time.sleep(0.01)
    raise RuntimeError(f"not within {within_s} s: {what}")


class RedisServer:
    """One redis-server process; the port stays the same over restarts.

    ``options`` are further command-line options; ``config`` makes it start from a file of these lines (a sentinel
    needs one). What was stored is gone after a kill or a stop, as from a Redis without persistence.
    """

    def __init__(self, *options: str, config: Sequence[str] = (), password: str = "", port: int = 0) -> None:
        self.port = port or free_port()
        self.password = password
        self.folder = Path(tempfile.mkdtemp(prefix="parlance-redis-"))
        self.log_path = self.folder / "log"
        self._options = options
        self._config = config
        self._process: subprocess.Popen[bytes] | None = None
        self._client: Redis | None = None

    @property
    def url(self) -> str:
        secret = f":{self.password}@" if self.password else ""
        return f"redis://{secret}{HOST}:{self.port}/0"

    def start(self, within_s: float = 30.0) -> Self:
        """Start and wait until it answers."""
        command = [_binary()]
        if self._config:
            path = self.folder / "redis.conf"
            path.write_text("\n".join(self._config) + "\n")
            command += [str(path), "--sentinel"]
        command += ["--port", str(self.port), "--bind", HOST, "--dir", str(self.folder), *self._options]
        command += [] if self._config else ["--save", "", "--appendonly", "no"]
        command += ["--requirepass", self.password] if self.password else []
        with self.log_path.open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            wait_until(lambda: self.command("PING"), f"redis-server on port {self.port} answers", within_s)
        except RuntimeError as error:
            self.stop()
            raise RuntimeError(f"{error}:\n{self.log()[-2000:]}") from None
        return self

    def command(self, *words: Any) -> Any:
        """Run one command over a connection of its own; redis-py's reading of the answer, where it has one for the
        first word (``"CLUSTER INFO"`` is one word). Cluster redirections are not followed."""
        if self._client is None:
            self._client = Redis(
                host=HOST, port=self.port, password=self.password or None, protocol=2, socket_timeout=5.0,
                socket_connect_timeout=5.0, retry=Retry(NoBackoff(), 0),
            )  # fmt: skip
        return self._client.execute_command(*words)  # type: ignore[no-untyped-call]

    @property
    def pid(self) -> int:
        """Of the running server."""
        if self._process is None:
            raise RuntimeError("Redis is not running")
        return self._process.pid

    def info(self, section: str) -> dict[str, Any]:
        """``INFO`` of one section."""
        return dict(self.command("INFO", section))

    def flush(self) -> None:
        """Empty it, scripts included."""
        self.command("FLUSHALL")
        self.command("SCRIPT", "FLUSH")

    def cut(self, kind: str = "normal") -> int:
        """``CLIENT KILL``: cut every connection of a kind ("normal", "pubsub"); how many there were."""
        return int(self.command("CLIENT", "KILL", "TYPE", kind, "SKIPME", "yes"))

    def pause(self) -> None:
        """SIGSTOP: connections stay open and nothing answers."""
        self._send(signal.SIGSTOP)

    def resume(self) -> None:
        self._send(signal.SIGCONT)

    def kill(self) -> None:
        """SIGKILL."""
        self._end(signal.SIGKILL)

    def restart(self) -> None:
        """Kill it and start an empty one on the same port."""
        self.kill()
        self.start()

    def stop(self) -> None:
        """End it for good and remove its folder. Idempotent."""
        self._end(signal.SIGKILL)
        shutil.rmtree(self.folder, ignore_errors=True)

    def log(self) -> str:
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def _send(self, number: int) -> None:
        if self._process is not None:
            self._process.send_signal(number)

    def _end(self, number: int) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait(timeout=20)
            self._process = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def _binary() -> str:
    found = shutil.which("redis-server")
    if found is None:
        raise RuntimeError("Redis is not installed (Debian: apt-get install redis-server)")
    return found
