"""The real server as a process of its own, for tests that need sockets, kills and restarts."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from types import TracebackType

from loadtest.processes import free_port
from tests.support import warm


class ServerProcess:
    """``parlance serve`` on 127.0.0.1; the port and the data directory stay the same over restarts.

    ``flags`` are further command-line flags, ``env`` further environment (``PARLANCE_*``). Limits are off unless
    ``env`` turns them on: tests send far more at once than a person.
    """

    def __init__(self, data_dir: Path, *flags: str, env: dict[str, str] | None = None) -> None:
        self.data_dir = data_dir
        self.port = free_port()
        self.flags = flags
        self.env = env or {}
        self.log_path = data_dir.parent / f"server-{self.port}.log"
        self.process: subprocess.Popen[bytes] | warm.WarmProcess | None = None

    @property
    def http_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def ws_url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/ws"

    def start(self, within_s: float = 60.0) -> ServerProcess:
        """Start and wait until ``/healthz`` answers 200; raises with the log's end when it does not."""
        arguments = ["serve", "--host", "127.0.0.1", "--port", str(self.port)]
        arguments += ["--data-dir", str(self.data_dir), *self.flags]
        env = {**os.environ, "PARLANCE_LIMITS": "off", **self.env}
        self.process = self._warm(arguments, env) if self._may_be_warm() else self._cold(arguments, env)
        deadline = time.monotonic() + within_s
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                break
            try:
                with urllib.request.urlopen(f"{self.http_url}/healthz", timeout=1) as answer:  # noqa: S310
                    if answer.status == 200:
                        return self
            except (urllib.error.URLError, OSError):
                time.sleep(0.02)
        self.kill()
        raise RuntimeError(f"server not ready:\n{self.log()[-4000:]}")

    def _may_be_warm(self) -> bool:
        """A parent of workers starts interpreters itself; what changes the interpreter must be there from its start."""
        return "--workers" not in self.flags and all(name.startswith("PARLANCE_") for name in self.env)

    def _warm(self, arguments: list[str], env: dict[str, str]) -> warm.WarmProcess:
        return warm.start(arguments, env, self.log_path)

    def _cold(self, arguments: list[str], env: dict[str, str]) -> subprocess.Popen[bytes]:
        with self.log_path.open("ab") as log:
            command = [sys.executable, "-m", "server.cli.main", *arguments]
            return subprocess.Popen(command, stdout=log, stderr=log, env=env)

    def log(self) -> str:
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def kill(self) -> None:
        """SIGKILL, as the kernel's out-of-memory killer would."""
        self._end(signal.SIGKILL)

    def stop(self) -> int:
        """SIGTERM and the exit code."""
        return self._end(signal.SIGTERM)

    def _end(self, number: int) -> int:
        if self.process is None:
            return 0
        if self.process.poll() is None:
            self.process.send_signal(number)
        try:
            code = self.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            code = self.process.wait()
        self.process = None
        return code

    def __enter__(self) -> ServerProcess:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end(signal.SIGTERM)
