"""What a soak's samples are taken for, and who makes its load."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from itertools import pairwise

import pytest

from loadtest import soak_people
from loadtest.scripts import load_scripts
from loadtest.soak import H, Life, Plan, Sample, judge
from loadtest.soak_people import Crowd
from parlance_client.encoding import Encoding
from parlance_client.errors import ParlanceError
from tests.unit.client.fake_socket import CHANNEL, FakeNetwork, FakeSocket, ack, message, subscribed

MB = 1_000_000
WATCHED = 5


def life(rss_bytes: Callable[[float], float], *, before: int = 20, after: int = 20) -> Life:
    """An hour, with what the memory was at each hour of it."""
    samples = [Sample(at_s, round(rss_bytes(at_s / H)), 30, 9) for at_s in range(10, 3_601, 10)]
    return Life(Sample(0.0, samples[0].rss_bytes, before, 9), samples, Sample(H, samples[-1].rss_bytes, after, 9))


def test_memory_that_stays_is_fine() -> None:
    rng = random.Random(1)
    found = judge(life(lambda _: 200 * MB + rng.gauss(0, MB)), 600)
    assert found["broken"] == []
    assert abs(found["rss_mb_per_h"]["slope"]) < 3 * found["rss_mb_per_h"]["error"]


def test_memory_that_grows_is_named() -> None:
    found = judge(life(lambda hours: 200 * MB + 1.5 * MB * hours), 600)
    assert found["rss_mb_per_h"]["slope"] == pytest.approx(1.5)
    assert found["broken"] == ["memory grows by 1.50 ± 0.00 MB/h"]


def test_what_grows_in_the_warm_up_does_not_count() -> None:
    found = judge(life(lambda hours: 200 * MB + 50 * MB * min(hours, 1 / 6)), 600)
    assert found["broken"] == []


def test_a_slope_within_its_error_breaks_nothing() -> None:
    rng = random.Random(2)
    found = judge(life(lambda hours: 200 * MB + 2 * MB * hours + rng.gauss(0, 30 * MB)), 600)
    assert found["rss_mb_per_h"]["error"] > 2
    assert found["broken"] == []


def test_a_descriptor_left_over_is_named() -> None:
    assert judge(life(lambda _: 1.0, after=21), 0)["broken"] == ["1 more descriptors are open than before the load"]
    assert judge(life(lambda _: 1.0, after=19), 0)["broken"] == []


def test_too_few_samples_are_refused() -> None:
    with pytest.raises(ValueError, match="0 samples after the warm-up"):
        judge(life(lambda _: 1.0), 3_601)


def test_the_warm_up_is_half_and_at_most_half_an_hour() -> None:
    assert Plan(hours=0.5).skipped_s == 900
    assert Plan(hours=8).skipped_s == 1_800
    assert Plan(hours=8, warm_up_s=5).skipped_s == 5


class Network(FakeNetwork):
    """A server that answers everything that a crowd asks."""

    async def __call__(self, url: str, encoding):  # type: ignore[no-untyped-def]
        socket = await super().__call__(url, encoding)
        number = len(self.sockets)
        channel = f"conv:{number:026d}"
        conversation = {"channel": channel, "state": "bot", "resolved": False, "at_ms": 1, "offset": 0}
        socket.replies |= {
            "open": {
                "type": "opened", "channel": channel, "epoch": "e1", "offset": 0, "duplicate": False,
                "conversation": {**conversation, "read_offset": 0, "unread": 0},
            },
            "send": ack(channel=channel),
            "history": {
                "type": "history", "channel": channel, "epoch": "e1", "messages": [message(1)], "more": False,
            },
            "presence": {"type": "presence"},
            "who": {"type": "who", "channel": channel, "members": []},
            "resolve": {"type": "resolved", "channel": channel, "resolved": True},
            "feedback": {"type": "feedback", "message_id": "m1", "accepted": True},
            "subscribe": subscribed(0, channel=CHANNEL),
            "unsubscribe": {"type": "unsubscribed", "channel": CHANNEL},
        }  # fmt: skip
        return socket


async def test_a_crowd_does_all_that_people_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(soak_people, "WATCHED", WATCHED)
    network = Network()
    crowd = Crowd(["ws://fake/ws"], load_scripts(), random.Random(3), size=5, think_s=1e-6, dial=network)
    living = asyncio.create_task(crowd.live())
    everything = {
        "connects", "reconnects", "opens", "presence", "typing", "sends", "receipts", "histories", "feedback", "who",
        "resolves", "subscribes",
    }  # fmt: skip
    while not everything <= set(crowd.done) or crowd.done["subscribes"] <= WATCHED:
        await asyncio.sleep(0)
    living.cancel()
    await asyncio.gather(living, return_exceptions=True)
    assert not crowd.failed
    users = {socket.sent[0]["token"] for socket in network.sockets}
    assert len(users) < len(network.sockets)  # some come back
    agent = next(socket for socket in network.sockets if any(one["type"] == "subscribe" for one in socket.sent))
    open_now = [
        sum(1 if one["type"] == "subscribe" else -1 for one in agent.sent[:end] if "subscribe" in one["type"])
        for end in range(len(agent.sent))
    ]
    assert all(abs(later - earlier) <= 1 for earlier, later in pairwise(open_now))
    assert max(open_now) <= WATCHED + 1  # and the queue


async def test_what_fails_is_counted_and_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("loadtest.soak_people.RETRY_S", 1e-6)

    async def nobody(url: str, encoding: Encoding) -> FakeSocket:
        raise ParlanceError(url)

    crowd = Crowd(["ws://gone/ws"], load_scripts(), random.Random(3), size=1, think_s=1e-6, dial=nobody)
    living = asyncio.create_task(crowd.live())
    while crowd.failed["ParlanceError"] < 2 or crowd.failed["agent: ParlanceError"] < 2:
        await asyncio.sleep(0)
    living.cancel()
    await asyncio.gather(living, return_exceptions=True)
    assert not crowd.done
