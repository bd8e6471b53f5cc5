"""Processes that begin with everything imported, the commands made and the shipped phrases parsed: that is nine tenths
of what a server's start costs, and the tests start hundreds of servers.

One process (``python -m tests.support.warm PATH``) prepares this and listens on a Unix socket. For every request
it forks, and the child runs ``parlance`` with the arguments, the environment and the log that were asked for. A keeper,
forked too, waits for the child and tells its exit code. It ends with the tests: its standard input closes.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path

MAX_REQUEST_BYTES = 1 << 20


class WarmProcess:
    """A running command: the part of ``subprocess.Popen`` that the tests use."""

    def __init__(self, keeper: socket.socket) -> None:
        self._keeper = keeper
        self._lines = keeper.makefile("r", encoding="ascii")
        self.pid = int(self._lines.readline())
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """The exit code, negative for the signal that ended it; None while it runs."""
        return self._told(0.0)

    def wait(self, timeout: float | None = None) -> int:
        """The exit code. Raises ``subprocess.TimeoutExpired`` after ``timeout`` seconds."""
        code = self._told(timeout)
        if code is None:
            raise subprocess.TimeoutExpired("parlance", timeout or 0.0)
        return code

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def _told(self, timeout_s: float | None) -> int | None:
        if self.returncode is None:
            with selectors.DefaultSelector() as selector:
                selector.register(self._keeper, selectors.EVENT_READ)
                if selector.select(timeout_s):
                    self.returncode = int(self._lines.readline())
                    self._lines.close()
                    self._keeper.close()
        return self.returncode


class _Nursery:
    """This test process's own forking process, begun with the first request."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._path: Path | None = None

    def start(self, arguments: Sequence[str], env: Mapping[str, str], log: Path) -> WarmProcess:
        with self._lock:
            path = self._path = self._path or self._open()
        keeper = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        keeper.connect(str(path))
        request = {"arguments": list(arguments), "env": dict(env), "log": str(log), "folder": str(Path.cwd())}
        keeper.sendall(json.dumps(request).encode() + b"\n")
        return WarmProcess(keeper)

    def _open(self) -> Path:
        path = Path(tempfile.mkdtemp(prefix="parlance-warm-")) / "socket"
        process = subprocess.Popen([sys.executable, "-m", __name__, str(path)], stdin=subprocess.PIPE)
        atexit.register(_close, process, path)
        deadline = time.monotonic() + 60.0
        while not path.exists():
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"the process that starts servers ended with {process.poll()}")
            time.sleep(0.02)
        return path


def _close(process: subprocess.Popen[bytes], path: Path) -> None:
    assert process.stdin is not None
    process.stdin.close()
    process.wait()
    path.unlink(missing_ok=True)
    path.parent.rmdir()


start = _Nursery().start


def _serve(path: Path) -> dict[str, object] | None:
    """Fork for each request. Returns the request in the child that is to run it, and None at the end in the parent."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the keepers
    with tempfile.TemporaryDirectory(dir=path.parent) as unready:
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        listener.bind(f"{unready}/socket")
        listener.listen(64)
        Path(unready, "socket").rename(path)  # it appears when it listens
    with selectors.DefaultSelector() as selector:
        selector.register(listener, selectors.EVENT_READ)
        selector.register(sys.stdin, selectors.EVENT_READ)
        while True:
            for key, _ in selector.select():
                if key.fileobj is sys.stdin:
                    return None
                connection, _ = listener.accept()
                if os.fork() == 0:
                    listener.close()
                    return _keep(connection)
                connection.close()


def _keep(connection: socket.socket) -> dict[str, object]:
    """Fork once more: the parent tells the child's pid and exit code and ends, the child returns what it is to run."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    with connection.makefile("r", encoding="utf-8") as lines:
        request: dict[str, object] = json.loads(lines.readline(MAX_REQUEST_BYTES))
    child = os.fork()
    if child == 0:
        connection.close()
        return request
    connection.sendall(f"{child}\n".encode())
    _, status = os.waitpid(child, 0)
    with contextlib.suppress(BrokenPipeError):  # the tests may have ended
        connection.sendall(f"{os.waitstatus_to_exitcode(status)}\n".encode())
    os._exit(0)


def _become(request: dict[str, object]) -> None:
    """Take on the request's environment, folder and log, as after an exec."""
    env, arguments = request["env"], request["arguments"]
    assert isinstance(env, dict)
    assert isinstance(arguments, list)
    os.environ.clear()
    os.environ.update(env)
    os.chdir(str(request["folder"]))
    log = os.open(str(request["log"]), os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((nothing, 0), (log, 1), (log, 2)):
        os.dup2(source, target)
    sys.argv = ["parlance", *arguments]


def _prepare() -> Callable[[], None]:
    """The command, with what every start does in the same way done."""
    import alembic.command  # noqa: F401
    import typer.main

    import server.serving  # noqa: F401
    from server.cli.main import app
    from server.cli.main import main as parlance
    from server.contents import read_phrases
    from server.settings import Settings

    setattr(typer.main, "get_command", cache(typer.main.get_command))  # noqa: B010  (mypy lets no function be replaced)
    typer.main.get_command(app)
    read_phrases(Settings().phrases_path)
    gc.collect()
    gc.freeze()
    return parlance


def main() -> None:
    """The process that forks, and in each child the command."""
    parlance = _prepare()
    request = _serve(Path(sys.argv[1]))
    if request is not None:
        _become(request)
        parlance()


if __name__ == "__main__":
    main()
