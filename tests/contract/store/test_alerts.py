"""Alerts, silences, the duty, the audit log and what the ledger knows of the last hour."""

from __future__ import annotations

from dataclasses import replace

import pytest

from server.errors import Conflict, NotFound
from server.store.alert_ports import AlertRow, AuditRow, Evidence, SilenceRow
from server.store.alerts import floor_of
from server.store.edit_ports import Edit
from server.store.inbox_ports import Doubt, Judgement
from server.store.ports import Assessment, Rating
from server.store.sql import SqlStore
from tests.contract.store.harness import Harness
from tests.contract.store.people import ANN, BEN, EVE, NOW_MS, answer, asked, handoff, opened, resolution

ALERT = AlertRow("01A", "slow", "warning", "raised", 0.5, NOW_MS, NOW_MS, {"version": "nlu-1"})


async def test_one_worker_at_a_time_has_the_duty(harness: Harness) -> None:
    first, second = harness.store(), harness.store()
    await first.start()
    await second.start()
    assert await first.take_alert_duty("a", 60_000)
    assert await first.take_alert_duty("a", 60_000)
    assert not await second.take_alert_duty("b", 60_000)
    assert await first.take_alert_duty("a", 0)  # given back
    assert await second.take_alert_duty("b", 60_000)
    assert not await first.take_alert_duty("a", 60_000)


async def test_an_alert_is_saved_acknowledged_and_found(store: SqlStore) -> None:
    await store.save_alerts([replace(ALERT, alert_id="01B", rule="errors", about={}), ALERT])
    assert [row.alert_id for row in await store.alerts(limit=5)] == ["01B", "01A"]
    assert await store.alerts(before="01B", limit=5) == [ALERT]
    seen = await store.acknowledge_alert("01A", "root", NOW_MS + 5)
    assert (seen.acknowledged_by, seen.acknowledged_at_ms, seen.acknowledged_severity) == (
        "root", NOW_MS + 5, "warning",
    )  # fmt: skip
    worse = replace(ALERT, severity="critical", value=0.9, at_ms=NOW_MS + 9, told_steps=1)
    await store.save_alerts([worse])
    (found,) = await store.alerts(before="01B", limit=1)
    assert found == replace(
        worse, acknowledged_by="root", acknowledged_at_ms=NOW_MS + 5, acknowledged_severity="warning"
    )
    await store.save_alerts([replace(worse, state="cleared")])
    assert [row.alert_id for row in await store.open_alerts()] == ["01A", "01B"]  # its end is yet to be told
    await store.save_alerts([replace(worse, state="cleared", clear_told=True)])
    assert [row.alert_id for row in await store.open_alerts()] == ["01B"]
    assert [row.alert_id for row in await store.alerts(state="cleared", limit=5)] == ["01A"]
    with pytest.raises(Conflict):
        await store.acknowledge_alert("01A", "root", NOW_MS)
    with pytest.raises(NotFound):
        await store.acknowledge_alert("01Z", "root", NOW_MS)


async def test_silences_are_kept_and_ended_once(store: SqlStore) -> None:
    silence = SilenceRow("01S", "slow*", NOW_MS + 100, "root", NOW_MS, "moving house")
    await store.add_silence(silence)
    assert await store.silences(NOW_MS + 100) == [silence]
    assert await store.silences(NOW_MS + 101) == []
    ended = await store.end_silence("01S", "ann", NOW_MS + 10)
    assert ended == replace(silence, ended_by="ann", ended_at_ms=NOW_MS + 10)
    assert await store.end_silence("01S", "ben", NOW_MS + 20) == ended
    with pytest.raises(NotFound):
        await store.end_silence("01Z", "ann", NOW_MS)


async def test_the_audit_log_tells_who_did_what(store: SqlStore) -> None:
    for number, (by, action) in enumerate([("root", "ban_user"), ("eve", "promote_model"), ("root", "promote_model")]):
        await store.add_audit(AuditRow(NOW_MS + number, by, "admin", action, "/v1/x", {"version": number}))
    found = await store.audit(limit=10)
    assert [(row.by, row.action, row.detail) for row in found] == [
        ("root", "promote_model", {"version": 2}),
        ("eve", "promote_model", {"version": 1}),
        ("root", "ban_user", {"version": 0}),
    ]
    assert await store.audit(before=found[1].number, limit=10) == [found[2]]
    assert await store.audit(by="root", action="promote_model", limit=10) == [found[0]]


async def test_what_the_ledger_knows_of_the_last_hour(store: SqlStore) -> None:
    assert await store.alert_evidence(0, 0) == Evidence()
    doubt = Doubt("balance", 0.3, (("balance", 0.3),), 0.1, "en", "nlu-1")
    resolved, handed = await opened(store), await opened(store)
    for label in ("balance", "weather", None):
        turn = await asked(store, resolved)
        await store.answer(answer(turn, doubt=doubt))
        if label is not None:
            await store.judge(Judgement(turn.turn_id, label, "root", NOW_MS))
    await store.assess(Assessment(resolved, ANN, 0.75, None, (), NOW_MS))
    await store.resolve(resolution(resolved))
    await store.handoff(handoff(handed))
    await store.resolve(resolution(handed))
    found = await store.alert_evidence(0, 0)
    assert found == Evidence(3, 3, 2, 1, 1, 0.75, 1, 1)
    later = await store.alert_evidence(NOW_MS + 1, 4_102_444_800_000)
    assert (later.answered, later.doubted, later.ratings) == (0, 0, 0)


async def test_outcomes_by_the_hour(store: SqlStore) -> None:
    assert await store.outcomes(0, 3_600_000) == []
    resolved, handed = await opened(store), await opened(store, BEN)
    turns = [await asked(store, resolved), await asked(store, resolved), await asked(store, handed)]
    answers = [await store.answer(answer(turn)) for turn in turns]
    await store.resolve(resolution(resolved))
    await store.handoff(handoff(handed))
    await store.resolve(resolution(handed))
    hour = NOW_MS // 3_600_000 * 3_600_000
    await store.assess(Assessment(resolved, ANN, 0.75, None, (), hour))
    await store.assess(Assessment(handed, BEN, 0.25, None, (), hour + 3_600_000))
    await store.assess(Assessment(handed, EVE, 1.0, None, (), hour, members_only=False))
    for (rating, by), message in zip(((1.0, ANN), (0.0, ANN), (1.0, BEN)), answers, strict=True):
        assert message is not None
        await store.rate(Rating(message.message_id, by.id, rating, None, hour + 5))
    found = {one.at_ms: one for one in await store.outcomes(0, 3_600_000)}
    rated = found[hour]
    assert (rated.ratings, rated.rating_sum, rated.satisfied) == (1, 0.75, 1), "an agent's is no customer's"
    assert (rated.thumbs_up, rated.thumbs_down) == (2, 1)
    assert (found[hour + 3_600_000].ratings, found[hour + 3_600_000].satisfied) == (1, 0)
    assert (sum(one.resolved for one in found.values()), sum(one.handed_over for one in found.values())) == (1, 1)
    assert await store.outcomes(4_102_444_800_000, 86_400_000) == []


def test_the_least_ulid_of_a_moment() -> None:
    assert floor_of(0) == "0" * 26
    assert floor_of(1_700_000_000_123)[:10] == floor_of(1_700_000_000_123)[:10] > floor_of(1_700_000_000_122)[:10]


async def test_what_goes_on(store: SqlStore) -> None:
    first, second = await opened(store), await opened(store, BEN)
    await store.answer(answer(await asked(store, first, "one")))
    await store.answer(answer(await asked(store, second, "two")))
    await asked(store, first, "three")
    live = await store.live_conversations(0, 10)
    assert [(one.channel, one.text, one.messages, bool(one.analysis)) for one in live] == [
        (first, "three", 3, False), (second, "two", 2, True),
    ]  # fmt: skip
    assert [one.channel for one in await store.live_conversations(0, 1)] == [first]
    assert await store.live_conversations(4_102_444_800_000, 10) == []
    assert [one["intent"] for one in await store.analyses_since(0, 10)] == ["parcel", "parcel"]


async def test_edits_follow_one_upon_the_other(store: SqlStore) -> None:
    assert (await store.edits("personas", 5), await store.edit_revisions()) == ([], {})
    first = Edit("personas", 1, {"a": [1]}, "root", NOW_MS)
    await store.add_edit(first)
    with pytest.raises(Conflict):
        await store.add_edit(replace(first, by="eve"))
    second = Edit("personas", 2, None, "eve", NOW_MS + 1)
    await store.add_edit(second)
    assert await store.edits("personas", 5) == [second, first]
    assert await store.edit_revisions() == {"personas": 2}
