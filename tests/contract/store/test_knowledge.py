"""Knowledge: articles in versions, the rows of the active ones, their words and embeddings."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from server.errors import Conflict, NotFound
from server.knowledge.passages import cut
from server.knowledge.values import Article, Entry, VersionState, entries_of
from server.store.knowledge_ports import KnowledgeFigures, Version, VersionChange
from server.store.sql import SqlStore
from tests.contract.store.harness import Harness

NOW_MS = 1_700_000_000_000


def article(name: str = "returns", body: str = "Send it back.", **changes: Any) -> Article:
    values = {"title": name.title(), "category": "shop", "source": f"{name} {body}", "body": body, **changes}
    return Article(name, **values)


def entries(made: Article) -> list[Entry]:
    return list(entries_of(made, cut(made)))


async def activate(store: SqlStore, made: Article, at_ms: int = NOW_MS) -> Version:
    version, _ = await store.save_article(made, "ann", at_ms)
    await store.set_article_state(version.article_id, version.version, "approved", by="eve", at_ms=at_ms + 1)
    return await store.set_article_state(
        version.article_id, version.version, "active", by="root", at_ms=at_ms + 2, entries=entries(made)
    )


async def found(store: SqlStore, *words: str, language: str = "en") -> list[str]:
    """Entry ids, the best first."""
    by_number = {row.number: row.entry_id for _, row in await store.knowledge_rows(0, 0, 1_000)}
    return [by_number[number] for number in await store.search_words(words, language, 10)]


async def test_an_article_begins_as_a_draft_that_nobody_finds(store: SqlStore) -> None:
    made = article(tags=("a", "ü"), expires_ms=5, owner="Desk", language="de")
    version, is_new = await store.save_article(made, "ann", NOW_MS)
    assert is_new
    assert version == Version("returns", 1, "draft", "Returns", "shop", ("a", "ü"), "de", "Desk", 5, "ann", NOW_MS)
    assert await store.article_source("returns") == (version, made.source)
    assert await store.knowledge_numbers() == []
    assert await store.knowledge_revision() == 0


async def test_the_same_text_makes_no_new_version(store: SqlStore) -> None:
    first, _ = await store.save_article(article(), "ann", NOW_MS)
    assert await store.save_article(article(), "eve", NOW_MS + 5) == (first, False)
    second, is_new = await store.save_article(article(body="Keep it."), "eve", NOW_MS + 6)
    assert (second.version, is_new) == (2, True)
    assert await store.article_versions("returns") == [second, first]


async def test_who_did_what_is_kept(store: SqlStore) -> None:
    version = await activate(store, article())
    assert (version.state, version.changed_by, version.changed_ms) == ("active", "root", NOW_MS + 2)
    assert await store.article_changes("returns") == [
        VersionChange(1, "draft", "ann", NOW_MS),
        VersionChange(1, "approved", "eve", NOW_MS + 1),
        VersionChange(1, "active", "root", NOW_MS + 2),
    ]


async def test_one_version_is_active_and_the_one_before_comes_back(store: SqlStore) -> None:
    await activate(store, article(body="Thirty days."))
    await activate(store, article(body="Forty days."), NOW_MS + 10)
    assert [(one.version, one.state) for one in await store.article_versions("returns")] == [
        (2, "active"),
        (1, "retired"),
    ]
    assert await found(store, "forty") == ["returns"]
    assert await found(store, "thirty") == []
    old = article(body="Thirty days.")
    await store.set_article_state("returns", 1, "active", by="root", at_ms=NOW_MS + 20, entries=entries(old))
    assert (await found(store, "thirty"), await found(store, "forty")) == (["returns"], [])
    assert (await store.article_source("returns"))[0].version == 1


async def test_a_retired_article_is_not_found(store: SqlStore) -> None:
    await activate(store, article())
    before = await store.knowledge_revision()
    await store.set_article_state("returns", 1, "retired", by="root", at_ms=NOW_MS + 9)
    assert await store.knowledge_numbers() == []
    assert await store.search_words(["send"], "en", 10) == []
    assert await store.knowledge_revision() > before


@pytest.mark.parametrize("state", ["active", "retired", "approved"])
async def test_the_same_state_again_changes_nothing(store: SqlStore, state: VersionState) -> None:
    await activate(store, article())
    if state == "active":
        numbers = await store.knowledge_numbers()
        await store.set_article_state("returns", 1, "active", by="eve", at_ms=NOW_MS + 9)
        assert await store.knowledge_numbers() == numbers
        assert len(await store.article_changes("returns")) == 3
    elif state == "approved":
        with pytest.raises(Conflict, match="is active: it can become retired"):
            await store.set_article_state("returns", 1, "approved", by="eve", at_ms=NOW_MS + 9)
    else:
        await store.set_article_state("returns", 1, "retired", by="eve", at_ms=NOW_MS + 9)
        await store.set_article_state("returns", 1, "retired", by="eve", at_ms=NOW_MS + 10)
        assert len(await store.article_changes("returns")) == 4


async def test_a_draft_is_not_activated_unseen(store: SqlStore) -> None:
    await store.save_article(article(), "ann", NOW_MS)
    with pytest.raises(Conflict, match="is draft: it can become approved or retired"):
        await store.set_article_state("returns", 1, "active", by="ann", at_ms=NOW_MS)
    assert await store.knowledge_numbers() == []


async def test_what_is_not_there_is_not_found(store: SqlStore) -> None:
    with pytest.raises(NotFound):
        await store.set_article_state("returns", 1, "approved", by="ann", at_ms=NOW_MS)
    await store.save_article(article(), "ann", NOW_MS)
    with pytest.raises(NotFound, match="no version 2"):
        await store.article_source("returns", 2)
    with pytest.raises(NotFound):
        await store.article_source("refunds")
    assert await store.article_versions("refunds") == []


async def test_articles_come_in_pages_by_state_and_category(store: SqlStore) -> None:
    for name in ("c", "a", "b"):
        await activate(store, article(name, category="shop" if name != "b" else "post"))
    await store.save_article(article("a", body="New."), "ann", NOW_MS + 9)
    assert [(one.article_id, one.version) for one in await store.articles(limit=10)] == [("a", 2), ("b", 1), ("c", 1)]
    assert [one.article_id for one in await store.articles(after="a", limit=1)] == ["b"]
    assert [(one.article_id, one.version) for one in await store.articles(state="active", limit=10)] == [
        ("a", 1),
        ("b", 1),
        ("c", 1),
    ]
    assert [one.article_id for one in await store.articles(state="draft", limit=10)] == ["a"]
    assert [one.article_id for one in await store.articles(category="post", limit=10)] == ["b"]


async def test_words_are_found_in_other_forms_and_rare_ones_first(store: SqlStore) -> None:
    await activate(store, article("parcels", "Parcels are delivered by van. A parcel is heavy."))
    await activate(store, article("lamps", "Lamps are sent in a parcel. The lantern glows."))
    await activate(store, article("chairs", "Chairs come in a parcel, too."))
    assert await found(store, "deliver") == ["parcels"]
    assert await found(store, "delivering") == ["parcels"]
    assert set(await found(store, "parcel")) >= {"parcels", "lamps", "chairs"}
    assert (await found(store, "parcel", "lanterns"))[0] == "lamps"
    assert (await found(store, "chairs"))[0].startswith("chairs")
    assert await found(store, "bicycle") == []


@pytest.mark.parametrize(
    "word", ['"', "a OR b", "NEAR(", "*", "'", "it's", "\\", ":", "&|!", "\0", "ü", "-", "parcel*"]
)
async def test_no_word_breaks_the_query(store: SqlStore, word: str) -> None:
    await activate(store, article("parcels", "It's a parcel."))
    await store.search_words([word], "en", 10)
    assert "parcels" in await found(store, word, "parcel")


async def test_other_languages_have_words_too(store: SqlStore) -> None:
    await activate(store, article("pakete", "Die Pakete kommen morgen.", language="de"))
    await activate(store, article("japan", "小包 arrives", language="ja"))
    assert "pakete" in await found(store, "paket", language="de")
    assert await found(store, "arrives", language="ja") == ["japan"]


async def test_no_words_find_nothing(store: SqlStore) -> None:
    await activate(store, article())
    assert await store.search_words([], "en", 10) == []


async def test_rows_come_by_what_has_changed(store: SqlStore) -> None:
    first = await activate(store, article("a", "One.\n\n# Second\nTwo.", variants={"formal": "One, please: “1”."}))
    rows = await store.knowledge_rows(0, 0, 10)
    assert [(row.entry_id, row.kind, row.heading, row.text) for _, row in rows] == [
        ("a", "passage", "", "One."),
        ("a#second", "passage", "Second", "Two."),
        ("a?0", "ask", "", "A"),
    ]
    assert rows[0][1].embedded == "A. One." and rows[0][1].model is None and rows[0][1].embedding is None
    assert rows[0][1].version == first.version
    assert (rows[0][1].variants, rows[1][1].variants) == ({"formal": "One, please: “1”."}, {})
    seen = max(revision for revision, _ in rows)
    assert seen == await store.knowledge_revision()
    await activate(store, article("b", "Three."))
    assert [row.entry_id for _, row in await store.knowledge_rows(seen, 0, 10)] == ["b", "b?0"]
    numbers = await store.knowledge_numbers()
    assert [row.number for _, row in await store.knowledge_rows(0, numbers[0], 2)] == numbers[1:3]


async def test_embeddings_are_kept_by_model_and_made_anew_for_another(store: SqlStore) -> None:
    await activate(store, article())
    waiting = await store.rows_to_embed("nlu-1", 0, 10)
    assert [text for _, text in waiting] == ["Returns. Send it back.", "Returns"]
    vector = np.arange(4, dtype="<f4")
    before = await store.knowledge_revision()
    assert await store.embed_rows("nlu-1", [(waiting[0][0], vector.tobytes()), (999_999, b"gone")]) == 1
    assert await store.knowledge_revision() == before + 1
    ((_, row),) = await store.knowledge_rows(before, 0, 10)
    assert row.model == "nlu-1" and row.embedding is not None and row.embedding.tolist() == [0, 1, 2, 3]
    assert [number for number, _ in await store.rows_to_embed("nlu-1", 0, 10)] == [waiting[1][0]]
    assert len(await store.rows_to_embed("nlu-2", 0, 10)) == 2
    assert await store.rows_to_embed("nlu-2", waiting[1][0], 10) == []
    assert len(await store.rows_to_embed("nlu-2", 0, 1)) == 1


async def test_the_figures_count_what_there_is(store: SqlStore) -> None:
    assert await store.knowledge_figures() == KnowledgeFigures({}, {}, {})
    await activate(store, article("a"))
    await store.save_article(article("b"), "ann", NOW_MS)
    number = (await store.knowledge_numbers())[0]
    await store.embed_rows("nlu-1", [(number, b"\0\0\0\0")])
    assert await store.knowledge_figures() == KnowledgeFigures(
        {"active": 1, "draft": 1}, {"passage": 1, "ask": 1}, {"": 1, "nlu-1": 1}
    )


async def test_two_workers_change_one_after_the_other(harness: Harness) -> None:
    one = harness.store()
    await one.start()
    other = one if "sqlite" in harness.url else harness.store()  # one process writes to SQLite
    if other is not one:
        await other.start()
    await activate(one, article("a"))
    await activate(other, article("b"))
    assert await one.knowledge_revision() == await other.knowledge_revision()
    assert await found(one, "back") and len(await other.knowledge_numbers()) == 4
