"""The benchmark measures what it says: texts of exact lengths, every way, refused without a model."""

from __future__ import annotations

from pathlib import Path

import pytest

from inference.lexicon import Lexicon
from inference.pack import Pack
from loadtest import bench_inference
from loadtest.inference_parts import PARTS, _mean, parts
from loadtest.inference_texts import read_turns, text_of
from loadtest.peers.naive_pipeline import NaivePipeline


@pytest.mark.parametrize("tokens", bench_inference.TOKENS)
def test_texts_have_the_length_that_is_reported(pack: Pack, tokens: int) -> None:
    texts = [text_of(pack, tokens, start) for start in range(8)]
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
    assert set(found["cpu_us"]) == set(found["throughput"])
    assert list(found["parts"]) == list(PARTS)
    assert found["compared"] == []
    bench_inference.show(found)
    assert found["model"] in capsys.readouterr().out


def test_packs_stand_side_by_side(
    pack_folder: Path, copied: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bench_inference, "TOKENS", (8,))
    found = bench_inference.report(pack_folder, copied, calls=1, texts=8, turns=("hi", "bye"))
    first, second = found["compared"]
    assert first["throughput_ratio"] == 1.0
    assert [row["p50_ratio"] for row in first["rows"]] == [1.0]
    for row, own in zip(first["rows"], second["rows"], strict=True):
        assert 0 < own["p50_ms"] <= own["p95_ms"]
        assert own["p50_ratio"] == pytest.approx(row["p50_ms"] / own["p50_ms"], abs=0.01)
    bench_inference.show(found)
    assert "texts/s batched" in capsys.readouterr().out


def test_each_step_is_timed_and_the_longest_times_are_left_out(pack: Pack, lexicon: Lexicon) -> None:
    times = iter(range(0, 10**9, 2_000))
    found = parts(pack, lexicon, ["hi", "where is my order"], lambda: next(times))
    assert found == dict.fromkeys(PARTS, 2.0)
    assert _mean([1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 900]) == 1


def test_turns_come_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "turns.txt"
    path.write_text("hi\n\n  \nwo ist mein Paket?\n", encoding="utf-8")
    assert read_turns(path) == ("hi", "wo ist mein Paket?")


@pytest.mark.parametrize(("content", "said"), [(b"\xff", "is not UTF-8"), (b"\n", "holds no text")])
def test_a_file_without_turns_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes, said: str
) -> None:
    (tmp_path / "turns.txt").write_bytes(content)
    with pytest.raises(SystemExit) as caught:
        bench_inference.main(["--texts", str(tmp_path / "turns.txt")])
    assert caught.value.code == 2
    assert said in capsys.readouterr().err


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
