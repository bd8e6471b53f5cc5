"""The engine around a model that does as it is told: waiting, batching, deadlines, cancelling, closing."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable

import pytest

from inference.analysis import Analysis
from inference.assemble import Wording
from inference.engine import SHORT_CHARACTERS, Engine
from inference.errors import EngineBusy, EngineClosed, EngineFailed, EngineTimeout
from inference.heads import RawOutputs
from tests.unit.inference.support import LEXICON, WAIT_S, FakeModel, StepClock, fake_engine, fake_pack

LONG_S = 60.0


@pytest.fixture
async def model() -> AsyncIterator[FakeModel]:
    made = FakeModel()
    yield made
    made.gate.set()


async def busy(engine: Engine, model: FakeModel, text: str = "one") -> asyncio.Task[Analysis]:
    """A text whose run has begun and does not end before the gate opens."""
    model.gate.clear()
    model.began.clear()
    running = asyncio.create_task(engine.analyse(text, timeout_s=LONG_S))
    assert await asyncio.to_thread(model.began.wait, WAIT_S)
    return running


async def in_line(engine: Engine, *texts: str, timeout_s: float = LONG_S) -> list[asyncio.Task[Analysis]]:
    tasks = [asyncio.create_task(engine.analyse(text, timeout_s=timeout_s)) for text in texts]
    await asyncio.sleep(0)  # each runs up to its wait
    return tasks


async def within(awaited: Awaitable[None]) -> None:
    await asyncio.wait_for(awaited, WAIT_S)


async def test_one_text(model: FakeModel) -> None:
    engine = fake_engine(model)
    found = await engine.analyse("where is my order", timeout_s=LONG_S)
    assert found.model == "nlu-0.0.1"
    assert found.act == "question"
    assert not found.cached
    assert found.latency_us > 0
    assert len(found.intents) == 5
    assert model.threads == {"inference"}
    await engine.close()


async def test_what_waits_shares_the_next_batch(model: FakeModel) -> None:
    engine = fake_engine(model)
    running = await busy(engine, model)
    waiting = await in_line(engine, *["where is my order"] * 9)
    assert engine.stats().waiting == 9
    model.gate.set()
    await asyncio.gather(running, *waiting)
    assert model.shapes == [(1, 3), (9, 6)]
    stats = engine.stats()
    assert (stats.analysed, stats.batches, stats.waiting) == (10, 2, 0)
    await engine.close()


async def test_a_batch_has_a_bound(model: FakeModel) -> None:
    engine = fake_engine(model, max_batch=4)
    running = await busy(engine, model)
    waiting = await in_line(engine, *["hi"] * 10)
    model.gate.set()
    await asyncio.gather(running, *waiting)
    assert model.shapes == [(1, 3), (4, 3), (4, 3), (2, 3)]
    await engine.close()


async def test_lengths_do_not_mix(model: FakeModel) -> None:
    engine = fake_engine(model)
    running = await busy(engine, model)
    waiting = await in_line(engine, "hi", "one " * 12, "bye", "two " * 12)
    model.gate.set()
    await asyncio.gather(running, *waiting)
    assert model.shapes == [(1, 3), (2, 3), (2, 14)]
    await engine.close()


async def test_each_gets_its_own_answer(model: FakeModel) -> None:
    texts = [f"{first} {second}" for first in ("one", "two", "three") for second in ("hi", "order", "now", "long one")]
    alone = [fake_engine(FakeModel()).analyse_now([text])[0] for text in texts]
    engine = fake_engine(model)
    running = await busy(engine, model)
    waiting = await in_line(engine, *texts)
    model.gate.set()
    together = (await asyncio.gather(running, *waiting))[1:]
    assert len(model.shapes) < len(texts)
    for one, other in zip(alone, together, strict=True):
        assert one.intents == other.intents
        assert one.embedding.tolist() == other.embedding.tolist()
        assert one.sentiment == other.sentiment
    await engine.close()


async def test_a_full_line_turns_away(model: FakeModel) -> None:
    engine = fake_engine(model, max_waiting=2)
    running = await busy(engine, model)
    waiting = await in_line(engine, "hi", "bye")
    with pytest.raises(EngineBusy, match="2 texts are waiting"):
        await engine.analyse("now", timeout_s=LONG_S)
    model.gate.set()
    await asyncio.gather(running, *waiting)
    assert (await engine.analyse("now", timeout_s=LONG_S)).model == "nlu-0.0.1"
    await engine.close()


async def test_who_gives_up_is_not_run_and_frees_a_place(model: FakeModel) -> None:
    engine = fake_engine(model, max_waiting=2)
    running = await busy(engine, model)
    first, second = await in_line(engine, "hi", "bye")
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    assert engine.stats().waiting == 1
    (third,) = await in_line(engine, "now")
    model.gate.set()
    await asyncio.gather(running, second, third)
    assert model.texts == 3
    await engine.close()


async def test_a_run_that_nobody_waits_for_any_more_is_harmless(model: FakeModel) -> None:
    engine = fake_engine(model, cache_entries=8)
    running = await busy(engine, model, "hi")
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    model.gate.set()
    assert not (await engine.analyse("bye", timeout_s=LONG_S)).cached
    assert (await engine.analyse("hi", timeout_s=LONG_S)).cached
    await engine.close()


async def test_a_deadline_passes_in_the_line(model: FakeModel) -> None:
    engine = fake_engine(model)
    running = await busy(engine, model)
    with pytest.raises(EngineTimeout, match=r"no analysis within 0\.001 s"):
        await engine.analyse("hi", timeout_s=0.001)
    assert engine.stats().waiting == 0
    model.gate.set()
    await running
    assert model.texts == 1
    await engine.close()


async def test_a_deadline_passes_during_the_run(model: FakeModel) -> None:
    engine = fake_engine(model)
    model.gate.clear()
    with pytest.raises(EngineTimeout):
        await engine.analyse("hi", timeout_s=0.001)
    model.gate.set()
    assert (await engine.analyse("bye", timeout_s=LONG_S)).model == "nlu-0.0.1"
    await engine.close()


async def test_a_failed_run_fails_its_batch_only(model: FakeModel) -> None:
    engine = fake_engine(model)
    model.failure = RuntimeError("bad allocation")
    with pytest.raises(EngineFailed, match="bad allocation") as caught:
        await engine.analyse("hi", timeout_s=LONG_S)
    assert caught.value.__cause__ is model.failure
    model.failure = None
    assert (await engine.analyse("hi", timeout_s=LONG_S)).model == "nlu-0.0.1"
    await engine.close()


async def test_a_text_that_cannot_be_tokenised_fails_alone(model: FakeModel) -> None:
    pack = fake_pack(model)
    encode = pack.tokeniser.encode

    def picky(text: str) -> list[int]:
        if text == "bad":
            raise ValueError("no tokens for this")
        return encode(text)

    pack.tokeniser.encode = picky  # type: ignore[method-assign]
    engine = Engine(pack, clock=StepClock(), cache_entries=0, lexicon=LEXICON)
    found = await asyncio.gather(
        *(engine.analyse(text, timeout_s=LONG_S) for text in ("hi", "bad", "bye")), return_exceptions=True
    )
    assert isinstance(found[1], EngineFailed)
    assert isinstance(found[0], Analysis)
    assert isinstance(found[2], Analysis)
    await engine.close()


@pytest.mark.parametrize("text", ["bad", "bad " * 200], ids=["on the loop", "on the thread"])
async def test_a_rule_that_breaks_is_heard_of(model: FakeModel, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = fake_engine(model)
    words = engine._reader.words

    def picky(text: str) -> Wording:
        if text.startswith("bad"):
            raise RecursionError("too clever")
        return words(text)

    monkeypatch.setattr(engine._reader, "words", picky)
    with pytest.raises(EngineFailed, match="too clever"):
        await engine.analyse(text, timeout_s=LONG_S)
    assert (await engine.analyse("hi", timeout_s=LONG_S)).act == "greeting"
    await engine.close()


async def test_heads_that_break_are_heard_of(model: FakeModel) -> None:
    engine = Engine(
        fake_pack(model),
        clock=StepClock(),
        lexicon=LEXICON,
        runner=lambda ids, mask: RawOutputs(*model(ids, mask)[:3], model(ids, mask).intent[:0]),
    )
    with pytest.raises(EngineFailed):
        await engine.analyse("hi", timeout_s=LONG_S)
    await engine.close()


async def test_long_texts_are_analysed_like_short_ones(model: FakeModel) -> None:
    engine = fake_engine(model)
    texts = [f"{'thanks ' * count}, where is order 4711?" for count in (1, 20, 50, 400)]
    assert len(texts[1]) < SHORT_CHARACTERS < len(texts[2])
    found = await asyncio.gather(*(engine.analyse(text, timeout_s=LONG_S) for text in texts))
    assert [each.act for each in found] == ["question"] * 4
    assert [each.entities[0].start for each in found] == [text.index("4711") for text in texts]
    await engine.close()


async def test_one_batch_for_two_loops(model: FakeModel) -> None:
    engine = fake_engine(model)
    running = await busy(engine, model)
    (here,) = await in_line(engine, "hi")
    there = asyncio.create_task(asyncio.to_thread(asyncio.run, engine.analyse("bye", timeout_s=LONG_S)))
    while engine.stats().waiting < 2:
        await asyncio.sleep(0)
    model.gate.set()
    found = [(await task).embedding.tolist() for task in (running, here, there)]
    assert model.shapes == [(1, 3), (2, 3)]
    alone = fake_engine(FakeModel(), cache_entries=0)
    assert found == [alone.analyse_now([text])[0].embedding.tolist() for text in ("one", "hi", "bye")]
    await engine.close()


async def test_closing_lets_the_run_finish_and_fails_the_waiting(model: FakeModel) -> None:
    before = set(threading.enumerate())
    engine = fake_engine(model)
    running = await busy(engine, model)
    waiting = await in_line(engine, "hi", "bye")
    closing = asyncio.create_task(engine.close())
    found = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(each) for each in found] == [EngineClosed, EngineClosed]
    assert not running.done()
    model.gate.set()
    assert (await running).model == "nlu-0.0.1"
    await within(closing)
    assert not [thread for thread in set(threading.enumerate()) - before if thread.name == "inference"]
    with pytest.raises(EngineClosed):
        await engine.analyse("now", timeout_s=LONG_S)
    assert model.texts == 1


async def test_closing_twice_and_before_any_text(model: FakeModel) -> None:
    engine = fake_engine(model)
    await within(engine.close())
    await within(engine.close())
    assert model.threads == set()


async def test_a_text_that_comes_again_is_not_run_again(model: FakeModel) -> None:
    engine = fake_engine(model, cache_entries=8)
    first = await engine.analyse("cafe\u0301", timeout_s=LONG_S)
    again = await engine.analyse("caf\u00e9", timeout_s=LONG_S)
    assert (first.cached, again.cached) == (False, True)
    assert again.latency_us >= 1
    assert model.texts == 1
    stats = engine.stats()
    assert (stats.cache_hits, stats.cache_misses, stats.cache_entries) == (1, 1, 1)
    assert stats.hit_rate == 0.5
    await engine.close()


def test_without_look_ups_there_is_no_hit_rate() -> None:
    assert fake_engine(FakeModel()).stats().hit_rate == 0.0


async def test_everybody_returned_is_observed(model: FakeModel) -> None:
    seen: list[Analysis] = []
    engine = Engine(fake_pack(model), clock=StepClock(), lexicon=LEXICON, observe=seen.append)
    await engine.analyse("hi", timeout_s=LONG_S)
    await engine.analyse("hi", timeout_s=LONG_S)
    assert [each.cached for each in seen] == [False, True]
    await engine.close()


async def test_the_latency_counts_the_wait(model: FakeModel) -> None:
    clock = StepClock()
    engine = Engine(fake_pack(model), clock=clock, cache_entries=0, lexicon=LEXICON)
    running = await busy(engine, model)
    (waiting,) = await in_line(engine, "hi")
    clock.ns += 5_000_000
    model.gate.set()
    assert (await running).latency_us >= 5_000
    assert (await waiting).latency_us >= 5_000
    await engine.close()


def test_one_engine_serves_several_loops() -> None:
    engine = fake_engine(FakeModel())
    assert asyncio.run(engine.analyse("hi", timeout_s=LONG_S)).model == "nlu-0.0.1"
    assert asyncio.run(engine.analyse("bye", timeout_s=LONG_S)).model == "nlu-0.0.1"
    asyncio.run(engine.close())


class TestNow:
    """Without a loop, on the calling thread."""

    def test_the_answers_keep_the_order(self) -> None:
        texts = ["one " * 12, "hi", "bye", "two " * 12, "order"]
        alone = [fake_engine(FakeModel()).analyse_now([text])[0] for text in texts]
        together = fake_engine(FakeModel()).analyse_now(texts)
        assert [each.embedding.tolist() for each in together] == [each.embedding.tolist() for each in alone]

    def test_nothing(self) -> None:
        assert fake_engine(FakeModel()).analyse_now([]) == []

    def test_repeated_texts_are_read_once(self) -> None:
        model = FakeModel()
        engine = fake_engine(model, cache_entries=8)
        found = engine.analyse_now(["hi", "bye", "hi", "hi"])
        assert [each.cached for each in found] == [False, False, True, True]
        assert [each.cached for each in engine.analyse_now(["bye", "now"])] == [True, False]
        assert model.texts == 3

    def test_more_texts_than_the_cache_holds(self) -> None:
        engine = fake_engine(FakeModel(), cache_entries=1)
        found = engine.analyse_now(["hi", "bye", "hi", "now", "bye"])
        assert [each.cached for each in found] == [False, False, True, False, True]
        assert found[0].embedding.tolist() == found[2].embedding.tolist()

    def test_without_a_cache_every_text_is_read(self) -> None:
        model = FakeModel()
        assert len(fake_engine(model).analyse_now(["hi"] * 3)) == 3
        assert model.texts == 3

    def test_it_starts_no_thread(self) -> None:
        model = FakeModel()
        fake_engine(model).analyse_now(["hi"])
        assert model.threads == {threading.current_thread().name}
