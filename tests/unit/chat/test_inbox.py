"""The inbox for agents and admins: rights, labels, redaction, looking after it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from typing import Any, cast

import pytest

from inference.pii import redact
from server.chat.inbox import DAY_MS, MAX_LAPSING, Inbox, checked_label
from server.clock import ManualClock
from server.errors import Forbidden, Invalid, Unavailable
from server.store.inbox_ports import NO_INTENT, Agreement, Doubt, InboxItem, Judgement
from server.store.ports import Store
from server.telemetry import Metrics
from server.wire.parts import Kind
from tests.unit.chat.house import caller

DOUBT = Doubt("parcel", 0.31, (("parcel", 0.31),), 0.12, "en", "nlu-1.2.0")
KNOWN = ("order_status", "refund")


def item(number: int, text: str = "write to ann@example.org") -> InboxItem:
    return InboxItem(f"m{number}", "conv:x", number, number, text, DOUBT)


@dataclass
class FakeStore:
    items: list[InboxItem] = field(default_factory=list)
    asked: list[Any] = field(default_factory=list)
    lapsing: list[int] = field(default_factory=list)

    async def inbox(self, **which: Any) -> list[InboxItem]:
        self.asked.append(which)
        return self.items[: which["limit"]]

    async def judge(self, judgement: Judgement) -> InboxItem:
        self.asked.append(judgement)
        state: Any = "dismissed" if judgement.label is None else "labelled"
        return replace(item(1), state=state, label=judgement.label)

    async def inbox_labels(self) -> list[str]:
        return ["torn"]

    async def count_open_doubts(self) -> int:
        return 7

    async def lapse_doubts(self, before_ms: int, keep: int, limit: int) -> int:
        self.asked.append((before_ms, keep, limit))
        return self.lapsing.pop(0)

    async def relabel_agreement(self) -> list[Agreement]:
        return [Agreement("nlu-1.2.0", 4, 3)]


@dataclass
class Tray:
    store: FakeStore = field(default_factory=FakeStore)
    clock: ManualClock = field(default_factory=ManualClock)
    metrics: Metrics = field(default_factory=Metrics)
    redacts: bool = True

    @property
    def inbox(self) -> Inbox:
        return Inbox(
            store=cast(Store, self.store),
            clock=self.clock,
            metrics=self.metrics,
            known=lambda: KNOWN,
            redact=redact if self.redacts else None,
            kept_ms=2 * DAY_MS,
            kept_items=5,
        )


@pytest.mark.parametrize("kind", ["customer", "service"])
async def test_it_is_for_agents_and_admins(kind: Kind) -> None:
    tray = Tray()
    who, inbox = caller(kind), tray.inbox
    for asking in (
        inbox.page(who, state=None, model=None, before=None, limit=5),
        inbox.label(who, "m1", "refund", new=False),
        inbox.dismiss(who, "m1"),
        inbox.agreement(who),
    ):
        with pytest.raises(Forbidden):
            await asking
    assert tray.store.asked == []


async def test_pages_say_whether_there_are_more() -> None:
    tray = Tray(FakeStore([item(number) for number in range(3)]))
    found, more = await tray.inbox.page(caller("admin"), state="open", model="m", before="b", limit=2)
    assert ([one.turn_id for one in found], more) == (["m0", "m1"], True)
    assert tray.store.asked == [{"state": "open", "model": "m", "before": "b", "limit": 3}]
    _, more = await tray.inbox.page(caller("agent"), state=None, model=None, before=None, limit=3)
    assert not more


@pytest.mark.parametrize(("redacts", "text"), [(True, "write to [email]"), (False, "write to ann@example.org")])
async def test_personal_data_is_redacted_where_the_setting_says_so(redacts: bool, text: str) -> None:
    tray = Tray(FakeStore([item(1)]), redacts=redacts)
    found, _ = await tray.inbox.page(caller(), state=None, model=None, before=None, limit=2)
    labelled = await tray.inbox.label(caller(), "m1", "refund", new=False)
    assert [found[0].text, labelled.text] == [text, text]


async def test_labels_and_dismissals_are_stored_with_who_and_when() -> None:
    tray = Tray()
    await tray.inbox.label(caller("agent", "ann"), "m1", "refund", new=False)
    await tray.inbox.label(caller("agent", "ann"), "m1", NO_INTENT, new=False)
    await tray.inbox.label(caller("agent", "ann"), "m1", "torn", new=False)
    await tray.inbox.dismiss(caller("admin", "ada"), "m1")
    now_ms = tray.clock.now_ms()
    assert tray.store.asked == [
        Judgement("m1", "refund", "ann", now_ms),
        Judgement("m1", NO_INTENT, "ann", now_ms),
        Judgement("m1", "torn", "ann", now_ms),
        Judgement("m1", None, "ada", now_ms),
    ]


class TestLabels:
    def test_known_ones_new_ones_and_none(self) -> None:
        assert checked_label("refund", KNOWN, new=False) == "refund"
        assert checked_label("juggling", KNOWN, new=True) == "juggling"
        assert checked_label(None, KNOWN, new=False) == checked_label("oos", (), new=False) == NO_INTENT

    def test_a_slip_of_the_pen_makes_no_intent(self) -> None:
        with pytest.raises(Invalid, match=r"no intent 'oder_status' yet. Did you mean 'order_status'"):
            checked_label("oder_status", KNOWN, new=False)
        with pytest.raises(Invalid, match=r"no intent 'juggling' yet. Say that it is new"):
            checked_label("juggling", KNOWN, new=False)

    @pytest.mark.parametrize("name", ["", "Refund", "a b", "7up", "x" * 65, "a\n"])
    def test_what_can_not_be_a_name(self, name: str) -> None:
        with pytest.raises(Invalid, match="is no name"):
            checked_label(name, KNOWN, new=True)


class TestLookingAfter:
    async def test_the_old_go_in_small_steps_and_the_rest_is_counted(self) -> None:
        tray = Tray(FakeStore(lapsing=[MAX_LAPSING, 3]))
        tray.clock.advance(5 * DAY_MS)
        await tray.inbox.look_after(lapsing=True)
        before_ms = tray.clock.now_ms() - 2 * DAY_MS
        assert tray.store.asked == [(before_ms, 5, MAX_LAPSING)] * 2
        shown = tray.metrics.render().decode()
        assert "parlance_inbox_open 7.0" in shown
        assert 'parlance_relabelled{model="nlu-1.2.0"} 4.0' in shown
        assert 'parlance_relabel_agreement_ratio{model="nlu-1.2.0"} 0.75' in shown

    async def test_a_store_that_is_away_does_not_end_it(self, monkeypatch: pytest.MonkeyPatch) -> None:
        tray, rounds = Tray(), 0
        inbox = tray.inbox

        async def away(*, lapsing: bool) -> None:
            nonlocal rounds
            rounds += 1
            if rounds == 3:
                raise asyncio.CancelledError
            raise Unavailable("away") if rounds == 1 else ValueError("anything")

        async def at_once(_seconds: float) -> None:
            return None

        monkeypatch.setattr(inbox, "look_after", away)
        monkeypatch.setattr("server.chat.inbox.asyncio.sleep", at_once)
        with pytest.raises(asyncio.CancelledError):
            await inbox.keep()
        assert rounds == 3
