"""Facts and operations for the tests of the plan; ``number`` is an operation's time and part of its ids."""

from __future__ import annotations

from collections.abc import Sequence

from server.store.ledger import Facts, HeadRow, Plan, StoredMessage, TurnRow
from server.store.operations import AbandonOp, AnswerOp, AppendOp, ClaimOp, HandoffOp, MembersOp, ReleaseOp, ResolveOp
from server.store.ports import (
    Answer,
    Append,
    Claim,
    DecisionRow,
    Handoff,
    OpenTurn,
    Release,
    Resolution,
)
from server.store.prepare import (
    prepare_answer,
    prepare_append,
    prepare_claim,
    prepare_handoff,
    prepare_members,
    prepare_release,
    prepare_resolution,
)
from server.wire.frames import Message
from server.wire.parts import Kind, State, Turn, User

CHOSEN = DecisionRow("d", "p", 0, "warm", 1.0, ("warm",), (1.0,), (0.0,), 1)
ANN, EVE, FAY = User("ann", "customer", "Ann"), User("eve", "agent", "Eve"), User("fay", "agent", "Fay")
ADA = User("ada", "admin", "Ada")


def head(
    name: str = "c",
    *,
    state: State = "bot",
    resolved: bool = False,
    last_offset: int = 0,
    agent_id: str | None = None,
    claim_number: int = 0,
    since_ms: int | None = None,
    reason: str | None = None,
) -> HeadRow:
    return HeadRow(name, f"epoch-{name}", state, resolved, last_offset, 0, agent_id, claim_number, since_ms, reason)


def claimed(name: str = "c", *, by: User = EVE, number: int = 1, resolved: bool = False) -> HeadRow:
    return head(name, state="claimed", agent_id=by.id, claim_number=number, resolved=resolved, reason="angry")


def turn(
    turn_id: str, offset: int, lease_number: int = 1, *, of: str = "c", worker: str = "w", until_ms: int = 99
) -> TurnRow:
    return TurnRow(turn_id, of, offset, lease_number, worker, until_ms)


def facts(
    *heads: HeadRow,
    turns: Sequence[TurnRow] = (),
    members: Sequence[tuple[str, str]] = (),
    users: Sequence[User] = (),
    stored: dict[tuple[str, str, str], StoredMessage] | None = None,
) -> Facts:
    by_conversation: dict[str, list[TurnRow]] = {}
    for one in sorted(turns, key=lambda row: row.offset):
        by_conversation.setdefault(one.conversation, []).append(one)
    return Facts(
        heads={one.conversation: one for one in heads},
        stored=stored or {},
        turns=by_conversation,
        members=dict.fromkeys(members, True),
        users={one.id: one for one in users},
    )


def append(
    number: int,
    *,
    to: str = "c",
    sender: str = "ann",
    kind: Kind = "customer",
    key: str = "",
    text: str = "hi",
    turn: bool = False,
    members_only: bool = False,
    worker: str = "w",
) -> AppendOp:
    made = Append(
        f"conv:{to}",
        User(sender, kind, sender),
        key or f"k{number}",
        text,
        f"m{number}",
        number,
        wants_turn=turn,
        members_only=members_only,
        worker=worker,
    )
    return prepare_append(made, lambda: f"reopen-{number}")


def answer(
    number: int, turn_id: str, lease_number: int = 1, *, to: str = "c", chosen: DecisionRow | None = CHOSEN
) -> AnswerOp:
    asked = Message(f"conv:{to}", "e", 1, turn_id, 0, ANN, "?")
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


def abandon(turn_id: str, lease_number: int = 1, *, to: str = "c") -> AbandonOp:
    asked = Message(f"conv:{to}", "e", 1, turn_id, 0, ANN, "?")
    return AbandonOp(OpenTurn(turn_id, lease_number, asked), to, None)


def resolve(number: int, resolved: bool = True, *, to: str = "c") -> ResolveOp:
    return prepare_resolution(Resolution(f"conv:{to}", resolved, ANN, f"m{number}", number))


def hand_off(number: int, *, to: str = "c", by: User = ANN, members_only: bool = False) -> HandoffOp:
    made = Handoff(f"conv:{to}", by, "angry", f"m{number}", number, members_only)
    return prepare_handoff(made, lambda: f"reopen-{number}")


def claim(number: int, *, to: str = "c", by: User = EVE) -> ClaimOp:
    return prepare_claim(Claim(f"conv:{to}", by, f"m{number}", number))


def release(
    number: int,
    *,
    to: str = "c",
    by: User = EVE,
    waiting: bool = False,
    claim_number: int | None = None,
) -> ReleaseOp:
    made = Release(f"conv:{to}", by, f"m{number}", number, "waiting" if waiting else "bot", claim_number)
    return prepare_release(made, lambda: f"waiting-{number}")


def members(number: int, add: Sequence[str] = (), remove: Sequence[str] = (), *, to: str = "c") -> MembersOp:
    return prepare_members(f"conv:{to}", add, remove, number)


def shapes(plan: Plan) -> list[tuple[str, int, str]]:
    """Conversation, offset and what was said: a system's event, or else the sender's kind."""
    return [(new.conversation, new.message.offset, said(new.message)) for new in plan.messages]


def said(message: Message) -> str:
    if message.sender.kind == "system" and message.data is not None:
        return str(message.data["event"])
    return message.sender.kind
