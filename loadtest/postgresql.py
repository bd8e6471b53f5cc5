"""A private PostgreSQL server, for benchmarks and tests: its own port, its own folder, ended with its starter.

The binaries are those of the system's packages (Debian: ``/usr/lib/postgresql/*/bin``). PostgreSQL refuses to run as
root, so root starts it as the user ``postgres``, whom the packages make.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any

from loadtest.processes import free_port

START_WITHIN_S = 60.0

# Whoever may connect to the port may be anybody, but for one role that has to say its password.
ROLE_WITH_PASSWORD = "guarded"  # noqa: S105  a name
_HOST_RULES = f"""
local all all trust
host all {ROLE_WITH_PASSWORD} 127.0.0.1/32 scram-sha-256
host all all 127.0.0.1/32 trust
"""


class PostgreSQLServer:
    """One server on 127.0.0.1. Port and data stay the same over restarts and kills, until ``close``.

    ``settings`` are those of ``postgresql.conf``. With ``durable`` it works as installed; without, it does not wait
    for the disk, which loses nothing unless the machine itself goes down. ``log_segment_mib``: the size of the files
    of the write-ahead log, and so the least that ``limited_files`` may leave.
    """

    def __init__(self, *, durable: bool = True, log_segment_mib: int = 16, **settings: str) -> None:
        self.port = free_port()
        self.folder = Path(tempfile.mkdtemp(prefix="parlance-postgresql-"))
        self._bin = _binaries()
        self._user = _owner()
        self._process: subprocess.Popen[bytes] | None = None
        fast = {} if durable else {"fsync": "off", "full_page_writes": "off"}
        self._settings = {"log_min_messages": "warning", "shared_buffers": "64MB", **fast, **settings}
        self._make(log_segment_mib)

    def _make(self, log_segment_mib: int) -> None:
        if self._user is not None:
            shutil.chown(self.folder, self._user, self._user)
        encoding = ("--encoding=UTF8", "--locale=C.UTF-8")
        storage = ("-D", self._data, "--no-sync", f"--wal-segsize={log_segment_mib}")
        command = (self._bin / "initdb", "--username=postgres", "--no-instructions", *encoding, *storage)
        subprocess.run(command, check=True, capture_output=True, **self._as_owner())
        (self._data / "pg_hba.conf").write_text(_HOST_RULES)

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    @property
    def log_path(self) -> Path:
        return self.folder / "log"

    def url(self, database: str = "postgres", *, user: str = "postgres", password: str = "") -> str:
        """The URL of one of its databases."""
        who = f"{user}:{password}" if password else user
        return f"postgresql://{who}@127.0.0.1:{self.port}/{database}"

    # ------------------------------------------------------------------ life and death

    def start(self) -> PostgreSQLServer:
        """Start and wait until it takes connections; ``RuntimeError`` with the log's end when it does not."""
        settings = {
            "port": str(self.port),
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": str(self.folder),
            **self._settings,
        }
        flags = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        with self.log_path.open("ab") as log:
            self._process = subprocess.Popen(
                [self._bin / "postgres", "-D", self._data, *flags], stdout=log, stderr=log, **self._as_owner()
            )
        deadline = time.monotonic() + START_WITHIN_S
        while not self._is_ready():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                raise RuntimeError(f"PostgreSQL is not ready:\n{self.log_path.read_text(errors='replace')[-4000:]}")
            time.sleep(0.01)
        return self

    def _is_ready(self) -> bool:
        # The eighth line is the status; the first tells whether the file is of this process and not left over.
        try:
            lines = (self._data / "postmaster.pid").read_text().splitlines()
        except OSError:
            return False
        return len(lines) > 7 and lines[0] == str(self.pid) and lines[7].strip() == "ready"

    @property
    def is_running(self) -> bool:
        """Whether it was started and not ended by one of the methods below."""
        return self._process is not None

    @property
    def pid(self) -> int:
        """Of the process that all others are children of."""
        if self._process is None:
            raise RuntimeError("PostgreSQL is not running")
        return self._process.pid

    def processes(self) -> list[int]:
        """The server's process and its children: one per connection, and some helpers."""
        listed = subprocess.run(["ps", "-e", "-o", "pid=,ppid="], check=True, capture_output=True, text=True)
        pairs = (line.split() for line in listed.stdout.splitlines())
        return [self.pid, *(int(pid) for pid, parent in pairs if int(parent) == self.pid)]

    def stop(self) -> None:
        """End as an administrator does: connections are cut with "terminating connection", data are written."""
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)
            self._wait()

    def kill(self) -> None:
        """SIGKILL for every process, as when the machine goes down."""
        if self._process is not None:
            for pid in self.processes():
                _signal(pid, signal.SIGKILL)
            self._wait()

    def restart(self) -> None:
        """``stop`` and ``start``."""
        self.stop()
        self.start()

    def pause(self) -> None:
        """SIGSTOP for every process: connections stay open and nothing answers."""
        for pid in self.processes():
            _signal(pid, signal.SIGSTOP)

    def resume(self) -> None:
        """End a ``pause``."""
        for pid in self.processes():
            _signal(pid, signal.SIGCONT)

    @contextmanager
    def limited_files(self, size_bytes: int) -> Iterator[None]:
        """No file of the server may grow beyond this size: the kernel refuses the rest, as on a full disk."""
        self._limit_files(str(size_bytes))
        try:
            yield
        finally:
            self._limit_files("unlimited")

    def _limit_files(self, size: str) -> None:
        # By the tool, since only the processes' own user may. Connections still to come inherit it.
        for pid in self.processes():
            subprocess.run(["prlimit", f"--pid={pid}", f"--fsize={size}:"], check=True, **self._as_owner())

    def _wait(self) -> None:
        if self._process is not None:
            self._process.wait(timeout=START_WITHIN_S)
            self._process = None

    def close(self) -> None:
        """Kill it and remove its folder."""
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> PostgreSQLServer:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # ------------------------------------------------------------------ administration

    def sql(self, statement: str, database: str = "postgres") -> list[list[str]]:
        """Run one statement as the administrator; every value as text, NULL as ""."""
        command = [str(self._bin / "psql"), "-XAtq", "-v", "ON_ERROR_STOP=1", "-F", "\x1f", self.url(database)]
        done = subprocess.run([*command, "-c", statement], capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"{statement}: {done.stderr}")
        return [line.split("\x1f") for line in done.stdout.splitlines()]

    def create_database(self, name: str, template: str = "template0") -> str:
        """Make a database and return its URL."""
        # Since 15 the default is to copy through the log, which takes twice as long.
        strategy = "STRATEGY file_copy" if _major(self._bin) >= 15 else ""
        self.sql(f'CREATE DATABASE "{name}" TEMPLATE "{template}" {strategy}')
        return self.url(name)

    def drop_database(self, name: str) -> None:
        """Remove a database; who is connected to it is cut off."""
        self.sql(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def end_connections(self, database: str) -> None:
        """Cut everybody off a database, as an administrator does."""
        self.sql(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{database}'")  # noqa: S608

    def _as_owner(self) -> dict[str, Any]:
        user = {"user": self._user, "group": self._user, "extra_groups": []} if self._user else {}
        return {**user, "cwd": self.folder}  # the present folder may be closed to that user


def _binaries() -> Path:
    found = sorted((binary.parent for binary in Path("/usr/lib/postgresql").glob("*/bin/postgres")), key=_major)
    if found:
        return found[-1]
    on_path = shutil.which("postgres")
    if on_path is None:
        raise RuntimeError("PostgreSQL is not installed (Debian: apt-get install postgresql)")
    return Path(on_path).resolve().parent


def _major(binaries: Path) -> int:
    """The major version, as Debian names the folder; 0 elsewhere."""
    version = binaries.parent.name
    return int(version) if version.isdigit() else 0


def _owner() -> str | None:
    """Who has to run it; None: whoever we are."""
    return pwd.getpwnam("postgres").pw_name if os.geteuid() == 0 else None


def _signal(pid: int, number: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)
