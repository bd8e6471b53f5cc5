"""A data directory with much knowledge, and what customers ask of it; without any server."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from loadtest import bench_live, stock
from server.clock import SystemClock
from server.knowledge.values import Article, Entry
from server.store.sql import SqlStore, sqlite_url


def test_customers_ask_what_the_shop_answers() -> None:
    asked = [turn for script in stock.questions().scripts for turn in script.turns]
    assert len(asked) == 240 and len(set(asked)) == 240
    assert not [text for text in asked if "\t" in text]


async def test_what_is_missing_is_made_up_and_embedded_as_the_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = SqlStore(sqlite_url(tmp_path / "parlance.db"), clock=SystemClock(), new_id=str)
    await store.start()
    await store.save_article(Article("own", "Own", "shop", "own", "-"), "ann", 0)
    for state in ("approved", "active"):
        entries = [Entry("own", "passage", "", "Ours.", "Own. Ours.")]
        await store.set_article_state("own", 1, state, by="ann", at_ms=0, entries=entries)
    await store.embed_rows("nlu-9", [(1, bytes(4 * 384))])
    await stock._fill(tmp_path, 25)
    figures = await store.knowledge_figures()
    assert (figures.rows, figures.embedded) == ({"passage": 31}, {"nlu-9": 31})
    assert len(await store.search_words(["parcel", "order", "return", "card"], "en", 60)) > 1  # the shop's own words
    await store.close()


def test_it_is_measured_on_a_server_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        bench_live.main(["--knowledge", "10", "--host", "ws://127.0.0.1:1"])
    assert "--knowledge needs a server of its own" in capsys.readouterr().err


def test_both_servers_are_told_apart(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    figures = {
        "messages": 9, "failures": 0, "achieved_per_s": 9.0, "server_cpu_ms_per_message": 2.0, "cited": 0.5,
        "round_trip_ms": {"p50": 1.0, "p99": 2.0}, "generator_lag_ms": {"p99": 0.1},
    }  # fmt: skip
    asked: list[tuple[int, bool]] = []

    @contextmanager
    def echo() -> Iterator[None]:
        yield

    def measured(host: str | None, load: object, book: object, passages: int = 0) -> dict[str, object]:
        asked.append((passages, book is not None))
        return {**figures, "answer_ms": {"p50": 4.0 if passages else 2.0, "p99": 9.0 if passages else 3.0}}

    monkeypatch.setattr(bench_live, "echo_peer", echo)
    monkeypatch.setattr(bench_live, "_measured", measured)
    monkeypatch.setattr(bench_live, "measure_echo", lambda *_: None)
    monkeypatch.setattr(bench_live, "_run", lambda _: type("Seen", (), {"figures": lambda _: figures})())
    results = bench_live.report(passages=10_000)
    assert asked == [(0, True), (10_000, True)]  # both are asked the same
    assert results["ratios"]["answer with knowledge / without p50"] == 2.0
    assert results["ratios"]["answer with knowledge / without p99"] == 3.0
    bench_live.show(results)
    assert "10,000 passages, 50% answered from them" in capsys.readouterr().out
