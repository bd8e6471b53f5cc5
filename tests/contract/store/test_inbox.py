"""The inbox: doubts stored with answers, judged by people, let go when they are old."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from server.errors import Invalid, NotFound, StartupError
from server.store.inbox_ports import NO_INTENT, Agreement, Doubt, DoubtState, InboxItem, Judgement, judged
from server.store.sql import SqlStore
from tests.contract.store.harness import Harness
from tests.contract.store.people import EVE, NOW_MS, answer, asked, claim, opened

DOUBT = Doubt("parcel", 0.31, (("parcel", 0.31), ("refund", 0.3)), 0.12, "en", "nlu-1.2.0")


async def doubted(store: SqlStore, text: str = "it is broken", **changes: Any) -> str:
    """A turn's id in the inbox."""
    turn = await asked(store, await opened(store), text)
    assert await store.answer(answer(turn, doubt=replace(DOUBT, **changes))) is not None
    return turn.turn_id


def label(turn_id: str, name: str | None, at_ms: int = NOW_MS + 9) -> Judgement:
    return Judgement(turn_id, name, EVE.id, at_ms)


async def ids(store: SqlStore, **which: Any) -> list[str]:
    return [item.turn_id for item in await store.inbox(**{"limit": 100, **which})]


async def test_a_doubt_is_stored_with_its_answer(store: SqlStore) -> None:
    channel = await opened(store)
    sure, unsure = await asked(store, channel, "hello"), await asked(store, channel, "it is — ütterly — broken 🙁")
    await store.answer(answer(sure))
    commits = store.stats.commits
    await store.answer(answer(unsure, doubt=DOUBT))
    assert store.stats.commits == commits + 1
    assert await store.inbox(limit=10) == [
        InboxItem(unsure.turn_id, channel, 2, NOW_MS, "it is — ütterly — broken 🙁", DOUBT)
    ]
    assert await store.count_open_doubts() == 1


async def test_no_answer_no_doubt(store: SqlStore) -> None:
    channel = await opened(store)
    turn = await asked(store, channel)
    await store.claim(claim(channel))
    assert await store.answer(answer(turn, doubt=DOUBT)) is None
    assert await store.inbox(limit=10) == []


async def test_many_answers_at_once_keep_their_own_doubts(store: SqlStore) -> None:
    turns = [await asked(store, await opened(store), f"text {number}") for number in range(20)]
    await asyncio.gather(
        *(
            store.answer(answer(turn, doubt=replace(DOUBT, said=f"intent_{number}") if number % 3 else None))
            for number, turn in enumerate(turns)
        )
    )
    found = await store.inbox(limit=100)
    assert {item.text.split()[1]: item.doubt.said for item in found} == {
        str(number): f"intent_{number}" for number in range(20) if number % 3
    }


async def test_pages_go_from_the_newest_to_the_oldest(store: SqlStore) -> None:
    made = [await doubted(store, str(number)) for number in range(5)]
    assert await ids(store) == made[::-1]
    assert await ids(store, limit=2) == [made[4], made[3]]
    assert await ids(store, limit=2, before=made[3]) == [made[2], made[1]]
    assert await ids(store, before=made[0]) == []


async def test_items_of_one_state_or_model(store: SqlStore) -> None:
    first, second = await doubted(store), await doubted(store, model="nlu-1.3.0")
    third = await doubted(store, model="nlu-1.3.0")
    await store.judge(label(second, "refund"))
    await store.judge(label(first, None))
    assert await ids(store, state="open") == [third]
    assert await ids(store, state="labelled") == [second]
    assert await ids(store, state="dismissed") == [first]
    assert await ids(store, model="nlu-1.3.0") == [third, second]
    assert await ids(store, model="nlu-1.3.0", state="open") == [third]
    assert await ids(store, model="other") == []
    assert await store.count_open_doubts() == 1


async def test_the_last_judgement_counts(store: SqlStore) -> None:
    turn_id = await doubted(store)
    (open_item,) = await store.inbox(limit=1)
    said: list[tuple[str | None, DoubtState]] = [("refund", "labelled"), (None, "dismissed"), (NO_INTENT, "labelled")]
    for name, state in said:
        now = await store.judge(label(turn_id, name))
        assert now == replace(open_item, state=state, label=name, judged_by=EVE.id, judged_at_ms=NOW_MS + 9)
        assert await store.inbox(limit=10) == [now]


async def test_what_is_not_there_or_no_text(store: SqlStore) -> None:
    turn = await asked(store, await opened(store))
    await store.answer(answer(turn))
    for turn_id in (turn.turn_id, "01NOSUCH"):
        with pytest.raises(NotFound, match="may have lapsed"):
            await store.judge(label(turn_id, "refund"))
    with pytest.raises(Invalid):
        await store.judge(label("a\0b", "refund"))
    with pytest.raises(Invalid):
        await store.inbox(before="\ud800", limit=1)


async def test_the_old_lapse_but_what_was_labelled_stays(store: SqlStore) -> None:
    labelled, dismissed, old = [await doubted(store) for _ in range(3)]
    await store.judge(label(labelled, "refund"))
    await store.judge(label(dismissed, None))
    assert await store.lapse_doubts(NOW_MS, 100, 100) == 0
    assert await store.lapse_doubts(NOW_MS + 1, 100, 100) == 2
    assert await ids(store) == [labelled]
    with pytest.raises(NotFound):
        await store.judge(label(old, "refund"))


async def test_the_oldest_open_ones_beyond_a_number_lapse(store: SqlStore) -> None:
    made = [await doubted(store) for _ in range(6)]
    await store.judge(label(made[0], "refund"))
    await store.judge(label(made[5], None))
    assert await store.lapse_doubts(0, 2, 1) == 1
    assert await store.lapse_doubts(0, 2, 100) == 1
    assert await ids(store) == [made[5], made[4], made[3], made[0]]
    assert await store.lapse_doubts(0, 0, 100) == 2
    assert await store.count_open_doubts() == 0


async def test_workers_that_let_go_at_once(harness: Harness) -> None:
    stores = harness.store(), harness.store()
    for one in stores:
        await one.start()
    for _ in range(12):
        await doubted(stores[0])
    await asyncio.gather(*(one.lapse_doubts(NOW_MS + 1, 100, 4) for one in stores for _ in range(4)))
    while await stores[0].lapse_doubts(NOW_MS + 1, 100, 4):
        pass
    assert await stores[1].inbox(limit=10) == []


async def test_agreement_is_counted_by_model(store: SqlStore) -> None:
    assert await store.relabel_agreement() == []
    for model, said, name in (
        ("nlu-1.2.0", "parcel", "parcel"),
        ("nlu-1.2.0", "parcel", "refund"),
        ("nlu-1.2.0", NO_INTENT, NO_INTENT),
        ("nlu-1.3.0", "parcel", NO_INTENT),
    ):
        await store.judge(label(await doubted(store, model=model, said=said), name))
    await store.judge(label(await doubted(store, model="nlu-1.4.0"), None))
    await doubted(store, model="nlu-1.5.0")
    found = await store.relabel_agreement()
    assert found == [Agreement("nlu-1.2.0", 3, 2), Agreement("nlu-1.3.0", 1, 0)]
    assert [one.share for one in found] == [pytest.approx(2 / 3), 0.0]


async def test_the_labels_that_were_given(store: SqlStore) -> None:
    assert await store.inbox_labels() == []
    turns = [await doubted(store) for _ in range(4)]
    for turn_id, name in zip(turns, ("torn", "refund", "torn", None), strict=True):
        await store.judge(label(turn_id, name))
    assert await store.inbox_labels() == ["refund", "torn"]
    await store.judge(label(turns[1], None))
    assert await store.inbox_labels() == ["torn"]


async def test_those_judged_in_the_order_of_their_judgements(store: SqlStore) -> None:
    first, second, third = [await doubted(store) for _ in range(3)]
    await store.judge(label(second, "refund", NOW_MS))
    await store.judge(label(first, "parcel", NOW_MS + 1))
    assert [item.turn_id for item in judged(await store.inbox(limit=10))] == [second, first]
    assert third not in {item.turn_id for item in judged(await store.inbox(limit=10))}


async def test_who_looks_in_does_not_migrate(new_harness: Harness, harness: Harness) -> None:
    with pytest.raises(StartupError, match="no tables yet"):
        await new_harness.store().start(migrating=False)
    server = harness.store()
    await server.start()
    turn_id = await doubted(server)
    beside = harness.store()
    await beside.start(migrating=False)
    await beside.judge(label(turn_id, "refund"))
    assert [item.label for item in await server.inbox(limit=1)] == ["refund"]
