"""``parlance experiment analyse`` with two factors, and a picture that has nothing to show."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from adapters.experiments.metrics import parse_metric
from adapters.experiments.observations import Recorder
from adapters.experiments.plan import Plan
from adapters.experiments.report import Report, analyse
from server.cli.experiment_picture import _words, draw_forest
from tests.unit.experiments.test_command import PNG, Written, run, written

__all__ = ["written"]

FACTORS = ("--unit", "user", "--factor", "tone=today", "--factor", "length=as ever")
STARS = ("--metric", "stars:continuous")


def crossed(units: int = 400, tone: float = 0.5, both: float = 0.0, without: str = "") -> str:
    rng = np.random.default_rng(1)
    lines = ["user,tone,length,stars"]
    for number in range(units):
        one, other = ("today", "friendly")[number % 2], ("as ever", "short")[number // 2 % 2]
        warm = one == "friendly"
        stars = 3.5 + tone * warm + both * (warm and other == "short") + rng.normal()
        if f"{one}×{other}" != without:
            lines.append(f"u{number},{one},{other},{stars:.6f}")
    return "\n".join(lines) + "\n"


def test_main_effects_are_what_averages_over_the_other_factor_say(written: Written) -> None:
    path = written(crossed(both=-0.8))
    told = json.loads(run(path, *FACTORS, *STARS, "--fixed", "--json").stdout)
    assert told["control"] == "today×as ever" and len(told["units"]) == 4
    tone, length, both = told["effects"]["stars"]
    rows = [line.split(",") for line in path.read_text().splitlines()[1:]]
    means = {
        (one, other): np.mean([float(row[3]) for row in rows if row[1:3] == [one, other]])
        for one in ("today", "friendly") for other in ("as ever", "short")
    }  # fmt: skip
    by_tone = {one: (means[one, "as ever"] + means[one, "short"]) / 2 for one in ("today", "friendly")}
    assert (tone["effect"], tone["level"]) == ("tone", "friendly")
    assert tone["difference"] == pytest.approx(by_tone["friendly"] - by_tone["today"])
    interaction = (means["friendly", "short"] - means["friendly", "as ever"]) - (
        means["today", "short"] - means["today", "as ever"]
    )
    assert (both["effect"], both["level"]) == ("tone × length", "friendly×short")
    assert both["difference"] == pytest.approx(interaction)
    groups = [[float(row[3]) for row in rows if row[1:3] == [one, other]] for one, other in means]
    z = interaction / np.sqrt(sum(np.var(group, ddof=1) / len(group) for group in groups))
    assert both["p_value"] == pytest.approx(2 * stats.norm.sf(abs(z)), rel=0.2), "a t with some 390 degrees of freedom"
    assert both["significant"] and length["better"] is False and both["better"] is None


def test_the_table_names_them_and_the_picture_has_them(written: Written, tmp_path: Path) -> None:
    plot = tmp_path / "forest.png"
    result = run(written(crossed()), *FACTORS, *STARS, "--plot", plot)
    assert result.exit_code == 0, result.output
    assert "tone and length: main effects and interaction" in result.stdout
    assert "stars: tone friendly is better than today by" in result.stdout
    assert plot.read_bytes()[:8] == PNG


@pytest.mark.parametrize(("text", "options", "sentence"), [
    (crossed(), ("--factor", "tone=today"), "give two factors, each with its base level"),
    (crossed(), ("--factor", "tone", "--factor", "length=short"), "give two factors"),
    (crossed(), ("--factor", "tone=todya", "--factor", "length=short"), "no row has that level. Did you mean 'today'?"),
    (crossed(), ("--factor", "tone=today", "--factor", "lenght=short"), "has no column 'lenght'"),
    (crossed(), ("--factor", "tone=today", "--factor", "length=short", "--control", "A"), "Leave --variant and"),
    (crossed(), ("--variant", "tone"), "Give --variant and --control"),
    (crossed(without="friendly×short"), FACTORS[2:], "No row has friendly×short: every combination"),
    (crossed().replace(",short,", ",as ever,"), FACTORS[2:], "--factor length: every row has 'as ever'"),
    (crossed(8).replace(",short,", ",a×b,"), FACTORS[2:], "line 4: length 'a×b' holds '×', which joins two levels"),
])  # fmt: skip
def test_what_is_refused(written: Written, text: str, options: tuple[str, ...], sentence: str) -> None:
    result = run(written(text), "--unit", "user", *options, *STARS)
    assert result.exit_code == 2
    assert sentence in " ".join(result.stderr.split())


def report(stars: dict[str, list[float]]) -> Report:
    """Of the values by variant; NaN is unknown."""
    recorder = Recorder(("stars",))
    for variant, values in stars.items():
        units = [f"{variant}{number}" for number in range(len(values))]
        recorder.add(units, [variant] * len(values), {"stars": np.array(values)})
    plan = Plan((parse_metric("stars:continuous"),), "A")
    return analyse(recorder.observations(), plan, np.random.default_rng(0))


@pytest.mark.parametrize(("stars", "words"), [
    ({"A": [1.0, 1.0, 1.0], "B": [1.0, 1.0, 1.0]}, ["stars, B: not compared, the values do not vary."]),
    ({"A": [1.0, 2.0], "B": [float("nan")] * 2}, ["stars, B: not compared, too few known values of B."]),
    ({"A": [1.0], "B": [2.0]}, ["stars, B: not compared, too few known values of A and B."]),
    ({"A": [1.0, 2.0, 4.0], "B": [1.0, 2.0, 3.0]}, []),
])  # fmt: skip
def test_a_picture_without_effects_says_why(stars: dict[str, list[float]], words: list[str], tmp_path: Path) -> None:
    found = report(stars)
    assert _words(found) == words
    draw_forest(found, tmp_path / "forest.png")
    assert (tmp_path / "forest.png").read_bytes()[:8] == PNG


def test_a_blocked_one_says_so() -> None:
    (first, *_) = _words(report({"A": [1.0, 2.0] * 400, "B": [1.0, 2.0] * 200}))
    assert first.startswith("Sample-ratio mismatch")
