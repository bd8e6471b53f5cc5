"""One connection, opened and logged in; and what to tell an operator whose Redis can't be reached."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Iterator
from typing import Any

from redis.asyncio.connection import Connection, RedisSSLContext, SSLConnection
from redis.exceptions import (
    AuthenticationError,
    InvalidResponse,
    NoPermissionError,
    RedisError,
    ResponseError,
)
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from server.backplane.redis.address import Host, RedisAddress, host_text
from server.backplane.redis.timing import Timing
from server.errors import StartupError

DIAL_ERRORS = (RedisError, OSError, TimeoutError)


class Dialer:
    """Opens connections as ``address`` says; ``name`` is shown by ``CLIENT LIST``."""

    def __init__(self, address: RedisAddress, name: str, timing: Timing) -> None:
        self.address = address
        self.name = name
        self.timing = timing
        self._tls_context: RedisSSLContext | None = None

    async def to(self, host: Host) -> Connection:
        """Connect to a server of keys and channels.

        Raises one of ``DIAL_ERRORS`` after ``timing.dial_s`` at the latest. Cancelling closes what was opened.
        """
        address = self.address
        return await self._open(host, username=address.username, password=address.password, db=address.db)

    async def to_sentinel(self, host: Host) -> Connection:
        """Connect to a sentinel, as ``to``."""
        address = self.address
        return await self._open(host, username=address.sentinel_username, password=address.sentinel_password)

    async def _open(self, host: Host, **login: Any) -> Connection:
        # RESP2, where what is pushed to a subscriber looks like any answer: one reader serves both kinds of link. No
        # socket_timeout: redis-py would use asyncio.wait_for, which before Python 3.12 can swallow a cancellation.
        tls = self.address.tls
        connection = (Connection if tls is None else SSLConnection)(
            host=host[0],
            port=host[1],
            protocol=2,
            client_name=self.name,
            socket_timeout=None,
            socket_connect_timeout=self.timing.dial_s,
            **login,
            **(tls or {}),
        )
        if isinstance(connection, SSLConnection):  # reading the system's certificates takes 0.15 s: once is enough
            self._tls_context = connection.ssl_context = self._tls_context or connection.ssl_context
        try:
            async with asyncio.timeout(self.timing.dial_s):
                await connection.connect()  # type: ignore[no-untyped-call]
                await ask(connection, "PING")  # a server that is loading its data says so here
        except BaseException:
            await connection.disconnect(nowait=True)
            raise
        return connection


async def ask(connection: Connection, *command: str | bytes | int) -> Any:
    """One command and its answer, on a connection that nobody else uses. Errors of the server are raised."""
    await connection.send_command(*command, check_health=False)
    return await connection.read_response()


def explain(error: BaseException, address: RedisAddress) -> StartupError:
    """What an operator can do about ``error``, one of ``DIAL_ERRORS``. No secret is shown."""
    problem, remedy = _explained(error, address)
    refusal = StartupError(problem, remedy)
    refusal.__cause__ = error
    return refusal


def _explained(error: BaseException, address: RedisAddress) -> tuple[str, str]:  # noqa: PLR0911  (a table)
    where = " or ".join(host_text(host) for host in address.hosts)
    kinds = list(_causes(error))
    match error:
        case AuthenticationError():
            return f"Redis at {where} does not let us in: {error}", "Correct user and password in redis_url."
        case NoPermissionError():
            return (
                f"The user of redis_url may not do what the backplane needs: {error}",
                "Allow that user the categories @read, @write, @pubsub, @scripting and @connection, and keys and "
                "channels that begin with the prefix (ACL SETUSER).",
            )
        case InvalidResponse():
            return f"What answers at {where} is no Redis.", "Correct the port in redis_url; TLS wants rediss://."
        case ResponseError() if "DB index" in str(error) or "SELECT is not allowed" in str(error):
            return (
                f"Redis at {where} has no database {address.db}.",
                "Correct the number at the end of redis_url; a Cluster has only 0.",
            )
        case ResponseError() if "cluster support disabled" in str(error):
            return f"Redis at {where} is no Cluster.", "Begin redis_url with redis:// or rediss://."
        case _ if ssl.SSLError in kinds:
            return f"TLS with Redis at {where} fails: {error}", "Check its certificate, and ssl_ca_certs in redis_url."
        case _ if socket.gaierror in kinds:
            return f"No machine is known by the name in {where}.", "Correct the host in redis_url."
        case RedisTimeoutError() | TimeoutError():
            heard = "does not answer" if address.tls is None else "does not answer in TLS"
            return f"Redis at {where} {heard}.", "Check that it runs there, and firewalls between."
        case RedisConnectionError() | OSError():
            return f"Redis at {where} can't be reached: {error}", "Start it, or correct redis_url."
    return f"Redis at {where} can't be used: {error}", "Check redis_url."


def _causes(error: BaseException) -> Iterator[type[BaseException]]:
    """The classes of an error and of what it was raised from, base classes included."""
    cause: BaseException | None = error
    while cause is not None:
        yield from type(cause).__mro__
        cause = cause.__cause__ or cause.__context__
