"""Differences merge into what applying each of them gives."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from server.chat.differences import GATHER_MS, Differences, Gathering, Told
from server.wire.parts import Presence, User

USERS = ("alice", "bob", "carol")


def presence(user_id: str, number: int = 0) -> Presence:
    return Presence(User(user_id, "customer", user_id), "online", number, 1)


@dataclass(frozen=True)
class Move:
    user_id: str
    away_becomes_there: bool
    number: int


MOVES = st.lists(st.builds(Move, st.sampled_from(USERS), st.booleans(), st.integers(1, 1_000)), max_size=30)
MEMBERS = st.dictionaries(st.sampled_from(USERS), st.just(0)).map(
    lambda found: {user_id: presence(user_id) for user_id in found}
)


def step(there: dict[str, Presence], move: Move) -> Told:
    """A difference that can follow: who is away joins, who is there leaves or changes. ``there`` moves with it."""
    now = presence(move.user_id, move.number)
    if move.user_id not in there:
        there[move.user_id] = now
        return Told([now], [], [])
    if move.away_becomes_there:
        there[move.user_id] = now
        return Told([], [], [now])
    del there[move.user_id]
    return Told([], [now], [])


def apply(there: dict[str, Presence], told: Told) -> dict[str, Presence]:
    """As a strict client would: complain about what can't be."""
    now = dict(there)
    for shown in told.joined:
        assert shown.user.id not in now
        now[shown.user.id] = shown
    for shown in told.changed:
        assert shown.user.id in now
        now[shown.user.id] = shown
    for shown in told.left:
        assert shown.user.id in now
        del now[shown.user.id]
    return now


@given(MEMBERS, MOVES)
def test_the_merged_difference_is_the_sum_of_all(before: dict[str, Presence], moves: list[Move]) -> None:
    there = dict(before)
    differences = Differences()
    for move in moves:
        differences.merge(*step(there, move))
    assert apply(before, differences.told()) == there


@given(MEMBERS, MOVES, st.integers(0, 30))
def test_merging_merged_differences_is_merging_all(before: dict[str, Presence], moves: list[Move], cut: int) -> None:
    there = dict(before)
    first, second, both = Differences(), Differences(), Differences()
    for number, move in enumerate(moves):
        told = step(there, move)
        both.merge(*told)
        (first if number < cut else second).merge(*told)
    joined = Differences()
    joined.merge(*first.told())
    joined.merge(*second.told())
    assert apply(before, joined.told()) == apply(before, both.told()) == there


def test_what_cancels_out_is_nothing() -> None:
    differences = Differences()
    differences.joined(presence("alice"))
    differences.changed(presence("alice", 2))
    differences.left(presence("alice", 3))
    assert not differences.told()


def test_left_and_joined_again_is_a_change() -> None:
    differences = Differences()
    differences.left(presence("alice", 1))
    differences.joined(presence("alice", 2))
    assert differences.told() == Told([], [], [presence("alice", 2)])


def test_a_channels_first_move_opens_its_window() -> None:
    gathering = Gathering()
    gathering.of("a", 1_000).joined(presence("alice"))
    gathering.of("b", 1_100).joined(presence("bob"))
    gathering.of("a", 1_200).joined(presence("carol"))
    assert gathering.due_ms == 1_000 + GATHER_MS
    assert gathering.take(1_249) == []
    ((channel, differences),) = gathering.take(1_250)
    assert channel == "a"
    assert [shown.user.id for shown in differences.told().joined] == ["alice", "carol"]
    assert gathering.due_ms == 1_350
    assert [channel for channel, _ in gathering.take(9_999)] == ["b"]
    assert gathering.due_ms is None
