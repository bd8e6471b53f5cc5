"""The devices of the workers in one process."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from server.backplane.ports import Device
from server.clock import Clock

DEAD_AFTER_MS = 10_000
"""A worker that has not beaten for so long is dead: three beats missed, and well inside the protocol's 20 s."""


@dataclass(slots=True)
class MemoryRoll:
    """What the registries of one process share: devices by user and session, and each worker's last beat."""

    devices: dict[str, dict[str, Device]] = field(default_factory=dict)
    beats_ms: dict[str, float] = field(default_factory=dict)


class MemoryRegistry:
    """One worker's registry. Nothing waits, and nothing is ever away."""

    def __init__(
        self, worker: str, *, clock: Clock, roll: MemoryRoll | None = None, dead_after_ms: float = DEAD_AFTER_MS
    ) -> None:
        self._worker = worker
        self._clock = clock
        self._roll = roll or MemoryRoll()
        self._dead_after_ms = dead_after_ms

    async def add(self, device: Device) -> int:
        check_owner(device, self._worker)
        self._roll.beats_ms.setdefault(self._worker, self._clock.mono_ms())
        others = [one for one in self._living(device.user_id) if one.session_id != device.session_id]
        self._roll.devices.setdefault(device.user_id, {})[device.session_id] = device
        return len(others)

    async def remove(self, user_id: str, session_id: str) -> int:
        sessions = self._roll.devices.get(user_id, {})
        if session_id in sessions and sessions[session_id].worker == self._worker:
            self._drop(user_id, session_id)
        return len(self._living(user_id))

    async def devices(self, user_ids: Sequence[str]) -> dict[str, list[Device]]:
        return {user_id: living for user_id in user_ids if (living := self._living(user_id))}

    async def beat(self, devices: Sequence[Device]) -> None:
        self._roll.beats_ms[self._worker] = self._clock.mono_ms()
        for device in devices:
            check_owner(device, self._worker)
            self._roll.devices.setdefault(device.user_id, {})[device.session_id] = device

    async def bury(self, limit: int) -> list[str]:
        buried: list[str] = []
        for worker in self._dead():
            left = self._users_of(worker)
            for user_id in left[: limit - len(buried)]:
                self._drop_all(user_id, worker)
                buried.append(user_id)
            if not self._users_of(worker):
                del self._roll.beats_ms[worker]
        return list(dict.fromkeys(buried))

    async def workers(self) -> int:
        return len(self._alive())

    def _alive(self) -> set[str]:
        """The workers that beat; one asks, so it lives."""
        since_ms = self._clock.mono_ms() - self._dead_after_ms
        return {worker for worker, at_ms in self._roll.beats_ms.items() if at_ms >= since_ms} | {self._worker}

    def _dead(self) -> list[str]:
        alive = self._alive()
        return [worker for worker in self._roll.beats_ms if worker not in alive]

    def _living(self, user_id: str) -> list[Device]:
        alive = self._alive()
        return [device for device in self._roll.devices.get(user_id, {}).values() if device.worker in alive]

    def _users_of(self, worker: str) -> list[str]:
        users = self._roll.devices.items()
        return [user for user, sessions in users if any(one.worker == worker for one in sessions.values())]

    def _drop_all(self, user_id: str, worker: str) -> None:
        for session_id, device in tuple(self._roll.devices.get(user_id, {}).items()):
            if device.worker == worker:
                self._drop(user_id, session_id)

    def _drop(self, user_id: str, session_id: str) -> None:
        sessions = self._roll.devices[user_id]
        del sessions[session_id]
        if not sessions:
            del self._roll.devices[user_id]


def check_owner(device: Device, worker: str) -> None:
    """Raises ``ValueError`` for a device that another worker holds."""
    if device.worker != worker:
        raise ValueError(f"Device {device.session_id} is held by worker {device.worker!r}; register it there.")
