"""The dashboard asks for what there is: metrics and labels that the server exports, in panels that name themselves."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from server.store.inbox_ports import Agreement
from server.store.question_ports import ArticleFigures
from server.telemetry import Metrics
from tests.unit.test_telemetry import USAGE, Engine, watched

DOCS = Path(__file__).resolve().parents[2] / "docs"
BOARD: dict[str, Any] = json.loads((DOCS / "grafana" / "parlance.json").read_text(encoding="utf-8"))
PANELS = [panel for panel in BOARD["panels"] if panel["type"] != "row"]
UNITS = {"short", "none", "s", "bytes", "percentunit", "reqps", "pps"}
SCRAPED = {"job", "instance", "le"}  # put there by Prometheus, and by histograms
_METRIC = re.compile(r"\b(?:parlance|process)_[a-z0-9_]+")
_BY = re.compile(r"\bby \(([^)]*)\)")
_FUNCTIONS = {"sum", "max", "min", "rate", "increase", "histogram_quantile", "by"}


def expressions() -> list[tuple[str, str, str]]:
    """(panel, expression, legend)."""
    return [(panel["title"], one["expr"], one["legendFormat"]) for panel in PANELS for one in panel["targets"]]


@pytest.fixture(scope="module")
def exported() -> dict[str, set[str]]:
    """Samples' names with their labels, those without a value yet included."""
    metrics = watched(Metrics())
    metrics.watch_engine(Engine())
    metrics.inbox(1, [Agreement("nlu-1", 10, 9)])
    metrics.articles.show([ArticleFigures("pay", 1, 3, 2, 1, 0, 0, 5)])
    metrics.language.used(USAGE, "")
    names: dict[str, set[str]] = defaultdict(set)
    for collector in tuple(metrics.registry._collector_to_names):
        declared = set(getattr(collector, "_labelnames", ()))
        for family in collector.collect():
            endings = {
                "counter": ("_total",),
                "histogram": ("_bucket", "_sum", "_count"),
                "summary": ("_sum", "_count"),
            }
            for ending in endings.get(family.type, ("",)):
                names[family.name + ending] |= declared | {name for one in family.samples for name in one.labels}
    return names


@pytest.mark.parametrize(("panel", "expression", "legend"), expressions())
def test_every_query_is_of_metrics_and_labels_that_the_server_has(
    panel: str, expression: str, legend: str, exported: dict[str, set[str]]
) -> None:
    asked = set(_METRIC.findall(expression))
    assert asked
    assert asked <= exported.keys(), f"{panel}: {asked - exported.keys()}"
    labels = {name.strip() for group in _BY.findall(expression) for name in group.split(",")}
    for metric in asked:
        assert labels <= exported[metric] | SCRAPED, f"{panel}: {metric} has no {labels - exported[metric]}"
    assert set(re.findall(r"{{(\w+)}}", legend)) == labels - {"le"}
    assert expression.count("(") == expression.count(")")
    assert set(re.findall(r"\b([a-z_]+) ?\(", expression)) <= _FUNCTIONS
    for metric in asked:
        counts = metric.endswith(("_total", "_bucket", "_sum", "_count"))
        where = f'{metric}{{job=~"$job", instance=~"$instance"}}'
        assert (f"rate({where}[" in expression or f"increase({where}[" in expression) is counts


def test_rows_and_panels_say_what_they_are_and_do_not_overlap() -> None:
    assert len({panel["id"] for panel in BOARD["panels"]}) == len(BOARD["panels"])
    assert len({panel["title"] for panel in BOARD["panels"]}) == len(BOARD["panels"])
    assert all(panel["title"] for panel in BOARD["panels"])
    for panel in PANELS:
        assert panel["fieldConfig"]["defaults"]["unit"] in UNITS
        assert panel["description"].endswith(".")
    for one, other in combinations([panel["gridPos"] for panel in BOARD["panels"]], 2):
        beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        assert beside or one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
    assert max(panel["gridPos"]["x"] + panel["gridPos"]["w"] for panel in PANELS) == 24


def test_it_can_be_imported_with_any_source_and_the_page_names_it() -> None:
    (source,) = BOARD["__inputs"]
    uids = {one["datasource"]["uid"] for panel in PANELS for one in (panel, *panel["targets"])}
    uids |= {one["datasource"]["uid"] for one in BOARD["templating"]["list"]}
    assert uids == {f"${{{source['name']}}}"}
    assert {one["name"] for one in BOARD["templating"]["list"]} == {"job", "instance"}
    assert "grafana/parlance.json" in (DOCS / "metrics.md").read_text(encoding="utf-8")
