"""From settings to an open port: uvicorn around the app, one process or several."""

from __future__ import annotations

import asyncio
import gc
import random
import socket
import sys
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from multiprocessing.connection import Connection

import structlog
import uvicorn
import uvloop

from server.app import App
from server.clock import SystemClock
from server.data_dir import hold_data_dir, hold_database
from server.errors import StartupError
from server.settings import Settings
from server.supervisor import Supervisor
from server.telemetry import configure_logging
from server.transport.arrival import Arrival
from server.transport.protocol import WireProtocol

_log = structlog.get_logger(__name__)


class Server(uvicorn.Server):
    """uvicorn, but a signal first drains: uvicorn itself would cut every socket with 1012 at once."""

    def __init__(self, config: uvicorn.Config, app: App, on_ready: Callable[[], None], *, stop_listening: bool) -> None:
        super().__init__(config)
        self._stop_listening = stop_listening
        self._app = app
        self._on_ready = on_ready
        self._leaving: asyncio.Task[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        self._loop = asyncio.get_running_loop()
        await super().startup(sockets)
        self._on_ready()

    def handle_exit(self, sig: int, frame: object) -> None:  # noqa: ARG002
        """First signal: drain, then stop. Second: stop now."""
        if self._leaving is not None or self._loop is None:
            self.should_exit = self.force_exit = True
            return
        self._loop.call_soon_threadsafe(self.leave)

    def leave(self) -> None:
        """Drain, then stop. Idempotent."""
        if self._leaving is None:
            self._leaving = asyncio.ensure_future(self._drain())

    async def _drain(self) -> None:
        if self._stop_listening:  # new connections are the other workers'; alone, we answer them with 503
            for server in self.servers:
                server.close()
        try:
            await self._app.drain()
        finally:
            self.should_exit = True


def bind(settings: Settings, *, shared: bool = False) -> socket.socket:
    """The listening socket; ``StartupError`` where the address is taken or not this machine's.

    ``shared``: other workers of the same server listen there as well, and the kernel spreads connections evenly.
    """
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if shared:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    try:
        listener.bind((settings.host, settings.port))
    except OSError as error:
        listener.close()
        raise StartupError(
            f"{settings.host} port {settings.port} can't be listened on: {error.strerror}.",
            "Choose another with --port, or stop what uses it.",
        ) from error
    listener.setblocking(False)
    return listener


def _config(settings: Settings, app: App) -> uvicorn.Config:
    return uvicorn.Config(
        app.asgi(),
        ws=WireProtocol,
        http=Arrival,
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=list(settings.trusted_proxies),
        backlog=4096,
        ws_max_size=settings.max_message_bytes,
        ws_ping_interval=settings.ping_interval_ms / 1000,
        ws_ping_timeout=settings.ping_interval_ms / 1000,
        ws_per_message_deflate=settings.compression,
        timeout_graceful_shutdown=5,
    )


async def run(settings: Settings, listener: socket.socket, parent: Connection | None = None) -> None:
    """Serve until a signal comes, or until ``parent``'s end of the pipe closes."""
    app = App(settings, clock=SystemClock(), rng=random.Random())
    try:
        await app.start()
        tell_ready = partial(_tell_ready, settings, app, parent)
        server = Server(_config(settings, app), app, tell_ready, stop_listening=parent is not None)
        if parent is not None:
            when_closed(parent, server.leave)
        await server.serve(sockets=[listener])
    finally:
        if parent is not None:
            asyncio.get_running_loop().remove_reader(parent.fileno())
        await app.close()


def when_closed(parent: Connection, leave: Callable[[], None]) -> None:
    """Call ``leave`` once when the other end of the pipe closes, or something comes from it."""
    loop = asyncio.get_running_loop()

    def left() -> None:
        loop.remove_reader(parent.fileno())  # an end of file stays readable: the loop would come here for ever
        leave()

    loop.add_reader(parent.fileno(), left)


def _spare_the_collector() -> None:
    """What was loaded stays, and what is allocated for a message is rarely a cycle. CPython's own thresholds would walk
    over all connections every few hundred messages: a tenth of the processor time of letting people in."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 100)


def _tell_ready(settings: Settings, app: App, parent: Connection | None) -> None:
    _spare_the_collector()
    _log.info("ready", url=settings.url, data_dir=str(settings.data_dir), policy_version=app.policy_version)
    if parent is not None:
        parent.send("ready")


def _work(settings: Settings, index: int, pipe: Connection) -> None:
    """One worker's process."""
    configure_logging(settings.log_level, settings.log_format)
    structlog.contextvars.bind_contextvars(worker=index)
    try:
        with bind(settings, shared=True) as listener:
            uvloop.run(run(settings, listener, pipe))
    except StartupError as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201  (to whoever started the parent)
        sys.exit(error.exit_code)


def serve(settings: Settings) -> int:
    """Run the server; the exit code. Raises ``StartupError`` where it can't start."""
    configure_logging(settings.log_level, settings.log_format)
    with ExitStack() as held:
        if not settings.shares_database:
            held.enter_context(hold_data_dir(settings.data_dir))
            held.enter_context(hold_database(settings.database_path))
        listener = held.enter_context(bind(settings))
        if settings.workers == 1:
            uvloop.run(run(settings, listener))
            return 0
        listener.close()  # it has shown that the address is free; the workers share theirs with each other only
        work = partial(_work, settings)
        return Supervisor(settings.workers, work, clock=SystemClock(), drain_s=settings.drain_ms / 1000).run()
