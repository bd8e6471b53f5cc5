"""Which experiments concern a turn, who gets which variant, and when the ledger is asked."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from adapters.experiments.assignment import Slice
from adapters.experiments.changes import Change
from adapters.experiments.design import Experiment, Variant
from adapters.experiments.targeting import Rule
from server.chat import trials as module
from server.chat.memory import LastAnswer, Memory, before_of
from server.chat.treatments import ATTRIBUTES
from server.chat.trials import NO_PART, TRUST_MS, Part, Trials, attributes_of
from server.clock import ManualClock
from server.store.experiment_ports import Exposure
from server.store.ports import OpenTurn
from server.wire.frames import Message
from server.wire.parts import ExperimentRef, User
from tests.unit.chat.laboratory import CAN, CONTEXT, TONE, Bench, hold_out, row_of, running
from tests.unit.chat.loopback import loopback
from tests.unit.chat.test_memory import analysis

ALICE = User("alice", "customer", "Alice")
USERS = [f"user-{number}" for number in range(400)]
ENGLISH = running(rules=(Rule("language", "is", ("en",)),))
PERSONA = Experiment(
    "who", (Variant("today"), Variant("warm", 1, (Change("persona", {"name": "warm"}),))), ("satisfaction",)
)


def turn(at_ms: int = 100) -> OpenTurn:
    return OpenTurn("t1", 1, Message("conv:c", "e", 1, "m1", at_ms, ALICE, "hi"))


async def part(made: Trials, user: str = "alice", **attributes: Any) -> Part:
    """With what the ledger says, as a turn has it."""
    return made.part(user, lambda: attributes, await made.recall(user), 7)


def in_variant(own: Experiment, name: str) -> str:
    """A user whom the assignment gives it."""
    return next(user for user in USERS if own.allocation.variant(user, {}) == name)


class TestParts:
    async def test_without_experiments(self) -> None:
        bench = Bench()
        assert await part(bench.trials()) is NO_PART
        assert await part(bench.trials(TONE)) is NO_PART, "a draft concerns nobody"
        assert bench.ledger.reads == 0

    async def test_the_assignment_is_the_documented_one(self) -> None:
        made = Bench().trials(running())
        for user in USERS:
            found = await part(made, user)
            assert found.ref == ExperimentRef("tone", TONE.allocation.variant(user, {}) or "")
            assert found.exposures == (Exposure("tone", user, found.ref.variant, 7),)
            assert found.is_observed
            assert bool(found.treatment.traits_to) == (found.ref.variant == "friendly")

    async def test_on_every_worker_alike(self) -> None:
        """Each worker knows the document only, and has seen other users."""
        here, there = Bench().trials(running()), Bench().trials(running())
        for user in USERS[::2]:
            await part(here, user)
        assert [(await part(here, user)).ref for user in USERS] == [(await part(there, user)).ref for user in USERS]

    async def test_what_is_recorded_is_not_noted_again(self) -> None:
        bench = Bench()
        made = bench.trials(running())
        first = await part(made)
        await made.answered(first, turn(), analysis(), 1)
        again = await part(made)
        assert (again.exposures, again.ref, again.is_observed) == ((), first.ref, True)
        assert bench.ledger.reads == 0, "nobody has to ask the ledger who gets what"

    async def test_two_experiments_and_the_first_to_start_is_told(self) -> None:
        late = replace(PERSONA, id="a-later-one").start(9)
        made = Bench().trials(late, running())
        parts = [await part(made, user) for user in USERS]
        both = next(found for found in parts if found.treatment.persona == "warm")
        assert both.ref is not None and both.ref.id == "tone"
        assert [one.experiment_id for one in both.exposures] == ["tone", "a-later-one"]
        assert both.treatment.log == "experiment:a-later-one:warm"

    async def test_exclusive_ones_never_meet(self) -> None:
        halves = [Slice("style", 0, 500_000), Slice("style", 500_000, 1_000_000)]
        own = [running(id=f"e{at}", slice=half) for at, half in enumerate(halves)]
        made = Bench().trials(*own)
        assert {len(one.exposures) for one in [await part(made, user) for user in USERS]} == {1}

    async def test_completed_with_a_winner_everybody_gets_it_and_nothing_is_recorded(self) -> None:
        made = Bench().trials(running().complete(9, "friendly"))
        found = await part(made)
        assert found.treatment.traits_to
        assert (found.ref, found.exposures, found.is_observed) == (None, (), False)
        assert await part(Bench().trials(running().complete(9))) is NO_PART
        assert await part(Bench().trials(running().complete(9, "friendly").withdraw())) is NO_PART

    async def test_a_persona_that_is_gone_leaves_the_choice_to_the_policy(self) -> None:
        own = PERSONA.start(1)
        made = Bench().trials(own, can=replace(CAN, personas=("calm",)))
        found = await part(made, in_variant(own, "warm"))
        assert found.ref == ExperimentRef("who", "warm") and found.treatment.persona is None

    async def test_so_does_a_policy_that_needs_one_that_is_gone(self) -> None:
        wants = Variant("cold", 1, (Change("policy", {"name": "fixed", "arm": "cold"}),))
        own = Experiment("p", (Variant("today"), wants), ("satisfaction",)).start(1)
        made = Bench().trials(own)
        assert (await part(made, in_variant(own, "cold"))).treatment.policy is None

    async def test_what_a_newer_release_wrote_is_passed_over(self) -> None:
        made = Bench().trials()
        made.take([replace(row_of(running()), document={"id": "x", "of the future": 1}), row_of(running(id="b"))])
        found = await part(made)
        assert found.ref is not None and found.ref.id == "b"


class TestSticky:
    async def test_who_was_in_stays_whatever_becomes_of_the_attributes(self) -> None:
        bench = Bench()
        made = bench.trials(ENGLISH)
        first = await part(made, language="en")
        await made.answered(first, turn(), analysis(), 1)
        later = await part(made, language="de")
        assert (later.ref, later.exposures) == (first.ref, ())
        assert (await part(made, "bob", language="de")) is NO_PART

    async def test_on_another_worker_too_since_the_ledger_knows(self) -> None:
        bench = Bench()
        bench.ledger.exposures["alice"] = {"tone": "friendly"}
        found = await part(bench.trials(ENGLISH), language="de")
        assert found.ref == ExperimentRef("tone", "friendly") and found.exposures == ()
        assert bench.ledger.reads == 1

    async def test_paused_takes_nobody_new(self) -> None:
        bench = Bench()
        bench.ledger.exposures["alice"] = {"tone": "friendly"}
        made = bench.trials(running().pause())
        assert (await part(made)).ref == ExperimentRef("tone", "friendly")
        assert await part(made, "bob") is NO_PART

    async def test_the_ledger_is_asked_once_by_the_only_worker(self) -> None:
        bench = Bench()
        made = bench.trials(ENGLISH)
        for _ in range(3):
            await part(made, language="de")
        assert bench.ledger.reads == 1

    async def test_and_from_time_to_time_where_others_may_have_shown_something(self) -> None:
        bench = Bench()
        made = bench.trials(ENGLISH, sole_worker=False)
        assert await part(made, language="de") is NO_PART
        bench.ledger.exposures["alice"] = {"tone": "today"}
        assert await part(made, language="de") is NO_PART
        bench.clock.advance(TRUST_MS)
        assert (await part(made, language="de")).ref == ExperimentRef("tone", "today")
        assert bench.ledger.reads == 2

    async def test_a_ramp_only_adds(self) -> None:
        before, after = running(exposure=0.3), running(exposure=0.6)
        small, large = Bench().trials(before), Bench().trials(after)
        refs = [((await part(small, user)).ref, (await part(large, user)).ref) for user in USERS]
        assert all(new == old for old, new in refs if old is not None)
        assert sum(new is not None for _, new in refs) > sum(old is not None for old, _ in refs) > 0

    async def test_few_users_are_remembered(self) -> None:
        bench = Bench()
        made = bench.trials(running(), max_users=10)
        for user in USERS[:50]:
            made._recorded(user, (await part(made, user)).exposures)
        assert list(made._users) == USERS[40:50]
        assert (await part(made, USERS[0])).exposures, "noted again: the ledger keeps the first"

    async def test_a_reading_that_nobody_waits_for_is_no_trouble(self, monkeypatch: pytest.MonkeyPatch) -> None:
        bench = Bench()

        async def away(_user: str) -> dict[str, str]:
            raise ConnectionError

        monkeypatch.setattr(bench.ledger, "exposures_of", away)
        made = bench.trials(ENGLISH)
        reading = made.recall("alice")
        await asyncio.wait([reading])
        del reading


class TestDecisions:
    async def test_the_policy_decides_unless_a_variant_does(self) -> None:
        own = PERSONA.start(1)
        made = Bench().trials(own)
        assert made.draw(await part(made, in_variant(own, "today")), CONTEXT, ("calm", "warm"), user="u") is None
        found = await part(made, in_variant(own, "warm"))
        assert made.draw(found, CONTEXT, ("calm",), user="u") is None, "a rule, or a pause, bars the persona"
        drawn = made.draw(found, CONTEXT, ("calm", "warm"), user="u")
        assert drawn is not None
        assert (drawn.log, drawn.arms) == ("experiment:who:warm", ("warm",))
        assert (drawn.decision.arm, drawn.decision.propensity, drawn.decision.probabilities.tolist()) == (
            "warm", 1.0, [1.0],
        )  # fmt: skip

    async def test_a_policy_of_the_variant(self) -> None:
        even = Experiment(
            "p", (Variant("today"), Variant("even", 1, (Change("policy", {"name": "uniform"}),))), ("satisfaction",)
        ).start(1)
        made = Bench().trials(even)
        user = in_variant(even, "even")
        draws = [made.draw(await part(made, user), CONTEXT, ("calm", "warm"), user=user) for _ in range(50)]
        assert {one.decision.arm for one in draws if one} == {"calm", "warm"}
        assert {(one.log, one.decision.propensity) for one in draws if one} == {("experiment:p:even", 0.5)}
        barred = made.draw(await part(made, user), CONTEXT, ("warm", "new"), user=user)
        assert barred is not None and (barred.decision.arm, barred.decision.probabilities.tolist()) == ("warm", [0, 1])
        assert made.draw(await part(made, user), CONTEXT, ("new",), user=user) is None, "nobody that it knows"

    async def test_the_hold_out_is_drawn_by_hash_and_has_a_log_of_its_own(self) -> None:
        made = Bench().trials(hold_out=hold_out(0.25))
        arms = ("a", "b", "c", "d")
        drawn = {user: made.draw(NO_PART, CONTEXT, arms, user=user) for user in USERS}
        held = {user: one for user, one in drawn.items() if one is not None}
        assert stats.binomtest(len(held), len(USERS), 0.25).pvalue > 0.001
        counts = Counter(one.decision.arm for one in held.values())
        assert stats.chisquare([counts[arm] for arm in arms]).pvalue > 0.001
        for user, one in held.items():
            assert one.log == "linucb:holdout"
            assert one.decision.propensity == 0.25 and one.decision.probabilities.tolist() == [0.25] * 4
            again = made.draw(NO_PART, np.ones_like(CONTEXT), arms, user=user)
            assert again is not None and again.decision.arm == one.decision.arm, "whatever the message says"


class TestRecords:
    def test_who_is_in_no_experiment_leaves_none(self) -> None:
        assert Bench().trials().record(NO_PART, turn(), Memory(), 0.5, 200) is None

    async def test_the_first_turn_and_a_reply(self) -> None:
        made = Bench().trials(running())
        found, memory = await part(made), Memory()
        first = made.record(found, turn(100), memory, 0.5, 130)
        assert first is not None
        assert (first.user_id, first.response_ms, first.sentiment_score, first.reply_to_ms) == ("alice", 30, 0.5, None)
        assert first.exposures == found.exposures
        memory.last = LastAnswer("d", before_of({}, 1, 100, 130), 130)
        reply = made.record(found, turn(150), memory, 0.5, 140)
        assert reply is not None and (reply.reply_to_ms, reply.response_ms) == (130, 0), "clocks of two workers"
        crossed = made.record(found, turn(120), memory, 0.5, 160)
        assert crossed is not None and crossed.reply_to_ms is None, "written before that answer"

    async def test_a_rule_wants_a_person(self) -> None:
        own = Experiment(
            "r", (Variant("today"), Variant("soon", 1, (Change("flow", {"max_turns": 2}),))), ("handoff_rate",)
        ).start(1)
        bench = Bench()
        made = bench.trials(own)
        for variant in ("today", "soon"):
            found = await part(made, in_variant(own, variant))
            for number in (1, 2):
                await made.answered(found, turn(), analysis(), number)
        assert bench.handed == [("conv:c", "2 turns without an end")]

    @given(st.integers(0, 2**41))
    def test_attributes_have_the_names_that_rules_may_use(self, now_ms: int) -> None:
        found = attributes_of(ALICE, analysis(), 3, now_ms)
        assert tuple(found) == ATTRIBUTES
        assert found["guest"] is False and found["turns"] == 3


class TestFollowing:
    async def test_every_worker_hears_of_a_change(self) -> None:
        bench = Bench()
        signals = loopback(2)
        workers = [bench.trials(signals=one) for one in signals]
        tasks = [asyncio.create_task(one.follow()) for one in workers]
        await asyncio.sleep(0)
        bench.ledger.keep(running())
        await workers[0].tell()
        for _ in range(20):
            await asyncio.sleep(0)
        assert [(await part(one)).ref for one in workers] == [(await part(workers[0])).ref] * 2
        assert (await part(workers[1])).ref is not None
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def test_what_a_command_changed_is_seen_without_a_word(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(module, "LOOK_EVERY_S", 0)
        bench = Bench()
        made = bench.trials()
        bench.ledger.away = True
        task = asyncio.create_task(made.follow())
        for _ in range(5):
            await asyncio.sleep(0)
        bench.ledger.away = False
        bench.ledger.keep(running())
        for _ in range(20):
            await asyncio.sleep(0)
        assert (await part(made)).ref is not None
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    async def test_nothing_is_read_anew_that_has_not_changed(self) -> None:
        bench = Bench()
        made = bench.trials()
        bench.ledger.keep(running())
        await made.look()
        made._recorded("alice", (await part(made)).exposures)
        await made.look()
        assert (await part(made)).exposures == ()


async def test_the_same_split_over_workers_and_clocks() -> None:
    """Counts of a live experiment are those that were asked for."""
    made = Bench(clock=ManualClock()).trials(
        running(variants=(Variant("today", 2), replace(TONE.variants[1], weight=1)), planned_units=1_000)
    )
    parts = [await part(made, f"u{number}") for number in range(3_000)]
    counts = Counter(one.exposures[0].variant for one in parts)
    assert stats.chisquare([counts["today"], counts["friendly"]], [2_000, 1_000]).pvalue > 0.001
