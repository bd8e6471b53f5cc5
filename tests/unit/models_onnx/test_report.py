"""The report on a handful of rows and a stand-in for the model: every file, every figure's place."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from inference.heads import RawOutputs
from inference.manifest import Curve, Head, Manifest, PackedFile
from inference.pack import Pack
from models_onnx import report, report_pages
from models_onnx.builders import Example
from models_onnx.data import read_split
from models_onnx.judged import Judged
from models_onnx.labels import ACTS
from models_onnx.report_measure import Findings, latency, measure, run
from tests.train.toy import INTENTS, write_toy_data
from tests.unit.inference.support import LEXICON, MANIFEST, FakeModel, fake_pack

PNG = b"\x89PNG\r\n\x1a\n"
OLD_HEADS = msgspec.structs.replace(MANIFEST.heads, intent=Head(INTENTS, 1.0))
NEW_HEADS = msgspec.structs.replace(
    OLD_HEADS, act=Head(ACTS, 1.0), urgency=Curve(1.0, 0.0), politeness=Curve(1.0, 0.0), toxicity=Curve(1.0, 0.0)
)
FILES = {"model.onnx": PackedFile("a" * 64, 1), "tokenizer.json": PackedFile("b" * 64, 1)}
ALWAYS = {
    *("README.md", "errors.md", "classes.tsv", "report.json", "intent-pairs.png", "reliability.png", "roc.png"),
    *("emotions-confusion.png", "sentiment-confusion.png", "polarity-confusion.png", "out-of-scope.png", "latency.png"),
}


def guessing(manifest: Manifest) -> Pack:
    """A pack whose answers follow from the ids alone, with all heads of ``manifest``."""

    def answers(input_ids: NDArray[np.int64], attention_mask: NDArray[np.int64]) -> RawOutputs:
        seed = (input_ids * attention_mask).sum(axis=1, keepdims=True).astype(np.float64)
        return RawOutputs(
            **{
                name: np.sin(seed * (2.0 + np.arange(width))).astype(np.float32)
                for name, width in manifest.widths.items()
            }
        )

    return replace(fake_pack(FakeModel()), manifest=manifest, run=answers)


@pytest.fixture(scope="module")
def validation(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Sequence[Example]]:
    return read_split(write_toy_data(tmp_path_factory.mktemp("data")), "val", INTENTS, limit_rows=12)


@pytest.fixture(params=[OLD_HEADS, NEW_HEADS], ids=["1.0.0", "all heads"], scope="module")
def found(request: pytest.FixtureRequest, validation: Mapping[str, Sequence[Example]]) -> Findings:
    manifest = msgspec.structs.replace(MANIFEST, heads=request.param, files=FILES)
    ticks = itertools.count(step=1_000_000)
    return measure(guessing(manifest), validation, lambda: next(ticks), rounds=1)


@pytest.fixture(scope="module")
def written(found: Findings, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Made once: drawing takes seconds."""
    folder = tmp_path_factory.mktemp("out") / "deep" / "model"
    return report.write(found, folder, "parlance model report --data DIR")


def test_every_file_is_written(found: Findings, written: list[Path]) -> None:
    names = {path.name for path in written}
    assert names == ALWAYS | ({"act-confusion.png"} if "act" in found.views else set())
    assert names == {path.name for path in written[0].parent.iterdir()}
    for path in written:
        assert path.suffix != ".png" or path.read_bytes()[:8] == PNG


def test_the_index_names_pack_digest_command_and_every_file(written: list[Path]) -> None:
    index = written[0].read_text(encoding="utf-8")
    assert index.startswith("# nlu 0.0.1: report\n")
    assert "`parlance model report --data DIR`" in index
    assert "a" * 64 in index
    assert written[0].name == "README.md"
    for path in written[1:]:
        assert f"({path.name}" in index


def test_json_and_tsv_say_the_same(written: list[Path]) -> None:
    folder = written[0].parent
    told = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    heading, *lines = (folder / "classes.tsv").read_text(encoding="utf-8").splitlines()
    assert heading == "head\tclass\tprecision\trecall\tf1\trows"
    assert len(lines) == sum(len(view["classes"]) for view in told["views"].values())
    for line in lines:
        head, label, precision, _, _, rows = line.split("\t")
        own = told["views"][head]["classes"][label]
        assert int(rows) == own["rows"]
        assert (float(precision) if precision else None) == own["precision"]


def test_scores_are_those_that_the_pack_has(found: Findings) -> None:
    named = {"out of scope", "urgency", "toxicity"} if "act" in found.views else {"out of scope"}
    assert set(found.scores) == named
    assert all(((score.values >= 0) & (score.values <= 1)).all() for score in found.scores.values())
    assert found.scores["out of scope"].positive.sum() == 2


def test_batches_keep_the_order(validation: Mapping[str, Sequence[Example]]) -> None:
    pack = guessing(msgspec.structs.replace(MANIFEST, heads=OLD_HEADS))
    texts = ["hi", "where is my order now yes no", "bye", "hello hello hello", "hi thanks", ""]
    together = run(pack, texts)
    for place, text in enumerate(texts):
        alone = run(pack, [text])
        assert all(np.array_equal(alone[name][0], together[name][place]) for name in together)


def test_latency_is_told_for_the_lengths_that_there_are() -> None:
    ticks = itertools.count(step=2_000_000)
    pack = guessing(msgspec.structs.replace(MANIFEST, heads=OLD_HEADS))
    rows = latency(
        pack, ["hi bye", "hi no", "where is my order now yes no one two three"], lambda: next(ticks), rounds=2
    )
    assert [(row.tokens, row.texts) for row in rows] == [(4, 2), (12, 1)]
    for row in rows:
        assert 0 < row.model_p50_ms < row.p50_ms <= row.p95_ms  # the engine looks at the clock, too


def test_errors_are_the_surest_and_quote_nobody() -> None:
    texts = ("fine", "call 030 1234567", "you fucking idiot", "a|b *c*", "x" * 300, "right", "me@example.org told me")
    sure = np.array([0.9, 0.99, 0.98, 0.8, 0.7, 0.95, 0.6])
    truth = np.array([1, 1, 1, 1, 1, 0, 1])
    view = Judged(("yes", "no"), texts, truth, np.stack([sure, 1.0 - sure], axis=1))
    page = report_pages.errors({"act": view}, LEXICON, MANIFEST)
    rows = [line for line in page.splitlines() if line.startswith("| 0.")]
    assert rows == [
        "| 0.900 | no | yes | fine |",
        r"| 0.800 | no | yes | a\|b \*c\* |",
        f"| 0.700 | no | yes | {'x' * 99}… |",
        r"| 0.600 | no | yes | \[email] told me |",
    ]
    assert "6 of 7 rows." in page


def test_where_people_tell_their_names_nothing_is_quoted() -> None:
    view = Judged(("other", "affirm"), ("sure anita",), np.array([0]), np.array([[0.1, 0.9]]))
    assert "anita" not in report_pages.errors({"act": view}, LEXICON, MANIFEST)


def test_what_has_no_meaning_is_a_dash() -> None:
    view = Judged(("a", "b"), ("x",), np.array([0]), np.array([[0.9, 0.1]]))
    assert report_pages.class_table(report_pages._classes(view)).splitlines()[-1] == "| b | – | – | – | 0 |"


class TestMain:
    def test_data_that_is_missing_exits_with_2(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert report.main([f"--data={tmp_path}", f"--out={tmp_path / 'out'}"]) == 2
        assert "clinc150/val.jsonl.gz is missing: point --data at the folder" in capsys.readouterr().err.replace(
            "\n", ""
        )
        assert not (tmp_path / "out").exists()

    def test_a_folder_without_a_model_exits_with_2(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert report.main([f"--data={tmp_path}", f"--model={tmp_path}"]) == 2
        assert "manifest.json is missing" in capsys.readouterr().err
