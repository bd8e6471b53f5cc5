"""The devices of this worker, and what the registry of all workers has yet to be told about them. Pure.

A user whose last device here closes lingers for the grace: an entry of the roll's own in the registry keeps them
present, so that a reconnect, here or on another worker, is not seen. It is no device: ``is_device`` tells.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from itertools import islice

from server.backplane.ports import Device

GRACE_MS = 5_000.0
"""After the last device's close; with the rounds and the gathering ``left`` is pushed 5 to 6 s after it."""

REFRESHED_EACH_TIME = 10
FEW = 200
"""To stay quick for many users, ``devices`` renews the sign of life of every tenth; of all where no more are here."""

MAX_REMOVES = 100_000
"""Entries that the registry has yet to be told to drop (about 20 MB), as after a minute without it under a storm of
reconnects. Older ones are given up: they count on other workers until this one ends."""

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
    """``sessions``: those that are open; ``lingering``: the entry that stands for them during the grace.

    ``was_told``: others have heard of them, although they are among the arrivals.
    """

    sessions: dict[str, Device] = field(default_factory=dict)
    lingering: Device | None = None
    lingers_until_ms: float = 0.0
    was_told: bool = False

    def entries(self) -> Iterable[Device]:
        return self.sessions.values() if self.lingering is None else (self.lingering,)


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
        self._turn = 0

    def open(self, user_id: str, session_id: str, now_ms: int) -> None:
        """A device has connected."""
        person = self._people.get(user_id)
        if person is None:
            person = self._people[user_id] = _Person()
            self._arrivals.add(user_id)
        person.sessions[session_id] = Device(user_id, session_id, self.worker, now_ms)
        self._enter(user_id, session_id)
        if person.lingering is not None:
            person.lingering = None
            del self._lingering[user_id]
            self._forget(user_id, self.lingering_id)

    def close(self, user_id: str, session_id: str, now_ms: int, mono_ms: float) -> bool:
        """A device has gone; whether it was the user's last one here. Unknown ones are ignored."""
        person = self._people.get(user_id)
        if person is None or session_id not in person.sessions:
            return False
        del person.sessions[session_id]
        self._forget(user_id, session_id)
        if person.sessions:
            return False
        if user_id in self._arrivals and not person.was_told:
            self._drop(user_id)
        else:
            person.lingering = Device(user_id, self.lingering_id, self.worker, now_ms)
            person.lingers_until_ms = mono_ms + self._grace_ms
            self._lingering[user_id] = person
            self._enter(user_id, self.lingering_id)
        return True

    def _enter(self, user_id: str, session_id: str) -> None:
        self._adds[user_id, session_id] = None
        self._removes.pop((user_id, session_id), None)

    def _forget(self, user_id: str, session_id: str) -> None:
        self._adds.pop((user_id, session_id), None)
        self._removes[user_id, session_id] = None  # even if it was to be added only now: it may have been there before
        if len(self._removes) > MAX_REMOVES:
            del self._removes[next(iter(self._removes))]

    def _drop(self, user_id: str) -> None:
        del self._people[user_id]
        self._lingering.pop(user_id, None)
        self._arrivals.discard(user_id)

    # ------------------------------------------------------------------ what the registry has to know

    def take(self, limit: int, mono_ms: float) -> Work:
        """At most ``limit`` of each."""
        work = Work()
        due = [one for one in self._lingering.values() if one.lingers_until_ms <= mono_ms]
        for user_id, at_ms in [(one.user_id, one.at_ms) for person in due[:limit] for one in person.entries()]:
            work.gone.append(Gone(user_id, at_ms))
            work.removes.append((user_id, self.lingering_id))
            self._adds.pop((user_id, self.lingering_id), None)
            self._drop(user_id)
        for user_id, session_id in list(islice(self._adds, limit)):
            del self._adds[user_id, session_id]
            person = self._people[user_id]
            entry = person.lingering or person.sessions.get(session_id)
            if entry is not None:
                work.adds.append(entry)
        work.arrivals = self._arrivals & {device.user_id for device in work.adds}
        self._arrivals -= work.arrivals
        for key in list(islice(self._removes, limit)):
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
        return min((person.lingers_until_ms for person in self._lingering.values()), default=None)

    def arrive_again(self, user_ids: Iterable[str], *, were_told: bool = False) -> None:
        """The registry could not say whether they are new, or has lost them: ask again.

        ``were_told``: others have heard of those who had arrived. They linger when they go, so that others hear of
        that, too; who has gone and was not told of is dropped.
        """
        for user_id in user_ids:
            person = self._people.get(user_id)
            if person is None:
                continue
            person.was_told = person.was_told or (were_told and user_id not in self._arrivals)
            if person.sessions or person.was_told:
                self._arrivals.add(user_id)
                self._adds |= dict.fromkeys((user_id, entry.session_id) for entry in person.entries())
            else:
                self._forget(user_id, self.lingering_id)
                self._drop(user_id)

    # ------------------------------------------------------------------ who is here

    def devices(self, now_ms: int) -> list[Device]:
        """All of this worker's entries. A connection that is open is a sign of life: the server's pings see to it."""
        self._turn = (self._turn + 1) % REFRESHED_EACH_TIME
        refresh_all = len(self._people) <= FEW
        devices: list[Device] = []
        for place, person in enumerate(self._people.values()):
            if refresh_all or place % REFRESHED_EACH_TIME == self._turn:
                _refresh(person, now_ms)
            devices += person.entries()
        return devices

    def devices_of(self, user_id: str, now_ms: int) -> list[Device]:
        """This worker's entries of one user."""
        person = self._people.get(user_id)
        if person is None:
            return []
        _refresh(person, now_ms)
        return list(person.entries())

    def connected(self) -> list[str]:
        """Who has a connection here."""
        return [user_id for user_id, person in self._people.items() if person.sessions]

    def departures(self, now_ms: int) -> list[Gone]:
        """What there is to say of everybody here when the worker stops."""
        return [
            Gone(user_id, now_ms if person.lingering is None else person.lingering.at_ms)
            for user_id, person in self._people.items()
        ]


def _refresh(person: _Person, now_ms: int) -> None:
    for session_id, device in person.sessions.items():
        person.sessions[session_id] = replace(device, at_ms=now_ms)
