"""Which turns are answered when: offset order per conversation, retries, leases (DESIGN's law 4)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any, cast

import pytest
from structlog.contextvars import bound_contextvars, get_contextvars

from server.chat import runner as runner_module
from server.chat.runner import ATTEMPTS, TAKE_TURNS, TurnRunner
from server.chat.signals import TurnsLeft
from server.errors import Unavailable
from server.store.ports import OpenTurn, Store
from server.wire.frames import Message
from server.wire.parts import User


def turn(channel: str, offset: int, lease_number: int = 1) -> OpenTurn:
    sender = User("alice", "customer", "Alice")
    message = Message(channel, "e", offset, f"{channel}{offset}", 0, sender, "hi")
    return OpenTurn(f"turn {channel} {offset}", lease_number, message)


@dataclass
class FakeTurns:
    """The store's side of turns: what is left by dead workers, and what is renewed."""

    left: list[OpenTurn] = field(default_factory=list)
    renewed: set[str] = field(default_factory=set)
    expired: int = 0
    own: list[OpenTurn] = field(default_factory=list)
    closed: set[str] = field(default_factory=set)

    async def expire_leases(self) -> int:
        self.expired += 1
        return len(self.left)

    async def take_turns(self, worker: str, lease_ms: int, limit: int) -> list[OpenTurn]:
        taken, self.left = self.left[:limit], self.left[limit:]
        return taken

    async def own_turns(self, worker: str, limit: int, channel: str | None = None) -> list[OpenTurn]:
        own = [turn for turn in self.own if turn.turn_id not in self.closed and channel in (None, turn.message.channel)]
        return sorted(own, key=lambda turn: turn.message.offset)[:limit]

    async def renew_turns(self, worker: str, turn_ids: list[str], lease_ms: int) -> None:
        self.renewed.update(turn_ids)


class Answering:
    """Records the turns answered; ``failures`` are raised first."""

    def __init__(self) -> None:
        self.answered: list[tuple[str, int]] = []
        self.failures: dict[str, int] = {}
        self.refused: set[str] = set()
        self.last_tries: dict[str, bool] = {}
        self.gate = asyncio.Event()
        self.gate.set()
        self.running = 0
        self.most_running = 0

    async def __call__(self, turn: OpenTurn, last_try: bool) -> bool:
        self.last_tries[turn.turn_id] = last_try
        self.running += 1
        self.most_running = max(self.running, self.most_running)
        try:
            await self.gate.wait()
            if self.failures.get(turn.turn_id, 0) > 0:
                self.failures[turn.turn_id] -= 1
                raise Unavailable("the database is away")
            self.answered.append((turn.message.channel, turn.message.offset))
            return turn.turn_id not in self.refused
        finally:
            self.running -= 1


@pytest.fixture
def store() -> FakeTurns:
    return FakeTurns()


@pytest.fixture
def answering() -> Answering:
    return Answering()


@pytest.fixture
async def make(
    store: FakeTurns, answering: Answering, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Callable[..., TurnRunner]]:
    monkeypatch.setattr(runner_module, "MAX_RETRY_S", 0)
    made: list[TurnRunner] = []

    def build(**changes: Any) -> TurnRunner:
        parameters: dict[str, Any] = {"worker": "w", "lease_ms": 6_000, "max_running": 8, "sole_worker": False}
        made.append(TurnRunner(**{"store": cast(Store, store), "answer": answering, **parameters, **changes}))
        return made[-1]

    yield build
    for runner in made:
        await runner.close(within_s=1)


async def until(condition: Callable[[], bool]) -> None:
    while not condition():
        await asyncio.sleep(0)


async def test_a_conversations_turns_come_in_order(make: Callable[..., TurnRunner], answering: Answering) -> None:
    runner = make()
    for offset in range(1, 20):
        runner.submit(turn("conv:a", offset))
        runner.submit(turn("conv:b", offset))
    await until(lambda: len(answering.answered) == 38)
    for channel in ("conv:a", "conv:b"):
        assert [offset for name, offset in answering.answered if name == channel] == list(range(1, 20))


async def test_conversations_run_side_by_side_up_to_the_bound(
    make: Callable[..., TurnRunner], answering: Answering
) -> None:
    runner = make(max_running=3)
    answering.gate.clear()
    for number in range(10):
        runner.submit(turn(f"conv:{number}", 1))
    await until(lambda: answering.running == 3)
    answering.gate.set()
    await until(lambda: len(answering.answered) == 10)
    assert answering.most_running == 3


async def test_a_failed_turn_is_tried_again_and_nobody_overtakes_it(
    make: Callable[..., TurnRunner], answering: Answering
) -> None:
    runner = make()
    answering.failures["turn conv:a 1"] = ATTEMPTS - 1
    runner.submit(turn("conv:a", 1))
    runner.submit(turn("conv:a", 2))
    await until(lambda: len(answering.answered) == 2)
    assert answering.answered == [("conv:a", 1), ("conv:a", 2)]


async def test_a_turn_that_keeps_failing_is_told_to_make_do_and_nobody_overtakes_it(
    make: Callable[..., TurnRunner], answering: Answering
) -> None:
    runner = make()
    answering.failures["turn conv:a 1"] = ATTEMPTS + 5
    runner.submit(turn("conv:a", 1))
    runner.submit(turn("conv:a", 2))
    runner.submit(turn("conv:b", 1))
    await until(lambda: len(answering.answered) == 3)
    assert answering.answered == [("conv:b", 1), ("conv:a", 1), ("conv:a", 2)]
    assert answering.last_tries == {"turn conv:a 1": True, "turn conv:a 2": False, "turn conv:b 1": False}


async def test_waiting_for_another_try_holds_no_place(make: Callable[..., TurnRunner], answering: Answering) -> None:
    runner = make(max_running=1)
    answering.failures["turn conv:a 1"] = 10**9
    runner.submit(turn("conv:a", 1))
    runner.submit(turn("conv:b", 1))
    await until(lambda: ("conv:b", 1) in answering.answered)


async def test_the_same_turn_twice_is_answered_once(make: Callable[..., TurnRunner], answering: Answering) -> None:
    runner = make()
    answering.gate.clear()
    runner.submit(turn("conv:a", 1))
    runner.submit(turn("conv:a", 1))
    answering.gate.set()
    runner.submit(turn("conv:a", 2))
    await until(lambda: ("conv:a", 2) in answering.answered)
    assert answering.answered == [("conv:a", 1), ("conv:a", 2)]


@pytest.mark.parametrize("sole_worker", [True, False])
async def test_the_start_takes_over_what_was_left(
    make: Callable[..., TurnRunner], store: FakeTurns, answering: Answering, sole_worker: bool
) -> None:
    store.left = [turn("conv:a", offset) for offset in range(1, 101)]
    await make(sole_worker=sole_worker).start()
    await until(lambda: len(answering.answered) == 100)
    assert answering.answered == [("conv:a", offset) for offset in range(1, 101)]
    assert store.expired == int(sole_worker)


async def test_held_turns_are_renewed(make: Callable[..., TurnRunner], store: FakeTurns, answering: Answering) -> None:
    runner = make(lease_ms=3)
    answering.gate.clear()
    await runner.start()
    runner.submit(turn("conv:a", 1))
    runner.submit(turn("conv:a", 2))
    await until(lambda: store.renewed == {"turn conv:a 1", "turn conv:a 2"})
    answering.gate.set()


async def test_closing_lets_running_turns_end(make: Callable[..., TurnRunner], answering: Answering) -> None:
    runner = make()
    runner.submit(turn("conv:a", 1))
    await runner.close(within_s=10)
    assert answering.answered == [("conv:a", 1)]


async def test_turns_that_other_workers_stored_take_their_place(
    make: Callable[..., TurnRunner], store: FakeTurns, answering: Answering
) -> None:
    runner = make()
    answering.gate.clear()
    for offset in (1, 4):
        runner.submit(turn("conv:a", offset))
    store.own = [turn("conv:a", offset) for offset in (1, 2, 3, 4)]
    runner.on_turns_left(TurnsLeft("another", "conv:a"))
    runner.on_turns_left(TurnsLeft("w", "conv:a"))
    await until(lambda: len(runner._queues["conv:a"]) == 4)
    answering.gate.set()
    await until(lambda: len(answering.answered) == 4)
    assert answering.answered == [("conv:a", 1), ("conv:a", 2), ("conv:a", 3), ("conv:a", 4)]


async def test_a_ledger_that_is_away_when_turns_are_left_is_read_again_later(
    make: Callable[..., TurnRunner], store: FakeTurns, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(worker: str, limit: int, channel: str | None = None) -> list[OpenTurn]:
        raise Unavailable("the database is away")

    monkeypatch.setattr(store, "own_turns", away)
    runner = make()
    runner.on_turns_left(TurnsLeft("w", "conv:a"))
    (task,) = runner._tasks
    await task  # no exception that nobody would ever retrieve


async def test_an_answered_turn_is_not_taken_again_and_a_refused_one_is(
    make: Callable[..., TurnRunner], store: FakeTurns, answering: Answering
) -> None:
    runner = make()
    store.own = [turn("conv:a", 1), turn("conv:b", 1)]
    answering.refused = {"turn conv:b 1"}
    for _ in range(2):
        for channel in ("conv:a", "conv:b"):
            runner.on_turns_left(TurnsLeft("w", channel))
        await until(lambda: not runner._tasks)
    assert answering.answered == [("conv:a", 1), ("conv:b", 1), ("conv:b", 1)]


@pytest.mark.parametrize("word", [True, False], ids=["word of it", "the next look"])
@pytest.mark.parametrize("channels", [1, 3 * TAKE_TURNS], ids=["one conversation", "many"])
async def test_a_left_turn_behind_many_is_answered(
    make: Callable[..., TurnRunner], store: FakeTurns, answering: Answering, word: bool, channels: int
) -> None:
    runner = make(lease_ms=3 if not word else 60_000)
    answering.gate.clear()
    last = 3 * TAKE_TURNS
    store.own = [turn(f"conv:{offset % channels}", offset) for offset in range(1, last + 1)]
    for waiting in store.own:
        runner.submit(waiting)
    left = turn("conv:0", last + 1)
    store.own.append(left)
    if word:
        runner.on_turns_left(TurnsLeft("w", "conv:0"))
    else:
        await runner.start()
    await until(lambda: left in runner._queues["conv:0"])
    answering.gate.set()


async def test_what_a_turn_logs_carries_its_turn_and_channel_and_nobodys_session(
    make: Callable[..., TurnRunner],
) -> None:
    seen: list[dict[str, Any]] = []

    async def answer(turn: OpenTurn, last_try: bool) -> bool:
        seen.append(get_contextvars())
        return True

    with bound_contextvars(session="S1"):
        runner = make(answer=answer)
        for offset in (1, 2):
            runner.submit(turn("conv:a", offset))
        runner.submit(turn("conv:b", 1))
        await until(lambda: len(seen) == 3)
        assert get_contextvars() == {"session": "S1"}
    assert sorted(seen, key=str) == [
        {"turn": f"turn {channel} {offset}", "channel": channel}
        for channel, offset in (("conv:a", 1), ("conv:a", 2), ("conv:b", 1))
    ]
