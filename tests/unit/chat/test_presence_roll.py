"""What one worker knows of its devices, and what it tells the registry."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.backplane.ports import Device
from server.chat import roll as roll_module
from server.chat.roll import FEW, GRACE_MS, REFRESHED_EACH_TIME, Gone, Roll, is_device


def entries(devices: list[Device]) -> set[tuple[str, str]]:
    return {(device.user_id, device.session_id) for device in devices}


def told(roll: Roll, mono_ms: float = 0.0) -> tuple[set[tuple[str, str]], set[tuple[str, str]]]:
    work = roll.take(100, mono_ms)
    return entries(work.adds), set(work.removes)


def test_a_first_device_arrives_and_a_second_is_only_added() -> None:
    roll = Roll("w")
    roll.open("alice", "s1", 5)
    work = roll.take(100, 0)
    assert work.adds == [Device("alice", "s1", "w", 5)]
    assert work.arrivals == {"alice"}
    roll.open("alice", "s2", 5)
    work = roll.take(100, 0)
    assert entries(work.adds) == {("alice", "s2")}
    assert work.arrivals == set()


def test_the_last_device_leaves_an_entry_for_the_grace() -> None:
    roll = Roll("w")
    roll.open("alice", "s1", 5)
    told(roll)
    assert roll.close("alice", "s1", now_ms=700, mono_ms=10_000)
    work = roll.take(100, 10_000)
    assert work.adds == [Device("alice", roll.lingering_id, "w", 700)]
    assert not is_device(work.adds[0])
    assert work.removes == [("alice", "s1")]
    assert roll.due_ms == 10_000 + GRACE_MS
    assert not roll.has_work(14_999)
    assert roll.has_work(15_000)
    work = roll.take(100, 15_000)
    assert work.gone == [Gone("alice", 700)]
    assert work.removes == [("alice", roll.lingering_id)]
    assert roll.devices(0) == []


def test_a_device_beside_another_goes_without_a_grace() -> None:
    roll = Roll("w")
    roll.open("alice", "s1", 5)
    roll.open("alice", "s2", 5)
    told(roll)
    assert not roll.close("alice", "s1", 0, 0)
    assert told(roll) == (set(), {("alice", "s1")})


def test_a_return_within_the_grace_is_no_arrival() -> None:
    roll = Roll("w")
    roll.open("alice", "s1", 5)
    told(roll)
    roll.close("alice", "s1", 0, 0)
    told(roll)
    roll.open("alice", "s2", 5)
    work = roll.take(100, 4_999)
    assert work.arrivals == set()
    assert entries(work.adds) == {("alice", "s2")}
    assert work.removes == [("alice", roll.lingering_id)]
    assert roll.take(100, 99_999).gone == []


def test_who_goes_before_anybody_was_told_was_never_here() -> None:
    roll = Roll("w")
    roll.open("alice", "s1", 5)
    assert roll.close("alice", "s1", 0, 0)
    work = roll.take(100, 99_999)
    assert (work.adds, work.arrivals, work.gone) == ([], set(), [])
    assert roll.devices(0) == []


def test_going_and_coming_between_two_rounds_keeps_the_new_entry() -> None:
    roll = Roll("w")
    roll.open("alice", "s1", 5)
    told(roll)
    for session in ("s2", "s3"):
        roll.close("alice", f"s{int(session[1]) - 1}", 0, 0)
        roll.open("alice", session, 5)
    roll.close("alice", "s3", 0, 0)
    adds, removes = told(roll)
    assert adds == {("alice", roll.lingering_id)}
    assert removes >= {("alice", "s1")}
    assert ("alice", roll.lingering_id) not in removes


def test_unknown_devices_are_ignored() -> None:
    roll = Roll("w")
    assert not roll.close("alice", "s1", 0, 0)
    roll.open("alice", "s1", 5)
    assert not roll.close("alice", "s9", 0, 0)
    assert told(roll) == ({("alice", "s1")}, set())


def test_an_arrival_that_was_not_settled_comes_again() -> None:
    roll = Roll("w")
    roll.open("alice", "s1", 5)
    roll.open("bob", "s2", 5)
    work = roll.take(100, 0)
    roll.close("bob", "s2", 0, 0)  # while the registry is asked
    roll.arrive_again([*work.arrivals, "nobody"])
    work = roll.take(100, 0)
    assert work.arrivals == {"alice"}
    assert entries(work.adds) == {("alice", "s1")}
    assert ("bob", "s2") in work.removes  # it may have been entered
    assert roll.take(100, 99_999).gone == []


def test_who_arrives_again_and_was_known_departs() -> None:
    """A worker that was taken for dead and rises: others may still see its users."""
    roll = Roll("w")
    roll.open("alice", "s1", 5)
    roll.open("bob", "s2", 5)
    told(roll)
    roll.open("carol", "s3", 5)
    roll.close("bob", "s2", 0, 0)  # while the registry is asked
    roll.arrive_again(["alice", "bob", "carol"], were_told=True)
    assert roll.close("alice", "s1", 7, 0)
    assert roll.close("carol", "s3", 7, 0)  # nobody has heard of her
    work = roll.take(100, 0)
    assert entries(work.adds) == {("alice", roll.lingering_id), ("bob", roll.lingering_id)}
    assert work.arrivals == {"alice", "bob"}
    roll.arrive_again(work.arrivals)  # the registry was away
    assert roll.take(100, GRACE_MS).gone == [Gone("bob", 0), Gone("alice", 7)]
    assert roll.devices(0) == []


def test_who_arrives_again_and_comes_back_within_the_grace_arrives_once() -> None:
    roll = Roll("w")
    roll.open("alice", "s1", 5)
    told(roll)
    roll.arrive_again(["alice"], were_told=True)
    roll.close("alice", "s1", 0, 0)
    roll.open("alice", "s2", 5)
    work = roll.take(100, 0)
    assert (entries(work.adds), work.arrivals) == ({("alice", "s2")}, {"alice"})
    assert roll.take(100, GRACE_MS).gone == []


def test_open_connections_are_alive_and_departures_have_their_time() -> None:
    roll = Roll("w")
    roll.open("alice", "s1", 5)
    roll.open("bob", "s2", 5)
    told(roll)
    roll.close("bob", "s2", now_ms=50, mono_ms=0)
    assert {device.user_id: device.at_ms for device in roll.devices(90)} == {"alice": 90, "bob": 50}
    assert roll.connected() == ["alice"]
    assert set(roll.departures(90)) == {Gone("alice", 90), Gone("bob", 50)}
    assert [device.at_ms for device in roll.devices_of("bob", 90)] == [50]
    assert roll.devices_of("carol", 90) == []


def test_a_round_is_bounded() -> None:
    roll = Roll("w")
    for number in range(10):
        roll.open(f"user {number}", f"s{number}", 5)
    assert len(roll.take(4, 0).adds) == 4
    assert len(roll.take(99, 0).adds) == 6
    for number in range(10):
        roll.close(f"user {number}", f"s{number}", 0, 0)
    roll.take(99, 0)
    assert len(roll.take(4, GRACE_MS).gone) == 4
    assert len(roll.take(99, GRACE_MS).gone) == 6


def test_what_the_registry_is_to_drop_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(roll_module, "MAX_REMOVES", 2)
    roll = Roll("w")
    for session in ("s1", "s2", "s3", "s4"):
        roll.open("alice", session, 5)
    told(roll)
    for session in ("s1", "s2", "s3"):
        roll.close("alice", session, 0, 0)
    assert told(roll) == (set(), {("alice", "s2"), ("alice", "s3")})


def test_of_many_everybody_is_renewed_within_ten_times() -> None:
    roll = Roll("w")
    for number in range(FEW + 50):
        roll.open(f"user {number}", f"s{number}", 5)
    for time in range(REFRESHED_EACH_TIME):
        devices = roll.devices(1_000)
        assert len(devices) == FEW + 50
        assert sum(device.at_ms == 1_000 for device in devices) == (time + 1) * (FEW + 50) // REFRESHED_EACH_TIME
    assert [device.at_ms for device in roll.devices_of("user 3", 2_000)] == [2_000]


@dataclass(frozen=True)
class Doing:
    what: str
    user_id: str
    session: int
    ms: int


DOINGS = st.lists(
    st.builds(
        Doing,
        st.sampled_from(("open", "open", "close", "close", "round", "wait")),
        st.sampled_from(("alice", "bob")),
        st.integers(0, 3),
        st.integers(0, 4_000),
    ),
    max_size=60,
)


@given(DOINGS, st.integers(1, 3))
def test_the_registry_ends_up_with_what_is_here(doings: list[Doing], limit: int) -> None:
    """And whoever is here without having arrived, or has gone without a departure, is nobody."""
    roll = Roll("w")
    registry: set[tuple[str, str]] = set()
    present: set[str] = set()
    opened: set[tuple[str, str]] = set()
    mono_ms, made = 0.0, 0

    def work_off() -> None:
        work = roll.take(limit, mono_ms)
        registry.update(entries(work.adds))
        registry.difference_update(work.removes)
        assert not work.arrivals & present
        present.update(work.arrivals)
        for gone in work.gone:
            present.remove(gone.user_id)

    for doing in doings:
        match doing.what:
            case "open":
                made += 1
                opened.add((doing.user_id, f"s{made}"))
                roll.open(doing.user_id, f"s{made}", 5)
            case "close" if mine := sorted(one for one in opened if one[0] == doing.user_id):
                chosen = mine[doing.session % len(mine)]
                opened.remove(chosen)
                roll.close(*chosen, 0, mono_ms)
            case "round":
                work_off()
            case "wait":
                mono_ms += doing.ms
    while roll.has_work(mono_ms):
        work_off()
    here = entries(roll.devices(0))
    assert registry == here
    assert {entry for entry in here if not entry[1].startswith("~")} == opened
    assert present == {user_id for user_id, _ in here}
