"""Log lines that tell what happened and keep to themselves what was written; metrics that add up."""

from __future__ import annotations

import io
import json
import logging
import warnings
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from prometheus_client.parser import text_string_to_metric_families

from inference.engine import EngineStats
from server.telemetry import LEFT_OUT, UNSPOKEN, Metrics, configure_logging


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


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Engine:
    analysed = 0

    def stats(self) -> EngineStats:
        return EngineStats(self.analysed, batches=4, cache_hits=3, cache_misses=7, cache_entries=5, waiting=2)


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
    def test_everything_rendered_is_documented_and_parses(self) -> None:
        families = {family.name: family for family in text_string_to_metric_families(Metrics().render().decode())}
        own = {name for name in families if name.startswith("parlance_")}
        assert own == {
            f"parlance_{name}"
            for name in (
                "connections", "frames_in", "frames_out", "deliveries", "outbox_drops", "messages", "commits",
                "commit_rows", "turns", "turn_ms", "analysis_ms", "decide_us", "rewards", "errors",
            )
        }  # fmt: skip
        assert all(families[name].documentation.endswith(".") for name in own)
        assert any(name.startswith("process_") for name in families)

    def test_a_turn_counts_in_its_histograms(self) -> None:
        metrics = Metrics()
        metrics.turn(total_ms=7.5, analysis_ms=1.2, decide_us=18)
        metrics.turn(total_ms=9, analysis_ms=0.4)
        value = metrics.registry.get_sample_value
        assert value("parlance_turns_total") == 2
        assert value("parlance_turn_ms_sum") == 16.5
        assert value("parlance_turn_ms_bucket", {"le": "8.0"}) == 1
        assert value("parlance_analysis_ms_bucket", {"le": "0.5"}) == 1
        assert value("parlance_decide_us_count") == 1

    def test_errors_count_by_code(self) -> None:
        metrics = Metrics()
        for code in (404, 404, 503):
            metrics.error(code)
        assert metrics.registry.get_sample_value("parlance_errors_total", {"code": "404"}) == 2
        assert metrics.registry.get_sample_value("parlance_errors_total", {"code": "503"}) == 1

    def test_commits_and_their_rows(self) -> None:
        metrics = Metrics()
        metrics.commit(3)
        metrics.commit(5)
        value = metrics.registry.get_sample_value
        assert (value("parlance_commits_total"), value("parlance_commit_rows_total")) == (2, 8)

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

    def test_two_servers_in_one_process_do_not_mix(self) -> None:
        one, other = Metrics(), Metrics()
        one.frames_in.inc(5)
        assert one.registry.get_sample_value("parlance_frames_in_total") == 5
        assert other.registry.get_sample_value("parlance_frames_in_total") == 0
