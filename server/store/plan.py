"""What one group commit does, as a pure function of what it found under its locks (DESIGN's law 2).

``plan_group`` takes operations in the order in which they were called and gives each its outcome, allots the offsets
and lists the rows to write. It touches no database, so every rule of the ledger is tested with values alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from msgspec import Struct
from msgspec.structs import replace

from server.errors import Conflict, NotFound, ProtocolError
from server.store.operations import AnswerOp, AppendOp, ConversationOp, ResolveOp
from server.store.ports import Appended, OpenTurn
from server.wire.frames import Message
from server.wire.parts import State, User

SYSTEM = User("system", "system", "Parlance")

_SENTENCES = {
    "resolved": "The conversation was marked as resolved.",
    "reopened": "The conversation was opened again.",
}

MessageKey = tuple[str, str, str]
"""Conversation, sender, key: unique over all messages."""


class HeadRow(Struct, frozen=True):
    """A locked conversation."""

    conversation: str
    epoch: str
    state: State
    resolved: bool
    last_offset: int
    at_ms: int


class StoredMessage(Struct, frozen=True):
    """A message found by its key; ``digest`` tells whether it has the same content."""

    message: Message
    digest: bytes


class TurnRow(Struct, frozen=True):
    """A locked turn."""

    turn_id: str
    conversation: str
    state: str
    lease_number: int


@dataclass(frozen=True, slots=True)
class Facts:
    """What the transaction found: rows that do not exist are not in the maps."""

    heads: Mapping[str, HeadRow]
    stored: Mapping[MessageKey, StoredMessage]
    turns: Mapping[str, TurnRow]


class NewMessage(Struct, frozen=True):
    """A row to insert: the frame, and the columns that are not in it."""

    message: Message
    conversation: str
    digest: bytes | None = None
    data_json: str | None = None
    turn_json: str | None = None
    answers: str | None = None


class NewTurn(Struct, frozen=True):
    """A turn to insert, leased with number 1."""

    turn_id: str
    conversation: str
    offset: int
    worker: str
    lease_ms: int


Outcome = Appended | Message | ProtocolError | None


@dataclass(slots=True)
class Plan:
    """``outcomes`` stand in the order of the operations; ``messages`` ascend by offset within a conversation."""

    outcomes: list[Outcome] = field(default_factory=list)
    messages: list[NewMessage] = field(default_factory=list)
    heads: dict[str, HeadRow] = field(default_factory=dict)
    turns: list[NewTurn] = field(default_factory=list)
    answers: list[AnswerOp] = field(default_factory=list)


def message_key(op: AppendOp) -> MessageKey:
    """What makes a repeat of ``op`` the same message."""
    return (op.conversation, op.append.sender.id, op.append.key)


def plan_group(facts: Facts, operations: Sequence[ConversationOp]) -> Plan:
    """Offsets, rows and outcomes of one commit. ``facts`` is not changed."""
    planner = _Planner(facts)
    for operation in operations:
        planner.plan.outcomes.append(planner.take(operation))
    return planner.plan


class _Planner:
    """The facts as they are after each operation so far."""

    def __init__(self, facts: Facts) -> None:
        self._heads = dict(facts.heads)
        self._stored = dict(facts.stored)
        self._turns = dict(facts.turns)
        self.plan = Plan()

    def take(self, operation: ConversationOp) -> Outcome:
        head = self._heads.get(operation.conversation)
        if head is None:
            return NotFound(f"There is no conversation {operation.conversation!r}.")
        match operation:
            case AppendOp():
                return self._append(operation, head)
            case AnswerOp():
                return self._answer(operation, head)
            case ResolveOp():
                return self._resolve(operation, head)

    def _append(self, op: AppendOp, head: HeadRow) -> Appended | Conflict:
        append = op.append
        found = self._stored.get(message_key(op))
        if found is not None:
            if found.digest != op.digest:
                return Conflict(f"The key {append.key!r} was used for another message of this conversation.")
            return Appended(found.message, duplicate=True, messages=(), turn=None)
        new: list[Message] = []
        if head.resolved and append.sender.kind == "customer":
            head = replace(head, resolved=False)
            new.append(self._say(head, "reopened", op.reopen_id, append.at_ms))
            head = self._heads[op.conversation]
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
        self._store(head, NewMessage(message, op.conversation, op.digest, op.data_json))
        self._stored[message_key(op)] = StoredMessage(message, op.digest)
        turn = self._open_turn(op, message) if append.wants_turn and head.state != "claimed" else None
        return Appended(message, duplicate=False, messages=tuple(new), turn=turn)

    def _open_turn(self, op: AppendOp, message: Message) -> OpenTurn:
        self.plan.turns.append(
            NewTurn(message.message_id, op.conversation, message.offset, op.append.worker, op.append.lease_ms)
        )
        self._turns[message.message_id] = TurnRow(message.message_id, op.conversation, "open", lease_number=1)
        return OpenTurn(turn_id=message.message_id, lease_number=1, message=message)

    def _answer(self, op: AnswerOp, head: HeadRow) -> Message | None:
        answer = op.answer
        turn = self._turns.get(answer.turn.turn_id)
        if turn is None or turn.conversation != op.conversation or turn.state != "open":
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
        self._store(
            head,
            NewMessage(
                message,
                op.conversation,
                data_json=op.data_json,
                turn_json=op.turn_json,
                answers=turn.turn_id,
            ),
        )
        self._turns[turn.turn_id] = replace(turn, state="answered")
        self.plan.answers.append(op)
        return message

    def _resolve(self, op: ResolveOp, head: HeadRow) -> Message | None:
        resolution = op.resolution
        if head.resolved == resolution.resolved:
            return None
        event = "resolved" if resolution.resolved else "reopened"
        head = replace(head, resolved=resolution.resolved)
        return self._say(head, event, resolution.message_id, resolution.at_ms)

    def _say(self, head: HeadRow, event: str, message_id: str, at_ms: int) -> Message:
        message = Message(
            channel=f"conv:{head.conversation}",
            epoch=head.epoch,
            offset=head.last_offset + 1,
            message_id=message_id,
            at_ms=at_ms,
            sender=SYSTEM,
            text=_SENTENCES[event],
            data={"event": event},
        )
        self._store(head, NewMessage(message, head.conversation, data_json=f'{{"event":"{event}"}}'))
        return message

    def _store(self, head: HeadRow, new: NewMessage) -> None:
        head = replace(head, last_offset=new.message.offset, at_ms=new.message.at_ms)
        self._heads[head.conversation] = self.plan.heads[head.conversation] = head
        self.plan.messages.append(new)
