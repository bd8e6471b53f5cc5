"""Experiments as JSON and back."""

from __future__ import annotations

import json
from typing import Any

import pytest

from adapters.experiments.assignment import HoldOut, Slice
from adapters.experiments.changes import Change
from adapters.experiments.design import Experiment, ExperimentError, Variant
from adapters.experiments.documents import from_document, to_document
from adapters.experiments.targeting import Rule
from adapters.experiments.templates import TEMPLATES, from_template

FLOW = Change("flow", {"clarification": "proactive", "max_turns": 8})
FULL = Experiment(
    "flow-2",
    (
        Variant("today", 3),
        Variant("asks", 1, (FLOW, Change("persona", {"name": "calm"}))),
    ),
    ("resolution", "satisfaction"),
    guardrails={"handoff_rate": 0.1},
    salt="flow",
    exposure=0.25,
    slice=Slice("flow", 0, 500_000),
    rules=(Rule("language", "is", ("en", "de")), Rule("turns", "at_least", (3,)), Rule("guest", "is", (False,))),
    hold_outs=(HoldOut("2026", 0.05),),
    method="fixed",
).start(1_700_000_000_000)  # fmt: skip


@pytest.mark.parametrize(
    "experiment", [FULL, *(from_template(name, "x") for name in TEMPLATES)], ids=lambda own: own.id
)
def test_there_and_back(experiment: Experiment) -> None:
    text = json.dumps(to_document(experiment), allow_nan=False)
    assert from_document(json.loads(text)) == experiment


def test_what_is_left_out_is_the_default() -> None:
    document = {"id": "a", "variants": [{"name": "x"}, {"name": "y"}], "metrics": ["sentiment"]}
    assert from_document(document) == Experiment("a", (Variant("x"), Variant("y")), ("sentiment",))


@pytest.mark.parametrize(("change", "sentence"), [
    ({"guardrail": {}}, "guardrail is no key of an experiment here. Did you mean 'guardrails'?"),
    ({"variants": [{"name": "x", "wait": 2}, {"name": "y"}]}, r"variants\[0\].wait is no key"),
    ({"variants": [{"name": "x", "changes": [{"kind": "flow", "value": {}}]}]}, r"changes\[0\].value is no"),
    ({"slice": {"layer": "a", "begin": 0}}, "slice.begin is no key"),
    ({"rules": [{"attribute": "a", "operator": "iss", "values": ["x"]}]}, r"Did you mean 'is'.*rules\[0\]"),
    ({"alpha": "much"}, "alpha"),
    ({"metrics": ["happiness"]}, "there is no metric 'happiness'"),
    ({"id": 3}, "id"),
])  # fmt: skip
def test_what_is_refused(change: dict[str, Any], sentence: str) -> None:
    document = {"id": "a", "variants": [{"name": "x"}, {"name": "y"}], "metrics": ["sentiment"], **change}
    with pytest.raises(ExperimentError, match=sentence):
        from_document(document)


def test_no_mapping_at_all() -> None:
    with pytest.raises(ExperimentError, match="an experiment is a mapping"):
        from_document([1])
