"""Our own client, the load test and the live benchmark against a real server."""

from __future__ import annotations

import asyncio
import csv
import json
import os
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from loadtest import bench_live, openloop, run
from loadtest.client import Client
from loadtest.processes import StartError, free_port, parlance
from parlance_client.encoding import EncodingName
from parlance_client.errors import Disconnected, RequestFailed, Unreachable
from parlance_client.frames import Ack, Event, Message, Position
from tests.integration.conftest import made_by_cli, signed
from tests.support.server import ServerProcess

ENCODINGS: tuple[EncodingName, ...] = ("json", "msgpack")


async def reply_to(client: Client, message_id: str) -> Message:
    """The bot's reply among the pushes."""
    async with asyncio.timeout(15):
        async for push in client.pushes():
            if isinstance(push, Message) and push.reply_to == message_id:
                return push
    raise AssertionError("the pushes ended")


# ------------------------------------------------------------------ the client


@pytest.mark.parametrize("encoding", ENCODINGS)
async def test_the_client_chats(server: ServerProcess, encoding: EncodingName) -> None:
    async with Client(server.ws_url, encoding=encoding) as client:
        opened = await client.open(metadata={"page": "/"})
        ack = await client.send(opened.channel, "where is my parcel?", data={"n": 1})
        reply = await reply_to(client, ack.message_id)
        assert reply.turn is not None and reply.turn.persona
        assert (await client.feedback(reply.message_id, 1)).accepted
        page = await client.history(opened.channel)
        assert [message.offset for message in page.messages] == [1, 2]
        assert page.messages[1] == reply
        assert (await client.resolve(opened.channel)).resolved
        assert (await client.ping()).time_ms > 0
        outcomes = await client.send_many(opened.channel, ["one", "", "two"])
        assert isinstance(outcomes[0], Ack) and isinstance(outcomes[2], Ack)
        assert isinstance(outcomes[1], RequestFailed) and outcomes[1].code == 422
        again = await client.send(opened.channel, "where is my parcel?", key=ack.key, data={"n": 1})
        assert again.duplicate


@pytest.mark.parametrize("encoding", ENCODINGS)
async def test_the_client_resumes(server: ServerProcess, encoding: EncodingName) -> None:
    async with Client(server.ws_url, encoding=encoding) as client, Client(server.ws_url) as other:
        opened = await client.open()
        ack = await client.send(opened.channel, "hello")
        await reply_to(client, ack.message_id)
        other.token = client.token
        await other.reconnect()
        position = Position(opened.epoch, 0)
        assert [message.offset for message in (await other.subscribe(opened.channel, position)).messages] == [1, 2]

        await client.close()
        missed = await other.send(opened.channel, "said while the other was away")
        await reply_to(other, missed.message_id)
        welcome = await client.reconnect()
        assert welcome.channels[opened.channel].recovered
        offsets = []
        async for push in client.pushes():
            if isinstance(push, Message):
                offsets.append(push.offset)
                if push.reply_to == missed.message_id:
                    break
            else:
                assert isinstance(push, Event)
        assert offsets == [3, 4]


async def test_the_client_tells_errors_apart(server: ServerProcess) -> None:
    with pytest.raises(RequestFailed) as refused:
        await Client(server.ws_url, token="hello").connect()
    assert refused.value.code == 401
    with pytest.raises(Unreachable) as nobody:
        await Client(f"ws://127.0.0.1:{free_port()}/ws").connect()
    assert nobody.value.status is None
    with pytest.raises(Unreachable) as no_socket:
        await Client(f"{server.ws_url}/nowhere").connect()
    assert no_socket.value.status is not None
    client = Client(server.ws_url)
    with pytest.raises(Disconnected, match="not connected"):
        await client.ping()


# ------------------------------------------------------------------ the load test


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_simulated_customers_are_answered(server: ServerProcess, tmp_path: Path, encoding: EncodingName) -> None:
    prefix = tmp_path / "results" / "load"
    flags = ["--users", "6", "--spawn-rate", "6", "--time", "4s", "--thumbs", "0.5"]
    flags += ["--think-min-s", "0.05", "--think-max-s", "0.2"]
    code = run.main([*flags, "--host", server.http_url, "--csv", str(prefix), "--encoding", encoding])
    assert code == 0
    with Path(f"{prefix}_stats.csv").open(encoding="utf-8", newline="") as file:
        rows = {row["Name"]: row for row in csv.DictReader(file)}
    for name in ("connect", "open", "send -> ack", "send -> answer", "feedback"):
        assert int(rows[name]["Request Count"]) > 0, name
        assert int(rows[name]["Failure Count"]) == 0, name
    assert int(rows["connect"]["Request Count"]) == 6
    assert float(rows["send -> answer"]["Average Response Time"]) >= float(rows["send -> ack"]["Min Response Time"])


def test_agents_answer_those_who_ask_for_a_human(server: ServerProcess, tmp_path: Path) -> None:
    """Through the command, with a threshold that holds and one that can't; the report is written."""
    token = made_by_cli(server, "--kind", "admin", "--sub", "loadtest-admin")
    command = [
        sys.executable,
        "-m",
        "server.cli.main",
        "loadtest",
        "--scenario",
        "mixed",
        "--users",
        "4",
        "--time",
        "6s",
    ]
    command += ["--think-min-s", "0.05", "--think-max-s", "0.1", "--handoffs", "1", "--spawn-rate", "10", "--json"]
    command += ["--threshold", "wait for agent: failures < 0.5", "--threshold", "send -> ack: p50 < 0"]
    environment = {**os.environ, "LOADTEST_ADMIN_TOKEN": token, "LOADTEST_HTML": str(tmp_path / "report.html")}
    command += ["--host", server.http_url]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, timeout=110)
    outcome = json.loads(done.stdout)
    assert done.returncode == 1, done.stderr
    counts = {entry["name"]: entry["requests"] - entry["failures"] for entry in outcome["entries"]}
    assert all(counts.get(name) for name in ("claim", "handoff", "wait for agent", "send -> agent", "agent send")), (
        counts
    )
    assert [verdict["threshold"] for verdict in outcome["thresholds"] if not verdict["kept"]] == [
        "send -> ack: p50 < 0"
    ]
    assert "<svg" in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_everybody_comes_back_after_a_storm_and_hears_a_broadcast(
    server: ServerProcess, capsys: pytest.CaptureFixture[str]
) -> None:
    token = made_by_cli(server, "--kind", "admin", "--sub", "loadtest-admin")
    flags = ["--users", "4", "--spawn-rate", "10", "--json", "--host", server.http_url, "--encoding", "msgpack"]
    storm = ["--scenario", "storm", "--time", "5s", "--storm-every-s", "1.5", "--storm-within-s", "0.2"]
    storm += ["--think-min-s", "0.05", "--think-max-s", "0.2", "--threshold", "resume: count > 3"]
    assert run.main([*flags, *storm]) == 0, capsys.readouterr()
    broadcast = ["--scenario", "broadcast", "--time", "3s", "--broadcasts-per-s", "10", "--admin-token", token]
    assert run.main([*flags, *broadcast, "--threshold", "broadcast: count > 20"]) == 0, capsys.readouterr()


def test_two_workers_figures_reach_the_masters_report(server: ServerProcess, tmp_path: Path) -> None:
    """Each has half of the customers, and what both measured is added up."""
    port, report = str(free_port()), tmp_path / "report.html"
    command = [sys.executable, "-m", "locust", "-f", str(run.LOCUSTFILE), "--worker", "--master-host", "127.0.0.1"]
    flags = (
        f"--users 6 --spawn-rate 6 --time 4s --think-min-s 0.05 --think-max-s 0.2 --expect-workers 2 --html {report}"
    )
    limits = ["--threshold", "connect: count > 5", "--threshold", "connect: count < 7"]
    with ExitStack() as stack:
        for _ in range(2):
            worker = subprocess.Popen([*command, "--master-port", port], stdout=subprocess.DEVNULL, stderr=None)
            stack.callback(worker.wait)
            stack.callback(worker.kill)
        assert run.main([*flags.split(), "--master-port", port, *limits, "--host", server.http_url]) == 0
    assert "<dt>expect_workers</dt><dd>2</dd>" in report.read_text(encoding="utf-8")


def test_no_server_is_exit_code_2_and_says_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    host = f"ws://127.0.0.1:{free_port()}"
    assert run.main(["--host", host]) == 2
    output = capsys.readouterr().out
    assert host in output and "make serve" in output


def test_a_server_without_guests_needs_an_admin(
    strict_server: ServerProcess, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run.main(["--host", strict_server.http_url]) == 2
    assert "--admin-token" in capsys.readouterr().out
    flags = ["--host", strict_server.http_url, "--users", "2", "--time", "3s", "--think-max-s", "0.2"]
    flags += ["--think-min-s", "0.1", "--spawn-rate", "5", "--admin-token"]
    assert run.main([*flags, signed(kind="agent")]) == 2
    assert "of kind agent" in capsys.readouterr().out
    assert run.main([*flags, signed(kind="admin")]) == 0, capsys.readouterr().out


# ------------------------------------------------------------------ the live benchmark


@pytest.mark.parametrize(("encoding", "own"), [("json", False), ("msgpack", True)])
def test_the_live_benchmark_measures(
    server: ServerProcess,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    encoding: EncodingName,
    own: bool,
) -> None:
    """A server that runs already, and one that the benchmark starts for itself."""
    monkeypatch.setattr(openloop, "WARM_UP_S", 0.1)
    flags = ["--connections", "5", "--rate", "20", "--seconds", "1", "--encoding", encoding, "--json"]
    assert bench_live.main(flags if own else [*flags, "--host", server.http_url]) == 0
    results = json.loads(capsys.readouterr().out)
    ours, echo = results["parlance"], results["echo"]
    assert ours["messages"] == echo["messages"] == 20
    assert ours["failures"] == 0
    assert 0 < ours["round_trip_ms"]["p50"] <= ours["answer_ms"]["p99"]
    assert echo["server_cpu_ms_per_message"] is not None
    assert (ours["server_cpu_ms_per_message"] is not None) is own, "only its own server's processor time is known"
    bench_live.show(results)
    assert "bare echo" in capsys.readouterr().out


def test_the_live_benchmark_of_claimed_conversations_waits_for_no_answers(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(openloop, "WARM_UP_S", 0.1)
    assert bench_live.main(["--claimed", "--connections", "3", "--rate", "20", "--seconds", "1", "--json"]) == 0
    ours = json.loads(capsys.readouterr().out)["parlance"]
    assert (ours["messages"], ours["failures"]) == (20, 0)
    assert "answer_ms" not in ours
    with pytest.raises(SystemExit):
        bench_live.main(["--claimed", "--host", "ws://127.0.0.1:1"])


def test_the_live_benchmark_needs_a_server(capsys: pytest.CaptureFixture[str]) -> None:
    assert bench_live.main(["--host", f"ws://127.0.0.1:{free_port()}"]) == 2
    assert "make serve" in capsys.readouterr().err


def test_a_server_that_does_not_start_is_told_with_its_log(tmp_path: Path) -> None:
    no_folder = tmp_path / "file"
    no_folder.write_text("in the way")
    with pytest.raises(StartError, match=str(no_folder)), parlance(no_folder):
        pass
