"""``parlance intents``: exit codes, sentences and files, on the example set of the docs and the model that ships."""

from __future__ import annotations

import builtins
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from server.cli.main import app

EXAMPLE = Path(__file__).resolve().parents[3] / "docs" / "intents-example"
PNG = b"\x89PNG\r\n\x1a\n"


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, ["intents", *map(str, arguments)], prog_name="parlance")


@pytest.fixture
def written(tmp_path: Path) -> Callable[[str], Path]:
    def write(text: str) -> Path:
        folder = tmp_path / "own"
        folder.mkdir(exist_ok=True)
        (folder / "own.yaml").write_text(text, encoding="utf-8")
        return folder

    return write


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    path = tmp_path_factory.mktemp("trained") / "shop.npz"
    result = run("train", EXAMPLE, "--out", path, "--json")
    assert result.exit_code == 0, result.output
    return path, json.loads(result.stdout)


class TestValidate:
    def test_the_example_of_the_docs_is_sound(self) -> None:
        result = run("validate", EXAMPLE, "--strict", "--json")
        assert result.exit_code == 0, result.output
        assert json.loads(result.stdout) == {"intents": 12, "errors": 0, "findings": []}

    def test_errors_exit_with_1(self, written: Callable[[str], Path]) -> None:
        folder = written("intents:\n  a: [hello there, good day]\n  b: [Hello there!, bye]\n")
        result = run("validate", folder, "--words-only")
        assert result.exit_code == 1
        assert "error: own.yaml: intents.b.examples[1]: 'Hello there!' stands in 'a' too" in result.stdout
        assert "2 intents, 4 examples: 1 errors, 2 warnings" in result.stdout

    def test_warnings_alone_do_so_with_strict(self, written: Callable[[str], Path]) -> None:
        folder = written("intents:\n  a: [hello there, good day]\n  b: [see you, bye]\n")
        assert run("validate", folder, "--words-only").exit_code == 0
        assert run("validate", folder, "--words-only", "--strict").exit_code == 1

    def test_the_model_finds_what_words_do_not(self, written: Callable[[str], Path]) -> None:
        folder = written("intents:\n  a: [how do I get a new card, hi]\n  b: [how can I get a new card, bye]\n")
        assert "says nearly what" not in run("validate", folder, "--words-only").stdout
        assert "'how do I get a new card' (a)" in run("validate", folder).stdout

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("intents: [", "own.yaml is no valid YAML"),
            (
                "intents:\n  a: {exampels: [b]}\n",
                "own.yaml: intents.a: unknown key 'exampels'. Did you mean 'ex",
            ),
        ],
    )
    def test_unreadable_files_exit_with_2(self, written: Callable[[str], Path], text: str, said: str) -> None:
        result = run("validate", written(text))
        assert (result.exit_code, said in result.stderr) == (2, True), result.stderr

    def test_a_folder_without_intents(self, tmp_path: Path) -> None:
        result = run("validate", tmp_path)
        assert (result.exit_code, "holds no intents (*.yaml)" in result.stderr) == (2, True)


class TestTrain:
    def test_tells_what_it_learned(self, trained: tuple[Path, dict[str, Any]]) -> None:
        path, told = trained
        assert path.read_bytes()[:2] == b"PK"
        assert (told["intents"], told["kind"], told["file"]) == (12, "kernel", str(path))
        assert told["figures"]["held_out"] == 120
        assert told["figures"]["accuracy"] > 0.7
        assert list(path.parent.iterdir()) == [path]

    def test_errors_keep_it_from_learning(self, written: Callable[[str], Path]) -> None:
        folder = written("intents:\n  a: [hello there, good day]\n  b: [bye]\n")
        result = run("train", folder)
        assert (result.exit_code, "'b' has 1 different example" in result.stdout) == (1, True)
        assert not (folder / "intents.npz").exists()

    def test_a_place_that_cannot_be_written(self, tmp_path: Path) -> None:
        result = run("train", EXAMPLE, "--out", tmp_path / "missing" / "x.npz")
        assert (result.exit_code, "can't be written" in result.stderr) == (2, True)


class TestTest:
    def test_cross_validation_writes_the_whole_report(self, tmp_path: Path) -> None:
        result = run("test", EXAMPLE, "--cross-validation", "--folds", "4", "--out", tmp_path / "report")
        assert result.exit_code == 0, result.output
        assert "cross-validation, 4 folds: accuracy" in result.stdout
        told = json.loads((tmp_path / "report" / "report.json").read_text())
        assert told["examples"] == 120
        assert told["accuracy"] > 0.7
        assert sum(map(sum, told["confusion"])) == 120
        assert len(told["errors"]) == round(120 * (1 - told["accuracy"]))
        assert [error["confidence"] for error in told["errors"]] == sorted(
            (error["confidence"] for error in told["errors"]), reverse=True
        )
        for picture in ("confusion.png", "confidence.png"):
            assert (tmp_path / "report" / picture).read_bytes()[:8] == PNG
        assert (tmp_path / "report" / "errors.md").read_text().count("\n| 0.") == len(told["errors"])

    def test_a_trained_file_knows_its_own_examples(self, trained: tuple[Path, dict[str, Any]]) -> None:
        result = run("test", EXAMPLE, "--trained", trained[0], "--json", "--fail-under", "0.97")
        assert result.exit_code == 0, result.output
        assert json.loads(result.stdout)["test"] == "trained"

    def test_an_accuracy_below_the_least_exits_with_1(self) -> None:
        result = run("test", EXAMPLE, "--cross-validation", "--fail-under", "0.999")
        assert (result.exit_code, "is below 0.999" in result.stderr) == (1, True)

    @pytest.mark.parametrize("flags", [[], ["--cross-validation", "--trained", "x"]])
    def test_one_of_the_two_tests(self, flags: list[str]) -> None:
        result = run("test", EXAMPLE, *flags)
        assert (result.exit_code, "either --cross-validation or --trained" in result.stderr) == (2, True)

    def test_a_foreign_file(self, tmp_path: Path) -> None:
        (tmp_path / "x.npz").write_bytes(b"nonsense")
        result = run("test", EXAMPLE, "--trained", tmp_path / "x.npz")
        assert (result.exit_code, "is no file of trained intents" in result.stderr) == (2, True)

    def test_an_intent_that_the_file_does_not_know(
        self, trained: tuple[Path, dict[str, Any]], written: Callable[[str], Path]
    ) -> None:
        folder = written("intents:\n  juggling: [can you juggle, throw balls]\n  repair: [mend it, fix it]\n")
        shutil.copy(EXAMPLE / "orders.yaml", folder)
        result = run("test", folder, "--trained", trained[0])
        assert (result.exit_code, "does not know juggling" in result.stderr) == (2, True)

    def test_without_matplotlib_the_remedy_is_named(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        real = builtins.__import__

        def missing(name: str, *rest: Any, **more: Any) -> Any:
            if name.startswith("matplotlib"):
                raise ImportError(name)
            return real(name, *rest, **more)

        monkeypatch.setattr(builtins, "__import__", missing)
        result = run("test", EXAMPLE, "--cross-validation", "--out", tmp_path)
        assert (result.exit_code, "pip install 'parlance[report]'" in result.stderr) == (2, True)
        assert run("test", EXAMPLE, "--cross-validation", "--out", tmp_path, "--no-pictures").exit_code == 0
        assert sorted(path.name for path in tmp_path.iterdir()) == ["errors.md", "report.json"]
