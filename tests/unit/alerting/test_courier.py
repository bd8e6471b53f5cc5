"""Letters: in order for each target, tried again, bounded, and never lost without being counted."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import httpx2
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.chat.alerting.carriers import DELIVERY_HEADER, Mailbox, WebhookCarrier, mail_of
from server.chat.alerting.courier import FIRST_PAUSE_S, MAX_PAUSE_S, MAX_TRIES, Courier, DeliveryError, pause_s
from server.chat.alerting.letters import Letter, Target, letters
from server.chat.alerting.sending import Notice
from server.chat.language.signing import SIGNATURE_HEADER, TIMESTAMP_HEADER, is_genuine
from server.clock import ManualClock
from tests.unit.alerting.ledger import Post, no_sleep
from tests.unit.alerting.support import NOW_MS, alert, plan

HOOK = Target("webhook", "https://hooks.example/x")
OTHER = Target("email", "ops@example.org")


def letter(number: int, target: Target = HOOK) -> Letter:
    return Letter(target, f"d{number}", f"subject {number}", "text", b"{}", (f"a{number}",))


class Office:
    """A courier, with what it counted and what it is done with."""

    def __init__(self, max_waiting: int = 100, sleep: Any = no_sleep) -> None:
        self.post, self.counted, self.ended = Post(), list[tuple[str, str]](), list[str]()
        self.courier = Courier(
            {"webhook": self.post, "email": self.post},
            rng=random.Random(1),
            count=lambda channel, outcome: self.counted.append((channel, outcome)),
            ended=lambda one: self.ended.append(one.delivery_id),
            sleep=sleep,
            max_waiting=max_waiting,
        )

    async def settle(self) -> None:
        for _ in range(100):
            await asyncio.sleep(0)


async def test_a_failing_target_holds_up_itself_alone_and_keeps_its_order() -> None:
    pauses: list[float] = []

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)
        for _ in range(10):
            await asyncio.sleep(0)

    office, failures = Office(sleep=sleep), [DeliveryError("busy"), DeliveryError("busy", retry_after_s=30.0)]
    office.post.fails = lambda one: failures.pop() if one.delivery_id == "d1" and failures else None
    for number, target in ((1, HOOK), (2, HOOK), (3, OTHER)):
        office.courier.send(letter(number, target))
    await office.settle()
    assert [one.delivery_id for one in office.post.letters] == ["d3", "d1", "d2"]
    assert sorted(office.counted) == [
        ("email", "delivered"), ("webhook", "delivered"), ("webhook", "delivered"), *[("webhook", "retried")] * 2
    ]  # fmt: skip
    assert pauses[0] == 30.0 and pauses[1] <= 2 * FIRST_PAUSE_S
    assert office.courier.waiting == 0


async def test_what_is_never_taken_is_dead() -> None:
    office = Office()
    office.post.fails = lambda one: DeliveryError("gone", lasting=one.delivery_id == "d1")
    office.courier.send(letter(1))
    office.courier.send(letter(2))
    await office.settle()
    assert office.post.letters == []
    assert office.counted == [("webhook", "dead"), *[("webhook", "retried")] * (MAX_TRIES - 1), ("webhook", "dead")]
    assert office.ended == ["d1", "d2"]


async def test_a_full_line_lets_the_oldest_go_that_is_not_under_way() -> None:
    stuck = asyncio.Event()
    office = Office(max_waiting=3, sleep=lambda _: stuck.wait())
    office.post.fails = lambda _: None if stuck.is_set() else DeliveryError("busy")
    for number in range(1, 6):
        office.courier.send(letter(number))
        await office.settle()
    assert office.ended == ["d2", "d3"]
    assert office.courier.waiting == 3
    stuck.set()
    await office.settle()
    assert [one.delivery_id for one in office.post.letters] == ["d1", "d4", "d5"]


async def test_a_carriers_own_fault_stops_nothing() -> None:
    office = Office()

    def fail(one: Letter) -> DeliveryError | None:
        if one.delivery_id == "d1":
            raise RuntimeError("a bug")
        return None

    office.post.fails = fail
    office.courier.send(letter(1))
    office.courier.send(letter(2))
    await office.settle()
    assert (office.ended, office.counted[0]) == (["d1", "d2"], ("webhook", "dead"))


async def test_closing_gives_up_what_waits() -> None:
    office = Office()
    office.courier.send(letter(1))
    await office.courier.close()
    assert office.post.closed and office.ended == ["d1"]


@given(st.integers(1, 40), st.randoms(use_true_random=False))
def test_pauses_double_within_bounds(tries: int, rng: random.Random) -> None:
    longest = min(MAX_PAUSE_S, FIRST_PAUSE_S * 2.0 ** (tries - 1))
    assert longest / 2 <= pause_s(tries, rng) <= longest


# ------------------------------------------------------------------ webhooks


async def carried(answer: Any) -> tuple[list[httpx2.Request], DeliveryError | None]:
    asked: list[httpx2.Request] = []

    def respond(request: httpx2.Request) -> httpx2.Response:
        asked.append(request)
        if isinstance(answer, Exception):
            raise answer
        return httpx2.Response(answer[0], headers=answer[1]) if isinstance(answer, tuple) else httpx2.Response(answer)

    carrier = WebhookCarrier("sesame", clock=ManualClock(NOW_MS), transport=httpx2.MockTransport(respond))
    try:
        await carrier.carry(letter(1))
    except DeliveryError as error:
        return asked, error
    finally:
        await carrier.close()
    return asked, None


async def test_a_webhook_is_signed() -> None:
    (request,), error = await carried(204)
    assert error is None
    stamp_s = int(request.headers[TIMESTAMP_HEADER])
    assert stamp_s == NOW_MS // 1_000
    given = request.headers[SIGNATURE_HEADER]
    assert is_genuine(b"sesame", stamp_s, request.content, given, now_s=stamp_s + 299)
    assert not is_genuine(b"other", stamp_s, request.content, given, now_s=stamp_s)
    assert not is_genuine(b"sesame", stamp_s, request.content + b" ", given, now_s=stamp_s)
    assert request.headers[DELIVERY_HEADER] == "d1"


@pytest.mark.parametrize(
    ("answer", "lasting", "retry_after_s"),
    [
        (500, False, None), ((503, {"retry-after": "7"}), False, 7.0), ((429, {"retry-after": "soon"}), False, None),
        (408, False, None), (404, True, None), (410, True, None), (302, True, None),
        (httpx2.ConnectError("no route to https://hooks.example/secret"), False, None),
    ],
)  # fmt: skip
async def test_what_a_webhook_says_decides_about_another_try(
    answer: Any, lasting: bool, retry_after_s: float | None
) -> None:
    asked, error = await carried(answer)
    assert len(asked) == 1 and error is not None
    assert (error.lasting, error.retry_after_s) == (lasting, retry_after_s)
    assert "hooks.example" not in str(error)


# ------------------------------------------------------------------ what is said


def test_what_receivers_are_told() -> None:
    rows = (alert("a1", value=0.5), alert("a2", "gone", severity="critical", about={"version": "nlu-1"}))
    hook, mail = (
        letters(Notice(name, "quality", "raised", rows), plan(), delivery_id="d1", now_ms=NOW_MS)[0]
        for name in ("team", "on_call")
    )
    body = msgspec.json.decode(hook.body)
    assert (body["version"], body["delivery_id"], body["group"], body["state"]) == (1, "d1", "quality", "raised")
    assert body["alerts"][0] == {
        "alert_id": "a1", "rule": "handoffs", "severity": "warning", "state": "raised", "at_ms": NOW_MS, "value": 0.5,
        "raised_at_ms": NOW_MS, "measure": "handoffs", "unit": "share", "direction": "above", "threshold": 0.4,
    }  # fmt: skip
    assert body["alerts"][1]["version"] == "nlu-1"
    assert mail.subject == "[Parlance CRITICAL] gone, handoffs"
    assert "value 0.5 (share), above 0.4" in mail.text and "critical: gone (version nlu-1)" in mail.text
    assert letters(Notice("nobody", "g", "raised", rows), plan(), delivery_id="d", now_ms=0) == []


def test_a_mail_is_marked_as_a_machines() -> None:
    mail = mail_of(letter(1, OTHER), Mailbox("mx", 25, "parlance@example.org"), NOW_MS)
    assert mail["To"] == "ops@example.org" and mail["From"] == "parlance@example.org"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["Date"] == "Tue, 14 Nov 2023 22:13:20 -0000"
    assert "@example.org>" in mail["Message-ID"] and mail.get_content() == "text\n"
