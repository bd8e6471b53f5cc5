"""``admin:metrics``, ``admin:alerts``, ``system`` and ``/metrics`` of a running server (PROTOCOL §4, §7)."""

from __future__ import annotations

import asyncio
import math
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.integration.conftest import Join, signed
from tests.integration.peer import ENCODINGS, Encoding, Frame, Peer
from tests.support.server import ServerProcess

PERCENTILES = {"p50", "p95", "p99"}
FIELDS: dict[str, type | tuple[type, ...]] = {
    "at_ms": int, "workers": int, "connections": int, "conversations": int, "messages_per_s": (int, float),
    "turns_per_s": (int, float), "turn_ms": dict, "analysis_ms": dict, "deliveries_per_s": (int, float),
    "outbox_drops": int, "sentiment_mean": (int, float), "escalation_rate": (int, float), "personas": dict,
    "errors_per_s": (int, float), "cpu": (int, float), "rss_bytes": int, "per_worker": list,
}  # fmt: skip


async def admin_of(server: ServerProcess, join: Join, encoding: Encoding = "json") -> Peer:
    admin = await join(server, encoding, signed(kind="admin"))
    assert (await admin.ask("subscribe", channel="admin:metrics"))["type"] == "subscribed"
    await admin.push("event", channel="admin:metrics", name="snapshot")
    return admin


async def figures(admin: Peer, wanted: Callable[[Frame], bool] = lambda data: True) -> Frame:
    """The data of the next ``metrics`` event that is ``wanted``."""
    frame = await admin.hear(
        lambda frame: frame.get("type") == "event" and frame["name"] == "metrics" and wanted(frame["data"])
    )
    data: Frame = frame["data"]
    return data


@pytest.mark.parametrize("encoding", ENCODINGS)
async def test_the_event_has_the_fields_of_the_contract(
    strict_server: ServerProcess, join: Join, encoding: Encoding
) -> None:
    admin = await admin_of(strict_server, join, encoding)
    first, second = await figures(admin), await figures(admin)
    for data in (first, second):
        assert data.keys() == FIELDS.keys()
        assert all(isinstance(data[name], kind) for name, kind in FIELDS.items())
        assert data["turn_ms"].keys() == data["analysis_ms"].keys() == PERCENTILES
        assert all(math.isfinite(value) and value >= 0 for value in data["turn_ms"].values())
    assert second["at_ms"] > first["at_ms"]
    assert second["workers"] == 1
    assert second["connections"] >= 1
    assert second["rss_bytes"] > 10_000_000


async def test_a_turn_is_seen_in_the_figures(strict_server: ServerProcess, join: Join) -> None:
    admin = await admin_of(strict_server, join)
    customer = await join(strict_server, "json", signed())
    channel = await customer.open()
    ack = await customer.send(channel, "I love this, thank you so much!")
    reply = await customer.bot_reply(ack["message_id"])
    data = await figures(admin, lambda data: data["turns_per_s"] > 0 and data["messages_per_s"] > 0)
    assert 0 < data["turn_ms"]["p50"] <= data["turn_ms"]["p95"] <= data["turn_ms"]["p99"]
    assert 0 < data["analysis_ms"]["p50"] <= data["turn_ms"]["p99"]
    assert data["deliveries_per_s"] > 0
    assert data["conversations"] >= 1
    assert -1 <= data["sentiment_mean"] <= 1
    assert reply["turn"]["persona"] in data["personas"]
    assert sum(persona["share"] for persona in data["personas"].values()) == pytest.approx(1, abs=0.01)
    assert all(persona.keys() == {"share", "reward"} for persona in data["personas"].values())


async def test_errors_hand_offs_and_rewards_are_seen(strict_server: ServerProcess, join: Join) -> None:
    admin = await admin_of(strict_server, join)
    customer = await join(strict_server, "json", signed())
    channel = await customer.open()
    reply = await customer.bot_reply((await customer.send(channel, "Where is my order?"))["message_id"])
    await customer.ask("feedback", message_id=reply["message_id"], rating=1)
    await customer.ask("handoff", channel=channel)
    assert (await customer.ask("handoff", channel="conv:01ARZ3NDEKTSV4RRFFQ69G5FAV"))["code"] == 404
    data = await figures(admin, lambda data: data["errors_per_s"] > 0 and data["escalation_rate"] > 0)
    assert data["escalation_rate"] <= 1
    assert data["personas"][reply["turn"]["persona"]]["reward"] > 0


async def test_who_comes_later_begins_with_what_was_shown_last(strict_server: ServerProcess, join: Join) -> None:
    first = await admin_of(strict_server, join)
    shown = await figures(first)
    later = await join(strict_server, "json", signed(kind="admin"))
    await later.ask("subscribe", channel="admin:metrics")
    snapshot = await later.push("event", channel="admin:metrics", name="snapshot")
    assert snapshot["data"].keys() == FIELDS.keys()
    assert snapshot["data"]["at_ms"] >= shown["at_ms"]


async def test_after_unsubscribing_no_figures_come(strict_server: ServerProcess, join: Join) -> None:
    admin, witness = await admin_of(strict_server, join), await admin_of(strict_server, join)
    await figures(admin)
    await admin.ask("unsubscribe", channel="admin:metrics")
    await admin.everything_until_pong()
    for _ in range(2):
        await figures(witness)
    assert await admin.everything_until_pong() == []


@pytest.mark.parametrize("kind", ["customer", "agent", "service"])
async def test_figures_and_alerts_are_for_admins(strict_server: ServerProcess, join: Join, kind: str) -> None:
    peer = await join(strict_server, "json", signed(kind=kind))
    for channel in ("admin:metrics", "admin:alerts", "admin:anything"):
        assert (await peer.ask("subscribe", channel=channel))["code"] == 404


async def test_alerts_system_and_ones_own_channel_begin_with_a_snapshot(
    strict_server: ServerProcess, join: Join
) -> None:
    admin = await join(strict_server, "json", signed(kind="admin"))
    assert (await admin.ask("subscribe", channel="admin:alerts"))["type"] == "subscribed"
    alerts = (await admin.push("event", channel="admin:alerts", name="snapshot"))["data"]
    assert isinstance(alerts["items"], list)  # a busy machine may well raise one
    for channel, data in (
        ("system", {"items": []}),
        (f"user:{admin.user['id']}", {"notifications": [], "unread": 0}),
    ):
        assert (await admin.ask("subscribe", channel=channel))["type"] == "subscribed"
        assert (await admin.push("event", channel=channel, name="snapshot"))["data"] == data


async def scraped(server: ServerProcess) -> dict[str, Any]:
    def read() -> str:
        with urllib.request.urlopen(f"{server.http_url}/metrics") as answer:  # noqa: S310
            return str(answer.read().decode())

    families = text_string_to_metric_families(await asyncio.to_thread(read))
    return {sample.name: sample.value for family in families for sample in family.samples if not sample.labels}


async def test_the_scrape_counts_what_happens(strict_server: ServerProcess, join: Join) -> None:
    before = await scraped(strict_server)
    agent = await join(strict_server, "json", signed(kind="agent"))
    customer = await join(strict_server, "json", signed())
    channel = await customer.open()
    ack = await customer.send(channel, "Where is my order?")
    await customer.bot_reply(ack["message_id"])
    await customer.ask("handoff", channel=channel)
    await agent.ask("claim", channel=channel)
    after = await scraped(strict_server)
    grown = {name: after[name] - before[name] for name in after if name in before}
    assert (grown["parlance_turns_total"], grown["parlance_turn_seconds_count"]) == (1, 1)
    assert (grown["parlance_handoffs_total"], grown["parlance_claims_total"]) == (1, 1)
    assert grown["parlance_messages_total"] == 4
    assert grown["parlance_commit_rows_sum"] >= grown["parlance_commit_rows_count"] > 0
    assert after["parlance_registry_up"] == 1
    assert 0 < after["parlance_turn_seconds_sum"] < 1_000, "seconds, not milliseconds"


async def test_every_scraped_metric_is_documented(strict_server: ServerProcess) -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "metrics.md").read_text(encoding="utf-8")
    for name in await scraped(strict_server):
        assert f"`{name.removesuffix('_sum').removesuffix('_count')}`" in page
