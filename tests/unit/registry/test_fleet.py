"""Who answers, who reads beside, and that nobody is lost while they are exchanged."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.engine import Engine
from inference.errors import EngineClosed, EngineFailed
from inference.registry import fleet as fleet_module
from inference.registry import shadow as shadow_module
from inference.registry.deployment import Canary, in_canary
from inference.registry.fleet import Fleet, Roster
from inference.registry.live import Live
from inference.registry.shadow import Shadow
from tests.unit.inference.support import WAIT_S, FakeModel
from tests.unit.registry.engines import Contrary, engine

LONG_S = 60.0


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shadow_module, "BEGIN_S", 0.0)


def fleet_of(champion: Engine) -> tuple[Fleet, Live]:
    live = Live()
    return Fleet(champion, tally=live.of, failed=live.failed), live


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(WAIT_S):
        while not true():
            await asyncio.sleep(0.001)


async def says(fleet: Fleet, conversation: str = "conv:a", text: str = "hello") -> str:
    return (await fleet.analyse(text, timeout_s=LONG_S, conversation=conversation)).model


# ------------------------------------------------------------------ the canary


async def test_the_champion_answers_alone() -> None:
    fleet, _ = fleet_of(engine("1"))
    assert await says(fleet) == "nlu-1"
    await fleet.close()
    with pytest.raises(EngineClosed):
        await says(fleet)


async def test_a_conversation_stays_with_its_canary() -> None:
    fleet, _ = fleet_of(engine("1"))
    canary = Canary("nlu-2", 0.3)
    fleet.deploy(Roster(fleet.roster.champion, (canary, engine("2"))))
    conversations = [f"conv:{number}" for number in range(100)]
    first = {name: await says(fleet, name) for name in conversations}
    again = {name: await says(fleet, name, "thanks") for name in reversed(conversations)}
    assert first == again
    assert {name for name, model in first.items() if model == "nlu-2"} == {
        name for name in conversations if in_canary(name, canary)
    }
    assert set(first.values()) == {"nlu-1", "nlu-2"}
    await fleet.close()


@given(st.text(), st.floats(0.001, 1.0), st.floats(0.001, 1.0))
def test_a_larger_share_keeps_whom_it_had(conversation: str, one: float, other: float) -> None:
    small, large = sorted((one, other))
    assert in_canary(conversation, Canary("v", large)) or not in_canary(conversation, Canary("v", small))
    assert in_canary(conversation, Canary("v", 1.0))


async def test_whom_the_canary_fails_the_champion_answers() -> None:
    broken = FakeModel()
    broken.failure = RuntimeError("no such operator")
    fleet, live = fleet_of(engine("1"))
    fleet.deploy(Roster(fleet.roster.champion, (Canary("nlu-2", 1.0), engine("2", broken))))
    assert await says(fleet) == "nlu-1"
    found = live.figures()["nlu-2"]
    assert (found.failed, found.answered) == (1, 0)
    assert found.last_failure is not None and "no such operator" in found.last_failure
    await fleet.close()


async def test_a_champion_that_fails_is_no_secret() -> None:
    broken = FakeModel()
    broken.failure = RuntimeError("no such operator")
    fleet, _ = fleet_of(engine("1", broken))
    fleet.deploy(Roster(fleet.roster.champion, None, engine("2")))
    with pytest.raises(EngineFailed):
        await says(fleet)
    await fleet.close()


# ------------------------------------------------------------------ the shadow


async def test_the_shadow_is_compared_and_never_heard() -> None:
    fleet, live = fleet_of(engine("1"))
    fleet.deploy(Roster(fleet.roster.champion, None, engine("2", Contrary())))
    texts = ["hello", "where is my order", "thanks", "bye"]
    for text in texts:
        assert await says(fleet, text=text) == "nlu-1"
        await until(lambda: (fleet.stats().analysed % 2) == 0)
    await until(lambda: live.figures()["nlu-2"].compared == len(texts))
    found = live.figures()["nlu-2"]
    assert (found.answered, found.dropped, found.failed) == (0, 0, 0)
    assert found.disagreed["intent"] == found.disagreed["emotion"] == len(texts)
    assert found.latency_p50_us is not None
    await fleet.close()


async def test_the_same_model_agrees_with_itself() -> None:
    fleet, live = fleet_of(engine("1"))
    fleet.deploy(Roster(fleet.roster.champion, None, engine("2")))
    for text in ("hello", "where is my order"):
        await says(fleet, text=text)
    await until(lambda: live.figures()["nlu-2"].compared == 2)
    assert set(live.figures()["nlu-2"].disagreed.values()) == {0}
    await fleet.close()


async def test_a_shadow_that_raises_is_only_counted() -> None:
    broken = FakeModel()
    broken.failure = RuntimeError("bad")
    fleet, live = fleet_of(engine("1"))
    fleet.deploy(Roster(fleet.roster.champion, None, engine("2", broken)))
    assert await says(fleet) == "nlu-1"
    await until(lambda: live.figures()["nlu-2"].failed == 1)
    assert await says(fleet) == "nlu-1"
    await fleet.close()


async def test_a_shadow_that_hangs_delays_nobody_and_drops_what_it_cannot_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(fleet_module, "CLOSE_WITHIN_S", 0.01)
    hangs = FakeModel()
    hangs.gate.clear()
    fleet, live = fleet_of(engine("1"))
    fleet.deploy(Roster(fleet.roster.champion, None, engine("2", hangs)))
    assert await says(fleet) == "nlu-1"
    assert await asyncio.to_thread(hangs.began.wait, WAIT_S)
    for _ in range(shadow_module.MAX_WAITING + 5):
        assert await says(fleet) == "nlu-1"
    assert live.figures()["nlu-2"].dropped == 5
    fleet.deploy(Roster(fleet.roster.champion))
    assert await says(fleet) == "nlu-1"
    await fleet.close()
    hangs.gate.set()


async def test_the_shadow_steps_back_for_who_is_answered() -> None:
    busy, beside, live = [True], FakeModel(), Live()
    shadow = Shadow(engine("2", beside), live.of("nlu-2"), lambda: bool(busy))
    answered = await shadow.engine.analyse("hello", timeout_s=LONG_S)
    for _ in range(3):
        shadow.offer("hello", answered)
    for _ in range(20):
        await asyncio.sleep(0.001)
    assert (beside.texts, shadow.waiting) == (1, 3)
    busy.clear()
    await until(lambda: live.of("nlu-2").figures().compared == 3)
    shadow.end()
    shadow.offer("hello", answered)
    assert live.of("nlu-2").figures().dropped == 1
    await shadow.engine.close()


async def test_a_shadow_whose_engine_is_closed_ends() -> None:
    live = Live()
    shadow = Shadow(engine("2"), live.of("nlu-2"), lambda: False)
    answered = await shadow.engine.analyse("hello", timeout_s=LONG_S)
    await shadow.engine.close()
    shadow.offer("hello", answered)
    await until(lambda: shadow.waiting == 0)
    shadow.offer("hello", answered)
    figures = live.of("nlu-2").figures()
    assert (figures.dropped, figures.failed, figures.compared) == (1, 0, 0)


# ------------------------------------------------------------------ exchanging


async def test_nobody_is_lost_while_the_champion_is_exchanged() -> None:
    old, new = FakeModel(), FakeModel()
    fleet, _ = fleet_of(engine("1", old))
    before = fleet.roster.champion
    old.gate.clear()
    begun = asyncio.create_task(says(fleet))
    assert await asyncio.to_thread(old.began.wait, WAIT_S)
    waiting = [asyncio.create_task(says(fleet, text=text)) for text in ("thanks", "bye", "now") * 5]
    await asyncio.sleep(0)
    fleet.deploy(Roster(engine("2", new)))
    assert await says(fleet) == "nlu-2"
    old.gate.set()
    assert set(await asyncio.gather(begun, *waiting)) == {"nlu-1"}
    assert fleet.stats().analysed == 17

    def closed() -> bool:
        return before.stats().waiting == 0 and fleet.is_settled

    await until(closed)
    with pytest.raises(EngineClosed):
        await before.analyse("hello", timeout_s=LONG_S)
    stats = fleet.stats()
    assert (stats.analysed, stats.cache_entries, stats.waiting) == (17, 0, 0)
    await fleet.close()


async def test_many_exchanges_under_load_lose_none() -> None:
    fleet, _ = fleet_of(engine("0"))
    heard: list[str] = []

    async def chat(conversation: str) -> None:
        heard.extend([await says(fleet, conversation, f"hello {number}") for number in range(40)])

    async def exchange() -> None:
        for number in range(1, 20):
            await asyncio.sleep(0.001)
            beside = engine(f"{number}b") if number % 3 == 0 else None
            canary = (Canary(f"nlu-{number}c", 0.5), engine(f"{number}c")) if number % 2 else None
            fleet.deploy(Roster(engine(str(number)), canary, beside))

    await asyncio.gather(exchange(), *(chat(f"conv:{number}") for number in range(10)))
    assert len(heard) == 400
    assert not any(model.endswith("b") for model in heard)
    assert len(set(heard)) > 2
    await fleet.close()


async def test_who_is_replaced_leaves_the_memory_without_the_collector() -> None:
    fleet, _ = fleet_of(engine("1"))
    gone = [weakref.ref(fleet.roster.champion)]
    assert await says(fleet) == "nlu-1"
    gc.disable()
    try:
        fleet.deploy(Roster(engine("2"), None, engine("3")))
        await says(fleet)
        gone += [weakref.ref(one) for one in fleet.roster.engines()]
        fleet.deploy(Roster(engine("4")))
        await until(lambda: fleet.is_settled)
        await asyncio.sleep(0)
        assert [ref() for ref in gone] == [None] * 3
    finally:
        gc.enable()
    await fleet.close()


async def test_who_stays_in_use_is_not_closed() -> None:
    fleet, _ = fleet_of(engine("1"))
    champion, canary = fleet.roster.champion, engine("2")
    fleet.deploy(Roster(champion, (Canary("nlu-2", 1.0), canary)))
    fleet.deploy(Roster(canary))
    await until(lambda: fleet.is_settled)
    assert await says(fleet) == "nlu-2"
    await fleet.close()
    await fleet.close()
