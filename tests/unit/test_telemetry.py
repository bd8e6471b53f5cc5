"""Log lines that tell what happened and keep to themselves what was written; metrics that add up."""

from __future__ import annotations

import io
import json
import logging
import math
import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import structlog
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families

from inference.engine import EngineStats
from inference.registry.everywhere import Agreed, everywhere
from inference.registry.live import VersionFigures
from inference.registry.slices import Counts, Slice
from server.store.inbox_ports import Agreement
from server.store.question_ports import ArticleFigures
from server.store.usage_ports import ModelUsage
from server.telemetry import (
    ANALYSIS_S,
    LEFT_OUT,
    TURN_S,
    UNSPOKEN,
    Metrics,
    Totals,
    configure_logging,
    process,
    process_usage,
)

PAGE = Path(__file__).resolve().parents[2] / "docs" / "metrics.md"


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    logging.captureWarnings(False)
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


USAGE = ModelUsage("u", "ann", "tiny", "warm", None, "answered", 100, 20, False, 500_000, 250, 900, 1, 5)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Engine:
    analysed = 0

    def stats(self) -> EngineStats:
        return EngineStats(self.analysed, batches=4, cache_hits=3, cache_misses=7, cache_entries=5, waiting=2)


VERSIONS = {
    "nlu-1": VersionFigures(9, 1_500.0, 0, {"intent": 0}, 0, 1, "broken", {"class": 0.125}),
    "nlu-2": VersionFigures(0, None, 8, {"intent": 3}, 2, 0, None, {}),
}

EVERYWHERE = everywhere(
    [
        Slice("nlu-1", 10 * start, 10 * start + 10, Counts(answered=1_000, confidence_sum=900.0, latency=Counter([16])))
        for start in range(3)
    ],
    {"nlu-1": Agreed(40, 20)},
    now_ms=30,
)


def watched(metrics: Metrics) -> Metrics:
    """With the versions that a worker has."""
    metrics.watch_models(lambda: {"nlu-1": "champion", "nlu-2": "shadow"}, lambda: VERSIONS, lambda: EVERYWHERE)
    return metrics


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


class TestLogging:
    def test_json_lines_say_when_where_and_what(self) -> None:
        stream = io.StringIO()
        configure_logging("info", "auto", stream)
        structlog.get_logger("server.chat.turn").info("answered", turn="T1")
        [line] = lines(stream)
        assert {name: line[name] for name in ("event", "level", "logger", "turn")} == {
            "event": "answered", "level": "info", "logger": "server.chat.turn", "turn": "T1",
        }  # fmt: skip
        assert line["timestamp"].endswith("Z")

    def test_a_terminal_gets_text(self) -> None:
        stream = Terminal()
        configure_logging("info", "auto", stream)
        structlog.get_logger("server.x").info("answered", turn="T1")
        assert "answered" in stream.getvalue()
        assert not stream.getvalue().startswith("{")

    def test_lines_of_one_connection_share_its_session(self) -> None:
        stream = io.StringIO()
        configure_logging("info", "json", stream)
        with structlog.contextvars.bound_contextvars(session="S1"):
            structlog.get_logger("server.x").info("one")
            logging.getLogger("uvicorn.error").warning("two %d", 2)
        structlog.get_logger("server.x").info("three")
        assert [(line["event"], line.get("session")) for line in lines(stream)] == [
            ("one", "S1"), ("two 2", "S1"), ("three", None),
        ]  # fmt: skip

    @pytest.mark.parametrize("form", ["json", "text"])
    def test_what_people_wrote_is_left_out(self, form: Any) -> None:
        stream = io.StringIO()
        configure_logging("debug", form, stream)
        log = structlog.get_logger("server.x")
        log.info("sent", **dict.fromkeys(UNSPOKEN, "very private"))
        try:
            private = "very private"
            raise RuntimeError(len(private))
        except RuntimeError:
            log.exception("failed")
        assert "very private" not in stream.getvalue()
        assert "RuntimeError: 12" in stream.getvalue()
        assert LEFT_OUT in stream.getvalue()

    def test_libraries_are_heard_from_warnings_upwards(self) -> None:
        stream = io.StringIO()
        configure_logging("debug", "json", stream)
        logging.getLogger("aiosqlite").debug("INSERT 'very private'")
        logging.getLogger("uvicorn.access").info("GET /?token=very-private")
        logging.getLogger("uvicorn.error").info("WebSocket /ws?token=very-private [accepted]")
        logging.getLogger("aiosqlite").warning("slow")
        with pytest.warns(UserWarning, match="odd"):
            warnings.warn("odd", stacklevel=1)
        assert [line["event"] for line in lines(stream)] == ["slow"]

    @pytest.mark.parametrize(("level", "heard"), [("debug", 4), ("info", 3), ("warning", 2), ("error", 1)])
    def test_levels(self, level: str, heard: int) -> None:
        stream = io.StringIO()
        configure_logging(level, "json", stream)
        log = structlog.get_logger("server.x")
        for method in (log.debug, log.info, log.warning, log.error):
            method("line")
        assert len(lines(stream)) == heard

    def test_a_second_set_up_replaces_the_first(self) -> None:
        first, second = io.StringIO(), io.StringIO()
        configure_logging("info", "json", first)
        configure_logging("info", "json", second)
        structlog.get_logger("server.x").info("once")
        assert (first.getvalue(), len(lines(second))) == ("", 1)

    def test_a_value_that_json_does_not_know(self) -> None:
        stream = io.StringIO()
        configure_logging("info", "json", stream)
        structlog.get_logger("server.x").info("odd", value={1, 2}, raw=b"x")
        assert len(lines(stream)) == 1


class TestMetrics:
    def test_a_turn_counts_in_its_histograms(self) -> None:
        metrics = Metrics()
        metrics.turn(total_s=0.0075, analysis_s=0.0012, decide_s=0.000018, sentiment=-0.5, persona="warm")
        metrics.turn(total_s=0.009, analysis_s=0.0004, decide_s=0.00001, sentiment=0.25, persona="warm")
        value = metrics.registry.get_sample_value
        assert value("parlance_turns_total") == 2
        assert value("parlance_turn_seconds_sum") == pytest.approx(0.0165)
        assert value("parlance_turn_seconds_bucket", {"le": "0.008"}) == 1
        assert value("parlance_analysis_seconds_bucket", {"le": "0.0005"}) == 1
        assert value("parlance_decide_seconds_count") == 2
        assert value("parlance_sentiment_bucket", {"le": "-0.4"}) == 1
        assert value("parlance_decisions_total", {"persona": "warm"}) == 2

    def test_errors_and_refusals_count_by_their_kind(self) -> None:
        metrics = Metrics()
        for code in (404, 404, 503):
            metrics.error(code)
        metrics.limited("messages")
        value = metrics.registry.get_sample_value
        assert (value("parlance_errors_total", {"code": "404"}), value("parlance_errors_total", {"code": "503"})) == (
            2,
            1,
        )
        assert value("parlance_rate_limited_total", {"quota": "messages"}) == 1

    def test_commits_their_size_and_time(self) -> None:
        metrics = Metrics()
        metrics.commit(3, 0.0004)
        metrics.commit(5, 0.004)
        value = metrics.registry.get_sample_value
        assert (value("parlance_commit_rows_count"), value("parlance_commit_rows_sum")) == (2, 8)
        assert value("parlance_commit_rows_bucket", {"le": "4.0"}) == 1
        assert value("parlance_commit_seconds_bucket", {"le": "0.0005"}) == 1

    def test_the_engine_is_asked_when_somebody_looks(self) -> None:
        engine = Engine()
        metrics = Metrics()
        metrics.watch_engine(engine)
        engine.analysed = 9
        value = metrics.registry.get_sample_value
        assert value("parlance_analyses_total") == 9
        assert (value("parlance_analysis_cache_hits_total"), value("parlance_analysis_cache_misses_total")) == (3, 7)
        assert value("parlance_analysis_cache_hit_ratio") == 0.3
        assert (value("parlance_analysis_waiting"), value("parlance_analysis_cache_entries")) == (2, 5)
        assert value("parlance_analysis_batches_total") == 4

    def test_versions_of_the_model_count_apart(self) -> None:
        metrics = watched(Metrics())
        metrics.model_fault("nlu-3")
        value = metrics.registry.get_sample_value
        assert value("parlance_model_info", {"version": "nlu-2", "role": "shadow"}) == 1
        assert value("parlance_model_turns_total", {"version": "nlu-1"}) == 9
        assert value("parlance_model_failures_total", {"version": "nlu-1"}) == 1
        assert value("parlance_shadow_compared_total", {"version": "nlu-2"}) == 8
        assert value("parlance_shadow_disagreements_total", {"version": "nlu-2", "head": "intent"}) == 3
        assert value("parlance_shadow_dropped_total", {"version": "nlu-2"}) == 2
        assert value("parlance_model_drift_psi", {"version": "nlu-1", "measure": "class"}) == 0.125
        assert value("parlance_model_drift_psi", {"version": "nlu-2", "measure": "class"}) is None
        assert value("parlance_model_faults_total", {"version": "nlu-3"}) == 1

    def test_two_servers_in_one_process_do_not_mix(self) -> None:
        one, other = Metrics(), Metrics()
        one.frames_in.inc(5)
        assert one.registry.get_sample_value("parlance_frames_in_total") == 5
        assert other.registry.get_sample_value("parlance_frames_in_total") == 0


class TestTotals:
    def test_a_fresh_process_has_counted_nothing(self) -> None:
        assert Metrics().totals() == Totals()

    def test_they_say_what_the_metrics_say(self) -> None:
        metrics = Metrics()
        metrics.connections.inc(4)
        metrics.messages.inc(3)
        metrics.deliveries.inc(30)
        metrics.outbox_drops.inc(2)
        metrics.handoffs.inc()
        metrics.error(404)
        metrics.error(503)
        metrics.turn(total_s=0.0015, analysis_s=9.0, decide_s=0.0, sentiment=-0.75, persona="calm")
        metrics.turn(total_s=0.0016, analysis_s=0.0, decide_s=0.0, sentiment=0.25, persona="warm")
        totals = metrics.totals()
        assert (totals.connections, totals.messages, totals.deliveries, totals.outbox_drops) == (4, 3, 30, 2)
        assert (totals.errors, totals.handoffs, totals.turns) == (2, 1, 2)
        assert (totals.sentiment_sum, totals.sentiment_count) == (-0.5, 2)
        assert totals.turn_counts == (0, 2, *(0,) * (len(TURN_S) - 1))
        assert totals.analysis_counts == (1, *(0,) * (len(ANALYSIS_S) - 1), 1)
        assert totals.decisions == {"calm": 1, "warm": 1}


class TestUsage:
    def test_work_takes_processor_time(self) -> None:
        before = process_usage()
        while process_usage().cpu_s <= before.cpu_s:
            sum(range(10_000))
        assert process_usage().rss_bytes > 1_000_000

    def test_without_proc_the_peak_stands_in(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setattr(process, "_STATM", tmp_path / "missing")
        assert process_usage().rss_bytes > 1_000_000


class TestLanguage:
    def test_a_use_is_counted_by_model_persona_and_variant(self) -> None:
        metrics = Metrics()
        metrics.language.used(USAGE, "")
        metrics.language.used(replace(USAGE, variant="short", outcome="failed", first_token_ms=None), "cut")
        metrics.language.watch_breaker(lambda: "open")
        text = metrics.render().decode()
        for line in (
            'answers_total{model="tiny",outcome="answered",persona="warm",reason="",variant=""} 1.0',
            'answers_total{model="tiny",outcome="failed",persona="warm",reason="cut",variant="short"} 1.0',
            'tokens_total{kind="prompt",model="tiny",persona="warm",variant=""} 100.0',
            'cost_total{model="tiny",persona="warm",variant=""} 0.5',
            'first_token_seconds_sum{model="tiny",persona="warm",variant=""} 0.25',
            'seconds_count{model="tiny",persona="warm",variant="short"} 1.0',
            "breaker_state 2.0",
        ):
            assert f"parlance_language_{line}\n" in text
        assert 'first_token_seconds_sum{model="tiny",persona="warm",variant="short"}' not in text


class TestDocumentation:
    """docs/metrics.md and the metrics say the same."""

    def exposed(self) -> dict[str, Metric]:
        metrics = watched(Metrics())
        metrics.watch_engine(Engine())
        metrics.language.used(USAGE, "")  # a histogram with labels has no buckets before
        families = text_string_to_metric_families(metrics.render().decode())
        return {family.name + ("_total" if family.type == "counter" else ""): family for family in families}

    def rows(self, columns: int) -> dict[str, list[str]]:
        """Rows of the page's tables that begin with a metric's name, the name first."""
        lines = PAGE.read_text(encoding="utf-8").splitlines()
        rows = ([cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("| `"))
        found = {row[0].strip("`"): row for row in rows if len(row) == columns}
        assert found
        return found

    def test_every_metric_is_documented_and_every_documented_one_exists(self) -> None:
        documented = {name: row[1] for name, row in self.rows(4).items()}
        assert documented == {name: family.type for name, family in self.exposed().items()}

    def test_labels_are_documented(self) -> None:
        metrics = watched(Metrics())
        metrics.error(404)
        metrics.limited("messages")
        metrics.knowledge("answered")
        metrics.model_fault("nlu-3")
        metrics.rewards_skipped.labels("arm").inc()
        metrics.late(counts=True)
        metrics.parts({"feedback": 1.0})
        metrics.turn(total_s=0, analysis_s=0, decide_s=0, sentiment=0, persona="warm")
        metrics.exposure("tone", "warm")
        metrics.experiment_look("continue")
        metrics.inbox(1, [Agreement("nlu-1.2.0", 2, 1)])
        metrics.language.used(USAGE, "")
        metrics.language.skipped("busy")
        metrics.articles.show([ArticleFigures("pay", 1, 3, 2, 1, 0, 0, 5)])
        metrics.articles.looked_up("passages", hit=True)
        metrics.alerts.delivery("webhook", "delivered")
        found = {
            sample.name.removesuffix("_bucket"): {name for name in sample.labels if name != "le"}
            for family in text_string_to_metric_families(metrics.render().decode())
            for sample in family.samples
        }
        for name, row in self.rows(4).items():
            labels = {label.strip("`") for label in row[2].split()}
            assert found.get(name, found.get(f"{name}_count", set())) == labels, name

    def test_buckets_are_documented(self) -> None:
        bounds = {
            name: [float(sample.labels["le"]) for sample in family.samples if sample.name.endswith("_bucket")]
            for name, family in self.exposed().items()
            if family.type == "histogram"
        }
        documented = {
            name: [*(float(bound) for bound in row[1].split(", ")), math.inf] for name, row in self.rows(2).items()
        }
        assert documented == bounds

    def test_units_are_in_the_names(self) -> None:
        for name, family in self.exposed().items():
            assert family.documentation.endswith("."), name
            assert name.startswith(("parlance_", "process_"))
            assert not name.endswith(("_ms", "_us", "_kb", "_mb"))
