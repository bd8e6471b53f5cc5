"""What one group commit does, as a pure function of what it found under its locks (DESIGN's law 2).

``plan_group`` takes operations in the order in which they were called and gives each its outcome, allots the offsets
and lists the rows to write. It touches no database, so every rule of the ledger is tested with values alone.
"""

from __future__ import annotations

from collections.abc import Sequence

from server.errors import Conflict, NotFound
from server.store import changes
from server.store.ledger import (
    Facts,
    HeadRow,
    Ledger,
    MessageKey,
    NewMessage,
    Outcome,
    Plan,
    StoredMessage,
    TurnRow,
    no_conversation,
)
from server.store.operations import (
    AbandonOp,
    AnswerOp,
    AppendOp,
    ClaimOp,
    ConversationOp,
    HandoffOp,
    MembersOp,
    ReleaseOp,
    ResolveOp,
)
from server.store.ports import Appended, OpenTurn
from server.wire.frames import Message


def message_key(op: AppendOp) -> MessageKey:
    """What makes a repeat of ``op`` the same message."""
    return (op.conversation, op.append.sender.id, op.append.key)


def plan_group(facts: Facts, operations: Sequence[ConversationOp]) -> Plan:
    """Offsets, rows and outcomes of one commit. ``facts`` is not changed."""
    ledger = Ledger(facts)
    for operation in operations:
        head = ledger.heads.get(operation.conversation)
        outcome = no_conversation(operation.conversation) if head is None else _take(ledger, operation, head)
        ledger.plan.outcomes.append(outcome)
    return ledger.plan


def _take(ledger: Ledger, operation: ConversationOp, head: HeadRow) -> Outcome:  # noqa: PLR0911  (one line per kind)
    match operation:
        case AppendOp():
            return _append(ledger, operation, head)
        case AnswerOp():
            return _answer(ledger, operation, head)
        case AbandonOp():
            return _abandon(ledger, operation)
        case ResolveOp():
            return changes.resolve(ledger, operation, head)
        case HandoffOp():
            return changes.hand_off(ledger, operation, head)
        case ClaimOp():
            return changes.claim(ledger, operation, head)
        case ReleaseOp():
            return changes.release(ledger, operation, head)
        case MembersOp():
            return changes.change_members(ledger, operation)


def _append(ledger: Ledger, op: AppendOp, head: HeadRow) -> Appended | Conflict | NotFound:
    append = op.append
    if append.members_only and not ledger.is_member(op.conversation, append.sender.id):
        return no_conversation(op.conversation)
    found = ledger.stored.get(message_key(op))
    if found is not None:
        return _again(op, found)
    if _is_held_by_another(op, head):
        return Conflict("An agent has this conversation; others may write when the agent releases it.")
    return _append_new(ledger, op, head)


def _again(op: AppendOp, found: StoredMessage) -> Appended | Conflict:
    if found.digest != op.digest:
        return Conflict(f"The key {op.append.key!r} was used for another message of this conversation.")
    return Appended(found.message, duplicate=True, messages=(), turn=None)


def _is_held_by_another(op: AppendOp, head: HeadRow) -> bool:
    sender = op.append.sender
    if head.state != "claimed":
        return False
    return sender.kind == "bot" or (sender.kind == "agent" and sender.id != head.agent_id)


def _append_new(ledger: Ledger, op: AppendOp, head: HeadRow) -> Appended:
    append = op.append
    new: list[Message] = []
    if head.resolved and append.sender.kind == "customer":
        new.append(ledger.reopen(head, op.reopen_id, append.at_ms))
        head = ledger.heads[op.conversation]
    message = Message(
        channel=append.channel,
        epoch=head.epoch,
        offset=head.last_offset + 1,
        message_id=append.message_id,
        at_ms=append.at_ms,
        sender=append.sender,
        text=append.text,
        data=op.data,
        key=append.key,
        reply_to=append.reply_to,
    )
    new.append(message)
    ledger.store(head, NewMessage(message, op.conversation, op.digest, op.data_json))
    ledger.stored[message_key(op)] = StoredMessage(message, op.digest)
    opened = None
    holder = None
    if append.wants_turn and head.state != "claimed":
        turn = _open_turn(ledger, op, message)
        if turn.worker == append.worker:
            opened = OpenTurn(turn.turn_id, turn.lease_number, message)
        else:
            holder = turn.worker
    return Appended(message, duplicate=False, messages=tuple(new), turn=opened, holder=holder)


def _open_turn(ledger: Ledger, op: AppendOp, message: Message) -> TurnRow:
    """Leased to whoever holds the conversation's open turns, for as long: one worker at a time answers it, in order."""
    first = ledger.first_turn(op.conversation)
    turn = TurnRow(
        turn_id=message.message_id,
        conversation=op.conversation,
        offset=message.offset,
        lease_number=1,
        worker=op.append.worker if first is None else first.worker,
        lease_until_ms=None if first is None else first.lease_until_ms,
        lease_ms=op.append.lease_ms if first is None else first.lease_ms,
    )
    ledger.open_turn(turn)
    return turn


def _answer(ledger: Ledger, op: AnswerOp, head: HeadRow) -> Message | None:
    answer = op.answer
    turn = ledger.first_turn(op.conversation)
    if turn is None or turn.turn_id != answer.turn.turn_id:
        return None
    if turn.lease_number != answer.turn.lease_number or head.state == "claimed":
        return None
    message = Message(
        channel=answer.turn.message.channel,
        epoch=head.epoch,
        offset=head.last_offset + 1,
        message_id=answer.message_id,
        at_ms=answer.at_ms,
        sender=answer.sender,
        text=answer.text,
        data=op.data,
        reply_to=answer.turn.message.message_id,
        turn=answer.shown,
    )
    new = NewMessage(message, op.conversation, None, op.data_json, op.turn_json, answers=turn.turn_id)
    ledger.store(head, new)
    ledger.close_first_turn(op.conversation)
    ledger.plan.answers.append(op)
    return message


def _abandon(ledger: Ledger, op: AbandonOp) -> bool:
    if op.used is not None:
        ledger.plan.used.append((op.turn.turn_id, op.conversation, op.used))
    turn = ledger.first_turn(op.conversation)
    if turn is None or (turn.turn_id, turn.lease_number) != (op.turn.turn_id, op.turn.lease_number):
        return False
    ledger.drop_first_turn(op.conversation)
    return True
