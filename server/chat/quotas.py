"""What one user, and one address, may do in a time; ``PARLANCE_LIMITS=off`` takes it all away, for load tests."""

from __future__ import annotations

import ipaddress
import math
from collections.abc import Callable
from dataclasses import dataclass

from server.backplane.ports import Limiter
from server.clock import Clock
from server.errors import RateLimited
from server.limits import Quota

# Far more addresses than anybody guesses tokens from at a time; about 150 bytes each. Where there are more, those that
# were barred first are let go.
MAX_BARRED = 50_000
# Of IPv6 everybody has this much to themselves (RFC 6177), so addresses within it are one.
IPV6_PREFIX = 64


@dataclass(frozen=True, slots=True)
class Quotas:
    """The numbers; None: no limit. ``connections_*`` are open at a time on one worker, the rest are rates over all."""

    messages: Quota | None = None
    opens: Quota | None = None
    requests: Quota | None = None
    failed_tokens: Quota | None = None
    guests: Quota | None = None
    frames: Quota | None = None
    connections_per_user: int | None = None
    connections_per_address: int | None = None


class Doorkeeper:
    """Holds users and addresses to their quotas. ``on_refusal`` hears the name of each quota that refuses something.

    Addresses of this machine itself are never limited: behind them stands a proxy that was not named as trusted, or a
    developer; either way many people or none.
    """

    def __init__(
        self, limiter: Limiter, quotas: Quotas, clock: Clock, on_refusal: Callable[[str], None] = lambda _: None
    ) -> None:
        self.quotas = quotas
        self._limiter = limiter
        self._clock = clock
        self._on_refusal = on_refusal
        self._open: dict[str, int] = {}
        self._barred: dict[str, float] = {}

    async def charge(self, quota: Quota | None, user_id: str) -> None:
        """Raises ``RateLimited`` with ``retry_after_ms``."""
        if quota is None:
            return
        wait_ms = await self._limiter.take(quota, user_id)
        if wait_ms:
            self._on_refusal(quota.name)
            raise RateLimited(f"too many {quota.name}; wait a moment", retry_after_ms=wait_ms)

    async def charge_address(self, quota: Quota | None, address: str) -> None:
        """``charge`` for an address instead of a user."""
        if not is_own(address):
            await self.charge(quota, household(address))

    def count_devices(self, devices: int) -> None:
        """Raises ``RateLimited`` where one user's open connections on this worker are too many."""
        most = self.quotas.connections_per_user
        if most is not None and devices > most:
            self._on_refusal("connections_per_user")
            raise RateLimited(f"at most {most} connections of one user at a time: close one first")

    def enter(self, address: str) -> bool:
        """Whether one more connection from ``address`` may be open; say ``leave`` at its end if so."""
        most = self.quotas.connections_per_address
        if most is None or is_own(address):
            return True
        address = household(address)
        if self._open.get(address, 0) >= most:
            self._on_refusal("connections_per_address")
            return False
        self._open[address] = self._open.get(address, 0) + 1
        return True

    def leave(self, address: str) -> None:
        """The end of a connection that was let in."""
        address = household(address)
        count = self._open.get(address, 0) - 1
        if count > 0:
            self._open[address] = count
        else:
            self._open.pop(address, None)

    def barred_ms(self, address: str) -> int:
        """0, or after how many milliseconds the address may present a token again."""
        address = household(address)
        until_ms = self._barred.get(address)
        if until_ms is None:
            return 0
        left_ms = until_ms - self._clock.mono_ms()
        if left_ms <= 0:
            del self._barred[address]
        else:
            self._on_refusal("failed_tokens")
        return max(0, math.ceil(left_ms))

    async def token_failed(self, address: str) -> None:
        """An address presented a token that was none: once there were too many it is barred for a while."""
        quota = self.quotas.failed_tokens
        if quota is None or is_own(address):
            return
        address = household(address)
        wait_ms = await self._limiter.take(quota, address)
        if wait_ms:
            if len(self._barred) >= MAX_BARRED:
                del self._barred[next(iter(self._barred))]
            self._barred[address] = self._clock.mono_ms() + wait_ms


def is_own(address: str) -> bool:
    """Whether ``address`` is this machine's own, or none at all (a Unix socket)."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return True
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return (mapped or found).is_loopback


def household(address: str) -> str:
    """What is counted as one: an IPv4 address, also in IPv6's clothes (RFC 4291 §2.5.5.2), or an IPv6 network."""
    if ":" not in address:
        return address
    try:
        found = ipaddress.IPv6Address(address)
    except ValueError:
        return address
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(ipaddress.IPv6Network((found, IPV6_PREFIX), strict=False))
