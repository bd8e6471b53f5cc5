"""Who is there, as the registry of all workers, this worker's roll and the accounts have it together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from server.backplane.ports import Device, Registry
from server.chat.roll import Roll, is_device
from server.clock import Clock
from server.store.ports import Account, Store
from server.wire.parts import Presence

USERS_PER_LOOK = 500
"""One query's keys, and one pipeline's commands."""

MAX_MEMBERS_LOOKED_AT = 10_000
"""A conversation's members beyond these (by the time they joined) are not looked at: half a million bytes of names."""


@dataclass(frozen=True, slots=True)
class Standing:
    """A known user. ``is_present``: a device is connected, or the last one's grace is not over.

    ``devices``: open connections over all workers. ``seen_ms``: wall clock of the newest device's last sign of life.
    """

    account: Account
    devices: int
    is_present: bool
    seen_ms: int

    @property
    def is_visible(self) -> bool:
        """Whether others see the user as present."""
        return self.is_present and self.account.status != "invisible"

    def shown(self) -> Presence:
        """As it is told; of somebody invisible only to that user itself."""
        status = self.account.status
        return Presence(
            user=self.account.user,
            status="offline" if status == "invisible" or not self.is_present else status,
            last_seen_ms=self.seen_ms,
            devices=self.devices,
            text=self.account.status_text,
        )

    def gone(self, at_ms: int) -> Presence:
        """As it is told of somebody who left at ``at_ms``, or is not to be seen any more."""
        return Presence(user=self.account.user, status="offline", last_seen_ms=at_ms, devices=0)


class Standings:
    """Looks them up. Of this worker's devices the roll knows best: the registry is told of them a moment later."""

    def __init__(self, *, store: Store, registry: Registry, roll: Roll, clock: Clock) -> None:
        self._store = store
        self._registry = registry
        self._roll = roll
        self._clock = clock

    async def of(self, user_ids: Sequence[str]) -> dict[str, Standing]:
        """Every known user's; ``Unavailable``."""
        return await self._look(user_ids, present_only=False)

    async def present(self, user_ids: Sequence[str]) -> dict[str, Standing]:
        """Those who are there; ``Unavailable``."""
        return await self._look(user_ids, present_only=True)

    async def count_visible(self, channel: str) -> int:
        """How many members of a conversation others see as present; ``Unavailable``."""
        members = await self._store.members(channel, MAX_MEMBERS_LOOKED_AT)
        standings = await self.present([member.id for member in members])
        return sum(standing.is_visible for standing in standings.values())

    async def elsewhere(self, user_ids: Sequence[str]) -> set[str]:
        """Who is present on other workers; ``Unavailable``."""
        found = await self._registry.devices(user_ids)
        return {user_id for user_id, devices in found.items() if self._of_others(devices)}

    async def _look(self, user_ids: Sequence[str], *, present_only: bool) -> dict[str, Standing]:
        found: dict[str, Standing] = {}
        for start in range(0, len(user_ids), USERS_PER_LOOK):
            found |= await self._look_at_few(user_ids[start : start + USERS_PER_LOOK], present_only)
        return found

    async def _look_at_few(self, user_ids: Sequence[str], present_only: bool) -> dict[str, Standing]:
        registered = await self._registry.devices(user_ids)
        now_ms = self._clock.now_ms()
        entries = {
            user_id: self._of_others(registered.get(user_id, ())) + self._roll.devices_of(user_id, now_ms)
            for user_id in user_ids
        }
        wanted = [user_id for user_id in user_ids if entries[user_id] or not present_only]
        accounts = await self._store.accounts(wanted) if wanted else {}
        return {user_id: _standing(account, entries[user_id]) for user_id, account in accounts.items()}

    def _of_others(self, devices: Sequence[Device]) -> list[Device]:
        return [device for device in devices if device.worker != self._roll.worker]


def _standing(account: Account, entries: Sequence[Device]) -> Standing:
    return Standing(
        account=account,
        devices=sum(map(is_device, entries)),
        is_present=bool(entries),
        seen_ms=max((entry.at_ms for entry in entries), default=account.last_seen_ms),
    )
