"""One supervisor among workers that live in this process: who is started, asked to leave, and killed, and when."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from typing import Any

import pytest

from server.clock import ManualClock
from server.supervisor import STOP_MARGIN_S, Supervisor

DRAIN_S = 10.0
LATE_MS = (DRAIN_S + STOP_MARGIN_S) * 1000


class FakeProcess:
    """Holds its end of the pipe until it ends."""

    def __init__(self, pid: int, pipe: Connection) -> None:
        self.pid = pid
        self._pipe = Connection(os.dup(pipe.fileno()))
        self.exitcode: int | None = None
        self.asked = 0
        self.killed = 0

    def start(self) -> None:
        """It runs."""

    def join(self) -> None:
        assert self.exitcode is not None

    def terminate(self) -> None:
        self.asked += 1

    def kill(self) -> None:
        self.killed += 1
        self.ends(-9)

    def is_ready(self) -> None:
        self._pipe.send("ready")

    def ends(self, code: int = 0) -> None:
        if self.exitcode is None:
            self.exitcode = code
            self._pipe.close()


class House:
    """A supervisor whose workers are ``started``."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, workers: int) -> None:
        self.clock = ManualClock()
        self.started: list[FakeProcess] = []
        monkeypatch.setattr(multiprocessing, "get_context", lambda _: self)
        self.supervisor = Supervisor(workers, lambda *_: None, clock=self.clock, drain_s=DRAIN_S)
        for index in range(workers):
            self.supervisor._start(index)
        for process in self.started:
            process.is_ready()
        self.steps()

    def Pipe(self) -> tuple[Connection, Connection]:
        return multiprocessing.Pipe()

    def Process(self, *, args: tuple[Any, ...], **_: Any) -> FakeProcess:
        self.started.append(FakeProcess(len(self.started), args[2]))
        return self.started[-1]

    def steps(self) -> None:
        """Until there is nothing left to notice now."""
        while self.supervisor._selector.select(0):
            self.supervisor._step()
        if self.supervisor._wait_s() == 0:
            self.supervisor._step()

    def passes(self, ms: float) -> None:
        self.clock.advance(ms)
        self.steps()

    def signal(self, number: int) -> None:
        self.supervisor._on_signals(bytes([number]))
        self.steps()


@pytest.fixture
def make(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[int], House]]:
    made: list[House] = []

    def build(workers: int) -> House:
        made.append(House(monkeypatch, workers))
        return made[-1]

    yield build
    for house in made:
        for process in house.started:
            process.ends()
        for worker in house.supervisor._all():
            worker.pipe.close()
        house.supervisor._selector.close()


def test_hangup_replaces_one_after_the_other(make: Callable[[int], House]) -> None:
    house = make(2)
    house.signal(signal.SIGHUP)
    assert len(house.started) == 3
    house.started[2].is_ready()
    house.steps()
    assert [process.asked for process in house.started] == [1, 0, 0]
    house.started[0].ends()
    house.steps()
    assert len(house.started) == 4
    house.started[3].is_ready()
    house.steps()
    house.started[1].ends()
    house.steps()
    assert [process.asked for process in house.started] == [1, 1, 0, 0]
    house.signal(signal.SIGHUP)
    assert len(house.started) == 5


def test_who_hangs_in_its_drain_is_killed_and_the_next_follows(make: Callable[[int], House]) -> None:
    house = make(2)
    house.signal(signal.SIGHUP)
    house.started[2].is_ready()
    house.steps()
    house.passes(LATE_MS - 1)
    assert house.started[0].killed == 0
    assert house.supervisor._wait_s() == pytest.approx(0.001)
    house.passes(1)
    assert house.started[0].killed == 1
    house.steps()
    assert len(house.started) == 4
    assert [process.killed for process in house.started[1:]] == [0, 0, 0]


def test_an_old_one_that_dies_early_does_not_hurry_the_next(make: Callable[[int], House]) -> None:
    house = make(2)
    house.signal(signal.SIGHUP)
    house.started[0].ends(1)
    house.steps()
    assert len(house.started) == 3
    assert house.started[1].asked == 0
    house.started[2].is_ready()
    house.steps()
    assert len(house.started) == 4


def test_a_successor_that_dies_is_started_again_and_the_chain_goes_on(make: Callable[[int], House]) -> None:
    house = make(2)
    house.signal(signal.SIGHUP)
    house.started[2].ends(1)
    house.steps()
    assert house.started[0].asked == 0
    house.signal(signal.SIGHUP)  # one replacement at a time
    house.passes(1_000)
    assert len(house.started) == 4
    house.started[3].is_ready()
    house.steps()
    house.started[0].ends()
    house.steps()
    assert len(house.started) == 5


def test_hangup_waits_for_a_worker_that_is_being_started_again(make: Callable[[int], House]) -> None:
    house = make(2)
    house.started[0].ends(1)
    house.steps()
    house.signal(signal.SIGHUP)
    assert len(house.started) == 2
    house.passes(1_000)
    assert len(house.started) == 3
    house.started[2].is_ready()
    house.steps()
    assert len(house.started) == 4


def test_all_leave_in_time_or_are_killed(make: Callable[[int], House]) -> None:
    house = make(3)
    house.signal(signal.SIGHUP)
    house.signal(signal.SIGTERM)
    house.started[0].ends()
    house.steps()
    assert [process.asked for process in house.started] == [1, 1, 1, 1]
    house.passes(LATE_MS)
    assert [process.killed for process in house.started] == [0, 1, 1, 1]
    house.steps()
    assert house.supervisor._all() == []


def test_asked_twice_is_now(make: Callable[[int], House]) -> None:
    house = make(2)
    house.signal(signal.SIGINT)
    house.signal(signal.SIGINT)
    assert [process.killed for process in house.started] == [1, 1]
