"""The plan of a group commit, with values alone."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from server.errors import Conflict, NotFound
from server.store.operations import (
    AnswerOp,
    AppendOp,
    ConversationOp,
    ResolveOp,
    prepare_answer,
    prepare_append,
    prepare_resolution,
)
from server.store.plan import Facts, HeadRow, Plan, StoredMessage, TurnRow, plan_group
from server.store.ports import Answer, Append, Appended, DecisionRow, OpenTurn, Resolution
from server.wire.frames import Message
from server.wire.parts import Kind, State, Turn, User

_CHOSEN = DecisionRow("d", "p", 0, "warm", 1.0, ("warm",), (1.0,), (0.0,), 1)


def head(name: str = "c", *, state: State = "bot", resolved: bool = False, last_offset: int = 0) -> HeadRow:
    return HeadRow(name, f"epoch-{name}", state, resolved, last_offset, 0)


def facts(*heads: HeadRow, turns: Sequence[TurnRow] = ()) -> Facts:
    return Facts({one.conversation: one for one in heads}, {}, {turn.turn_id: turn for turn in turns})


def append(
    number: int,
    *,
    to: str = "c",
    sender: str = "ann",
    kind: Kind = "customer",
    key: str = "",
    text: str = "hi",
    turn: bool = False,
) -> AppendOp:
    ids = iter([f"reopen-{number}"])
    made = Append(
        f"conv:{to}",
        User(sender, kind, sender),
        key or f"k{number}",
        text,
        f"m{number}",
        number,
        wants_turn=turn,
        worker="w",
    )
    return prepare_append(made, lambda: next(ids))


def resolve(number: int, resolved: bool = True, *, to: str = "c") -> ResolveOp:
    return prepare_resolution(Resolution(f"conv:{to}", resolved, User("ann", "customer", "Ann"), f"m{number}", number))


def answer(
    number: int, turn_id: str, lease_number: int = 1, *, to: str = "c", chosen: DecisionRow | None = _CHOSEN
) -> AnswerOp:
    asked = Message(f"conv:{to}", "e", 1, turn_id, 0, User("ann", "customer", "Ann"), "?")
    made = Answer(
        turn=OpenTurn(turn_id, lease_number, asked),
        sender=User("bot", "bot", "Parlance"),
        text="so",
        message_id=f"m{number}",
        at_ms=number,
        data={"suggestions": []},
        shown=Turn("d", "warm"),
        decision=chosen,
        analysis={},
        notes={},
    )
    return prepare_answer(made)


def shapes(plan: Plan) -> list[tuple[str, int, str]]:
    return [(new.conversation, new.message.offset, new.message.sender.kind) for new in plan.messages]


def test_offsets_go_on_from_the_head() -> None:
    plan = plan_group(
        facts(head("a", last_offset=4), head("b")), [append(1, to="a"), append(2, to="b"), append(3, to="a")]
    )
    assert shapes(plan) == [("a", 5, "customer"), ("b", 1, "customer"), ("a", 6, "customer")]
    assert {name: one.last_offset for name, one in plan.heads.items()} == {"a": 6, "b": 1}
    assert plan.heads["a"].at_ms == 3


def test_a_missing_conversation_fails_alone() -> None:
    plan = plan_group(
        facts(head("a")), [append(1, to="zz"), append(2, to="a"), resolve(3, to="zz"), answer(4, "t", to="zz")]
    )
    assert [type(one) for one in plan.outcomes] == [NotFound, Appended, NotFound, NotFound]
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
    known = Facts({"c": head(last_offset=3)}, {("c", "ann", "k"): StoredMessage(stored, op.digest)}, {})
    plan = plan_group(known, [op, append(2, key="k", text="other")])
    assert plan.outcomes[0] == Appended(stored, duplicate=True, messages=(), turn=None)
    assert isinstance(plan.outcomes[1], Conflict)
    assert (plan.messages, plan.heads) == ([], {})


def test_reopening_puts_the_system_before_the_customer() -> None:
    plan = plan_group(
        facts(head(resolved=True, last_offset=2)), [append(1, kind="agent"), append(2, turn=True), append(3)]
    )
    assert shapes(plan) == [("c", 3, "agent"), ("c", 4, "system"), ("c", 5, "customer"), ("c", 6, "customer")]
    assert not plan.heads["c"].resolved
    reopened = plan.messages[1]
    assert (reopened.message.message_id, reopened.message.data) == ("reopen-2", {"event": "reopened"})
    assert reopened.data_json == '{"event":"reopened"}'
    assert [(turn.turn_id, turn.offset) for turn in plan.turns] == [("m2", 5)]


def test_a_duplicate_does_not_reopen() -> None:
    plan = plan_group(facts(head()), [append(1, key="k"), resolve(2), append(3, key="k")])
    assert shapes(plan) == [("c", 1, "customer"), ("c", 2, "system")]
    assert plan.heads["c"].resolved


def test_a_claim_stops_turns_and_answers() -> None:
    waiting = TurnRow("t", "c", "open", 1)
    plan = plan_group(facts(head(state="claimed"), turns=[waiting]), [append(1, turn=True), answer(2, "t")])
    assert isinstance(plan.outcomes[0], Appended) and plan.outcomes[0].turn is None
    assert plan.outcomes[1] is None
    assert (plan.turns, plan.answers) == ([], [])


def test_an_answer_needs_its_turn_open_and_its_lease_current() -> None:
    known = facts(
        head(),
        head("b"),
        turns=[
            TurnRow("open", "c", "open", 2),
            TurnRow("done", "c", "answered", 1),
            TurnRow("gone", "c", "dropped", 1),
        ],
    )
    refused = [
        answer(1, "done"),
        answer(2, "gone"),
        answer(3, "open", 1),
        answer(4, "open", 3),
        answer(5, "none"),
        answer(6, "open", 2, to="b"),
    ]
    plan = plan_group(known, [*refused, answer(7, "open", 2), answer(8, "open", 2)])
    assert plan.outcomes[:6] == [None] * 6
    assert isinstance(plan.outcomes[6], Message) and plan.outcomes[7] is None
    assert [(new.message.message_id, new.message.reply_to, new.answers) for new in plan.messages] == [
        ("m7", "open", "open")
    ]
    assert [op.answer.message_id for op in plan.answers] == ["m7"]


def test_resolving_twice_in_a_group_speaks_once() -> None:
    plan = plan_group(facts(head()), [resolve(1), resolve(2), resolve(3, False), resolve(4, False)])
    assert [one is None for one in plan.outcomes] == [False, True, False, True]
    assert shapes(plan) == [("c", 1, "system"), ("c", 2, "system")]


# --------------------------------------------------------------------------- laws


def after(known: Facts, plan: Plan) -> Facts:
    """The facts that the next group would find."""
    stored, turns = dict(known.stored), dict(known.turns)
    for new in plan.messages:
        if new.digest is not None and new.message.key is not None:
            key = (new.conversation, new.message.sender.id, new.message.key)
            stored[key] = StoredMessage(new.message, new.digest)
    for opened in plan.turns:
        turns[opened.turn_id] = TurnRow(opened.turn_id, opened.conversation, "open", 1)
    for done in plan.answers:
        turns[done.answer.turn.turn_id] = TurnRow(done.answer.turn.turn_id, done.conversation, "answered", 1)
    return Facts({**known.heads, **plan.heads}, stored, turns)


@st.composite
def operations(draw: st.DrawFn) -> list[ConversationOp]:
    """Operations on two conversations (and one that is not there) by two senders with few keys and texts."""
    made: list[ConversationOp] = []
    for number in range(draw(st.integers(0, 24))):
        to = draw(st.sampled_from(["a", "b", "a", "b", "zz"]))
        what = draw(st.sampled_from(["append", "append", "append", "resolve", "answer"]))
        if what == "resolve":
            made.append(resolve(number, draw(st.booleans()), to=to))
        elif what == "answer":
            turn_id = f"m{draw(st.integers(0, 24))}"
            made.append(answer(number, turn_id, draw(st.integers(1, 2)), to=to))
        else:
            made.append(
                append(
                    number,
                    to=to,
                    sender=draw(st.sampled_from(["ann", "ben"])),
                    kind=draw(st.sampled_from(["customer", "customer", "agent"])),
                    key=draw(st.sampled_from(["", "k", "l"])),
                    text=draw(st.sampled_from(["hi", "ho"])),
                    turn=draw(st.booleans()),
                )
            )
    return made


def run(known: Facts, groups: Sequence[Sequence[ConversationOp]]) -> tuple[list[Any], list[Any], Facts]:
    """Outcomes and messages of groups that commit one after the other."""
    outcomes: list[Any] = []
    messages: list[Any] = []
    for group in groups:
        plan = plan_group(known, group)
        outcomes += [(type(one), str(one)) if isinstance(one, Exception) else one for one in plan.outcomes]
        messages += plan.messages
        known = after(known, plan)
    return outcomes, messages, known


@given(operations(), st.data())
def test_how_operations_are_grouped_does_not_matter(ops: list[ConversationOp], data: st.DataObject) -> None:
    known = facts(head("a"), head("b", state="claimed", resolved=True, last_offset=3))
    cuts = sorted(data.draw(st.sets(st.integers(0, len(ops)))) | {0, len(ops)})
    groups = [ops[start:end] for start, end in itertools.pairwise(cuts)]
    assert run(known, groups) == run(known, [[op] for op in ops]) == run(known, [ops])


@given(operations())
def test_the_ledgers_laws_hold_in_every_group(ops: list[ConversationOp]) -> None:
    known = facts(head("a"), head("b", resolved=True, last_offset=3))
    before = (dict(known.heads), dict(known.stored), dict(known.turns))
    plan = plan_group(known, ops)
    assert (known.heads, known.stored, known.turns) == before
    assert len(plan.outcomes) == len(ops)
    for name, start in (("a", 0), ("b", 3)):
        own = [new for new in plan.messages if new.conversation == name]
        assert [new.message.offset for new in own] == list(range(start + 1, start + 1 + len(own)))
        assert all(new.message.epoch == f"epoch-{name}" for new in own)
        if own:
            assert plan.heads[name].last_offset == own[-1].message.offset
    keys = [(new.conversation, new.message.sender.id, new.message.key) for new in plan.messages if new.message.key]
    assert len(keys) == len(set(keys))
    answered = [new.answers for new in plan.messages if new.answers]
    assert len(answered) == len(set(answered)) == len(plan.answers)
    stored = [one.message for one in plan.outcomes if isinstance(one, Appended) and not one.duplicate]
    stored += [one for one in plan.outcomes if isinstance(one, Message)]
    reopenings = [new.message for new in plan.messages if new.message.message_id.startswith("reopen-")]
    assert sorted(one.message_id for one in stored + reopenings) == sorted(
        new.message.message_id for new in plan.messages
    )
    for one in reopenings:
        (following,) = (
            new.message
            for new in plan.messages
            if (new.message.channel, new.message.offset) == (one.channel, one.offset + 1)
        )
        assert following.sender.kind == "customer"
