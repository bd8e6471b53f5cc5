"""The benchmark measures what it says: texts of exact lengths, every way, refused without a model."""

from __future__ import annotations

from pathlib import Path

import pytest

from inference.pack import Pack
from loadtest import bench_inference
from loadtest.peers.naive_pipeline import NaivePipeline


@pytest.mark.parametrize("tokens", bench_inference.TOKENS)
def test_texts_have_the_length_that_is_reported(pack: Pack, tokens: int) -> None:
    texts = [bench_inference._text_of(pack, tokens, start) for start in range(8)]
    assert {len(pack.tokeniser.encode(text)) for text in texts} == {tokens}
    assert len(set(texts)) == 8


def test_a_short_run_reports_every_way(pack_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = bench_inference.report(pack_folder, calls=1, texts=12)
    assert [row["tokens"] for row in found["rows"]] == list(bench_inference.TOKENS)
    for row in found["rows"]:
        for way in ("model", "now", "async", "naive"):
            assert 0 < row[f"{way}_p50_ms"] <= row[f"{way}_p95_ms"]
            assert row[f"{way}_cpu_ms"] > 0
        assert row["now_ratio"] == pytest.approx(row["naive_p50_ms"] / row["now_p50_ms"], rel=0.01)
    assert len(found["throughput"]) == 5
    assert all(rate > 0 for rate in found["throughput"].values())
    bench_inference.show(found)
    assert found["model"] in capsys.readouterr().out


def test_a_missing_model_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        bench_inference.main(["--model", str(tmp_path / "none")])
    assert caught.value.code == 2
    assert "is not a folder" in capsys.readouterr().err


def test_the_naive_peer_does_the_same_work(pack: Pack, pack_folder: Path) -> None:
    heads = pack.manifest.heads
    labels = {name: getattr(heads, name).labels for name in ("intent", "sentiment", "emotions")}
    found = NaivePipeline(pack_folder, labels)("what is my account balance")
    assert max(found["intent"], key=lambda name: found["intent"][name]) == "balance"
    assert sum(found["emotions"].values()) == pytest.approx(1, abs=1e-5)
