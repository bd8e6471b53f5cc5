"""The devices of all workers, in Redis.

    {prefix}:workers             sorted set: worker → Redis's time of its last beat
    {prefix}:devices:{user}      hash: session → "at_ms worker"
    {prefix}:users:{worker}      sorted set: users with a device there → 0, or until when somebody is burying them

Everything expires by itself. Times are Redis's own, so the workers' clocks may differ. Each command has one key.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, Final
from zlib import crc32

from server.backplane.memory.registry import DEAD_AFTER_MS, check_owner
from server.backplane.ports import Device
from server.backplane.redis import scripts
from server.backplane.redis.client import RedisClient
from server.backplane.redis.command import Command
from server.clock import Clock
from server.errors import Unavailable

KEEP_MS: Final = 600_000
"""After this long without a beat keys go by themselves; whoever is alive has buried their worker long before."""
LEASE_MS: Final = 10_000
"""Users whose burying broke off (their burier died, or lost Redis) are given to another one after this long."""
ROLL_MS: Final = 500.0
"""How old the list of living workers may be: a twentieth of the time after which one is dead."""
ROUNDS: Final = 10
"""Each beat looks at every tenth user, so that a large worker does not write all of them every three seconds …"""
FEW: Final = 200
"""… unless there are few."""
CHUNK: Final = 200
"""Users, or devices of one, per write: about 2 ms of the event loop."""
MAX_DEBTS: Final = 100_000
"""Removals that Redis has not heard of (about 20 MB): older ones are given up, and count until this worker ends."""


class RedisRegistry:
    """One worker's registry; ``worker`` is unique to one start of one process."""

    def __init__(
        self, client: RedisClient, *, worker: str, prefix: str, clock: Clock, dead_after_ms: int = DEAD_AFTER_MS
    ) -> None:
        self._client = client
        self._worker = worker
        self._prefix = prefix
        self._clock = clock
        self._dead_after_ms = dead_after_ms
        self._has_beaten = False
        self._beats = 0
        # Beats in which every user is looked at: after a beat that found something lost there is a second one, since
        # somebody may have been burying this worker meanwhile.
        self._full_beats = 0
        self._own: dict[str, set[str]] = {}
        self._debts: dict[tuple[str, str], None] = {}
        self._removed_in_beat: set[tuple[str, str]] | None = None
        self._living: set[str] = set()
        self._dead: set[str] = set()
        self._roll_at_ms = float("-inf")

    async def add(self, device: Device) -> int:
        check_owner(device, self._worker)
        self._own.setdefault(device.user_id, set()).add(device.session_id)
        self._debts.pop((device.user_id, device.session_id), None)
        if self._removed_in_beat is not None:
            self._removed_in_beat.discard((device.user_id, device.session_id))
        first = [] if self._has_beaten else [self._beat_command()]
        add = scripts.ADD.on(self._devices_key(device.user_id), device.session_id, _value(device), KEEP_MS)
        row, *_ = await self._call(add, self._enrol([device.user_id]), *first)
        self._has_beaten = True
        before = await self._only_living(read_devices(device.user_id, row))
        return sum(1 for one in before if one.session_id != device.session_id)

    async def remove(self, user_id: str, session_id: str) -> int:
        if self._removed_in_beat is not None:
            self._removed_in_beat.add((user_id, session_id))
        own = self._own.get(user_id, set())
        own.discard(session_id)
        if not own:
            self._own.pop(user_id, None)
        self._debts[user_id, session_id] = None
        if len(self._debts) > MAX_DEBTS:
            del self._debts[next(iter(self._debts))]
        row, *_ = await self._call(*self._removal(user_id, session_id))
        self._debts.pop((user_id, session_id), None)
        return len(await self._only_living(read_devices(user_id, row)))

    async def devices(self, user_ids: Sequence[str]) -> dict[str, list[Device]]:
        found: list[Device] = []
        for some in _chunks(dict.fromkeys(user_ids)):
            rows = await self._call(*(Command.of("HGETALL", self._devices_key(user)) for user in some))
            for user_id, row in zip(some, rows, strict=True):
                found += read_devices(user_id, row)
        by_user: dict[str, list[Device]] = {}
        for device in await self._only_living(found):
            by_user.setdefault(device.user_id, []).append(device)
        return by_user

    async def beat(self, devices: Sequence[Device]) -> None:
        self._removed_in_beat = set()
        try:
            (was_known,) = await self._client.call(self._beat_command())
            self._has_beaten = True
            self._beats += 1
            await self._pay_debts()
            if not was_known:
                self._full_beats = 2
            if self._full_beats == 0 and await self._touch(self._due(devices)):
                self._full_beats = 2
            if self._full_beats:
                await self._touch(devices)
                self._full_beats -= 1
        finally:
            self._removed_in_beat = None

    async def bury(self, limit: int) -> list[str]:
        await self._call_roll()
        buried: dict[str, None] = {}
        for worker in sorted(self._dead - {self._worker}):
            if len(buried) >= limit:
                break
            try:
                await self._bury_worker(worker, limit - len(buried), buried)
            except Unavailable:
                if not buried:
                    raise
                break  # nobody else is given those who are struck off already
        return list(buried)

    async def workers(self) -> int:
        await self._call_roll()
        return len(self._living | {self._worker})

    # ----------------------------------------------------------------- beating

    def _due(self, devices: Sequence[Device]) -> Sequence[Device]:
        """The devices that this beat looks at."""
        if len(devices) <= FEW:
            return devices
        turn = self._beats % ROUNDS
        return [device for device in devices if crc32(device.user_id.encode()) % ROUNDS == turn]

    async def _touch(self, devices: Sequence[Device]) -> bool:
        """Write devices as they are; whether any was missing."""
        missing = 0
        for some in _chunks(devices):
            # Looked at here, right before sending: what is removed later is removed by a later command.
            removed = self._removed_in_beat or set()
            present = [one for one in some if (one.user_id, one.session_id) not in removed]
            by_user: dict[str, list[str]] = {}
            for device in present:
                check_owner(device, self._worker)
                self._own.setdefault(device.user_id, set()).add(device.session_id)
                by_user.setdefault(device.user_id, []).extend((device.session_id, _value(device)))
            touches = (scripts.TOUCH.on(self._devices_key(user), KEEP_MS, *row) for user, row in by_user.items())
            missing += sum(await self._client.call(self._enrol(by_user), *touches))
        return missing > 0

    async def _pay_debts(self) -> None:
        for some in _chunks(self._debts):
            await self._client.call(*(command for debt in some for command in self._removal(*debt)))
            for debt in some:
                self._debts.pop(debt, None)

    def _removal(self, user_id: str, session_id: str) -> list[Command]:
        commands = [scripts.REMOVE.on(self._devices_key(user_id), session_id, self._worker)]
        if user_id not in self._own:
            commands.append(Command.of("ZREM", self._users_key(self._worker), user_id))
        return commands

    def _enrol(self, users: Iterable[str]) -> Command:
        return scripts.ENROL.on(self._users_key(self._worker), KEEP_MS, *users)

    def _beat_command(self) -> Command:
        return scripts.BEAT.on(self._workers_key, self._worker, KEEP_MS, self._dead_after_ms)

    # ----------------------------------------------------------------- the dead

    async def _bury_worker(self, worker: str, limit: int, buried: dict[str, None]) -> None:
        """Add to ``buried`` whoever is taken over, also where a later call fails."""
        key = self._users_key(worker)
        ((names, left),) = await self._client.call(scripts.TAKE.on(key, limit, LEASE_MS))
        users = [name.decode() for name in names]
        for some in _chunks(users):
            sweeps = (scripts.SWEEP.on(self._devices_key(user), worker) for user in some)
            await self._client.call(*sweeps)
            buried.update(dict.fromkeys(some))  # before they are struck off: that answer may get lost
            await self._client.call(Command.of("ZREM", key, *some))
        if left == len(users):
            await self._client.call(scripts.STRIKE.on(self._workers_key, worker, self._dead_after_ms))

    async def _only_living(self, devices: list[Device]) -> list[Device]:
        """Leave out the devices of dead workers. That somebody lives may be old news; that somebody does not is looked
        up, since the worker may have come a moment ago."""
        if not {device.worker for device in devices} <= self._living | {self._worker}:
            await self._call_roll()
        return [one for one in devices if one.worker in self._living or one.worker == self._worker]

    async def _call_roll(self) -> None:
        (answer,) = await self._client.call(self._roll_command())
        self._read_roll(answer)

    async def _call(self, *commands: Command) -> list[Any]:
        """The answers; where the roll is old, it is read with the same write."""
        if self._clock.mono_ms() - self._roll_at_ms <= ROLL_MS:
            return await self._client.call(*commands)
        *answers, roll = await self._client.call(*commands, self._roll_command())
        self._read_roll(roll)
        return answers

    def _roll_command(self) -> Command:
        return scripts.ROLL.on(self._workers_key, self._dead_after_ms)

    def _read_roll(self, answer: Sequence[Sequence[bytes]]) -> None:
        living, dead = answer
        self._living = {name.decode() for name in living}
        self._dead = {name.decode() for name in dead}
        self._roll_at_ms = self._clock.mono_ms()

    # ----------------------------------------------------------------- keys and values

    @property
    def _workers_key(self) -> str:
        return f"{self._prefix}:workers"

    def _devices_key(self, user_id: str) -> str:
        return f"{self._prefix}:devices:{user_id}"

    def _users_key(self, worker: str) -> str:
        return f"{self._prefix}:users:{worker}"


def _value(device: Device) -> str:
    return f"{device.at_ms} {device.worker}"


def read_devices(user_id: str, row: Sequence[bytes]) -> list[Device]:
    """``HGETALL`` of a user's hash; what does not read as a device is left out."""
    devices = []
    for session, value in zip(row[::2], row[1::2], strict=True):
        at_ms, _, worker = value.partition(b" ")
        if at_ms.isdigit() and worker:
            devices.append(Device(user_id, session.decode(), worker.decode(), int(at_ms)))
    return devices


def _chunks(things: Iterable[Any]) -> Iterator[list[Any]]:
    # A list of its own: the collection may change while a chunk is sent.
    iterator = iter(list(things))
    while chunk := list(islice(iterator, CHUNK)):
        yield chunk
