"""Redis servers of the tests' own: one, a Cluster of three masters, a primary with replica and sentinels.

All listen on free ports of 127.0.0.1 and keep nothing on disk beyond their temporary folder. Everything here blocks:
call it from fixtures, from threads, or where a stop of the event loop does no harm.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from types import TracebackType
from typing import Self

from loadtest.processes import free_port
from loadtest.redis_server import HOST, RedisServer, wait_until

__all__ = ["HOST", "RedisCluster", "RedisSentinel", "RedisServer", "wait_until"]


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
        try:
            return self.start()
        except BaseException:
            self.stop()
            raise

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
        self.servers = [self._member(bus_port) for bus_port in self._bus_ports]
        for server in self.servers:
            server.start()
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
