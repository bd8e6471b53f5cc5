"""Two factors in one experiment: its document, its split, and a report with main effects and their interaction."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy import stats

from adapters.experiments.changes import Change
from adapters.experiments.design import Crossed, Experiment, ExperimentError, Variant, crossed
from adapters.experiments.documents import from_document, to_document
from adapters.experiments.insights import insights
from adapters.experiments.metrics import metric_named
from adapters.experiments.plan import plan_of
from adapters.experiments.report import Report, analyse
from tests.unit.experiments.support import observed

TONE: dict[str, Any] = {
    "name": "tone",
    "levels": [
        {"name": "today", "weight": 2},
        {"name": "friendly", "changes": [{"kind": "writer_style", "values": {"tone": "friendly"}}]},
    ],
}
LENGTH: dict[str, Any] = {
    "name": "length",
    "levels": [
        {"name": "as ever"},
        {"name": "short", "changes": [{"kind": "trait_overrides", "values": {"verbosity": 0.1}}]},
    ],
}
DOCUMENT: dict[str, Any] = {
    "id": "both",
    "factors": [TONE, LENGTH],
    "metrics": ["satisfaction"],
    "planned_units": 1_200,
}
NAMES = ("today×as ever", "today×short", "friendly×as ever", "friendly×short")


def test_the_factors_make_the_variants() -> None:
    own = from_document(DOCUMENT)
    assert tuple(variant.name for variant in own.variants) == NAMES
    assert own.control == NAMES[0]
    assert [variant.weight for variant in own.variants] == [2, 2, 1, 1]
    assert [[change.kind for change in variant.changes] for variant in own.variants] == [
        [], ["trait_overrides"], ["writer_style"], ["writer_style", "trait_overrides"],
    ]  # fmt: skip
    assert from_document(to_document(own)) == own, "as it is stored, with the variants written out"


def test_each_factor_is_split_as_if_it_were_alone() -> None:
    own = from_document(DOCUMENT)
    got = [own.allocation.variant(f"u{number}", {}) or "" for number in range(6_000)]
    counts = Counter(tuple(name.split("×")) for name in got)
    table = [[counts[tone, length] for length in ("as ever", "short")] for tone in ("today", "friendly")]
    assert stats.chisquare([sum(row) for row in table], [4_000, 2_000]).pvalue > 0.001
    assert stats.chi2_contingency(table).pvalue > 0.001, "independent of each other"


@pytest.mark.parametrize(("changes", "sentence"), [
    ({"factors": [TONE]}, "give two factors"),
    ({"factors": [TONE, LENGTH, TONE]}, "give two factors"),
    ({"factors": [TONE, {**LENGTH, "name": "tone"}]}, "give two factors"),
    ({"factors": [TONE, {**LENGTH, "levels": LENGTH["levels"][:1]}]}, "at least two different levels"),
    ({"factors": [TONE, {**LENGTH, "levels": [{"name": "a×b"}, {"name": "c"}]}]}, "without '×'"),
    ({"factors": [TONE, {**LENGTH, "levles": []}]}, "factors[1].levles is no key"),
    ({"factors": [TONE, {**TONE, "name": "other"}]}, "both change writer_style.tone"),
    ({"variants": [{"name": "a"}, {"name": "b"}]}, "leave variants out"),
    ({"factors": [TONE, {"name": "length"}]}, "levels"),
])  # fmt: skip
def test_what_is_refused(changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ExperimentError) as refused:
        from_document({**DOCUMENT, **changes})
    assert sentence in str(refused.value)


def test_only_one_factor_may_say_who_decides() -> None:
    who = Crossed("who", (Variant("as it is"), Variant("calm", 1, (Change("persona", {"name": "calm"}),))))
    how = Crossed("how", (Variant("as ever"), Variant("even", 1, (Change("policy", {"name": "uniform"}),))))
    with pytest.raises(ExperimentError, match="both change who decides"):
        Experiment("e", crossed(who, how), ("satisfaction",), factors=(who, how))


def reported(tone: float, length: float, together: float, *, units: int = 400, noise: float = 0.5) -> Report:
    """Ratings around 3, to which each level adds; ``together``: what both add beyond that."""
    rng, own = np.random.default_rng(1), from_document({**DOCUMENT, "planned_units": 4 * units})
    plan = replace(plan_of(own), weights={}, metrics=(metric_named("satisfaction"),))
    groups = {}
    for name in NAMES:
        friendly, short = name.startswith("friendly"), name.endswith("short")
        mean = 3.0 + tone * friendly + length * short + together * (friendly and short)
        groups[name] = {"rating": mean + noise * rng.normal(size=units)}
    return analyse(observed(groups), plan, np.random.default_rng(0))


def test_effects_are_contrasts_of_all_four() -> None:
    report = reported(0.4, 0.0, 0.0)
    rows = report.to_json()["effects"]["satisfaction"]
    means = {name: row["mean"] for name, row in report.to_json()["metrics"]["satisfaction"].items()}
    assert [(row["effect"], row["level"]) for row in rows] == [
        ("tone", "friendly"), ("length", "short"), ("tone × length", "friendly×short"),
    ]  # fmt: skip
    a, b, c, d = (means[name] for name in NAMES)
    assert [row["difference"] for row in rows] == pytest.approx(
        [(c + d - a - b) / 2, (b + d - a - c) / 2, a + d - b - c]
    )
    tone, length, together = rows
    assert tone["significant"] and tone["better"] and tone["ci"][0] < 0.4 < tone["ci"][1]
    assert not length["significant"] and not together["significant"] and together["better"] is None
    half = report.findings.rows[1].ci or report.findings.rows[2].ci
    assert half is not None and tone["ci"][1] - tone["ci"][0] < half[1] - half[0], "every user tells of both factors"


def test_all_comparisons_of_the_report_are_one_family() -> None:
    findings = reported(0.1, 0.0, 0.0).findings
    raw = [*(row.p_value for row in findings.rows), *(row.p_value for row in findings.effects)]
    told = [*(row.p_adjusted for row in findings.rows), *(row.p_adjusted for row in findings.effects)]
    compared = [p for p in raw if p is not None]
    assert len(compared) == 6
    assert min(p for p in told if p is not None) == pytest.approx(6 * min(compared))


def test_the_words_say_what_to_read() -> None:
    said = " ".join(insights(reported(0.5, -0.5, 0.0).findings))
    assert "tone friendly is better than today by 0.5" in said and "averaged over length" in said
    assert "length short is worse than as ever" in said
    assert "no interaction shown" in said
    said = " ".join(insights(reported(0.0, 0.0, 1.0).findings))
    assert "tone × length interact" in said and "Read the combinations" in said


def test_a_combination_without_anybody_has_no_effects_yet() -> None:
    own = from_document(DOCUMENT)
    groups = {name: {"rating": np.full(0 if name == NAMES[3] else 30, 3.0)} for name in NAMES}
    report = analyse(observed(groups), replace(plan_of(own), weights={}), np.random.default_rng(0))
    assert report.findings.effects == ()


def test_nothing_is_read_of_a_broken_split() -> None:
    own = from_document(DOCUMENT)
    rng = np.random.default_rng(0)
    groups = {name: {"rating": rng.normal(size=300 if name == NAMES[0] else 100)} for name in NAMES}
    report = analyse(observed(groups), replace(plan_of(own), weights={}), rng)
    assert report.findings.blocked and report.to_json()["effects"] == {}
