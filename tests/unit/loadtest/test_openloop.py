"""The steady load: everything is sent, failures are counted, nothing waits for anything else."""

from __future__ import annotations

import asyncio

import pytest

from loadtest import openloop
from loadtest.openloop import Load, Tally, drive
from parlance_client.errors import RequestTimeout

LOAD = Load(connections=3, rate_per_s=2_000.0, seconds=0.01)


class Server:
    """A server that costs a second of processor time each time somebody looks."""

    def __init__(self) -> None:
        self.looks = 0.0

    def cpu_s(self) -> float:
        self.looks += 1.0
        return self.looks


@pytest.fixture(autouse=True)
def no_warm_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openloop, "WARM_UP_S", 0.0)


async def test_every_message_is_sent_and_counted() -> None:
    numbers: list[int] = []

    async def turn(number: int, tally: Tally) -> None:
        numbers.append(number)
        tally.round_trips_ms.append(1.0)

    figures = (await drive(Server(), LOAD, turn)).figures()
    assert numbers == list(range(20))
    assert figures["messages"] == 20
    assert figures["failures"] == 0
    assert figures["round_trip_ms"] == {"p50": 1.0, "p95": 1.0, "p99": 1.0}
    assert figures["server_cpu_ms_per_message"] == 50.0
    assert "answer_ms" not in figures


async def test_a_slow_answer_does_not_hold_back_the_next_message() -> None:
    all_started = asyncio.Event()
    started = 0

    async def turn(_number: int, tally: Tally) -> None:
        nonlocal started
        started += 1
        if started == 20:
            all_started.set()
        await all_started.wait()
        tally.round_trips_ms.append(1.0)

    assert (await drive(Server(), LOAD, turn)).figures()["messages"] == 20


async def test_failures_are_counted_and_the_first_is_named() -> None:
    async def turn(number: int, tally: Tally) -> None:
        if number % 2:
            raise RequestTimeout(f"late {number}")
        tally.round_trips_ms.append(1.0)

    figures = (await drive(Server(), LOAD, turn)).figures()
    assert (figures["messages"], figures["failures"]) == (10, 10)
    assert figures["first_failure"] == "RequestTimeout: late 1"


async def test_a_server_elsewhere_has_no_cpu_figure() -> None:
    class Elsewhere:
        def cpu_s(self) -> None:
            return None

    async def turn(_number: int, _tally: Tally) -> None:
        return

    figures = (await drive(Elsewhere(), LOAD, turn)).figures()
    assert figures["server_cpu_ms_per_message"] is None
    assert figures["round_trip_ms"]["p50"] is None
