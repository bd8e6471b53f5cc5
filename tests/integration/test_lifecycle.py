"""Starting, draining, coming back: PROTOCOL §8's 4500 and §9's first guarantee, and the pages around the socket."""

from __future__ import annotations

import asyncio
import re
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.conftest import Join
from tests.integration.peer import ENCODINGS, Peer
from tests.support.server import ServerProcess


@pytest.fixture
def mortal(tmp_path: Path) -> Iterator[ServerProcess]:
    """A server that the test may stop."""
    with ServerProcess(tmp_path / "data", env={"PARLANCE_DRAIN_MS": "1000"}) as running:
        yield running


async def test_sigterm_says_goodbye_to_everybody_then_closes_with_4500(mortal: ServerProcess, join: Join) -> None:
    peers: list[Peer] = [await join(mortal, encoding) for encoding in ENCODINGS * 3]
    channel = await peers[0].open()
    ack = await peers[0].send(channel, "hello")
    answer = await peers[0].bot_reply(ack["message_id"])

    stopping = asyncio.create_task(asyncio.to_thread(mortal.stop))
    for peer in peers:
        closed = await peer.closed()
        assert closed.code == 4500
        goodbye = closed.seen[-1]
        assert (goodbye["type"], goodbye["code"]) == ("goodbye", 4500)
        assert type(goodbye["after_ms"]) is int and goodbye["after_ms"] >= 0
    assert await stopping == 0

    mortal.start()
    position = {"epoch": ack_epoch(answer), "offset": ack["offset"]}
    again: Peer = await join(mortal, token=peers[0].token, resume={channel: position})
    assert again.user == peers[0].user
    entry = again.welcome["channels"][channel]
    assert (entry["recovered"], entry["messages"]) == (True, [answer])
    repeated = await again.ask("send", channel=channel, key=ack["key"], text="hello")
    assert (repeated["duplicate"], repeated["message_id"]) == (True, ack["message_id"])


def ack_epoch(message: dict[str, str]) -> str:
    return message["epoch"]


async def test_what_was_acked_before_sigterm_is_answered(mortal: ServerProcess, join: Join) -> None:
    """The drain lets turns end, or the next start takes them up: in any case each has one answer."""
    peer: Peer = await join(mortal)
    opened = await peer.ask("open", key="k")
    channel = opened["channel"]
    texts = [f"question number {number}?" for number in range(30)]
    await peer.say([{"type": "send", "id": text, "channel": channel, "key": text, "text": text} for text in texts])
    asked = [(await peer.answer(text))["message_id"] for text in texts]
    assert await asyncio.to_thread(mortal.stop) == 0
    mortal.start()
    position = {"epoch": opened["epoch"], "offset": 0}
    again: Peer = await join(mortal, token=peer.token, resume={channel: position})
    recovered = again.welcome["channels"][channel]["messages"]
    replies = [message["reply_to"] for message in recovered if message["from"]["kind"] == "bot"]
    replies += [(await again.bot_reply(message_id))["reply_to"] for message_id in asked[len(replies) :]]
    assert replies == asked


async def test_a_drained_server_is_not_ready(mortal: ServerProcess) -> None:
    assert status(mortal, "/healthz") == 200
    assert await asyncio.to_thread(mortal.stop) == 0
    assert status(mortal, "/healthz") == 0


async def test_metrics_hold_the_hit_rate_of_the_cache(server: ServerProcess, join: Join) -> None:
    peer: Peer = await join(server)
    channel = await peer.open()
    before = metrics(server)
    for _ in range(3):
        ack = await peer.send(channel, "an unusual text about a green teapot with a lid")
        await peer.bot_reply(ack["message_id"])
    after = metrics(server)
    hits, misses = "parlance_analysis_cache_hits_total", "parlance_analysis_cache_misses_total"
    assert after[hits] - before[hits] == 2
    assert after[misses] - before[misses] == 1
    assert after["parlance_messages_total"] - before["parlance_messages_total"] == 6
    assert after["parlance_turns_total"] - before["parlance_turns_total"] == 3
    assert after["parlance_connections"] >= 1


async def test_metrics_count_errors_by_code(server: ServerProcess, join: Join) -> None:
    peer: Peer = await join(server)
    series = 'parlance_errors_total{code="404"}'
    before = metrics(server).get(series, 0)
    await peer.ask("history", channel="conv:nowhere")
    assert metrics(server)[series] == before + 1


@pytest.mark.parametrize("path", ["/", "/healthz", "/metrics"])
async def test_pages_without_a_socket(server: ServerProcess, path: str) -> None:
    assert status(server, path) == 200


async def test_what_is_no_page_is_404(server: ServerProcess) -> None:
    assert status(server, "/of_tomorrow") == 404


async def test_the_socket_is_no_page(server: ServerProcess) -> None:
    assert status(server, "/ws") in {400, 404, 426}


def status(server: ServerProcess, path: str) -> int:
    """The HTTP status; 0 when nobody answers."""
    try:
        with urllib.request.urlopen(server.http_url + path, timeout=5) as answer:  # noqa: S310
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code
    except OSError:
        return 0


def metrics(server: ServerProcess) -> dict[str, float]:
    """Series and values of ``/metrics``."""
    with urllib.request.urlopen(server.http_url + "/metrics", timeout=5) as answer:  # noqa: S310
        text = answer.read().decode()
    return {series: float(value) for series, value in re.findall(r"^(\S+) (\S+)$", text, re.MULTILINE)}
