"""Experiments in the ledger: documents and their history, first exposures, what the turns of users told."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from adapters.rewards import RewardWeights
from server.errors import Conflict, Invalid, NotFound
from server.store.experiment_ports import ExperimentRow, Exposure, GoalEvent, TrialTurn, UnitRecord, Window
from server.store.ports import Answer, Assessment, OpenTurn, Rating, RewardParts
from server.store.sql import SqlStore
from server.wire.parts import User
from tests.contract.store.harness import Harness
from tests.contract.store.people import (
    ANN,
    BEN,
    NOW_MS,
    answer,
    asked,
    claim,
    decision,
    handoff,
    opened,
    resolution,
)

DRAFT = ExperimentRow("tone", 1, "draft", {"id": "tone", "é": [1, 2.5, None]}, "create", "ada", NOW_MS)
DAY_MS = 86_400_000
WINDOW = Window("tone", until_ms=NOW_MS + 30 * DAY_MS, settled_before_ms=NOW_MS + 30 * DAY_MS, retention_ms=7 * DAY_MS)


def exposure(user: User = ANN, variant: str = "warm", at_ms: int = NOW_MS, experiment: str = "tone") -> Exposure:
    return Exposure(experiment, user.id, variant, at_ms)


async def said(
    store: SqlStore, channel: str, *exposures: Exposure, user: User = ANN, at_ms: int = NOW_MS, **told: Any
) -> tuple[OpenTurn, Answer]:
    """An answered turn of a user in an experiment."""
    turn = await asked(store, channel)
    trial = TrialTurn(user.id, **{"response_ms": 10, "sentiment_score": 0.5, "reply_to_ms": None, **told})
    made = answer(turn, at_ms=at_ms, trial=replace(trial, exposures=exposures))
    assert await store.answer(made) is not None
    return turn, made


async def records(store: SqlStore, window: Window = WINDOW) -> dict[str, UnitRecord]:
    return {record.unit: record for record in await store.unit_records(window, None, 100)}


class TestDocuments:
    async def test_every_revision_stays(self, store: SqlStore) -> None:
        before = await store.experiments_version()
        running = replace(DRAFT, revision=2, state="running", verb="start", at_ms=NOW_MS + 1, note="at last")
        await store.put_experiment(DRAFT)
        assert await store.experiment("tone") == DRAFT
        await store.put_experiment(running)
        assert await store.experiment("tone") == running
        assert await store.experiment_history("tone") == [DRAFT, running]
        assert await store.experiment_history("none") == []
        assert await store.experiments_version() > before

    async def test_of_two_changes_at_once_one_holds(self, harness: Harness) -> None:
        stores = [harness.store(), harness.store()]
        for one in stores:
            await one.start()
        await stores[0].put_experiment(DRAFT)
        nexts = [replace(DRAFT, revision=2, state="running", by=by) for by in ("ada", "bob")]
        done = await asyncio.gather(
            *(one.put_experiment(row) for one, row in zip(stores, nexts, strict=True)), return_exceptions=True
        )
        assert [type(one) for one in done if one is not None] == [Conflict]
        assert (await stores[1].experiment("tone")).by == nexts[done.index(None)].by

    async def test_of_two_that_exclude_each_other_one_starts(self, harness: Harness) -> None:
        """However they meet: on one worker, in one commit, or on two."""
        stores = [harness.store(), harness.store()]
        for one in stores:
            await one.start()

        def alone(others: Sequence[ExperimentRow]) -> str | None:
            return f"{others[0].id} is running" if others else None

        for place in range(6):
            ids = [f"a{place}", f"b{place}"]
            for name in ids:
                await stores[0].put_experiment(replace(DRAFT, id=name))
            starts = [replace(DRAFT, id=name, revision=2, state="running") for name in ids[:: 1 if place % 2 else -1]]
            # Looks are taken meanwhile: whoever locks one waits for whoever locks all, and not in a circle.
            done = await asyncio.gather(
                stores[0].put_experiment(starts[0], alone),
                stores[place % 3 > 0].put_experiment(starts[1], alone),
                *(one.take_look(name, 0) for name in ids for one in stores),
                return_exceptions=True,
            )
            refused = [one for one in done[:2] if one is not None]
            assert [type(one) for one in refused] == [Conflict], done
            assert "is running" in str(refused[0])
            (running,) = await stores[1].experiments(("running",))
            await stores[1].put_experiment(replace(running, revision=3, state="completed"))

    async def test_what_is_refused(self, store: SqlStore) -> None:
        await store.put_experiment(DRAFT)
        with pytest.raises(Conflict, match="already"):
            await store.put_experiment(DRAFT)
        with pytest.raises(Conflict, match="meanwhile"):
            await store.put_experiment(replace(DRAFT, revision=3))
        with pytest.raises(NotFound, match="no experiment 'none'"):
            await store.experiment("none")
        with pytest.raises(Invalid):
            await store.put_experiment(replace(DRAFT, id="b", by="a\0"))

    async def test_those_of_a_state(self, store: SqlStore) -> None:
        rows = [replace(DRAFT, id="c"), replace(DRAFT, id="a", state="running")]
        for row in rows:
            await store.put_experiment(row)
        assert await store.experiments() == rows[::-1]
        assert await store.experiments(("running", "paused")) == rows[1:]
        assert await store.experiments(()) == []

    async def test_one_look_in_a_while(self, harness: Harness) -> None:
        stores = [harness.store(), harness.store()]
        for one in stores:
            await one.start()
        await stores[0].put_experiment(DRAFT)
        looks = await asyncio.gather(*(one.take_look("tone", 600_000) for one in stores for _ in range(3)))
        assert sum(looks) == 1
        assert await stores[1].take_look("tone", 0)
        assert not await stores[0].take_look("none", 0)


class TestExposures:
    async def test_in_the_commit_of_the_answer(self, store: SqlStore) -> None:
        channel = await opened(store)
        turn = await asked(store, channel)
        commits = store.stats.commits
        trial = TrialTurn(ANN.id, 10, 0.5, None, (exposure(), exposure(experiment="pace", variant="slow")))
        await store.answer(answer(turn, trial=trial))
        assert store.stats.commits == commits + 1
        assert await store.exposures_of(ANN.id) == {"tone": "warm", "pace": "slow"}
        assert await store.exposures_of(BEN.id) == {}

    async def test_no_answer_no_exposure(self, store: SqlStore) -> None:
        channel = await opened(store)
        turn = await asked(store, channel)
        await store.claim(claim(channel))
        assert await store.answer(answer(turn, trial=TrialTurn(ANN.id, 1, 0.0, None, (exposure(),)))) is None
        assert await store.exposures_of(ANN.id) == {}

    async def test_the_first_stays(self, store: SqlStore) -> None:
        await said(store, await opened(store), exposure(at_ms=NOW_MS + 5))
        await said(store, await opened(store), exposure(variant="cool", at_ms=NOW_MS + 9))
        assert await store.exposures_of(ANN.id) == {"tone": "warm"}
        assert (await records(store))[ANN.id].exposed_ms == NOW_MS + 5

    async def test_two_of_one_commit(self, store: SqlStore) -> None:
        turns = [await asked(store, await opened(store)) for _ in range(8)]
        made = [answer(turn, trial=TrialTurn(ANN.id, 1, 0.0, None, (exposure(),))) for turn in turns]
        assert None not in await asyncio.gather(*map(store.answer, made))
        assert (await records(store))[ANN.id].turns == 8

    async def test_of_two_workers_at_once(self, harness: Harness) -> None:
        stores = [harness.store(), harness.store()]
        for one in stores:
            await one.start()
        users = [User(f"user-{number}", "customer", "U") for number in range(12)]
        turns = [(user, [await asked(one, await opened(one, ANN)) for one in stores]) for user in users]

        async def show(store: SqlStore, turn: OpenTurn, user: User, variant: str) -> None:
            trial = TrialTurn(user.id, 1, 0.0, None, (exposure(user, variant),))
            assert await store.answer(answer(turn, trial=trial)) is not None

        orders = (turns, turns[::-1])
        await asyncio.gather(
            *(show(one, own[at], user, f"v{at}") for at, one in enumerate(stores) for user, own in orders[at])
        )
        found = [[await one.exposures_of(user.id) for user in users] for one in stores]
        assert found[0] == found[1]
        assert all(len(one) == 1 for one in found[0])


class TestEvents:
    async def test_a_key_counts_once(self, store: SqlStore) -> None:
        event = GoalEvent(ANN.id, "order-7", "order_placed", NOW_MS)
        assert await store.add_event(event)
        assert not await store.add_event(replace(event, at_ms=NOW_MS + 5))
        assert await store.add_event(replace(event, user_id=BEN.id))
        with pytest.raises(Conflict, match="'order-7' was used for the event 'order_placed'"):
            await store.add_event(replace(event, name="order_paid"))
        with pytest.raises(Invalid):
            await store.add_event(replace(event, key="\ud800"))


class TestHoldOut:
    async def test_its_rewards_are_in_a_log_that_no_policy_reads(self, store: SqlStore) -> None:
        """And the policy's own log stays without a gap."""
        combine = RewardWeights().combine
        for policy in ("linucb", "linucb:holdout", "linucb", "experiment:tone:warm"):
            made = answer(await asked(store, await opened(store)), chosen=decision(policy))
            await store.answer(made)
            assert made.decision is not None
            await store.add_reward(RewardParts(made.decision.decision_id, {"feedback": 1.0}), combine, NOW_MS)
        found = {name: await store.rewards_after(name, 0, 9) for name in ("linucb", "linucb:holdout")}
        assert [event.log_offset for event in found["linucb"]] == [1, 2]
        assert [(event.log_offset, event.policy) for event in found["linucb:holdout"]] == [(1, "linucb:holdout")]


class TestRecords:
    async def test_turns_of_two_conversations(self, store: SqlStore) -> None:
        first, second = await opened(store), await opened(store)
        await said(store, first, exposure(), response_ms=30, sentiment_score=-0.9)
        await said(store, first, at_ms=NOW_MS + 500, response_ms=20, sentiment_score=-0.5, reply_to_ms=NOW_MS)
        await said(store, second, at_ms=NOW_MS + 2 * DAY_MS, response_ms=10, reply_to_ms=NOW_MS - 1)
        assert await records(store) == {
            ANN.id: UnitRecord(
                ANN.id, "warm", NOW_MS, conversations=2, turns=3, replies=1, answers=3, response_ms_sum=60,
                sentiment_sum=-0.5, sentiments=1, returns=1,
            )
        }  # fmt: skip

    async def test_what_may_still_be_replied_to_counts_neither_way(self, store: SqlStore) -> None:
        channel = await opened(store)
        await said(store, channel, exposure())
        await said(store, channel, at_ms=NOW_MS + 500, reply_to_ms=NOW_MS)
        found = (await records(store, replace(WINDOW, settled_before_ms=NOW_MS + 499)))[ANN.id]
        assert (found.turns, found.replies, found.answers) == (2, 1, 1)

    async def test_nothing_from_before_or_after(self, store: SqlStore) -> None:
        channel = await opened(store)
        await said(store, channel, at_ms=NOW_MS - 5)
        await said(store, channel, exposure(at_ms=NOW_MS), at_ms=NOW_MS)
        await said(store, channel, at_ms=NOW_MS + 50)
        assert (await records(store))[ANN.id].turns == 2
        assert (await records(store, replace(WINDOW, until_ms=NOW_MS + 49)))[ANN.id].turns == 1
        assert await records(store, replace(WINDOW, until_ms=NOW_MS - 1)) == {}
        assert await records(store, replace(WINDOW, experiment_id="pace")) == {}

    async def test_a_return_is_a_turn_a_day_later_within_the_window(self, store: SqlStore) -> None:
        channel = await opened(store)
        await said(store, channel, exposure())
        for later in (DAY_MS - 1, DAY_MS, 7 * DAY_MS, 7 * DAY_MS + 1):
            await said(store, channel, at_ms=NOW_MS + later)
        assert (await records(store))[ANN.id].returns == 2

    async def test_what_became_of_the_conversations(self, store: SqlStore) -> None:
        asks, taken, left, before = [await opened(store) for _ in range(4)]
        await store.handoff(handoff(before, at_ms=NOW_MS - 9))
        for channel in (asks, taken, left, before):
            await said(store, channel, exposure())
        await store.handoff(handoff(asks, at_ms=NOW_MS + 5))
        await store.claim(claim(taken, at_ms=NOW_MS + 5))
        await store.resolve(resolution(left))
        await store.handoff(handoff(await opened(store), at_ms=NOW_MS + 5))
        found = (await records(store))[ANN.id]
        assert (found.conversations, found.handoffs, found.resolved) == (4, 2, 1)
        assert (await records(store, replace(WINDOW, until_ms=NOW_MS + 4)))[ANN.id].handoffs == 0

    async def test_ratings_of_answers_and_conversations(self, store: SqlStore) -> None:
        channel = await opened(store)
        _, first = await said(store, channel, exposure())
        _, second = await said(store, channel, at_ms=NOW_MS + 9)
        for message_id, rating in ((first.message_id, 1.0), (second.message_id, 0.5)):
            await store.rate(Rating(message_id, ANN.id, rating, None, NOW_MS + 20))
        await store.rate(Rating(first.message_id, BEN.id, 0.0, None, NOW_MS + 20, in_every_conversation=True))
        await store.assess(Assessment(channel, ANN, 0.25, None, (), NOW_MS + 30))
        await store.assess(Assessment(channel, BEN, 0.0, None, (), NOW_MS + 30))
        found = (await records(store))[ANN.id]
        assert (found.rating_sum, found.ratings) == (1.75, 3)
        assert (await records(store, replace(WINDOW, until_ms=NOW_MS + 19)))[ANN.id].ratings == 0

    async def test_goals_after_the_exposure(self, store: SqlStore) -> None:
        await said(store, await opened(store), exposure())
        for key, name, at_ms in (("a", "paid", -1), ("b", "paid", 1), ("c", "paid", 2), ("d", "left", 3)):
            await store.add_event(GoalEvent(ANN.id, key, name, NOW_MS + at_ms))
        assert (await records(store))[ANN.id].goals == 0
        assert (await records(store, replace(WINDOW, goal="paid")))[ANN.id].goals == 2

    async def test_page_by_page(self, store: SqlStore) -> None:
        users = [User(f"user-{number}", "customer", "U") for number in range(5)]
        for user in users:
            await said(store, await opened(store, user), exposure(user), user=user)
        found, after = [], None
        while page := await store.unit_records(WINDOW, after, 2):
            found += page
            after = page[-1].unit
        assert [one.unit for one in found] == [user.id for user in users]
        assert {one.turns for one in found} == {1}
