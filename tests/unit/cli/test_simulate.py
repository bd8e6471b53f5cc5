"""``parlance simulate``: files, table, JSON, exit codes, sentences, and the pictures."""

from __future__ import annotations

import builtins
import csv
import errno
import json
import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog

from server.cli import simulate_pictures
from tests.unit.cli.conftest import Command

PNG = b"\x89PNG\r\n\x1a\n"
QUICK = ("simulate", "--rounds", "80", "--policy", "linucb", "--policy", "fixed:arm=calm")
PICTURES = ("regret.png", "reward.png", "personas.png", "off-policy.png")


@pytest.fixture
def _logging_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    logging.captureWarnings(False)
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


class TestFiles:
    def test_everything_is_written(self, parlance: Command, folder: Path) -> None:
        result = parlance(*QUICK, "--seeds", "2")
        assert result.exit_code == 0, result.output
        assert "80 rounds, 2 seeds, vector mode" in result.stdout
        assert "fixed:arm=calm" in result.stdout
        written = folder / "simulation"
        assert {path.name for path in written.iterdir()} == {"results.json", "rounds.csv", *PICTURES}
        for name in PICTURES:
            assert (written / name).read_bytes()[:8] == PNG
        rows = list(csv.DictReader((written / "rounds.csv").read_text().splitlines()))
        assert len(rows) == 2 * 2 * 4
        assert rows[-1]["policy"] == "fixed:arm=calm"
        assert float(rows[-1]["share_calm"]) == 1.0
        told = json.loads((written / "results.json").read_text())
        assert told["policies"]["linucb"]["regret"]["each"][0] >= 0.0

    def test_logs_are_judged_where_every_persona_had_a_chance(self, parlance: Command, folder: Path) -> None:
        assert parlance("simulate", "--rounds", "200", "--seeds", "1", "--policy", "uniform").exit_code == 0
        told = json.loads((folder / "simulation" / "results.json").read_text())["off_policy"]
        assert told["log"] == "uniform"
        assert set(told["policies"]["uniform"]["estimates"]) == {"ips", "snips", "dm", "dr", "switch-dr"}
        assert (folder / "simulation" / "off-policy.png").read_bytes()[:8] == PNG
        never = parlance("simulate", "--rounds", "20", "--seeds", "1", "--policy", "fixed", "--out", "b")
        assert never.exit_code == 0, never.output
        assert json.loads((folder / "b" / "results.json").read_text())["off_policy"] is None
        assert not (folder / "b" / "off-policy.png").exists()

    def test_the_same_seed_gives_the_same_bytes(self, parlance: Command, folder: Path) -> None:
        for out in ("a", "b"):
            assert parlance(*QUICK, "--seeds", "1", "--no-plots", "--out", out).exit_code == 0
        assert parlance(*QUICK, "--seeds", "1", "--seed", "1", "--no-plots", "--out", "c").exit_code == 0
        first, second, other = ((folder / out / "results.json").read_bytes() for out in "abc")
        assert first == second != other

    def test_json_is_what_is_written(self, parlance: Command, folder: Path) -> None:
        result = parlance(*QUICK, "--seeds", "1", "--no-plots", "--json", "--cold")
        assert result.exit_code == 0, result.output
        told = json.loads(result.stdout)
        assert told == json.loads((folder / "simulation" / "results.json").read_text())
        assert told["warm"] is False

    def test_nothing_is_written_over(self, parlance: Command, folder: Path) -> None:
        (folder / "simulation").mkdir()
        (folder / "simulation" / "mine.txt").write_text("mine")
        refused = parlance(*QUICK, "--no-plots")
        assert (refused.exit_code, refused.stderr) == (
            2,
            "simulation is not empty. Give another --out, or --overwrite.\n",
        )
        assert parlance(*QUICK, "--seeds", "1", "--no-plots", "--overwrite").exit_code == 0
        assert (folder / "simulation" / "mine.txt").read_text() == "mine"

    def test_a_file_is_no_folder(self, parlance: Command, folder: Path) -> None:
        (folder / "x").write_text("")
        refused = parlance(*QUICK, "--no-plots", "--out", "x")
        assert (refused.exit_code, refused.stderr) == (2, "x is a file, not a folder. Give another --out.\n")

    def test_a_folder_that_cannot_be_made(self, parlance: Command, folder: Path) -> None:
        (folder / "x").write_text("")
        refused = parlance(*QUICK, "--no-plots", "--out", "x/y")
        assert (refused.exit_code, "x/y can't be written: Not a directory." in refused.stderr) == (2, True)

    def test_a_full_disk_is_said_after_the_table(self, parlance: Command, monkeypatch: pytest.MonkeyPatch) -> None:
        def full(*_: Any, **__: Any) -> None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        monkeypatch.setattr(Path, "write_text", full)
        failed = parlance(*QUICK, "--seeds", "1", "--no-plots")
        assert failed.exit_code == 2
        assert "Best possible mean reward" in failed.stdout
        assert failed.stderr == (
            "simulation can't be written: No space left on device. Free some space or give another --out.\n"
        )


class TestPictures:
    @pytest.mark.parametrize(
        ("wanted", "placed"),
        [
            ([1.0, 5.0], [1.0, 5.0]),
            ([5.0, 5.0, 5.0], [5.0, 6.0, 7.0]),
            ([9.4, 9.5, 9.6], [7.5, 8.5, 9.5]),
            ([0.0, 9.9, 9.9], [0.5, 8.5, 9.5]),
        ],
    )
    def test_labels_keep_their_order_and_do_not_overlap(self, wanted: list[float], placed: list[float]) -> None:
        assert simulate_pictures.apart(wanted, [1.0] * len(wanted), 0.0, 10.0) == pytest.approx(placed)


class TestMistakes:
    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            (("--policy", "linucp"), "There is no policy 'linucp'. Did you mean 'linucb'?"),
            (("--policy", "linucb:alpha"), "is no PARAMETER=VALUE"),
            (("--policy", "linucb:floor=0.9"), "Floor 0.9 for 8 arms"),
            (("--policy", "fixed:arm=clam"), "clam"),
            (("--policy", "ucb1", "--policy", "ucb1"), "--policy ucb1 is given twice. Name each policy once."),
            (("--customers", "missing.yaml"), "missing.yaml can't be read: No such file or directory. Correct --cust"),
            (("--rounds", "0"), "--rounds"),
        ],
    )
    def test_they_are_named_and_nothing_is_made(
        self, parlance: Command, folder: Path, arguments: tuple[str, ...], said: str
    ) -> None:
        result = parlance("simulate", "--no-plots", *arguments)
        assert (result.exit_code, said in result.stderr) == (2, True), result.output
        assert not (folder / "simulation").exists()

    def test_a_file_of_customers_is_read(self, parlance: Command, folder: Path) -> None:
        (folder / "mine.yaml").write_text("segments:\n  - name: all\n    likes: {always: {humour: 1}}\n")
        result = parlance(*QUICK, "--no-plots", "--customers", "mine.yaml")
        assert (result.exit_code, "mine.yaml: " in result.stderr, "'humor'" in result.stderr) == (2, True, True)
        (folder / "mine.yaml").write_text("noise: 0\nsegments:\n  - name: all\n")
        result = parlance(*QUICK, "--no-plots", "--json", "--customers", "mine.yaml")
        assert result.exit_code == 0, result.output
        assert json.loads(result.stdout)["policies"]["linucb"]["regret"]["mean"] == 0.0

    def test_without_matplotlib_the_remedy_is_named(self, parlance: Command, monkeypatch: pytest.MonkeyPatch) -> None:
        real = builtins.__import__

        def missing(name: str, *rest: Any, **more: Any) -> Any:
            if name.startswith("matplotlib"):
                raise ImportError(name)
            return real(name, *rest, **more)

        monkeypatch.setattr(builtins, "__import__", missing)
        result = parlance(*QUICK)
        assert (result.exit_code, "or give --no-plots" in result.stderr) == (2, True)


@pytest.mark.usefixtures("_logging_as_before")
class TestLive:
    def test_texts_go_through_the_whole_pipeline(self, parlance: Command, folder: Path) -> None:
        live = ("simulate", "--live", "--no-plots", "--rounds", "15", "--policy", "linucb")
        result = parlance(*live, "--out", "a")
        assert result.exit_code == 0, result.output
        assert "live: texts through the whole pipeline" in result.stdout
        told = json.loads((folder / "a" / "results.json").read_text())
        assert told["mode"] == "live"
        assert told["policies"]["linucb"]["reacted"]["mean"] > 0.5
        assert parlance(*live, "--out", "b").exit_code == 0
        assert (folder / "a" / "results.json").read_bytes() == (folder / "b" / "results.json").read_bytes()
        assert {path.name for path in folder.iterdir()} == {"a", "b"}  # no database, no secret
