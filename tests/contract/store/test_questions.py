"""Questions: stored with their answers, followed up, placed in clusters, counted."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from server.errors import NotFound
from server.knowledge.questions import FIRST_LOOK_MS, FOLLOWED_MS, QuestionTurn, packed
from server.store.ports import Assessment, Rating
from server.store.question_ports import ArticleFigures, ClusterRow, DayFigures, Filing
from server.store.sql import SqlStore
from tests.contract.store.harness import Harness
from tests.contract.store.people import ANN, BEN, EVE, NOW_MS, answer, claim, handoff, message, opened, resolution

DAY_MS = 86_400_000
VECTOR = np.array([0.6, 0.8, 0.0], dtype=np.float32)
CITED = QuestionTurn("answered", None, "nlu-1", packed(VECTOR), (("returns", 2),))
UNCITED = QuestionTurn("unanswered", "uncited", "nlu-1", packed(VECTOR))
OFFERED = QuestionTurn("offered", "unsure", "nlu-1", packed(VECTOR))
LOOK_MS = NOW_MS + 5 + FIRST_LOOK_MS
UP = Rating("", ANN.id, 1.0, None, NOW_MS)


async def ask(store: SqlStore, channel: str, question: QuestionTurn | None, text: str = "how?", **changes: Any) -> str:
    """The answer's id."""
    appended = await store.append(message(channel, text, wants_turn=True, sender=changes.pop("sender", ANN)))
    assert appended.turn is not None
    stored = await store.answer(answer(appended.turn, question=question, **changes))
    assert stored is not None
    return stored.message_id


async def figures(store: SqlStore) -> ArticleFigures:
    """Of the one article, once all that has followed is written down."""
    await store.follow_up(LOOK_MS, 100)
    (found,) = await store.article_figures(0, limit=10)
    return found


async def place(store: SqlStore, number: int, *, size: int = 1, revision: int | None = None) -> bool:
    """Put every unplaced question into one cluster."""
    waiting = await store.unplaced_questions(100)
    known = await store.question_clusters(0)
    row = ClusterRow(number, "nlu-1", VECTOR.tobytes(), size)
    placed = [(one.turn_id, number, 0.9 - place_ / 100) for place_, one in enumerate(waiting)]
    return await store.file_questions(
        known.revision if revision is None else revision, Filing(placed, [row], max(known.last, number))
    )


async def test_a_question_is_stored_in_its_answers_commit(store: SqlStore) -> None:
    channel = await opened(store)
    commits = store.stats.commits
    await ask(store, channel, CITED, "how do I return it?")
    assert store.stats.commits == commits + 2
    (waiting,) = await store.unplaced_questions(10)
    assert (waiting.text, waiting.model, waiting.embedding) == ("how do I return it?", "nlu-1", packed(VECTOR))
    shown = ArticleFigures("returns", 2, 1, 0, 0, 0, 0, NOW_MS + 5)
    assert await store.article_figures(0, limit=10) == [shown]
    assert await store.article_figures(NOW_MS + 6, limit=10) == []
    assert await store.article_figures(0, article_id="other", limit=10) == []


async def test_no_answer_no_question(store: SqlStore) -> None:
    channel = await opened(store)
    appended = await store.append(message(channel, wants_turn=True))
    await store.claim(claim(channel))
    assert appended.turn is not None
    assert await store.answer(answer(appended.turn, question=CITED)) is None
    await ask(store, await opened(store), None)
    assert await store.unplaced_questions(10) == [] and await store.article_figures(0, limit=10) == []


async def test_many_answers_share_a_commit_with_their_citations(store: SqlStore) -> None:
    both = replace(CITED, citations=(("returns", 2), ("label", 1), ("returns", 2)))
    for question in (CITED, both, UNCITED):
        await ask(store, await opened(store), question)
    assert [(one.article_id, one.version, one.shown) for one in await store.article_figures(0, limit=10)] == [
        ("returns", 2, 2),
        ("label", 1, 1),
    ]
    assert len(await store.article_figures(0, limit=1)) == 1


# ------------------------------------------------------------------ what follows


async def test_thanks_solve_it(store: SqlStore) -> None:
    channel = await opened(store)
    await ask(store, channel, CITED)
    await ask(store, channel, None, "thank you", analysis={"act": "thanks"})
    assert (await figures(store)).solved == 1


async def test_what_follows_the_next_question_is_that_ones(store: SqlStore) -> None:
    channel = await opened(store)
    await ask(store, channel, CITED)
    await ask(store, channel, replace(CITED, citations=(("label", 1),)))
    await ask(store, channel, None, "thank you", analysis={"act": "thanks"})
    await store.handoff(handoff(channel))
    await store.follow_up(LOOK_MS, 100)
    by_article = {one.article_id: one for one in await store.article_figures(0, limit=10)}
    assert (by_article["returns"].solved, by_article["returns"].handoffs) == (0, 0)
    assert (by_article["label"].solved, by_article["label"].handoffs) == (0, 1)


async def test_a_resolution_solves_and_a_hand_off_does_not(store: SqlStore) -> None:
    first, second, third = [await opened(store) for _ in range(3)]
    for channel in (first, second, third):
        await ask(store, channel, CITED)
    await store.resolve(resolution(first))
    await store.handoff(handoff(second))
    await store.claim(claim(third))
    found = await figures(store)
    assert (found.shown, found.solved, found.handoffs) == (3, 1, 2)


async def test_thumbs_of_everybody_are_counted(store: SqlStore) -> None:
    channel = await opened(store)
    answered = await ask(store, channel, CITED)
    await store.rate(replace(UP, message_id=answered))
    await store.rate(replace(UP, message_id=answered, user_id=EVE.id, rating=0.0, in_every_conversation=True))
    await store.rate(replace(UP, message_id=answered, user_id=EVE.id, rating=0.2, in_every_conversation=True))
    found = await figures(store)
    assert (found.thumbs_up, found.thumbs_down, found.solved) == (1, 1, 1)


async def test_a_rating_of_the_conversation_is_its_last_questions(store: SqlStore) -> None:
    channel = await opened(store)
    await ask(store, channel, UNCITED)
    await ask(store, channel, CITED)
    await store.assess(Assessment(channel, ANN, 1.0, None, (), NOW_MS))
    assert (await figures(store)).solved == 1
    (day,) = await store.question_days(0, 2 * NOW_MS)
    assert (day.known, day.satisfaction) == (1, 1.0)


async def test_answers_are_looked_at_ever_more_seldom_and_then_no_more(store: SqlStore) -> None:
    await ask(store, await opened(store), CITED)
    assert await store.follow_up(LOOK_MS - 1, 10) == 0
    looks, now_ms = 0, LOOK_MS
    while now_ms < NOW_MS + 3 * FOLLOWED_MS:
        looks += await store.follow_up(now_ms, 10)
        now_ms += FOLLOWED_MS // 200
    assert 5 <= looks <= 10
    await ask(store, await opened(store), CITED)
    await ask(store, await opened(store), CITED)
    assert [await store.follow_up(LOOK_MS, 1) for _ in range(3)] == [1, 1, 0]


# ------------------------------------------------------------------ clusters


async def test_questions_are_placed_once_by_whoever_read_the_newest(store: SqlStore) -> None:
    await ask(store, await opened(store), UNCITED)
    assert await store.question_clusters(0) == await store.question_clusters(0)
    assert await place(store, 1)
    assert await store.unplaced_questions(10) == []
    known = await store.question_clusters(0)
    assert (known.revision, known.last) == (1, 1)
    assert known.rows == (ClusterRow(1, "nlu-1", VECTOR.tobytes(), 1),)
    await ask(store, await opened(store), UNCITED)
    assert not await place(store, 2, revision=0)
    assert len(await store.unplaced_questions(10)) == 1 and len((await store.question_clusters(0)).rows) == 1
    assert await place(store, 2)
    later = await store.question_clusters(known.revision)
    assert [row.number for row in later.rows] == [2] and later.last == 2


async def test_two_workers_do_not_place_the_same(harness: Harness) -> None:
    if not harness.url.startswith("postgres"):
        pytest.skip("SQLite has one writer")
    one, other = harness.store(), harness.store()
    await one.start()
    await other.start()
    await ask(one, await opened(one), UNCITED)
    (waiting,) = await one.unplaced_questions(10)
    filing = Filing([(waiting.turn_id, 1, 1.0)], [ClusterRow(1, "nlu-1", VECTOR.tobytes(), 1)], 1)
    done = await asyncio.gather(one.file_questions(0, filing), other.file_questions(0, filing))
    assert sorted(done) == [False, True]


async def test_clusters_tell_what_became_of_their_questions(store: SqlStore) -> None:
    first = await opened(store)
    await ask(store, first, UNCITED, "gift wrap?")
    await store.handoff(handoff(first))
    await ask(store, await opened(store, BEN), CITED, "can you wrap it?", sender=BEN)
    rated = await ask(store, await opened(store), OFFERED, "wrapping")
    await store.rate(replace(UP, message_id=rated, rating=0.5))
    await place(store, 7)
    await store.follow_up(LOOK_MS, 10)
    (found,) = await store.clusters(0, limit=10)
    assert (found.number, found.turns, found.people, found.answered, found.solved) == (7, 3, 2, 1, 0)
    assert (found.troubled, found.known, found.satisfaction) == (2, 2, 0.25)
    assert found.troubles == {"uncited": 1, "unsure": 1}
    assert (found.state, found.name, found.first_ms, found.last_ms) == ("open", "", NOW_MS + 5, NOW_MS + 5)
    assert await store.clusters(0, number=7, limit=1) == [found]
    assert await store.clusters(0, troubled=3, limit=10) == await store.clusters(0, people=3, limit=10) == []
    assert await store.clusters(NOW_MS + 6, limit=10) == []
    assert await store.cluster_texts([7, 8], 2) == {7: ["gift wrap?", "can you wrap it?"], 8: []}
    assert await store.cluster_texts([7], 2, troubled_first=True) == {7: ["gift wrap?", "wrapping"]}
    assert await store.cluster_articles([7, 8], 0) == {7: [("returns", 1)], 8: []}
    assert sorted(await store.question_sample(2)) != [] and len(await store.question_sample(2)) == 2


async def test_a_bad_rating_or_a_hand_off_troubles_an_answered_question(store: SqlStore) -> None:
    rated = await ask(store, await opened(store), CITED)
    await store.rate(replace(UP, message_id=rated, rating=0.0))
    handed = await opened(store)
    await ask(store, handed, CITED)
    await store.handoff(handoff(handed))
    await place(store, 1)
    await store.follow_up(LOOK_MS, 10)
    (found,) = await store.clusters(0, limit=10)
    assert found.troubles == {"badly_rated": 1, "handed_off": 1} and found.satisfaction == 0.0
    await store.rate(replace(UP, message_id=rated, rating=1.0))
    await store.follow_up(LOOK_MS + DAY_MS // 2, 10)
    (found,) = await store.clusters(0, limit=10)
    assert found.troubles == {"handed_off": 1}


async def test_an_offer_that_was_taken_is_no_trouble(store: SqlStore) -> None:
    channel = await opened(store)
    await ask(store, channel, OFFERED)
    await ask(store, channel, CITED)
    await place(store, 1)
    await store.follow_up(LOOK_MS, 10)
    (found,) = await store.clusters(0, limit=10)
    assert (found.turns, found.troubled) == (2, 0)


async def test_names_are_made_when_a_cluster_has_grown_by_half(store: SqlStore) -> None:
    await ask(store, await opened(store), UNCITED)
    await place(store, 1, size=4)
    assert await store.unnamed_clusters(10) == [(1, 4)]
    await store.name_clusters([(1, "gift wrap", 4)])
    await store.name_clusters([])
    assert (await store.clusters(0, limit=1))[0].name == "gift wrap"
    assert await store.unnamed_clusters(10) == []
    await place(store, 1, size=5)
    assert await store.unnamed_clusters(10) == []
    await place(store, 1, size=6)
    assert await store.unnamed_clusters(10) == [(1, 6)]
    assert (await store.clusters(0, limit=1))[0].name == "gift wrap"


async def test_gaps_have_states(store: SqlStore) -> None:
    await ask(store, await opened(store), UNCITED)
    await place(store, 1)
    await store.set_gap_state(1, "draft_written", by="ann", at_ms=NOW_MS, article_id="wrap")
    (found,) = await store.clusters(0, limit=1)
    assert (found.state, found.article_id, found.changed_by, found.changed_ms) == (
        "draft_written", "wrap", "ann", NOW_MS,
    )  # fmt: skip
    await store.set_gap_state(1, "resolved", by="eve", at_ms=NOW_MS + 1)
    (found,) = await store.clusters(0, limit=1)
    assert (found.state, found.article_id) == ("resolved", "wrap")
    with pytest.raises(NotFound, match="no gap 2"):
        await store.set_gap_state(2, "open", by="ann", at_ms=NOW_MS)


async def test_a_gap_closes_when_later_questions_are_solved_and_opens_when_they_are_not(store: SqlStore) -> None:
    async def solved(at_ms: int) -> None:
        channel = await opened(store)
        await ask(store, channel, CITED, at_ms=at_ms)
        await store.resolve(resolution(channel))

    async def state() -> str:
        await place(store, 1)
        await store.follow_up(NOW_MS + DAY_MS, 100)
        moved = await store.move_gaps(2, "parlance", NOW_MS + 100)
        (found,) = await store.clusters(0, limit=1)
        return f"{found.state} {moved}"

    await solved(NOW_MS + 1)
    await solved(NOW_MS + 2)
    assert await state() == "open (0, 0)"  # nothing was ever amiss
    await ask(store, await opened(store), UNCITED, at_ms=NOW_MS + 10)
    await solved(NOW_MS + 11)
    assert await state() == "open (0, 0)"
    await solved(NOW_MS + 12)
    assert await state() == "resolved (1, 0)"
    await ask(store, await opened(store), UNCITED, at_ms=NOW_MS + 50)
    await ask(store, await opened(store), UNCITED, at_ms=NOW_MS + 101)
    assert await state() == "resolved (0, 0)"
    await ask(store, await opened(store), UNCITED, at_ms=NOW_MS + 102)
    assert await state() == "open (0, 1)"


# ------------------------------------------------------------------ counts


async def test_days_tell_how_much_was_answered(store: SqlStore) -> None:
    today = NOW_MS // DAY_MS * DAY_MS
    for question, at_ms in ((CITED, today), (UNCITED, today + DAY_MS - 1), (OFFERED, today + DAY_MS)):
        await ask(store, await opened(store), question, at_ms=at_ms)
    assert await store.question_days(0, today + 9 * DAY_MS) == [
        DayFigures(today, 2, 1, 0, 0, 0, 0, 0.0),
        DayFigures(today + DAY_MS, 1, 0, 1, 0, 0, 0, 0.0),
    ]
    assert len(await store.question_days(today + 1, today + DAY_MS)) == 1


async def test_old_questions_lapse_with_their_clusters(store: SqlStore) -> None:
    await ask(store, await opened(store), CITED, at_ms=NOW_MS)
    await place(store, 1)
    await ask(store, await opened(store), CITED, at_ms=NOW_MS + 10)
    await place(store, 2)
    assert await store.lapse_questions(NOW_MS + 1, 10) == 1
    assert [one.number for one in await store.clusters(0, limit=10)] == [2]
    assert [row.number for row in (await store.question_clusters(0)).rows] == [2]
    (found,) = await store.article_figures(0, limit=10)
    assert found.shown == 1
    assert await store.lapse_questions(NOW_MS + 1, 10) == 0
    assert (await store.question_clusters(0)).last == 2
