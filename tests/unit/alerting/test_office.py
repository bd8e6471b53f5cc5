"""What admins do about alerts, and the audit log."""

from __future__ import annotations

from typing import Any, cast

import pytest

from server.chat.alerting.office import AlertOffice
from server.chat.audit import HIDDEN, MAX_TEXT, Audit, detail_of
from server.chat.peer import Caller
from server.clock import ManualClock
from server.errors import Conflict, Forbidden, Invalid
from server.store.ports import Store
from server.wire.parts import User
from tests.unit.alerting.ledger import Channel, Guard, Ledger, Post
from tests.unit.alerting.support import alert, ids, plan

ROOT = Caller(User("root", "admin", "Root"))
EVE = Caller(User("eve", "agent", "Eve"))


class Desk:
    def __init__(self) -> None:
        self.clock = ManualClock()
        self.ledger, self.channel = Ledger(self.clock), Channel()
        guard = Guard("one", self.ledger, plan(), Post(), self.channel)
        self.office = AlertOffice(
            store=cast(Store, self.ledger), alerts=guard.alerts, signals=guard.signals, clock=self.clock, new_id=ids()
        )
        self.ledger.rows = {"a1": alert("a1"), "a2": alert("a2", state="cleared")}


async def test_acknowledging_is_shown_to_everybody() -> None:
    desk = Desk()
    seen = await desk.office.acknowledge(ROOT, "a1")
    assert (seen["acknowledged_by"], seen["acknowledged_at_ms"]) == ("root", desk.clock.now_ms())
    assert desk.channel.told == [seen] and len(desk.channel.signalled) == 1
    with pytest.raises(Conflict):
        await desk.office.acknowledge(ROOT, "a2")
    items, more = await desk.office.page(ROOT, state=None, before=None, limit=1)
    assert ([item["alert_id"] for item in items], more) == (["a2"], True)


async def test_a_silence_is_shown_on_what_stands_and_can_be_ended() -> None:
    desk = Desk()
    made = await desk.office.silence(ROOT, rule="hand*", for_s=60.0, until_ms=None, reason="a test")
    assert made["until_ms"] == desk.clock.now_ms() + 60_000
    assert [told["silenced_until_ms"] for told in desk.channel.told] == [made["until_ms"]]
    assert await desk.office.silences(ROOT) == [made]
    ended = await desk.office.end_silence(ROOT, made["silence_id"])
    assert ended["ended_by"] == "root" and await desk.office.silences(ROOT) == []
    assert "silenced_until_ms" not in desk.channel.told[-1]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"rule": "handsoff"}, "There is no rule 'handsoff'; there are handoffs."),
        ({"rule": "Hand"}, "is no name of a rule"),
        ({"for_s": None}, "Say until when"),
        ({"until_ms": 5}, "Say until when"),
        ({"for_s": None, "until_ms": 5}, "later than now, and within 30 days"),
        ({"for_s": 31 * 86_400.0}, "within 30 days"),
    ],
)
async def test_a_silence_must_make_sense(change: dict[str, Any], said: str) -> None:
    with pytest.raises(Invalid, match=said.replace("*", ".")):
        await Desk().office.silence(
            ROOT, **{"rule": "handoffs", "for_s": 60.0, "until_ms": None, "reason": "", **change}
        )


async def test_alerts_are_for_admins() -> None:
    office = Desk().office
    with pytest.raises(Forbidden):
        office.rules(EVE)
    for asked in (
        office.page(EVE, state=None, before=None, limit=1), office.acknowledge(EVE, "a1"), office.silences(EVE),
        office.silence(EVE, rule="handoffs", for_s=1.0, until_ms=None, reason=""), office.end_silence(EVE, "s"),
    ):  # fmt: skip
        with pytest.raises(Forbidden):
            await asked
    assert [rule["name"] for rule in office.rules(ROOT)] == ["handoffs"]


async def test_changes_are_noted_and_a_ledger_that_is_away_hurts_nobody() -> None:
    desk = Desk()
    audit = Audit(store=cast(Store, desk.ledger), clock=desk.clock)
    await audit.note(ROOT, "issue_token", "/v1/tokens", {"user_id": "carl", "token": "secret!"})
    desk.ledger.away = True
    await audit.note(ROOT, "ban_user", "/v1/users/carl/ban", {})
    desk.ledger.away = False
    rows, more = await audit.page(ROOT, by=None, action=None, before=None, limit=5)
    assert [(row.by, row.action, row.detail["token"]) for row in rows] == [("root", "issue_token", HIDDEN)]
    assert not more
    with pytest.raises(Forbidden):
        await audit.page(EVE, by=None, action=None, before=None, limit=5)


def test_details_are_without_secrets_and_of_a_readable_length() -> None:
    assert detail_of([1]) == {}
    assert detail_of({"a": {"Password": "x", "b": [1, {"key": "y"}]}, "key": None}) == {
        "a": {"Password": HIDDEN, "b": [1, {"key": HIDDEN}]}, "key": None,
    }  # fmt: skip
    assert len(detail_of({"text": "x" * 9_000})["text"]) == MAX_TEXT
    cut = detail_of({f"k{number}": "x" * 400 for number in range(50)})
    assert len(cut) < 12 and cut["…"].endswith(" more")
