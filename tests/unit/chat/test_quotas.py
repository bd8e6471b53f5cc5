"""What a user and an address may do, and what it costs to keep count of them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.backplane.memory import MemoryLimiter
from server.chat import quotas
from server.chat.quotas import Doorkeeper, Quotas, household, is_own
from server.clock import ManualClock
from server.errors import RateLimited
from server.limits import Quota

ELSEWHERE = "203.0.113.7"
MESSAGES = Quota("messages", burst=2, every_ms=1_000)
FAILED = Quota("failed_tokens", burst=2, every_ms=10_000)


class Door:
    """A doorkeeper, its clock, and the names of what it refused."""

    def __init__(self, given: Quotas) -> None:
        self.clock = ManualClock()
        self.refused: list[str] = []
        self.keeper = Doorkeeper(MemoryLimiter(self.clock), given, self.clock, self.refused.append)


# ------------------------------------------------------------------ users


async def test_what_is_over_the_quota_is_refused_and_says_when_to_come_back() -> None:
    door = Door(Quotas(messages=MESSAGES))
    for _ in range(2):
        await door.keeper.charge(door.keeper.quotas.messages, "ann")
    with pytest.raises(RateLimited, match="too many messages") as refused:
        await door.keeper.charge(MESSAGES, "ann")
    assert (refused.value.retry_after_ms, door.refused) == (1_000, ["messages"])
    await door.keeper.charge(MESSAGES, "bob")
    door.clock.advance(1_000)
    await door.keeper.charge(MESSAGES, "ann")


async def test_without_quotas_nothing_is_refused() -> None:
    door = Door(Quotas())
    for _ in range(1_000):
        await door.keeper.charge(door.keeper.quotas.messages, "ann")
        door.keeper.count_devices(1_000_000)
        assert door.keeper.enter(ELSEWHERE)
        await door.keeper.token_failed(ELSEWHERE)
        assert door.keeper.barred_ms(ELSEWHERE) == 0
    assert door.refused == []


def test_devices_of_one_user() -> None:
    door = Door(Quotas(connections_per_user=2))
    door.keeper.count_devices(2)
    with pytest.raises(RateLimited, match="at most 2 connections"):
        door.keeper.count_devices(3)
    assert door.refused == ["connections_per_user"]


# ------------------------------------------------------------------ addresses


def test_an_address_has_so_many_connections_at_a_time() -> None:
    door = Door(Quotas(connections_per_address=2))
    assert [door.keeper.enter(ELSEWHERE) for _ in range(3)] == [True, True, False]
    assert door.refused == ["connections_per_address"]
    assert door.keeper.enter("203.0.113.8")
    door.keeper.leave(ELSEWHERE)
    assert [door.keeper.enter(ELSEWHERE) for _ in range(2)] == [True, False]


@given(st.lists(st.tuples(st.sampled_from(["198.51.100.1", "198.51.100.2", "2001:db8::1"]), st.booleans())))
def test_the_count_is_of_those_that_are_open(moves: list[tuple[str, bool]]) -> None:
    door = Door(Quotas(connections_per_address=3))
    open_now: dict[str, int] = {}
    for address, comes in moves:
        if comes:
            assert door.keeper.enter(address) == (open_now.get(address, 0) < 3)
            open_now[address] = min(3, open_now.get(address, 0) + 1)
        elif open_now.get(address, 0):
            door.keeper.leave(address)
            open_now[address] -= 1
    for address, count in open_now.items():
        for _ in range(count):
            door.keeper.leave(address)
    assert door.keeper._open == {}, "what nobody has open is forgotten"


async def test_an_address_that_guesses_is_barred_for_a_while() -> None:
    door = Door(Quotas(failed_tokens=FAILED))
    for _ in range(2):
        await door.keeper.token_failed(ELSEWHERE)
        assert door.keeper.barred_ms(ELSEWHERE) == 0
    await door.keeper.token_failed(ELSEWHERE)
    assert door.keeper.barred_ms(ELSEWHERE) == 10_000
    assert door.keeper.barred_ms("203.0.113.8") == 0
    door.clock.advance(9_999.5)
    assert door.keeper.barred_ms(ELSEWHERE) == 1
    door.clock.advance(0.5)
    assert door.keeper.barred_ms(ELSEWHERE) == 0
    assert door.refused == ["failed_tokens"] * 2


async def test_the_barred_are_bounded_and_the_newest_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quotas, "MAX_BARRED", 10)
    door = Door(Quotas(failed_tokens=Quota("failed_tokens", burst=1, every_ms=10_000)))
    addresses = [f"198.51.100.{number}" for number in range(30)]
    for address in addresses:
        await door.keeper.token_failed(address)
        await door.keeper.token_failed(address)
    assert [address for address in addresses if door.keeper.barred_ms(address)] == addresses[-10:]


async def test_this_machine_itself_is_never_limited() -> None:
    door = Door(Quotas(failed_tokens=FAILED, connections_per_address=1))
    for address in ("127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1", ""):
        for _ in range(5):
            assert door.keeper.enter(address)
            await door.keeper.token_failed(address)
        assert door.keeper.barred_ms(address) == 0
        assert is_own(address)
    assert door.refused == []


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::1", "2001:db8:1:3::/64"),
        ("no:address", "no:address"),
        ("", ""),
    ],
)
def test_what_counts_as_one_address(address: str, counted: str) -> None:
    assert household(address) == counted


async def test_who_has_a_whole_ipv6_network_is_still_one() -> None:
    door = Door(Quotas(failed_tokens=FAILED, connections_per_address=2))
    assert [door.keeper.enter(f"2001:db8::{number:x}") for number in range(1, 4)] == [True, True, False]
    for number in range(1, 4):
        await door.keeper.token_failed(f"2001:db8::{number:x}")
    assert door.keeper.barred_ms("2001:db8::ffff") > 0
    assert door.keeper.barred_ms("2001:db8:0:1::1") == 0
