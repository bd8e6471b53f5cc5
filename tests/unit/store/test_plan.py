"""Messages, turns and answers in the plan of a group commit, with values alone."""

from __future__ import annotations

import pytest

from server.errors import Conflict, NotFound
from server.store.ledger import StoredMessage
from server.store.operations import ConversationOp
from server.store.plan import plan_group
from server.store.ports import Appended
from server.wire.frames import Message
from tests.unit.store.plans import (
    EVE,
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


def test_offsets_go_on_from_the_head() -> None:
    plan = plan_group(
        facts(head("a", last_offset=4), head("b")), [append(1, to="a"), append(2, to="b"), append(3, to="a")]
    )
    assert shapes(plan) == [("a", 5, "customer"), ("b", 1, "customer"), ("a", 6, "customer")]
    assert {name: one.last_offset for name, one in plan.heads.items()} == {"a": 6, "b": 1}
    assert plan.heads["a"].at_ms == 3
    assert plan.states == set()


def test_a_missing_conversation_fails_alone() -> None:
    none = "zz"
    refused: list[ConversationOp] = [
        append(1, to=none),
        resolve(3, to=none),
        answer(4, "t", to=none),
        hand_off(5, to=none),
        claim(6, to=none),
        release(7, to=none),
        members(8, ["eve"], to=none),
    ]
    plan = plan_group(facts(head("a"), users=[EVE]), [append(2, to="a"), *refused])
    assert [type(one) for one in plan.outcomes] == [Appended, *[NotFound] * len(refused)]
    assert shapes(plan) == [("a", 1, "customer")]


def test_a_duplicate_inside_the_group_gives_the_first() -> None:
    plan = plan_group(facts(head()), [append(1, key="k", turn=True), append(2, key="k", turn=True)])
    first, again = plan.outcomes
    assert isinstance(first, Appended) and isinstance(again, Appended)
    assert again == Appended(first.message, duplicate=True, messages=(), turn=None)
    assert (len(plan.messages), len(plan.turns)) == (1, 1)


def test_a_conflict_inside_the_group_fails_alone() -> None:
    plan = plan_group(facts(head()), [append(1, key="k", text="a"), append(2, key="k", text="b"), append(3)])
    assert [type(one) for one in plan.outcomes] == [Appended, Conflict, Appended]
    assert [new.message.offset for new in plan.messages] == [1, 2]


def test_a_stored_key_is_found() -> None:
    op = append(1, key="k")
    stored = Message("conv:c", "e", 3, "m0", 0, op.append.sender, "hi", key="k")
    known = facts(head(last_offset=3), stored={("c", "ann", "k"): StoredMessage(stored, op.digest)})
    plan = plan_group(known, [op, append(2, key="k", text="other")])
    assert plan.outcomes[0] == Appended(stored, duplicate=True, messages=(), turn=None)
    assert isinstance(plan.outcomes[1], Conflict)
    assert (plan.messages, plan.heads) == ([], {})


def test_reopening_puts_the_system_before_the_customer() -> None:
    plan = plan_group(
        facts(head(resolved=True, last_offset=2)), [append(1, kind="agent"), append(2, turn=True), append(3)]
    )
    assert shapes(plan) == [("c", 3, "agent"), ("c", 4, "reopened"), ("c", 5, "customer"), ("c", 6, "customer")]
    assert not plan.heads["c"].resolved
    reopened = plan.messages[1]
    assert (reopened.message.message_id, reopened.message.data) == ("reopen-2", {"event": "reopened"})
    assert reopened.data_json == '{"event":"reopened"}'
    assert [(one.turn_id, one.offset) for one in plan.turns] == [("m2", 5)]


def test_a_duplicate_does_not_reopen() -> None:
    plan = plan_group(facts(head()), [append(1, key="k"), resolve(2), append(3, key="k")])
    assert shapes(plan) == [("c", 1, "customer"), ("c", 2, "resolved")]
    assert plan.heads["c"].resolved


# --------------------------------------------------------------------------- who may write


def test_members_only_lets_members_in() -> None:
    known = facts(head("a"), head("b"), members=[("a", "ann")])
    plan = plan_group(known, [append(1, to="a", members_only=True), append(2, to="b", members_only=True)])
    assert [type(one) for one in plan.outcomes] == [Appended, NotFound]
    plan = plan_group(known, [append(3, to="b")])
    assert isinstance(plan.outcomes[0], Appended)


def test_a_removed_member_is_out_from_there_on_and_may_not_repeat() -> None:
    send = [append(number, key=key, members_only=True) for number, key in ((1, "k"), (2, "k"), (3, "l"))]
    known = facts(head(), members=[("c", "ann")])
    plan = plan_group(known, [send[0], members(9, remove=["ann"]), send[1], send[2]])
    assert [type(one) for one in plan.outcomes] == [Appended, tuple, NotFound, NotFound]


def test_a_foreign_conversation_is_not_found_as_one_that_does_not_exist() -> None:
    plan = plan_group(facts(head("a")), [append(1, to="a", members_only=True), append(2, to="b", members_only=True)])
    assert [str(one).replace("'b'", "'a'") for one in plan.outcomes] == [str(plan.outcomes[0])] * 2


@pytest.mark.parametrize(
    ("sender", "kind", "may"),
    [
        ("eve", "agent", True),
        ("fay", "agent", False),
        ("echo", "bot", False),
        ("ann", "customer", True),
        ("eve", "bot", False),
    ],
)
def test_only_the_claims_agent_and_customers_write_under_a_claim(sender: str, kind: str, may: bool) -> None:
    op = append(1, sender=sender, kind=kind)  # type: ignore[arg-type]
    (outcome,) = plan_group(facts(claimed()), [op]).outcomes
    assert isinstance(outcome, Appended if may else Conflict)
    (outcome,) = plan_group(facts(head(state="waiting")), [op]).outcomes
    assert isinstance(outcome, Appended)


def test_what_was_stored_before_the_claim_is_still_a_duplicate_under_it() -> None:
    op = append(1, sender="fay", kind="agent", key="k")
    plan = plan_group(facts(head()), [op, claim(2), append(3, sender="fay", kind="agent", key="k")])
    again = plan.outcomes[2]
    assert isinstance(again, Appended) and again.duplicate


# --------------------------------------------------------------------------- turns


def test_a_turn_is_the_senders_workers_when_nothing_is_open() -> None:
    plan = plan_group(facts(head()), [append(1, turn=True, worker="w1"), append(2, worker="w1")])
    first, second = plan.outcomes
    assert isinstance(first, Appended) and first.turn is not None and first.holder is None
    assert (first.turn.turn_id, first.turn.lease_number, first.turn.message) == ("m1", 1, first.message)
    assert isinstance(second, Appended) and second.turn is None and second.holder is None
    (opened,) = plan.turns
    assert (opened.worker, opened.lease_until_ms, opened.lease_ms) == ("w1", None, 6_000)


def test_a_turn_joins_the_holder_of_the_open_ones_with_its_lease() -> None:
    known = facts(head(last_offset=2), turns=[turn("t1", 1, 3, worker="w2", until_ms=777)])
    plan = plan_group(known, [append(1, turn=True, worker="w1"), append(2, turn=True, worker="w2")])
    other, own = plan.outcomes
    assert isinstance(other, Appended) and (other.turn, other.holder) == (None, "w2")
    assert isinstance(own, Appended) and own.turn is not None and own.holder is None
    assert [(one.turn_id, one.worker, one.lease_until_ms, one.lease_number) for one in plan.turns] == [
        ("m1", "w2", 777, 1),
        ("m2", "w2", 777, 1),
    ]


def test_turns_of_one_group_share_a_holder_too() -> None:
    plan = plan_group(facts(head()), [append(1, turn=True, worker="w1"), append(2, turn=True, worker="w2")])
    assert [one.worker for one in plan.turns] == ["w1", "w1"]
    assert isinstance(plan.outcomes[1], Appended) and plan.outcomes[1].holder == "w1"


def test_after_the_last_answer_the_next_turn_is_anybodys() -> None:
    known = facts(head(last_offset=1), turns=[turn("t1", 1, worker="w2")])
    plan = plan_group(known, [answer(1, "t1"), append(2, turn=True, worker="w1")])
    assert [(one.worker, one.lease_until_ms) for one in plan.turns] == [("w1", None)]


def test_an_answer_needs_its_turn_open_and_its_lease_current() -> None:
    known = facts(head(), head("b"), turns=[turn("open", 1, 2)])
    refused = [answer(3, "open", 1), answer(4, "open", 3), answer(5, "none"), answer(6, "open", 2, to="b")]
    plan = plan_group(known, [*refused, answer(7, "open", 2), answer(8, "open", 2)])
    assert plan.outcomes[:4] == [None] * 4
    assert isinstance(plan.outcomes[4], Message) and plan.outcomes[5] is None
    assert [(new.message.message_id, new.message.reply_to, new.answers) for new in plan.messages] == [
        ("m7", "open", "open")
    ]
    assert [op.answer.message_id for op in plan.answers] == ["m7"]


def test_answers_go_in_offset_order() -> None:
    known = facts(head(last_offset=2), turns=[turn("t1", 1), turn("t2", 2)])
    plan = plan_group(known, [answer(1, "t2"), answer(2, "t1"), answer(3, "t2")])
    assert [one is None for one in plan.outcomes] == [True, False, False]
    assert [new.answers for new in plan.messages] == ["t1", "t2"]


def test_a_claim_stops_turns_and_answers() -> None:
    plan = plan_group(facts(claimed(), turns=[turn("t", 1)]), [append(1, turn=True), answer(2, "t")])
    assert isinstance(plan.outcomes[0], Appended)
    assert (plan.outcomes[0].turn, plan.outcomes[0].holder) == (None, None)
    assert plan.outcomes[1] is None
    assert (plan.turns, plan.answers) == ([], [])
