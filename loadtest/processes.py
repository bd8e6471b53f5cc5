"""Servers that a benchmark starts for itself, and what they cost in processor time."""

from __future__ import annotations

import http.client
import os
import secrets
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

import psutil  # type: ignore[import-untyped]

START_WITHIN_S = 60
LISTENING_PORTS = range(18_000, 32_000)


class StartError(Exception):
    """A server did not start; the text holds the end of its log."""


class Measured:
    """A running server. ``pid`` None: somewhere else, its processor time can't be seen."""

    def __init__(self, host: str, pid: int | None) -> None:
        self.host = host
        self.pid = pid
        self._process = psutil.Process(pid) if pid is not None else None

    @property
    def address(self) -> tuple[str, int]:
        """Name and port of ``host``."""
        parts = urlsplit(self.host)
        return parts.hostname or "127.0.0.1", parts.port or {"wss": 443}.get(parts.scheme, 80)

    def cpu_s(self) -> float | None:
        """User and system time so far, of the process and its children (workers)."""
        if self._process is None:
            return None
        times = [process.cpu_times() for process in (self._process, *self._process.children(recursive=True))]
        return float(sum(each.user + each.system for each in times))

    def rss_bytes(self) -> int | None:
        """Resident memory, children included."""
        if self._process is None:
            return None
        processes = (self._process, *self._process.children(recursive=True))
        return sum(int(process.memory_info().rss) for process in processes)


@contextmanager
def parlance(data_dir: Path, env: Mapping[str, str] | None = None) -> Iterator[Measured]:
    """``parlance serve`` without limits on a data directory, with further ``PARLANCE_*`` settings.

    Raises ``StartError``.
    """
    port = free_port()
    command = [sys.executable, "-m", "server.cli.main", "serve", "--host", "127.0.0.1", "--port", str(port)]
    with running([*command, "--data-dir", str(data_dir)], port, {"PARLANCE_LIMITS": "off", **(env or {})}) as measured:
        yield measured


@contextmanager
def echo_peer() -> Iterator[Measured]:
    """The bare echo application. Raises ``StartError``."""
    port = free_port()
    with running([sys.executable, "-m", "loadtest.peers.echo", str(port)], port) as measured:
        yield measured


def free_port() -> int:
    """A port nobody listens on at this moment.

    Below those that kernels give to outgoing connections, so that it is free still after a restart; any of thousands,
    so that processes side by side hardly choose the same.
    """
    while True:
        port = secrets.choice(LISTENING_PORTS)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


@cache  # of the start: whoever asks later has perhaps moved aside already
def split_cores() -> tuple[set[int], set[int]]:
    """The server's core and the clients' cores; the same where there is only one, none where they can't be chosen."""
    if not hasattr(os, "sched_getaffinity"):  # not on macOS
        return set(), set()
    cores = sorted(os.sched_getaffinity(0))
    return {cores[0]}, set(cores[1:]) or {cores[0]}


@contextmanager
def clients_aside() -> Iterator[None]:
    """Keep this process off the servers' core."""
    _, clients = split_cores()
    if not clients:
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, clients)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


@contextmanager
def running(command: Sequence[str], port: int, env: Mapping[str, str] | None = None) -> Iterator[Measured]:
    """Start a server on a core of its own, wait until ``port`` answers, end it. Raises ``StartError``."""
    servers, _ = split_cores()
    with (
        tempfile.TemporaryFile() as log,
        subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, env={**os.environ, **(env or {})}) as process,
    ):
        if servers:
            os.sched_setaffinity(process.pid, servers)
        try:
            if not _answers(process, port):
                log.seek(0)
                raise StartError(f"{' '.join(command)}\n{log.read()[-4000:].decode(errors='replace')}")
            yield Measured(f"ws://127.0.0.1:{port}", process.pid)
        finally:
            _end(process)


def _answers(process: subprocess.Popen[bytes], port: int) -> bool:
    """Wait for ``/healthz``; False when the process ended or did not answer in time."""
    deadline = time.monotonic() + START_WITHIN_S
    while time.monotonic() < deadline and process.poll() is None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=1)
        try:
            connection.request("GET", "/healthz")
            if connection.getresponse().status == 200:
                return True
        except (OSError, http.client.HTTPException):
            time.sleep(0.05)
        finally:
            connection.close()
    return False


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(timeout=20)
    except subprocess.TimeoutExpired:
        process.kill()
