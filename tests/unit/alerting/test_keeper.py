"""Who looks after the alerts, what is stored, and who hears of it, whatever fails meanwhile."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from server.chat.alerting.courier import DeliveryError
from server.chat.alerting.keeper import GRACE_MS, LEASE_MS
from server.chat.alerting.measures import Surroundings
from server.chat.alerting.values import Threshold
from server.chat.peer import Caller
from server.clock import ManualClock
from server.errors import Unavailable
from server.store.alert_ports import Evidence, SilenceRow
from server.wire.parts import User
from tests.unit.alerting.ledger import Channel, Guard, Ledger, Post
from tests.unit.alerting.support import figures, plan, rule

ROOT = Caller(User("root", "admin", "Root"))
MINUTE_MS = 60_000
AWAY = rule("database_away", measure="database_away", thresholds={"critical": Threshold(0.5, 0.5)})


class House:
    """Two workers on one ledger."""

    def __init__(self, wait_ms: int = 0) -> None:
        self.clock = ManualClock()
        self.ledger, self.post, self.channel = Ledger(self.clock), Post(), Channel()
        own = plan(rule(at_least=10), AWAY, rule("success", measure="success", direction="below", thresholds={
            "warning": Threshold(0.6, 0.65),
        }), wait_ms=wait_ms)  # fmt: skip
        self.one, self.two = (Guard(name, self.ledger, own, self.post, self.channel) for name in ("one", "two"))

    async def round(self, ms: float = 5_000, *guards: Guard) -> None:
        """Time passes, everybody looks, and letters arrive."""
        self.clock.advance(ms)
        for guard in guards or (self.one, self.two):
            await guard.keeper.tick()
        for _ in range(20):
            await asyncio.sleep(0)
        for guard in guards or (self.one, self.two):
            if guard.keeper.leads:
                await guard.keeper._save()

    def handoffs(self, share: float) -> None:
        for guard in (self.one, self.two):
            guard.figures.reports = [figures(turns=100, handoffs=round(100 * share))]

    def states(self) -> list[tuple[str, str, str]]:
        return [(told["rule"], told["severity"], told["state"]) for told in self.channel.told]


@pytest.fixture
async def house() -> House:
    """The first worker has the duty, and has heard of everybody."""
    made = House()
    await made.round(0)
    await made.round(GRACE_MS)
    assert (made.one.keeper.leads, made.two.keeper.leads) == (True, False)
    assert (made.one.figures.watched, made.two.figures.watched) == (True, False)
    return made


async def test_one_of_two_tells_stores_and_sends(house: House) -> None:
    house.handoffs(0.5)
    await house.round()
    assert house.states() == [("handoffs", "warning", "raised")]
    assert house.post.told() == [("http://127.0.0.1:9/hook", "[Parlance warning] handoffs")]
    (row,) = house.ledger.rows.values()
    assert (row.state, row.told_steps, row.value) == ("raised", 1, 0.5)
    for guard in (house.one, house.two):
        ((shown),) = (await guard.alerts.snapshot(ROOT))["items"]
        assert (shown["rule"], shown["threshold"], shown["unit"]) == ("handoffs", 0.4, "share")
    house.handoffs(0.1)
    await house.round()
    await house.round()
    assert house.states()[1:] == [("handoffs", "warning", "cleared")]
    assert house.post.told()[1:] == [("http://127.0.0.1:9/hook", "[Parlance over] handoffs")]
    assert await house.ledger.open_alerts() == []
    assert (await house.one.alerts.snapshot(ROOT)) == {"items": []}


async def test_who_is_on_call_hears_unless_somebody_acknowledged(house: House) -> None:
    house.handoffs(0.5)
    await house.round()
    await house.round(14 * MINUTE_MS)
    assert len(house.post.letters) == 1
    await house.round(MINUTE_MS)
    assert house.post.told()[1:] == [("ops@example.org", "[Parlance warning] handoffs")]
    house.handoffs(0.1)
    await house.round()
    house.handoffs(0.5)
    await house.round()
    before = len(house.post.letters)
    (alert_id,) = [row.alert_id for row in house.ledger.rows.values() if row.state == "raised"]
    await house.ledger.acknowledge_alert(alert_id, "root", house.clock.now_ms())
    await house.round(20 * MINUTE_MS)
    assert len(house.post.letters) == before
    house.handoffs(0.7)  # worse than what was acknowledged
    await house.round()
    assert house.post.told()[before:] == [("ops@example.org", "[Parlance CRITICAL] handoffs")]


async def test_the_silent_hear_nothing_while_everybody_sees_it(house: House) -> None:
    until_ms = house.clock.now_ms() + 10 * MINUTE_MS
    await house.ledger.add_silence(SilenceRow("s", "hand*", until_ms, "root", house.clock.now_ms()))
    house.handoffs(0.5)
    await house.round()
    assert house.states() == [("handoffs", "warning", "raised")]
    assert house.channel.told[0]["silenced_until_ms"] == until_ms
    assert house.post.letters == []
    await house.round(11 * MINUTE_MS)
    assert [address for address, _ in house.post.told()] == ["http://127.0.0.1:9/hook"]


async def test_another_worker_goes_on_where_one_died(house: House) -> None:
    house.handoffs(0.5)
    await house.round()
    (told,) = house.channel.told
    await house.round(LEASE_MS, house.two)  # one is dead
    assert house.two.keeper.leads
    await house.round(GRACE_MS, house.two)
    await house.round(5_000)
    assert not house.one.keeper.leads  # it was only slow
    house.handoffs(0.1)
    await house.round()
    assert [(one["alert_id"], one["state"]) for one in house.channel.told] == [
        (told["alert_id"], "raised"), (told["alert_id"], "cleared"),
    ]  # fmt: skip
    assert len(house.post.letters) == 2  # its raise and its end, once each


async def test_letters_that_a_dead_worker_left_are_sent_again(house: House) -> None:
    house.post.fails = lambda _: DeliveryError("never ends", retry_after_s=1.0)
    house.handoffs(0.5)
    house.clock.advance(5_000)
    await house.one.keeper.tick()  # it dies before the letter has left
    assert [row.told_steps for row in house.ledger.rows.values()] == [0]
    house.post.fails = lambda _: None
    await house.round(LEASE_MS, house.two)
    assert [address for address, _ in house.post.told()].count("http://127.0.0.1:9/hook") >= 1
    assert [row.told_steps for row in house.ledger.rows.values()] == [1]


async def test_the_ledger_is_away_and_that_is_told(house: House) -> None:
    house.ledger.away = True
    await house.round()
    assert house.states() == [("database_away", "critical", "raised")]
    assert house.post.told() == [("http://127.0.0.1:9/hook", "[Parlance CRITICAL] database_away")]
    ((shown),) = (await house.one.alerts.snapshot(ROOT))["items"]
    assert shown["rule"] == "database_away"
    with pytest.raises(Unavailable):
        await house.two.alerts.snapshot(ROOT)
    house.handoffs(0.9)
    await house.round(LEASE_MS)  # from now on another may have the duty: only what it knows by itself
    assert house.states() == [("database_away", "critical", "raised")]
    house.ledger.away = False
    await house.round()
    assert ("database_away", "critical", "cleared") in house.states()
    assert [row.state for row in house.ledger.rows.values() if row.rule == "database_away"] == ["cleared"]


async def test_what_only_one_worker_saw_is_over_when_another_has_the_duty(house: House) -> None:
    house.ledger.away = True
    await house.round()
    house.ledger.away = False
    house.ledger.duty = ("", 0)
    await house.round(LEASE_MS, house.two)
    await house.round(1_000, house.one)
    assert house.states() == [("database_away", "critical", "raised"), ("database_away", "critical", "cleared")]
    assert not house.one.keeper.leads and not house.one.figures.watched


async def test_what_the_ledger_knows_is_read_each_minute(house: House) -> None:
    house.ledger.evidence = Evidence(resolved=1, handed_over=3)
    await house.round()
    assert house.states() == []
    await house.round(MINUTE_MS)
    assert house.states() == [("success", "warning", "raised")]


async def test_a_new_keeper_waits_until_everybody_was_heard() -> None:
    house = House()
    house.handoffs(0.9)
    await house.round(0)
    await house.round(GRACE_MS - 1)
    assert house.states() == []
    await house.round(1)
    assert house.states() == [("handoffs", "critical", "raised")]


async def test_closing_gives_the_duty_back(house: House) -> None:
    await house.one.keeper.close()
    assert house.post.closed
    await house.round(0, house.two)
    assert house.two.keeper.leads


async def test_what_a_worker_knows_by_itself(house: House) -> None:
    """Readings come from the surroundings, with the keeper's own word on the ledger."""
    house.one.near = Surroundings(disk_free=0.5, database_away=True)
    await house.round()
    assert house.states() == []


async def test_no_rules_no_work() -> None:
    house = House()
    empty = Guard("three", house.ledger, plan().__class__(), house.post, house.channel)
    await asyncio.wait_for(empty.keeper.keep(), 1)
    assert house.ledger.duty == ("", 0)


def test_times_are_sound() -> None:
    held: Any = LEASE_MS
    assert held > 3 * 5_000
