"""The devices of this worker, and what the registry of all workers has yet to be told about them. Pure.

A user whose last device here closes lingers for the grace: an entry of the roll's own in the registry keeps them
present, so that a reconnect, here or on another worker, is not seen. It is no device: ``is_device`` tells.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from server.backplane.ports import Device

GRACE_MS = 5_000.0
"""After the last device's close; with the rounds and the gathering ``left`` is pushed 5 to 6 s after it."""

_LINGERING = "~"  # session ids are ULIDs


def is_device(device: Device) -> bool:
    """False for the entry of somebody who has no connection on that worker any more and lingers."""
    return not device.session_id.startswith(_LINGERING)


@dataclass(frozen=True, slots=True)
class Gone:
    """A user whose grace is over on this worker. ``at_ms``: wall clock of the last device's close."""

    user_id: str
    at_ms: int


@dataclass(slots=True)
class Work:
    """What to tell the registry: first ``adds``, then ``removes`` (user and session).

    ``arrivals``: those of the users in ``adds`` who were not here before; whether they are new, the registry knows.
    ``gone``: whose grace is over; whether they have devices elsewhere, the registry knows after ``removes``.
    """

    adds: list[Device] = field(default_factory=list)
    removes: list[tuple[str, str]] = field(default_factory=list)
    arrivals: set[str] = field(default_factory=set)
    gone: list[Gone] = field(default_factory=list)


@dataclass(slots=True)
class _Person:
    sessions: set[str] = field(default_factory=set)
    lingers_until_ms: float | None = None
    left_ms: int = 0


class Roll:
    """One worker's. ``now_ms`` is the wall clock's time, ``mono_ms`` the monotonic one."""

    def __init__(self, worker: str, grace_ms: float = GRACE_MS) -> None:
        self.worker = worker
        self.lingering_id = _LINGERING + worker
        self._grace_ms = grace_ms
        self._people: dict[str, _Person] = {}
        self._lingering: dict[str, _Person] = {}
        self._arrivals: set[str] = set()
        self._adds: dict[tuple[str, str], None] = {}
        self._removes: dict[tuple[str, str], None] = {}

    def open(self, user_id: str, session_id: str) -> None:
        """A device has connected."""
        person = self._people.get(user_id)
        if person is None:
            person = self._people[user_id] = _Person()
            self._arrivals.add(user_id)
        person.sessions.add(session_id)
        self._enter(user_id, session_id)
        if person.lingers_until_ms is not None:
            person.lingers_until_ms = None
            del self._lingering[user_id]
            self._forget(user_id, self.lingering_id)

    def close(self, user_id: str, session_id: str, now_ms: int, mono_ms: float) -> bool:
        """A device has gone; whether it was the user's last one here. Unknown ones are ignored."""
        person = self._people.get(user_id)
        if person is None or session_id not in person.sessions:
            return False
        person.sessions.discard(session_id)
        self._forget(user_id, session_id)
        if person.sessions:
            return False
        if user_id in self._arrivals:  # nobody has been told yet
            self._drop(user_id)
        else:
            person.left_ms, person.lingers_until_ms = now_ms, mono_ms + self._grace_ms
            self._lingering[user_id] = person
            self._enter(user_id, self.lingering_id)
        return True

    def _enter(self, user_id: str, session_id: str) -> None:
        self._adds[user_id, session_id] = None
        self._removes.pop((user_id, session_id), None)

    def _forget(self, user_id: str, session_id: str) -> None:
        self._adds.pop((user_id, session_id), None)
        self._removes[user_id, session_id] = None  # even if it was to be added only now: it may have been there before

    def _drop(self, user_id: str) -> None:
        del self._people[user_id]
        self._lingering.pop(user_id, None)
        self._arrivals.discard(user_id)

    # ------------------------------------------------------------------ what the registry has to know

    def take(self, limit: int, now_ms: int, mono_ms: float) -> Work:
        """At most ``limit`` of each."""
        work = Work()
        due = [user_id for user_id, person in self._lingering.items() if _is_over(person, mono_ms)]
        for user_id in due[:limit]:
            work.gone.append(Gone(user_id, self._people[user_id].left_ms))
            work.removes.append((user_id, self.lingering_id))
            self._adds.pop((user_id, self.lingering_id), None)
            self._drop(user_id)
        for key in list(self._adds)[:limit]:
            del self._adds[key]
            work.adds.append(self._device(*key, now_ms))
        work.arrivals = self._arrivals & {device.user_id for device in work.adds}
        self._arrivals -= work.arrivals
        for key in list(self._removes)[:limit]:
            del self._removes[key]
            work.removes.append(key)
        return work

    def has_work(self, mono_ms: float) -> bool:
        """Whether ``take`` would give anything."""
        due_ms = self.due_ms
        return bool(self._adds or self._removes) or (due_ms is not None and due_ms <= mono_ms)

    @property
    def due_ms(self) -> float | None:
        """When the next grace is over."""
        ends_ms = (person.lingers_until_ms for person in self._lingering.values())
        return min((end_ms for end_ms in ends_ms if end_ms is not None), default=None)

    def arrive_again(self, user_ids: Iterable[str]) -> None:
        """The registry could not say whether they are new, or has lost them: ask again. Who has gone is dropped."""
        for user_id in user_ids:
            person = self._people.get(user_id)
            if person is None:
                continue
            if person.sessions:
                self._arrivals.add(user_id)
                self._adds |= dict.fromkeys((user_id, session_id) for session_id in sorted(person.sessions))
            else:
                self._forget(user_id, self.lingering_id)
                self._drop(user_id)

    # ------------------------------------------------------------------ who is here

    def devices(self, now_ms: int) -> list[Device]:
        """All of this worker's entries. A connection that is open is a sign of life: the server's pings see to it."""
        devices: list[Device] = []
        for user_id, person in self._people.items():
            devices += (self._device(user_id, session_id, now_ms) for session_id in person.sessions)
            if person.lingers_until_ms is not None:
                devices.append(self._device(user_id, self.lingering_id, now_ms))
        return devices

    def devices_of(self, user_id: str, now_ms: int) -> list[Device]:
        """This worker's entries of one user."""
        person = self._people.get(user_id)
        if person is None:
            return []
        sessions = person.sessions or (self.lingering_id,)
        return [self._device(user_id, session_id, now_ms) for session_id in sessions]

    def connected(self) -> list[str]:
        """Who has a connection here."""
        return [user_id for user_id, person in self._people.items() if person.sessions]

    def departures(self, now_ms: int) -> list[Gone]:
        """What there is to say of everybody here when the worker stops."""
        return [
            Gone(user_id, now_ms if person.sessions else person.left_ms) for user_id, person in self._people.items()
        ]

    def _device(self, user_id: str, session_id: str, now_ms: int) -> Device:
        at_ms = self._people[user_id].left_ms if session_id == self.lingering_id else now_ms
        return Device(user_id, session_id, self.worker, at_ms)


def _is_over(person: _Person, mono_ms: float) -> bool:
    return person.lingers_until_ms is not None and person.lingers_until_ms <= mono_ms
