"""Laws of the ledger over random histories of a few people, conversations and keys."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from server.store.ledger import Facts, NewMessage, Plan, StoredMessage, TurnRow
from server.store.operations import ConversationOp
from server.store.plan import plan_group
from server.store.ports import Appended, Changed
from server.wire.frames import Message
from server.wire.parts import Kind
from tests.unit.store.plans import (
    ADA,
    ANN,
    EVE,
    FAY,
    abandon,
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
    said,
)

USERS = [ANN, EVE, FAY, ADA]
SENDERS: list[tuple[str, Kind]] = [
    ("ann", "customer"),
    ("ann", "customer"),
    ("ben", "customer"),
    ("eve", "agent"),
    ("fay", "agent"),
    ("echo", "bot"),
]
MAX_OPERATIONS = 24


def start() -> Facts:
    return facts(
        head("a"),
        head("b", resolved=True, last_offset=3),
        claimed("c", number=4),
        members=[("a", "ann"), ("b", "ann"), ("c", "ann"), ("c", "eve")],
        users=USERS,
    )


def _appended(draw: st.DrawFn, number: int, to: str) -> ConversationOp:
    sender, kind = draw(st.sampled_from(SENDERS))
    return append(
        number,
        to=to,
        sender=sender,
        kind=kind,
        key=draw(st.sampled_from(["", "", "k", "l"])),
        text=draw(st.sampled_from(["hi", "hi", "ho"])),
        turn=kind == "customer" and draw(st.booleans()),
        members_only=kind == "customer" and draw(st.booleans()),
        worker=draw(st.sampled_from(["w1", "w2"])),
    )


def _released(draw: st.DrawFn, number: int, to: str) -> ConversationOp:
    by = draw(st.sampled_from([EVE, FAY, ADA]))
    current = draw(st.sampled_from([None, None, 1, 2, 4, 5]))
    return release(number, to=to, by=by, waiting=draw(st.booleans()), claim_number=current)


def _answered(draw: st.DrawFn, number: int, to: str) -> ConversationOp:
    return answer(number, f"m{draw(st.integers(0, MAX_OPERATIONS))}", draw(st.sampled_from([1, 1, 2])), to=to)


def _abandoned(draw: st.DrawFn, number: int, to: str) -> ConversationOp:
    return abandon(f"m{draw(st.integers(0, MAX_OPERATIONS))}", draw(st.sampled_from([1, 1, 2])), to=to)


_MAKERS: list[Callable[[st.DrawFn, int, str], ConversationOp]] = [
    _appended,
    _appended,
    _appended,
    _answered,
    _answered,
    _abandoned,
    _released,
    lambda draw, number, to: claim(number, to=to, by=draw(st.sampled_from([EVE, FAY]))),
    lambda draw, number, to: hand_off(number, to=to, members_only=draw(st.booleans())),
    lambda draw, number, to: resolve(number, draw(st.booleans()), to=to),
    lambda draw, number, to: members(
        number, draw(st.sampled_from([[], ["ann"], ["nobody"]])), draw(st.sampled_from([[], ["eve", "ben"]])), to=to
    ),
]


@st.composite
def operations(draw: st.DrawFn) -> list[ConversationOp]:
    """Operations on three conversations and one that is not there."""
    count = draw(st.integers(0, MAX_OPERATIONS))
    return [draw(st.sampled_from(_MAKERS))(draw, number, draw(st.sampled_from("aabbcz"))) for number in range(count)]


@dataclass
class History:
    """What groups that commit one after the other led to."""

    known: Facts
    outcomes: list[Any] = field(default_factory=list)
    messages: list[NewMessage] = field(default_factory=list)
    states: list[Facts] = field(default_factory=list)

    def commit(self, group: Sequence[ConversationOp]) -> None:
        plan = plan_group(self.known, group)
        self.outcomes += [(type(one), str(one)) if isinstance(one, Exception) else one for one in plan.outcomes]
        self.messages += plan.messages
        self.known = after(self.known, plan)
        self.states.append(self.known)

    def of(self, conversation: str) -> list[Message]:
        return [new.message for new in self.messages if new.conversation == conversation]


def after(known: Facts, plan: Plan) -> Facts:
    """The facts that the next group would find."""
    stored, turns = dict(known.stored), {name: list(some) for name, some in known.turns.items()}
    for new in plan.messages:
        if new.digest is not None and new.message.key is not None:
            key = (new.conversation, new.message.sender.id, new.message.key)
            stored[key] = StoredMessage(new.message, new.digest)
    closed = {*plan.dropped, *(done.answer.turn.turn_id for done in plan.answers)}
    for opened in plan.turns:
        turns.setdefault(opened.conversation, []).append(_stored_turn(opened))
    left = {name: [one for one in some if one.turn_id not in closed] for name, some in turns.items()}
    members_now = dict.fromkeys([pair for pair in known.members if pair not in plan.leaves], True)
    return Facts(
        heads={**known.heads, **plan.heads},
        stored=stored,
        turns={name: some for name, some in left.items() if some},
        members={**members_now, **dict.fromkeys(plan.joins, True)},
        users=known.users,
    )


def _stored_turn(turn: TurnRow) -> TurnRow:
    """At the database's time 0."""
    until_ms = turn.lease_ms if turn.lease_until_ms is None else turn.lease_until_ms
    return replace(turn, lease_until_ms=until_ms, lease_ms=0)


def run(groups: Sequence[Sequence[ConversationOp]]) -> History:
    history = History(start())
    for group in groups:
        history.commit(group)
    return history


def one_by_one(ops: Sequence[ConversationOp]) -> History:
    return run([[op] for op in ops])


@given(operations(), st.data())
def test_how_operations_are_grouped_does_not_matter(ops: list[ConversationOp], data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.sets(st.integers(0, len(ops)))) | {0, len(ops)})
    single, cut, whole = one_by_one(ops), run([ops[a:b] for a, b in itertools.pairwise(cuts)]), run([ops])
    for other in (cut, whole):
        assert (other.outcomes, other.messages, other.known) == (single.outcomes, single.messages, single.known)


@given(operations())
def test_offsets_have_no_gap_and_keys_no_twin(ops: list[ConversationOp]) -> None:
    known = start()
    before = (dict(known.heads), dict(known.stored), dict(known.turns), dict(known.members))
    plan = plan_group(known, ops)
    assert (known.heads, known.stored, known.turns, known.members) == before
    assert len(plan.outcomes) == len(ops)
    for name, row in known.heads.items():
        own = [new for new in plan.messages if new.conversation == name]
        assert [new.message.offset for new in own] == list(range(row.last_offset + 1, row.last_offset + 1 + len(own)))
        assert all(new.message.epoch == f"epoch-{name}" for new in own)
        assert (plan.heads[name].last_offset if own else row.last_offset) == row.last_offset + len(own)
    keys = [(new.conversation, new.message.sender.id, new.message.key) for new in plan.messages if new.message.key]
    assert len(keys) == len(set(keys))


@given(operations())
def test_every_message_is_told_to_exactly_one_caller(ops: list[ConversationOp]) -> None:
    plan = plan_group(start(), ops)
    told: list[Message] = []
    for outcome in plan.outcomes:
        match outcome:
            case Appended() | Changed():
                told += outcome.messages
            case Message():
                told.append(outcome)
    assert told == [new.message for new in plan.messages]


# --------------------------------------------------------------------------- laws of a history


def no_bot_speaks_between_a_claim_and_its_release(history: History) -> None:
    for name, row in start().heads.items():
        is_claimed = row.state == "claimed"
        for message in history.of(name):
            is_claimed = {"claimed": True, "released": False}.get(said(message), is_claimed)
            assert not (is_claimed and message.sender.kind == "bot")
            assert not (is_claimed and message.turn is not None)


def the_systems_messages_tell_every_state(history: History) -> None:
    for name, row in start().heads.items():
        state, is_resolved = row.state, row.resolved
        for message in history.of(name):
            match said(message):
                case "waiting":
                    state = "waiting"
                case "claimed":
                    state = "claimed"
                case "released":
                    state = "bot"
                case "resolved":
                    state, is_resolved = "bot" if state == "waiting" else state, True
                case "reopened":
                    is_resolved = False
        assert (history.known.heads[name].state, history.known.heads[name].resolved) == (state, is_resolved)


def states_agree_with_what_belongs_to_them(history: History) -> None:
    numbers = {name: row.claim_number for name, row in start().heads.items()}
    for known in history.states:
        for name, row in known.heads.items():
            assert (row.state == "claimed") == (row.agent_id is not None)
            assert (row.state == "waiting") == (row.waiting_since_ms is not None)
            assert not (row.state == "waiting" and row.resolved)
            assert not (row.state == "claimed" and known.turns.get(name))
            assert row.claim_number >= numbers[name]
            numbers[name] = row.claim_number


def each_claim_has_a_number_of_its_own(history: History) -> None:
    for name, row in start().heads.items():
        claims = sum(said(message) == "claimed" for message in history.of(name))
        assert history.known.heads[name].claim_number == row.claim_number + claims


def turns_are_answered_once_at_most_and_in_offset_order(history: History) -> None:
    for name in start().heads:
        offsets = {message.message_id: message.offset for message in history.of(name)}
        answered = [new.answers for new in history.messages if new.conversation == name and new.answers]
        assert len(answered) == len(set(answered))
        assert [offsets[turn_id] for turn_id in answered] == sorted(offsets[turn_id] for turn_id in answered)


def the_open_turns_of_a_conversation_have_one_holder(history: History) -> None:
    for known in history.states:
        for turns in known.turns.values():
            assert len({(turn.worker, turn.lease_until_ms) for turn in turns}) == 1


def a_reopened_conversation_goes_on_at_once(history: History) -> None:
    """The system's word is followed by what reopened it, in the same commit, unless that was ``resolve`` itself."""
    for name in start().heads:
        messages = history.of(name)
        for place, message in enumerate(messages):
            if message.message_id.startswith("reopen-"):
                following = messages[place + 1]
                assert following.sender.kind == "customer" or said(following) == "waiting"
                assert following.message_id == "m" + message.message_id.removeprefix("reopen-")


LAWS: list[Callable[[History], None]] = [
    no_bot_speaks_between_a_claim_and_its_release,
    the_systems_messages_tell_every_state,
    states_agree_with_what_belongs_to_them,
    each_claim_has_a_number_of_its_own,
    turns_are_answered_once_at_most_and_in_offset_order,
    the_open_turns_of_a_conversation_have_one_holder,
    a_reopened_conversation_goes_on_at_once,
]


@given(operations())
def test_every_law_holds_throughout(ops: list[ConversationOp]) -> None:
    history = one_by_one(ops)
    for law in LAWS:
        law(history)
