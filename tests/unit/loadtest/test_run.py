"""Reading locust's results and judging them; the run itself is tested against a server in tests/integration."""

from __future__ import annotations

import argparse
import io
import itertools
import json
from pathlib import Path

import pytest
from rich.console import Console

from loadtest.options import parser, seconds, share
from loadtest.results import read_entries, read_failures, read_history
from loadtest.run import check_token, latest, locust_command, main, report
from loadtest.target import Target, TargetError, websocket_url

STATS = """Type,Name,Request Count,Failure Count,Median Response Time,Average Response Time,Min Response Time,\
Max Response Time,Average Content Size,Requests/s,Failures/s,50%,95%,99%
ws,send -> ack,100,{failed},3,3.5,1,20,0,10.0,0.0,3,9,18
ws,send -> answer,{answered},0,5,5.5,2,30,0,10.0,0.0,{percentiles}
,Aggregated,200,{failed},4,4.5,1,30,0,20.0,0.0,4,12,25
"""
HISTORY = """Timestamp,User Count,Type,Name,Requests/s,Failures/s,50%,95%,99%,Total Request Count,Total Failure Count
100,8,ws,send -> ack,9.0,0.0,3,9,18,20,1
100,8,,Aggregated,20.0,0.0,4,12,25,40,1
101,12,ws,send -> ack,15.0,0.0,N/A,N/A,N/A,35,2
101,12,,Aggregated,31.4,1.0,5,13,26,70,2
102,12,,Aggreg"""
TARGET = Target("ws://h:1/ws", "1")
FAILURES = """Method,Name,Error,Occurrences,First Seen,Last Seen
ws,send -> ack,RequestFailed('429'),2,1,2
ws,connection,Disconnected('1006'),7,1,2
"""


def written(tmp_path: Path, failed: int = 0, answered: int = 100) -> Path:
    percentiles = "5,12,28" if answered else "N/A,N/A,N/A"
    stats = STATS.format(failed=failed, answered=answered, percentiles=percentiles)
    (tmp_path / "run_stats.csv").write_text(stats)
    (tmp_path / "run_failures.csv").write_text(FAILURES)
    return tmp_path / "run"


def judged(prefix: Path, *flags: str) -> tuple[int, str]:
    console = Console(file=io.StringIO(), width=200)
    code = report(prefix, parser().parse_args(flags), TARGET, console)
    assert isinstance(console.file, io.StringIO)
    return code, console.file.getvalue()


def test_entries_are_read_without_the_total(tmp_path: Path) -> None:
    ack, answer = read_entries(written(tmp_path))
    assert (ack.name, ack.requests, ack.per_s, ack.max_ms) == ("send -> ack", 100, 10.0, 20.0)
    assert answer.percentiles_ms == {"50%": 5.0, "95%": 12.0, "99%": 28.0}


def test_failures_are_read_most_frequent_first(tmp_path: Path) -> None:
    lines = read_failures(written(tmp_path))
    assert lines[0] == "7 × connection: Disconnected('1006')"
    assert len(lines) == 2


def test_a_good_run(tmp_path: Path) -> None:
    code, text = judged(written(tmp_path))
    assert code == 0
    assert "send -> answer" in text and "28" in text


@pytest.mark.parametrize(("failed", "limit", "code"), [(2, "0.01", 0), (3, "0.01", 1), (3, "0.05", 0)])
def test_too_many_failures_are_exit_code_1(tmp_path: Path, failed: int, limit: str, code: int) -> None:
    assert judged(written(tmp_path, failed=failed), "--max-failures", limit)[0] == code


def test_a_run_without_answers_is_exit_code_1(tmp_path: Path) -> None:
    code, text = judged(written(tmp_path, answered=0))
    assert code == 1
    assert "not kept: send -> answer: not all failed: nothing was measured" in text


def test_thresholds_decide_and_the_report_tells(tmp_path: Path) -> None:
    prefix, page = written(tmp_path), tmp_path / "deep" / "report.html"
    flags = ("--threshold", "send -> answer: p95 < 10", "--threshold", "all: per_s > 5", "--html", str(page))
    code, text = judged(prefix, *flags)
    assert code == 1
    assert "not kept: send -> answer: p95 < 10: measured 12" in text and "per_s > 5" not in text
    assert "send -&gt; answer: p95 &lt; 10" in page.read_text() and "Limits broken" in page.read_text()
    assert judged(prefix, "--threshold", "send -> answer: p95 < 13", "--html", str(page))[0] == 0
    assert "Limits kept" in page.read_text()


def test_results_as_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert judged(written(tmp_path, failed=3), "--json")[0] == 1
    outcome = json.loads(capsys.readouterr().out)
    assert outcome["passed"] is False and outcome["entries"][0]["name"] == "send -> ack"
    assert [verdict["kept"] for verdict in outcome["thresholds"]] == [False, True]


def test_what_a_waiting_person_sees(tmp_path: Path) -> None:
    assert latest(tmp_path / "run") == "starting"
    (tmp_path / "run_stats_history.csv").write_text(HISTORY)
    assert latest(tmp_path / "run") == "12 users, 31 requests/s, 2 failed"
    assert [moment.name for moment in read_history(tmp_path / "run")] == ["send -> ack", "", "send -> ack", ""]


@pytest.mark.parametrize("scenario", ["mixed", "broadcast"])
def test_scenarios_with_staff_need_an_admin(scenario: str) -> None:
    with pytest.raises(TargetError, match="--admin-token"):
        check_token(parser().parse_args(["--scenario", scenario]))
    check_token(parser().parse_args(["--scenario", scenario, "--admin-token", "t"]))
    check_token(parser().parse_args(["--scenario", "spike"]))


def test_variables_stand_in_for_flags(capsys: pytest.CaptureFixture[str]) -> None:
    environment = {
        "LOADTEST_USERS": "7", "LOADTEST_TIME": "2m", "LOADTEST_JSON": "true", "LOADTEST_SCENARIO": "storm",
        "LOADTEST_THRESHOLD": "connect: p99 < 50; all: failures < 0.1", "LOADTEST_ADMIN_TOKEN": "secret",
    }  # fmt: skip
    options = parser(environment).parse_args(["--users", "9"])
    assert (options.users, options.time, options.json, options.scenario) == (9, 120, True, "storm")
    assert [str(limit) for limit in options.thresholds] == ["connect: p99 < 50", "all: failures < 0.1"]
    assert "secret" not in " ".join(locust_command(options, TARGET, Path("out"))), "a command line can be listed"
    for name, bad in (("USERS", "0"), ("SCENARIO", "quiet"), ("THRESHOLD", "p95 < 1"), ("TIME", "soon")):
        with pytest.raises(SystemExit):
            parser({f"LOADTEST_{name}": bad})
        assert f"LOADTEST_{name}: " in capsys.readouterr().err


def test_locust_starts_with_what_the_scenario_begins_with() -> None:
    flags = ["--users", "40", "--admin-token", "t", "--scenario"]
    firsts = {}
    for scenario in ("steady", "spike", "ramp", "mixed", "broadcast"):
        command = locust_command(parser().parse_args([*flags, scenario]), TARGET, Path("out"))
        firsts[scenario] = command[command.index("--users") + 1]
    assert firsts == {"steady": "40", "spike": "8", "ramp": "1", "mixed": "42", "broadcast": "41"}


def test_bad_scripts_are_exit_code_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--scripts", "/nowhere/scripts.yaml"]) == 2
    assert "/nowhere/scripts.yaml" in capsys.readouterr().out


def test_options_reach_locust(tmp_path: Path) -> None:
    options = parser().parse_args(["--users", "50", "--time", "1m", "--encoding", "msgpack", "--thumbs", "0.5"])
    command = locust_command(options, TARGET, tmp_path / "out")
    pairs = set(itertools.pairwise(command))
    expected = {"--users": "50", "--spawn-rate": "10.0", "--duration-s": "60", "--host": "ws://h:1/ws"}
    expected |= {"--wire": "msgpack", "--thumbs": "0.5", "--csv": str(tmp_path / "out")}
    assert set(expected.items()) <= pairs


@pytest.mark.parametrize(("text", "value"), [("30s", 30), ("45", 45), ("5m", 300), ("1h30m", 5400), ("1m5s", 65)])
def test_durations(text: str, value: int) -> None:
    assert seconds(text) == value


@pytest.mark.parametrize("text", ["", "0s", "soon", "-5s", "5 m", "1.5m"])
def test_no_durations(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="is no duration"):
        seconds(text)


@pytest.mark.parametrize("text", ["-0.1", "1.1", "many", "nan"])
def test_no_shares(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="is no share"):
        share(text)


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("ws://127.0.0.1:8000", "ws://127.0.0.1:8000/ws"),
        ("ws://127.0.0.1:8000/", "ws://127.0.0.1:8000/ws"),
        ("127.0.0.1:8123", "ws://127.0.0.1:8123/ws"),
        ("http://chat.example", "ws://chat.example/ws"),
        ("https://chat.example/ws", "wss://chat.example/ws"),
    ],
)
def test_addresses(host: str, url: str) -> None:
    assert websocket_url(host) == url


@pytest.mark.parametrize("host", ["", "ftp://x", "ws://", "ws:///ws"])
def test_no_addresses(host: str) -> None:
    with pytest.raises(TargetError, match="is no address of a server"):
        websocket_url(host)
