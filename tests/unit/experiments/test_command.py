"""``parlance experiment analyse``: keys, tables, exit codes, sentences, and the picture."""

from __future__ import annotations

import builtins
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats
from typer.testing import CliRunner, Result

from server.cli.main import app

PNG = b"\x89PNG\r\n\x1a\n"
COMMON = ("--unit", "user_id", "--variant", "variant", "--control", "A")
Written = Callable[[str], Path]


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, ["experiment", "analyse", *map(str, arguments)], prog_name="parlance")


@pytest.fixture
def written(tmp_path: Path) -> Written:
    def write(text: str) -> Path:
        path = tmp_path / "data.csv"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def rows(units: int = 300, turns: int = 1, seed: int = 0, shift: float = 0.5) -> str:
    rng = np.random.default_rng(seed)
    lines = ["user_id,variant,converted,rating,clicks,turns,before"]
    for number in range(units):
        variant = "AB"[number % 2]
        nature = rng.normal()
        for _ in range(turns):
            rating = "" if rng.random() < 0.1 else f"{4 + nature + shift * (variant == 'B'):.3f}"
            shown = 1 + rng.poisson(3)
            fields = [f"u{number}", variant, int(rng.random() < 0.4), rating, rng.binomial(shown, 0.3), shown]
            lines.append(",".join(map(str, [*fields, f"{nature + rng.normal(0, 0.3):.3f}"])))
    return "\n".join(lines) + "\n"


METRICS = ("--metric", "converted:binary", "--metric", "rating:continuous", "--metric", "clicks/turns:ratio")


class TestJson:
    def test_the_keys(self, written: Written) -> None:
        result = run(written(rows()), *COMMON, *METRICS, "--json")
        assert result.exit_code == 0, result.output
        told = json.loads(result.stdout)
        assert told["srm_p_value"] == 1.0
        assert list(told["metrics"]) == ["converted", "rating", "clicks/turns"]
        for of_metric in told["metrics"].values():
            assert list(of_metric) == ["A", "B"]
            assert {"mean", "difference", "relative", "ci", "p_value", "significant"} <= of_metric["B"].keys()
        assert told["method"] == "sequential"

    def test_fixed_is_scipys_welch(self, written: Written) -> None:
        path = written(rows())
        told = json.loads(run(path, *COMMON, "--metric", "rating:continuous", "--fixed", "--json").stdout)
        groups: dict[str, list[float]] = {"A": [], "B": []}
        for line in path.read_text().splitlines()[1:]:
            fields = line.split(",")
            if fields[3]:
                groups[fields[1]].append(float(fields[3]))
        row = told["metrics"]["rating"]["B"]
        assert row["p_value"] == pytest.approx(stats.ttest_ind(groups["B"], groups["A"], equal_var=False).pvalue)
        assert row["mean"] == pytest.approx(np.mean(groups["B"]))
        assert (row["units"], row["unknown"]) == (len(groups["B"]), 150 - len(groups["B"]))

    def test_cuped_and_the_bootstrap(self, written: Written) -> None:
        arguments = (*COMMON, "--metric", "rating:continuous", "--fixed", "--covariate", "before", "--bootstrap", "200")
        row = json.loads(run(written(rows()), *arguments, "--json").stdout)["metrics"]["rating"]["B"]
        assert row["variance_kept"] < 0.2
        assert row["difference"] == pytest.approx(0.5, abs=0.2)
        assert len(row["bootstrap_ci"]) == 2

    def test_rows_of_a_user_are_one_unit(self, written: Written) -> None:
        told = json.loads(run(written(rows(100, turns=8)), *COMMON, *METRICS, "--json").stdout)
        assert told["units"] == {"A": 50, "B": 50}
        assert told["verdict"]["action"] == "continue"


class TestForPeople:
    def test_the_table_and_the_words(self, written: Written) -> None:
        result = run(written(rows(600)), *COMMON, "--metric", "rating:continuous", "--metric", "converted:binary")
        assert result.exit_code == 0, result.output
        assert "Units: A 300, B 300. Sample ratio: p = 1.0000." in result.stdout
        assert "rating: B is better than A by" in result.stdout
        assert "Stop. Winner: B. B is better on rating" in result.stdout

    def test_names_are_shown_as_they_are(self, written: Written) -> None:
        text = rows(400).replace(",B,", ",[red]B,")
        assert "[red]B" in run(written(text), *COMMON, "--metric", "rating:continuous").stdout

    def test_the_picture(self, written: Written, tmp_path: Path) -> None:
        plot = tmp_path / "forest.png"
        assert run(written(rows()), *COMMON, *METRICS, "--plot", plot).exit_code == 0
        assert plot.read_bytes()[:8] == PNG

    def test_without_matplotlib_the_remedy_is_named(self, written: Written, monkeypatch: pytest.MonkeyPatch) -> None:
        real = builtins.__import__

        def missing(name: str, *rest: Any, **more: Any) -> Any:
            if name.startswith("matplotlib"):
                raise ImportError(name)
            return real(name, *rest, **more)

        monkeypatch.setattr(builtins, "__import__", missing)
        result = run(written(rows()), *COMMON, *METRICS, "--plot", "x.png")
        assert (result.exit_code, "pip install 'parlance[report]'" in result.stderr) == (2, True)

    def test_a_picture_that_cannot_be_written(self, written: Written, tmp_path: Path) -> None:
        result = run(written(rows()), *COMMON, *METRICS, "--plot", tmp_path / "missing" / "x.png")
        assert (result.exit_code, "can't be written" in result.stderr) == (2, True)


class TestBlocked:
    def test_a_sample_ratio_mismatch(self, written: Written, tmp_path: Path) -> None:
        lines = rows(600).splitlines()
        kept = [line for number, line in enumerate(lines) if not (",B," in line and number % 4 == 2)]
        path, plot = written("\n".join(kept)), tmp_path / "x.png"
        result = run(path, *COMMON, *METRICS, "--json", "--plot", plot)
        assert result.exit_code == 1
        told = json.loads(result.stdout)
        assert told["srm_p_value"] < 0.001
        assert told["blocked"] and told["metrics"]["rating"]["B"]["p_value"] is None
        assert plot.read_bytes()[:8] == PNG
        assert "Blocked: nothing may be concluded." in run(path, *COMMON, *METRICS).stdout
        split = ("--weight", "A=300", "--weight", "B=150")
        assert run(path, *COMMON, *METRICS, *split).exit_code == 0

    @pytest.mark.parametrize(("chances", "code"), [((0.5, 0.5), 0), ((0.5, 0.7), 1)])
    def test_propensities_that_change_tell_of_a_policy(
        self, written: Written, chances: tuple[float, float], code: int
    ) -> None:
        lines = rows().splitlines()
        told = [f"{line},{chances[number % 4 // 2]}" for number, line in enumerate(lines[1:])]
        path = written("\n".join([f"{lines[0]},propensity", *told]))
        assert run(path, *COMMON, *METRICS).exit_code == code


class TestMistakes:
    @pytest.mark.parametrize(("text", "sentence"), [
        ("user_id,variant,rating\nu,A,x\nv,B,1\n", "1 unreadable value: line 2: rating 'x' is not a number."),
        ("user_id,variant,rating\nu,A,1\n\nv,B\n", "line 4: 2 fields instead of 3"),
        ("user_id,variant,rating\n,A,1\nv,,1\n", "line 2: user_id is empty; line 3: variant is empty"),
        ("user_id,variant,rating\nu,A,inf\n", "line 2: rating 'inf' is not a number"),
        ('user_id,variant,rating\n"a\nb",A,1\nv,B,?\n', "line 4: rating '?' is not a number"),
        ("user_id,variant,rating\n" + "u,A,x\n" * 9, "; and 4 more. Correct them, or leave empty what is not known."),
        ("user_id,variant\nu,A\n", "has no column 'rating'. Known names: user_id, variant."),
        ("user_id,variant,rating,rating\n", "has two columns 'rating'"),
        ("user_id,variant,rating\n", "has no rows"),
        ("", "has no column 'user_id'"),
        ("user_id,variant,rating\nu,A,1\n", "There is only the variant 'A'"),
        ("user_id,variant,rating\nu,a,1\nv,b,2\n", "The control 'A' is no variant"),
    ])  # fmt: skip
    def test_in_the_file(self, written: Written, text: str, sentence: str) -> None:
        result = run(written(text), *COMMON, "--metric", "rating:continuous")
        assert (result.exit_code, result.stdout) == (2, "")
        assert sentence in result.stderr

    def test_binary_values(self, written: Written) -> None:
        text = "user_id;variant;done\n" + "".join(
            f"u{number};{'AB'[number % 2]};{('yes', 'FALSE', '1', '0', 'NA', '')[number % 6]}\n" for number in range(60)
        )
        row = json.loads(run(written(text), *COMMON, "--metric", "done:binary", "--json").stdout)["metrics"]["done"]
        assert (row["A"]["mean"], row["A"]["unknown"], row["B"]["mean"]) == (1.0, 10, 0.0)
        bad = run(written("user_id,variant,done\nu,A,2\n"), *COMMON, "--metric", "done:binary")
        assert "line 2: done '2' is not 0, 1, true, false, yes or no" in bad.stderr

    @pytest.mark.parametrize(("arguments", "sentence"), [
        (("--metric", "rating"), "write NAME:KIND"),
        (("--metric", "rating:continuous", "--correction", "x"), "There is no correction 'x'."),
        (("--metric", "rating:continuous", "--guardrail", "rating"), "--guardrail 'rating' is no NAME=NUMBER"),
        (("--metric", "rating:continuous", "--guardrail", "x=0.1"), "Guardrail 'x' is no metric here."),
        (("--metric", "rating:continuous", "--weight", "A=-1"), "--weight 'A=-1' is no NAME=NUMBER above 0."),
        (("--metric", "rating:continuous", "--weight", "A=1"), "Weights are of A, the variants are A, B."),
        (("--metric", "rating:continuous", "--covariate", "befor"), "Did you mean 'before'?"),
    ])  # fmt: skip
    def test_in_the_options(self, written: Written, arguments: tuple[str, ...], sentence: str) -> None:
        result = run(written(rows(20)), *COMMON, *arguments)
        assert (result.exit_code, result.stdout) == (2, "")
        assert sentence in result.stderr

    def test_files_that_are_none(self, tmp_path: Path) -> None:
        assert "can't be read" in run(tmp_path / "no.csv", *COMMON, *METRICS).stderr
        (tmp_path / "latin.csv").write_bytes("user_id,variant,rating\nü,A,1\n".encode("latin-1"))
        assert "is not UTF-8" in run(tmp_path / "latin.csv", *COMMON, *METRICS).stderr
