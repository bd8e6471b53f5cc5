"""Resolving, the hand-off and members in the plan of a group commit, with values alone."""

from __future__ import annotations

import pytest

from server.errors import Conflict, NotFound
from server.store.plan import plan_group
from server.store.ports import Changed
from server.wire.parts import State, User
from tests.unit.store.plans import (
    ADA,
    ANN,
    EVE,
    FAY,
    answer,
    append,
    claim,
    claimed,
    facts,
    hand_off,
    head,
    members,
    release,
    resolve,
    shapes,
    turn,
)

EVE_DATA = {"id": "eve", "kind": "agent", "name": "Eve"}


def test_resolving_twice_in_a_group_speaks_once() -> None:
    plan = plan_group(facts(head()), [resolve(1), resolve(2), resolve(3, False), resolve(4, False)])
    assert [one is None for one in plan.outcomes] == [False, True, False, True]
    assert shapes(plan) == [("c", 1, "resolved"), ("c", 2, "reopened")]
    assert plan.states == set()


def test_asking_for_an_agent_is_told_once() -> None:
    plan = plan_group(facts(head(last_offset=4)), [hand_off(1), hand_off(2)])
    first, second = plan.outcomes
    (new,) = plan.messages
    assert first == Changed("waiting", None, new.message, (new.message,))
    assert second == Changed("waiting", None, None)
    assert (new.message.offset, new.message.sender.kind, new.message.text) == (5, "system", "An agent was asked for.")
    assert new.message.data == {"event": "waiting"}
    after = plan.heads["c"]
    assert (after.state, after.waiting_since_ms, after.waiting_reason) == ("waiting", 1, "angry")
    assert plan.states == {"c"}


def test_asking_while_claimed_changes_nothing_and_names_the_agent() -> None:
    plan = plan_group(facts(claimed(), users=[EVE]), [hand_off(1)])
    assert plan.outcomes == [Changed("claimed", EVE, None)]
    assert (plan.messages, plan.heads) == ([], {})


def test_asking_in_a_resolved_conversation_reopens_it_first() -> None:
    plan = plan_group(facts(head(resolved=True)), [hand_off(1)])
    assert shapes(plan) == [("c", 1, "reopened"), ("c", 2, "waiting")]
    (outcome,) = plan.outcomes
    assert isinstance(outcome, Changed) and outcome.message is not None
    assert outcome.messages == tuple(new.message for new in plan.messages)
    assert outcome.message == outcome.messages[1]
    assert not plan.heads["c"].resolved


def test_only_members_ask_where_it_says_so() -> None:
    known = facts(head("a"), head("b"), members=[("a", "ann")])
    plan = plan_group(known, [hand_off(1, to="a", members_only=True), hand_off(2, to="b", members_only=True)])
    assert [type(one) for one in plan.outcomes] == [Changed, NotFound]


@pytest.mark.parametrize("state", ["bot", "waiting"])
def test_a_claim_takes_the_conversation_with_what_is_unanswered(state: State) -> None:
    known = facts(
        head(state=state, claim_number=6, last_offset=2, since_ms=1, reason="why"), turns=[turn("t1", 1), turn("t2", 2)]
    )
    plan = plan_group(known, [append(1, turn=True), claim(2), answer(3, "t1"), append(4, turn=True)])
    (_, told, _) = plan.messages
    assert plan.outcomes[1] == Changed("claimed", EVE, told.message, (told.message,))
    assert (told.message.text, told.message.data) == (
        "Eve has joined the conversation.",
        {"event": "claimed", "agent": EVE_DATA},
    )
    assert plan.outcomes[2] is None
    after = plan.heads["c"]
    assert (after.state, after.agent_id, after.claim_number) == ("claimed", "eve", 7)
    assert after.waiting_since_ms is None
    assert plan.dropped == ["t1", "t2", "m1"]
    assert [one.turn_id for one in plan.turns] == ["m1"]
    assert plan.joins == {("c", "eve"): 2}


def test_the_holder_claims_again_in_vain_and_others_may_not() -> None:
    plan = plan_group(facts(claimed(), users=[EVE]), [claim(1), claim(2, by=FAY), claim(3, by=ADA)])
    assert plan.outcomes[0] == Changed("claimed", EVE, None)
    assert [type(one) for one in plan.outcomes[1:]] == [Conflict, Conflict]
    assert (plan.messages, plan.joins) == ([], {})


def test_of_two_claims_in_a_group_the_first_wins() -> None:
    plan = plan_group(facts(head()), [claim(1, by=FAY), claim(2, by=EVE)])
    assert [type(one) for one in plan.outcomes] == [Changed, Conflict]
    assert plan.heads["c"].agent_id == "fay"
    assert plan.joins == {("c", "fay"): 1}


def test_a_release_gives_the_conversation_back_to_the_bot() -> None:
    plan = plan_group(facts(claimed(number=3), users=[EVE]), [release(1), append(2, turn=True), release(3)])
    told = plan.messages[0].message
    assert plan.outcomes[0] == Changed("bot", None, told, (told,))
    assert (told.text, told.data) == ("Eve has left the conversation.", {"event": "released", "agent": EVE_DATA})
    after = plan.heads["c"]
    assert (after.state, after.agent_id, after.claim_number, after.waiting_reason) == ("bot", None, 3, None)
    assert [one.turn_id for one in plan.turns] == ["m2"]
    assert isinstance(plan.outcomes[2], Conflict)


def test_a_release_to_the_queue_says_so_and_keeps_the_reason() -> None:
    plan = plan_group(facts(claimed(), users=[EVE]), [release(9, waiting=True)])
    assert shapes(plan) == [("c", 1, "released"), ("c", 2, "waiting")]
    messages = tuple(new.message for new in plan.messages)
    assert plan.outcomes == [Changed("waiting", None, messages[0], messages)]
    after = plan.heads["c"]
    assert (after.state, after.waiting_since_ms, after.waiting_reason) == ("waiting", 9, "angry")
    assert [one.message_id for one in messages] == ["m9", "waiting-9"]


def test_what_is_resolved_is_not_put_into_the_queue() -> None:
    plan = plan_group(facts(claimed(resolved=True), users=[EVE]), [release(1, waiting=True)])
    (outcome,) = plan.outcomes
    assert isinstance(outcome, Changed) and outcome.state == "bot"
    assert shapes(plan) == [("c", 1, "released")]


@pytest.mark.parametrize(
    ("by", "may"), [(EVE, True), (FAY, False), (ADA, True), (ANN, False), (User("system", "system", "x"), True)]
)
def test_who_may_release(by: User, may: bool) -> None:
    (outcome,) = plan_group(facts(claimed(), users=[EVE]), [release(1, by=by)]).outcomes
    assert isinstance(outcome, Changed if may else Conflict)


def test_a_release_of_an_earlier_claim_is_refused() -> None:
    plan = plan_group(facts(claimed(number=2), users=[EVE]), [release(1, claim_number=1), release(2, claim_number=2)])
    assert [type(one) for one in plan.outcomes] == [Conflict, Changed]


def test_resolving_takes_a_conversation_out_of_the_queue() -> None:
    plan = plan_group(facts(head(state="waiting", since_ms=1, reason="r")), [resolve(1), resolve(2, False)])
    assert shapes(plan) == [("c", 1, "resolved"), ("c", 2, "reopened")]
    after = plan.heads["c"]
    assert (after.state, after.waiting_since_ms, after.waiting_reason) == ("bot", None, None)


def test_resolving_leaves_a_claim_alone() -> None:
    plan = plan_group(facts(claimed()), [resolve(1)])
    assert (plan.heads["c"].state, plan.heads["c"].agent_id, plan.states) == ("claimed", "eve", set())


def test_members_come_and_go() -> None:
    known = facts(head(), members=[("c", "ann"), ("c", "eve")], users=[EVE, FAY])
    plan = plan_group(known, [members(7, ["fay", "eve", "fay"], ["ann", "nobody"])])
    assert plan.outcomes == [(["fay"], ["ann"])]
    assert (plan.joins, plan.leaves) == ({("c", "fay"): 7}, {("c", "ann")})
    assert plan.messages == []


def test_a_member_to_add_has_to_be_known() -> None:
    plan = plan_group(facts(head(), members=[("c", "ann")], users=[EVE]), [members(1, ["eve", "nobody"], ["ann"])])
    assert isinstance(plan.outcomes[0], NotFound)
    assert (plan.joins, plan.leaves) == ({}, set())


def test_who_leaves_and_comes_back_in_one_group_is_stored_anew() -> None:
    known = facts(head(), members=[("c", "eve")], users=[EVE, FAY])
    back_and_forth = [
        members(1, remove=["eve"]),
        members(2, add=["eve", "fay"]),
        members(3, remove=["fay"]),
    ]
    plan = plan_group(known, back_and_forth)
    assert plan.outcomes == [([], ["eve"]), (["eve", "fay"], []), ([], ["fay"])]
    assert (plan.joins, plan.leaves) == ({("c", "eve"): 2}, {("c", "eve")})
