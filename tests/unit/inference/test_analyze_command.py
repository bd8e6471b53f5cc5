"""``parlance analyze``: a panel for people, JSON for programs, a stream that keeps its order and names a bad line."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from server.cli.analyze import BATCH_LINES, Remarks, described, stream
from server.cli.lines import MAX_LINE_BYTES
from server.cli.main import app
from server.errors import StartupError
from tests.unit.inference.support import FakeModel, fake_engine

FIELDS = {
    "intent", "intent_confidence", "out_of_scope", "act", "sentiment", "emotions", "urgency", "politeness", "toxicity",
    "language", "entities", "model", "cached", "latency_us", "intents",
    "keywords", "reading_ease",
}  # fmt: skip


def run(pack_folder: Path, *arguments: str, stdin: bytes = b"") -> Result:
    return CliRunner().invoke(app, ["analyze", *arguments, "--model", str(pack_folder)], input=stdin)


def streamed(source: bytes | io.RawIOBase, model: FakeModel | None = None) -> list[dict[str, object]]:
    target = io.BytesIO()
    reader = io.BytesIO(source) if isinstance(source, bytes) else io.BufferedReader(source)
    stream(fake_engine(model or FakeModel(), cache_entries=8), reader, target)
    return [json.loads(line) for line in target.getvalue().splitlines()]


class Drips(io.RawIOBase):
    """A pipe whose writer sends these pieces, each after the last was read."""

    def __init__(self, *pieces: bytes) -> None:
        self.pieces = list(pieces)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        piece = self.pieces.pop(0) if self.pieces else b""
        buffer[: len(piece)] = piece
        return len(piece)


class TestOneText:
    def test_a_panel(self, pack_folder: Path) -> None:
        result = run(pack_folder, "where is [bold]my order #4711???")
        assert result.exit_code == 0, result.stderr
        for shown in (
            "[bold]my order #4711???",
            "question",
            "sentiment",
            "joy",
            "order_id",
            "24–29",
            "language en",
            "reading ease",
            "ms",
        ):
            assert shown in result.stdout

    def test_json(self, pack_folder: Path) -> None:
        result = run(pack_folder, "where is my order #4711", "--json")
        found = json.loads(result.stdout)
        assert set(found) == FIELDS
        assert found["act"] == "question"
        assert found["entities"] == [{"type": "order_id", "text": "#4711", "start": 18, "end": 23}]
        assert len(found["intents"]) == 5
        assert found["intents"][0] == {"name": found["intent"], "confidence": found["intent_confidence"]}

    def test_an_empty_text_is_a_text(self, pack_folder: Path) -> None:
        assert json.loads(run(pack_folder, "", "--json").stdout)["act"] == "other"

    @pytest.mark.parametrize(
        ("arguments", "sentence"), [((), "There is no text."), (("hi", "--jsonl"), "exclude each other.")]
    )
    def test_either_a_text_or_a_stream(self, pack_folder: Path, arguments: tuple[str, ...], sentence: str) -> None:
        result = run(pack_folder, *arguments)
        assert result.exit_code == 2
        assert result.stdout == ""
        assert sentence in result.stderr
        assert result.stderr.count("\n") == 1

    def test_an_argument_that_is_not_utf_8(self, pack_folder: Path) -> None:
        result = run(pack_folder, "caf\udce9")
        assert result.exit_code == 2
        assert "TEXT is not UTF-8" in result.stderr


def test_a_model_that_is_not_there(tmp_path: Path) -> None:
    result = run(tmp_path / "none", "hi")
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr == f"{tmp_path / 'none'} is not a folder. Give the folder of a packed model.\n"


def test_products_of_the_settings(pack_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "names.txt").write_text("Galaxy S24\n")
    config = tmp_path / "parlance.toml"
    config.write_text(f"products_file = '{tmp_path / 'names.txt'}'\n")
    result = run(pack_folder, "is the GALAXY s24 in stock?", "--json", "--config", str(config))
    assert result.exit_code == 0, result.stderr
    (entity,) = json.loads(result.stdout)["entities"]
    assert entity == {"type": "product", "text": "GALAXY s24", "start": 7, "end": 17}


def test_products_that_are_not_there(pack_folder: Path, tmp_path: Path) -> None:
    config = tmp_path / "parlance.toml"
    config.write_text("products_file = 'nowhere.txt'\n")
    result = run(pack_folder, "hi", "--config", str(config))
    assert result.exit_code == 2
    assert "nowhere.txt can't be read" in result.stderr


class TestStream:
    def test_one_line_each_in_order(self, pack_folder: Path) -> None:
        texts = ["where is my order #4711", "hi", "", "this is ridiculous, my parcel is late AGAIN", "hi", "größe? 😡"]
        result = run(pack_folder, "--jsonl", stdin="".join(f"{text}\n" for text in texts).encode())
        assert result.exit_code == 0, result.stderr
        found = [json.loads(line) for line in result.stdout.splitlines()]
        assert [each["act"] for each in found] == ["question", "greeting", "other", "complaint", "greeting", "question"]
        assert all(set(each) == FIELDS for each in found)
        assert [each["cached"] for each in found] == [False, False, False, False, True, False]

    def test_nothing_in_nothing_out(self) -> None:
        assert streamed(b"") == []

    def test_line_ends(self) -> None:
        found = streamed(b"\xef\xbb\xbfhi\r\nbye\n\nthanks")
        assert [each["act"] for each in found] == ["greeting", "goodbye", "other", "thanks"]

    def test_other_line_separators_are_part_of_the_text(self) -> None:
        assert len(streamed("hi\u2028bye\x0b\x85 now\n".encode())) == 1

    def test_more_lines_than_a_batch(self) -> None:
        texts = [f"{word} {count}" for count in range(BATCH_LINES) for word in ("hi", "bye", "where is it?")]
        found = streamed("\n".join(texts).encode())
        assert [each["act"] for each in found] == ["greeting", "goodbye", "question"] * BATCH_LINES

    def test_a_character_cut_by_the_read(self) -> None:
        euro = "€5".encode()
        (found,) = streamed(Drips(b"pay ", euro[:1], euro[1:], b"\n"))
        assert found["entities"] == [{"type": "amount", "text": "€5", "start": 4, "end": 6}]

    def test_what_is_there_is_answered_before_more_is_read(self) -> None:
        written: list[int] = []
        target = io.BytesIO()

        class Watching(Drips):
            def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
                written.append(target.getvalue().count(b"\n"))
                return super().readinto(buffer)

        source = io.BufferedReader(Watching(b"hi\n", b"bye\nno", b"w\n"))
        stream(fake_engine(FakeModel()), source, target)
        assert written == [0, 1, 2, 3]

    def test_a_bad_line_is_named_after_the_good_ones(self, pack_folder: Path) -> None:
        result = run(pack_folder, "--jsonl", stdin=b"hi\nbye\nna\xefve\nthanks\n")
        assert result.exit_code == 2
        assert [json.loads(line)["act"] for line in result.stdout.splitlines()] == ["greeting", "goodbye"]
        assert "Line 3 of standard input is not UTF-8 (byte 3 of the line)." in result.stderr

    def test_a_line_without_end_is_refused(self) -> None:
        with pytest.raises(StartupError, match=r"Line 2 of standard input is longer than 1,048,576 bytes"):
            streamed(b"hi\n" + b"x" * (MAX_LINE_BYTES + 100_000))

    def test_repeated_texts_run_once(self) -> None:
        model = FakeModel()
        assert len(streamed(b"hi\n" * 1_000, model)) == 1_000
        assert model.texts == 1

    def test_a_reader_that_goes_away_ends_it_quietly(self, pack_folder: Path) -> None:
        command = [sys.executable, "-m", "server.cli.main", "analyze", "--jsonl", "--model", str(pack_folder)]
        read_end, write_end = os.pipe()
        os.close(read_end)
        done = subprocess.run(command, input=b"hi\n", stdout=write_end, stderr=subprocess.PIPE, check=False)
        os.close(write_end)
        assert done.returncode == 1
        assert b"Traceback" not in done.stderr


def test_keywords_and_reading_ease() -> None:
    hard, german, other, nothing = streamed(
        "I want a refund for the damaged coffee machine.\n"
        "Die Kaffeemaschine ist nicht mein.\nгде мой заказ\n#4711".encode()
    )
    assert hard["keywords"] == [{"text": "damaged coffee machine", "score": 9.0}, {"text": "refund", "score": 1.0}]
    assert hard["reading_ease"] == 75.5
    assert german["keywords"] == [{"text": "kaffeemaschine", "score": 1.0}]
    assert german["reading_ease"] is not None
    assert other["reading_ease"] is None
    assert (nothing["keywords"], nothing["reading_ease"]) == ([], None)


def test_described_is_the_protocols_analysis_the_intents_and_the_remarks() -> None:
    (analysis,) = fake_engine(FakeModel()).analyse_now(["hi"])
    found = described(analysis, Remarks((("refund", 1.0),), None))
    assert set(found) == FIELDS
    assert found.pop("keywords") == [{"text": "refund", "score": 1.0}]
    assert found.pop("reading_ease") is None
    intents = found.pop("intents")
    assert found == analysis.to_wire()
    assert [each["name"] for each in intents] == [name for name, _ in analysis.intents]
