"""``parlance alerts``: rules checked, alerts listed, acknowledged and silenced on the database, receivers tried."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

from server.clock import SystemClock
from server.store.alert_ports import AlertRow
from server.store.sql import SqlStore, sqlite_url
from tests.unit.cli.conftest import Command

RULES = """
rules:
  - {name: slow, measure: turn_p99_ms, warning: {above: 500, clear: 400}, critical: {above: 900}}
receivers:
  team: {webhooks: ["http://127.0.0.1:9/closed"]}
"""


def stored(path: Path, *rows: AlertRow) -> list[Any]:
    """Keep alerts in a new database; then what silences there are."""

    async def work() -> list[Any]:
        store = SqlStore(sqlite_url(path), clock=SystemClock(), new_id=str)
        await store.start()
        await store.save_alerts(rows)
        found = [*await store.silences(0), *await store.alerts(limit=10)]
        await store.close()
        return found

    return asyncio.run(work())


def test_the_rules_that_ship_can_be_used(parlance: Command) -> None:
    result = parlance("alerts", "check")
    assert result.exit_code == 0 and "told: nobody beside admin:alerts." in result.stdout
    told = json.loads(parlance("alerts", "check", "--json").stdout)
    assert {rule["name"] for rule in told["rules"]} >= {"low_accuracy", "many_handoffs", "database_away"}
    names = {one["name"] for one in json.loads(parlance("alerts", "measures", "--json").stdout)}
    assert {rule["measure"] for rule in told["rules"]} <= names


def test_what_is_wrong_exits_with_2(parlance: Command, folder: Path) -> None:
    (folder / "mine.yaml").write_text(RULES.replace("turn_p99_ms", "turn_p99"))
    result = parlance("alerts", "check", "mine.yaml")
    assert result.exit_code == 2 and "there is no measure 'turn_p99'" in result.stderr and "FILE" in result.stderr
    (folder / "mine.yaml").write_text(RULES)
    result = parlance("alerts", "check", "mine.yaml")
    assert result.exit_code == 2 and "alert_webhook_secret" in result.stderr
    assert parlance("alerts", "list").exit_code == 2  # no database yet


def test_a_receiver_is_tried(parlance: Command, folder: Path) -> None:
    (folder / "mine.yaml").write_text(RULES)
    secret = {"PARLANCE_ALERT_RULES_FILE": "mine.yaml", "PARLANCE_ALERT_WEBHOOK_SECRET": "sesame"}
    assert parlance("alerts", "test", "nobody", **secret).exit_code == 2
    result = parlance("alerts", "test", "team", **secret)
    assert result.exit_code == 1 and "the webhook can't be reached: ConnectError" in result.stderr
    assert "sesame" not in result.output


def test_alerts_are_listed_acknowledged_and_silenced(parlance: Command, folder: Path) -> None:
    (folder / "mine.yaml").write_text(RULES.split("receivers:", maxsplit=1)[0])
    (folder / "data").mkdir()
    path = folder / "data" / "parlance.db"
    row = AlertRow("01A", "slow", "warning", "raised", 600.0, 5, 5)
    stored(path, row, AlertRow("01B", "slow", "critical", "cleared", 950.0, 5, 6))
    rules = {"PARLANCE_ALERT_RULES_FILE": "mine.yaml"}
    result = parlance("alerts", "list", "--json", **rules)
    assert result.exit_code == 0
    assert [(one["alert_id"], one["threshold"]) for one in json.loads(result.stdout)] == [("01A", 500.0)]
    assert "01B" in parlance("alerts", "list", "--state", "all", **rules).stdout
    assert parlance("alerts", "ack", "01A", "--by", "eve", **rules).stdout == "slow: acknowledged by eve.\n"
    assert parlance("alerts", "ack", "01B", **rules).exit_code == 1
    assert parlance("alerts", "silence", "fast", **rules).exit_code == 1
    result = parlance("alerts", "silence", "sl*", "--minutes", "5", "--reason", "a test", **rules)
    assert result.exit_code == 0
    silence, _, alert = stored(path, AlertRow("01A", "slow", "critical", "raised", 990.0, 5, 9))
    assert (silence.rule, silence.reason, alert.acknowledged_by) == ("sl*", "a test", "eve")
    assert parlance("alerts", "list", **rules).exit_code == 1  # a critical one stands
    assert parlance("alerts", "unsilence", silence.silence_id, **rules).exit_code == 0
    assert parlance("alerts", "unsilence", "01Z", **rules).exit_code == 1
