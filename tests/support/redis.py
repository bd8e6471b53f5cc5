"""Redis servers of the tests' own: one, a Cluster of three masters, a primary with replica and sentinels.

All listen on free ports of 127.0.0.1 and keep nothing on disk beyond their temporary folder. Everything here blocks:
call it from fixtures, from threads, or where a stop of the event loop does no harm.
"""

from __future__ import annotations

import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from tests.support.server import free_port

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
        command = ["redis-server"]
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


class _Servers:
    """Several servers that start and stop together."""

    servers: list[RedisServer]

    def start(self) -> Self:
        raise NotImplementedError

    def stop(self) -> None:
        """End all of them and remove their folders."""
        for server in self.servers:
            server.stop()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


SLOTS = 16_384


class RedisCluster(_Servers):
    """Three masters without replicas; an outage is noticed after ``node_timeout_ms``."""

    def __init__(self, node_timeout_ms: int = 1_000) -> None:
        self._node_timeout_ms = node_timeout_ms
        # The port of the members' own talk would be port + 10,000, which may not exist.
        self._bus_ports = [free_port() for _ in range(3)]
        self.servers = []

    @property
    def url(self) -> str:
        hosts = ",".join(f"{HOST}:{server.port}" for server in self.servers)
        return f"redis+cluster://{hosts}"

    def start(self) -> Self:
        self.servers = [self._member(bus_port).start() for bus_port in self._bus_ports]
        share = -(-SLOTS // len(self.servers))
        for number, server in enumerate(self.servers):
            server.command("CLUSTER", "SET-CONFIG-EPOCH", number + 1)
            last = min((number + 1) * share, SLOTS) - 1
            server.command("CLUSTER", "ADDSLOTSRANGE", number * share, last)
            if number:
                self.servers[0].command("CLUSTER", "MEET", HOST, server.port, self._bus_ports[number])
        self.settle()
        return self

    def _member(self, bus_port: int) -> RedisServer:
        return RedisServer(
            "--cluster-enabled", "yes", "--cluster-config-file", "nodes.conf", "--cluster-port", str(bus_port),
            "--cluster-node-timeout", str(self._node_timeout_ms),
        )  # fmt: skip

    def settle(self) -> None:
        """Wait until every member knows every other and the state is ok."""
        wait_until(lambda: all(self._is_settled(server) for server in self.servers), "the cluster is whole")

    def _is_settled(self, server: RedisServer) -> bool:
        info = server.command("CLUSTER INFO")
        return info["cluster_state"] == "ok" and int(info["cluster_known_nodes"]) == len(self.servers)

    def owner(self, slot: int, of: RedisServer | None = None) -> RedisServer:
        """The member that serves ``slot``, by the word of one (the first)."""
        # [first slot, last slot, [host, port, id, …], …] a row
        for first, last, (_, port, *_), *_ in (of or self.servers[0]).command("CLUSTER", "SLOTS"):
            if first <= slot <= last:
                return next(server for server in self.servers if server.port == port)
        raise RuntimeError(f"slot {slot} has no owner")

    def move(self, slots: Iterable[int], target: RedisServer) -> None:
        """Give empty slots of one member to ``target``, as a resharding does, and wait until all have heard of it."""
        # A claim counts by its epoch: one made in ignorance of a newer epoch would lose to what is on its way already.
        wait_until(self._epochs_agree, "the members know each other's epochs")
        for slot in slots:
            self.begin_move(slot, target)
            for server in sorted(self.servers, key=lambda one: one is not target):
                server.command("CLUSTER", "SETSLOT", slot, "NODE", self._id(target))
            wait_until(partial(self._agree_on, slot, target), f"slot {slot} has moved")

    def _agree_on(self, slot: int, owner: RedisServer) -> bool:
        return all(self.owner(slot, server) is owner for server in self.servers)

    def _epochs_agree(self) -> bool:
        views = []
        for server in self.servers:
            lines = server.command("CLUSTER", "NODES").decode().splitlines()
            # id, address, flags, primary, ping, pong, epoch, …
            views.append({words[0]: words[6] for words in (line.split() for line in lines)})
        return all(view == views[0] for view in views)

    def begin_move(self, slot: int, target: RedisServer) -> None:
        """Until ``end_move`` the owner of an empty slot answers ASK, naming ``target``."""
        source = self.owner(slot)
        target.command("CLUSTER", "SETSLOT", slot, "IMPORTING", self._id(source))
        source.command("CLUSTER", "SETSLOT", slot, "MIGRATING", self._id(target))

    def end_move(self, slot: int) -> None:
        """Call the move off."""
        for server in self.servers:
            server.command("CLUSTER", "SETSLOT", slot, "STABLE")

    def _id(self, server: RedisServer) -> str:
        return str(server.command("CLUSTER", "MYID"), "ascii")

    def flush(self) -> None:
        """Empty every member."""
        for server in self.servers:
            server.flush()


class RedisSentinel(_Servers):
    """A primary, a replica and ``sentinels`` sentinels that replace a primary which is away for ``down_after_ms``."""

    SERVICE = "mymaster"

    def __init__(self, sentinels: int = 1, down_after_ms: int = 500, password: str = "") -> None:
        self._count = sentinels
        self._down_after_ms = down_after_ms
        self._password = password
        self.servers = []

    @property
    def sentinels(self) -> list[RedisServer]:
        return self.servers[2:]

    @property
    def url(self) -> str:
        secret = f":{self._password}@" if self._password else ""
        hosts = ",".join(f"{HOST}:{server.port}" for server in self.sentinels)
        return f"redis+sentinel://{secret}{hosts}/{self.SERVICE}/0"

    def start(self) -> Self:
        # A primary waits 5 s for further replicas before it sends the first one its copy, unless told otherwise.
        options = ["--repl-diskless-sync-delay", "0"]
        options += ["--masterauth", self._password] if self._password else []
        first = RedisServer(*options, password=self._password)
        second = RedisServer(*options, "--replicaof", HOST, str(first.port), password=self._password)
        self.servers = [first, second]
        for server in self.servers:
            server.start()
        wait_until(lambda: second.info("replication")["master_link_status"] == "up", "the replica has caught up")
        for _ in range(self._count):
            self.servers.append(RedisServer(config=self._sentinel_config(first)).start())
        wait_until(self._sees_everything, "the sentinels know everybody")
        return self

    def _sentinel_config(self, first: RedisServer) -> list[str]:
        name = self.SERVICE
        auth = [f"sentinel auth-pass {name} {self._password}"] if self._password else []
        return [
            f"sentinel monitor {name} {HOST} {first.port} {self._count // 2 + 1}",
            f"sentinel down-after-milliseconds {name} {self._down_after_ms}",
            f"sentinel failover-timeout {name} 2000",
            *auth,
        ]

    def _sees_everything(self) -> bool:
        for sentinel in self.sentinels:
            state = sentinel.command("SENTINEL MASTER", self.SERVICE)
            if state["num-slaves"] != 1 or state["num-other-sentinels"] != self._count - 1:
                return False
        return True

    def primary(self) -> RedisServer:
        """The server that the first sentinel holds for the primary."""
        _, port = self.sentinels[0].command("SENTINEL", "GET-MASTER-ADDR-BY-NAME", self.SERVICE)
        return next(server for server in self.servers if server.port == int(port))

    def fail_over(self) -> None:
        """Kill the primary and wait until the replica has taken its place. The killed one stays away."""
        before = self.primary()
        before.kill()
        self.wait_for_another(before)

    def wait_for_another(self, before: RedisServer) -> None:
        """Wait until the sentinels have replaced ``before``, and the other one knows."""
        wait_until(lambda: self.primary() is not before, "the sentinels have named another primary")
        wait_until(lambda: self.primary().info("replication")["role"] == "master", "the replica is the primary")

    def flush(self) -> None:
        """Empty the primary, and so the replica."""
        self.primary().flush()
