"""``parlance conformance``: our server passes, and one that is wrong in one thing fails by that thing's check."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from loadtest.processes import free_port
from server.conformance.bench import Target
from server.conformance.checks import Result, chosen, load_checks, run_checks
from tests.integration.conftest import made_by_cli
from tests.support.liar import Frame, Lie, lying
from tests.support.server import ServerProcess

COMMAND = [sys.executable, "-m", "server.cli.main", "conformance"]


def conformance(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, check=False, timeout=110)


def test_our_server_keeps_every_rule(server: ServerProcess) -> None:
    token = made_by_cli(server, "--kind", "admin", "--sub", "conformance-admin")
    done = conformance(server.http_url, "--admin-token", token, "--json")
    outcome = json.loads(done.stdout)
    assert [one for one in outcome["checks"] if one["outcome"] != "pass"] == []
    assert (done.returncode, outcome["ok"], outcome["url"]) == (0, True, server.ws_url)
    assert len(outcome["checks"]) == outcome["pass"] == sum(len(one.encodings) for one in load_checks())


def test_what_cannot_be_asked_is_skipped_and_says_why(strict_server: ServerProcess) -> None:
    done = conformance(strict_server.ws_url, "--only", "3.guest", "--only", "2.ping", "--only", "4.queue")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "needs --token" in done.stdout and "lets guests in" in done.stdout and "needs --admin-token" in done.stdout


def test_nobody_there_and_an_unknown_check_are_exit_code_2(server: ServerProcess) -> None:
    nobody = conformance(f"ws://127.0.0.1:{free_port()}")
    assert nobody.returncode == 2 and "Is the server running" in nobody.stderr
    unknown = conformance(server.ws_url, "--only", "5.sned")
    assert unknown.returncode == 2 and "5.same-key-same-content" in unknown.stderr


# --------------------------------------------------------------------------- the checks can fail


def changed(kind: str, **fields: Any) -> Lie:
    """Frames of a type with these values in place of theirs."""
    return lambda frame: [{**frame, **fields} if frame["type"] == kind else frame]


def without(kind: str, *fields: str) -> Lie:
    def lie(frame: Frame) -> list[Frame]:
        if frame["type"] != kind:
            return [frame]
        return [{name: value for name, value in frame.items() if name not in fields}]

    return lie


def dropped(kind: str) -> Lie:
    return lambda frame: [] if frame["type"] == kind else [frame]


def twice(kind: str) -> Lie:
    return lambda frame: [frame, frame] if frame["type"] == kind else [frame]


def by(kind: str, change: Any) -> Lie:
    """Frames of a type as ``change`` makes them."""
    return lambda frame: [change(frame) if frame["type"] == kind else frame]


def other_code(code: int, wrong: int) -> Lie:
    return lambda frame: [{**frame, "code": wrong} if frame.get("code") == code else frame]


LIES: list[tuple[str, Lie]] = [
    ("1.batch-in-order", lambda frame: [] if frame.get("id") == 40 else [frame]),
    ("2.id-comes-back", by("pong", lambda frame: {**frame, "id": str(frame["id"])})),
    ("2.ping-tells-the-time", changed("pong", time_ms=1.5)),
    ("2.error-spares-the-batch", without("error", "id")),
    ("3.welcome-is-whole", without("welcome", "unread")),
    ("3.token-keeps-the-user", changed("welcome", session="always the same")),
    ("3.refused-token", other_code(401, 403)),
    ("3.refresh-answered", changed("refreshed", exp_ms=0)),
    ("3.resume-in-welcome", changed("welcome", channels={})),
    ("4.offsets-without-gaps", by("history", lambda frame: {**frame, "messages": frame["messages"][1:]})),
    ("4.pushes-ascend", twice("message")),
    ("4.recovery-is-whole", by("subscribed", lambda frame: {**frame, "messages": frame["messages"][:-1]})),
    ("4.recovery-refused", changed("subscribed", recovered=True)),
    ("4.next-push-follows-the-answer", by("message", lambda frame: {**frame, "offset": frame["offset"] + 1})),
    ("4.history-pages", by("history", lambda frame: {**frame, "messages": frame["messages"][::-1]})),
    ("4.history-pages", by("history", lambda frame: {**frame, "more": not frame["more"]})),
    ("4.others-channels-are-hidden", by("error", lambda frame: {**frame, "code": 403})),
    ("5.open-once-per-key", changed("opened", duplicate=False)),
    ("5.conversations-newest-first", by("conversations", lambda frame: {**frame, "items": frame["items"][::-1]})),
    ("5.ack-and-push", without("message", "key")),
    ("5.same-key-same-content", changed("ack", duplicate=False)),
    ("5.same-key-other-content", other_code(409, 400)),
    ("5.text-has-1-to-8000-code-points", other_code(422, 413)),
    ("5.text-is-normalised", by("message", lambda frame: {**frame, "text": frame["text"].lower()})),
    ("5.data-has-8192-bytes", other_code(413, 422)),
    ("5.bot-answers-once", without("message", "turn")),
    ("5.feedback-in-0-to-1", changed("feedback", accepted=False)),
    ("5.resolve-and-reopen", without("message", "data")),
    ("5.handoff-waits", changed("handoff", state="bot")),
    ("5.customers-may-not", other_code(403, 404)),
    ("6.who-is-there", changed("who", members=[])),
    ("6.receipts-never-go-back", without("subscribed", "receipts")),
    ("7.unseen-are-counted", changed("welcome", unread=3)),
    ("8.errors-are-named", changed("error", name="oops")),
    ("8.malformed-frames", dropped("error")),
]


async def judged(url: str, name: str) -> Result:
    """What one check says in JSON."""
    (one,) = chosen(load_checks(), [name])
    alone = replace(one, encodings=("json",))
    (result,) = [result async for result in run_checks(Target(url, within_s=3.0), [alone])]
    return result


async def test_each_lie_is_found_by_its_check(server: ServerProcess) -> None:
    at_once = asyncio.Semaphore(6)

    async def found(name: str, lie: Lie) -> Result:
        async with at_once, lying(server.ws_url, lie) as url:
            return await judged(url, name)

    results = await asyncio.gather(*(found(name, lie) for name, lie in LIES))
    missed = [f"{number}: {one.name}: {one.outcome}" for number, one in enumerate(results) if one.outcome != "fail"]
    assert missed == []
    assert all(one.reason for one in results)
    odd = Counter(one.reason.partition(":")[0] for one in results)["a frame is not as the protocol has it"]
    assert odd <= 4, "most failures say what was expected"


@pytest.mark.parametrize(
    ("name", "closes"),
    [
        ("1.undecodable", {4400: 1000}),
        ("1.biggest-message", {1009: 4400}),
        ("3.refused-token", {4401: 4403}),
        ("3.second-connect", {4400: 4500}),
    ],
)
async def test_a_wrong_close_is_found(server: ServerProcess, name: str, closes: dict[int, int]) -> None:
    async with lying(server.ws_url, lambda frame: [frame], closes) as url:
        result = await judged(url, name)
    (expected,) = closes
    assert result.outcome == "fail" and f"expected close {expected}, got {closes[expected]}" in result.reason


async def test_passing_everything_on_is_no_lie(server: ServerProcess) -> None:
    """What the other tests find is the lie, not the way through the liar."""
    names = sorted({name for name, _ in LIES} | {"1.undecodable", "1.biggest-message", "3.second-connect"})
    async with lying(server.ws_url, lambda frame: [frame]) as url:
        checks = [replace(one, encodings=("json",)) for one in chosen(load_checks(), names)]
        results = [result async for result in run_checks(Target(url), checks)]
    assert [(one.name, one.reason) for one in results if one.outcome != "pass"] == []
