"""The state that a group commit plans on: what it found under its locks, and what each operation makes of it.

Pure: ``plan.py`` and ``changes.py`` hold the rules, ``converse.py`` finds the facts and writes the plan.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import orjson
from msgspec import Struct
from msgspec.structs import replace

from server.errors import NotFound, ProtocolError
from server.store.operations import AnswerOp
from server.store.ports import Appended, Changed
from server.store.usage_ports import ModelUsage
from server.wire.frames import Message
from server.wire.parts import State, User

SYSTEM = User("system", "system", "Parlance")

MessageKey = tuple[str, str, str]
"""Conversation, sender, key: unique over all messages."""

Membership = tuple[str, str]
"""Conversation, user."""


class HeadRow(Struct, frozen=True):
    """A locked conversation. ``agent_id`` holds the claim; ``waiting_reason`` is why an agent was asked for last."""

    conversation: str
    epoch: str
    state: State
    resolved: bool
    last_offset: int
    at_ms: int
    agent_id: str | None = None
    claim_number: int = 0
    waiting_since_ms: int | None = None
    waiting_reason: str | None = None


class StoredMessage(Struct, frozen=True):
    """A message found by its key; ``digest`` tells whether it has the same content."""

    message: Message
    digest: bytes


class TurnRow(Struct, frozen=True):
    """A locked turn that is open. ``lease_until_ms`` is the database's time; None: it lasts ``lease_ms`` from now."""

    turn_id: str
    conversation: str
    offset: int
    lease_number: int
    worker: str
    lease_until_ms: int | None = None
    lease_ms: int = 0


@dataclass(frozen=True, slots=True)
class Facts:
    """What the transaction found: rows that do not exist are not in the maps.

    ``turns``: the open ones of each conversation by offset. ``members``: those asked for that are members.
    ``users``: those asked for by id, agents who hold a claim among them.
    """

    heads: Mapping[str, HeadRow]
    stored: Mapping[MessageKey, StoredMessage] = field(default_factory=dict)
    turns: Mapping[str, Sequence[TurnRow]] = field(default_factory=dict)
    members: Mapping[Membership, bool] = field(default_factory=dict)
    users: Mapping[str, User] = field(default_factory=dict)


class NewMessage(Struct, frozen=True):
    """A row to insert: the frame, and the columns that are not in it."""

    message: Message
    conversation: str
    digest: bytes | None = None
    data_json: str | None = None
    turn_json: str | None = None
    answers: str | None = None


Outcome = Appended | Changed | Message | tuple[list[str], list[str]] | ProtocolError | bool | None


@dataclass(slots=True)
class Plan:
    """What to write.

    ``outcomes`` stand in the order of the operations; ``messages`` ascend by offset within a conversation. ``heads``
    are those with new messages, ``states`` those of them whose hand-off changed. ``joins`` say when, ``leaves`` are
    memberships that were there before; ``dropped`` are ids of turns. ``used``: what language models took for turns
    that were abandoned, with turn and conversation.
    """

    outcomes: list[Outcome] = field(default_factory=list)
    messages: list[NewMessage] = field(default_factory=list)
    heads: dict[str, HeadRow] = field(default_factory=dict)
    states: set[str] = field(default_factory=set)
    turns: list[TurnRow] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)
    answers: list[AnswerOp] = field(default_factory=list)
    used: list[tuple[str, str, ModelUsage]] = field(default_factory=list)
    joins: dict[Membership, int] = field(default_factory=dict)
    leaves: set[Membership] = field(default_factory=set)


class Ledger:
    """The facts as they are after the operations so far, and the plan that leads there."""

    def __init__(self, facts: Facts) -> None:
        self.heads = dict(facts.heads)
        self.stored = dict(facts.stored)
        self.users = dict(facts.users)
        self._turns = {conversation: list(turns) for conversation, turns in facts.turns.items()}
        self._found_members = facts.members
        self.plan = Plan()

    # ------------------------------------------------------------------ messages

    def store(self, head: HeadRow, new: NewMessage) -> None:
        """Append ``new``, whose offset is the next, to the conversation as ``head`` says it is by now."""
        head = replace(head, last_offset=new.message.offset, at_ms=new.message.at_ms)
        self.heads[head.conversation] = self.plan.heads[head.conversation] = head
        self.plan.messages.append(new)

    def say(
        self, head: HeadRow, event: str, text: str, *, message_id: str, at_ms: int, agent: User | None = None
    ) -> Message:
        """Append a message of the system that tells of ``event``."""
        data: dict[str, object] = {"event": event}
        if agent is not None:
            data["agent"] = {"id": agent.id, "kind": agent.kind, "name": agent.name}
        message = Message(
            channel=f"conv:{head.conversation}",
            epoch=head.epoch,
            offset=head.last_offset + 1,
            message_id=message_id,
            at_ms=at_ms,
            sender=SYSTEM,
            text=text,
            data=data,
        )
        self.store(head, NewMessage(message, head.conversation, data_json=orjson.dumps(data).decode()))
        return message

    def reopen(self, head: HeadRow, message_id: str, at_ms: int) -> Message:
        """A resolved conversation is open again."""
        opened = replace(head, resolved=False)
        return self.say(opened, "reopened", "The conversation was opened again.", message_id=message_id, at_ms=at_ms)

    def change_state(self, head: HeadRow) -> HeadRow:
        """The hand-off is as ``head`` says; the message that tells of it follows."""
        self.plan.states.add(head.conversation)
        return head

    # ------------------------------------------------------------------ turns

    def first_turn(self, conversation: str) -> TurnRow | None:
        """The open turn that has to be answered next."""
        turns = self._turns.get(conversation)
        return turns[0] if turns else None

    def open_turn(self, turn: TurnRow) -> None:
        self._turns.setdefault(turn.conversation, []).append(turn)
        self.plan.turns.append(turn)

    def close_first_turn(self, conversation: str) -> None:
        del self._turns[conversation][0]

    def drop_first_turn(self, conversation: str) -> None:
        self.plan.dropped.append(self._turns[conversation].pop(0).turn_id)

    def drop_turns(self, conversation: str) -> None:
        self.plan.dropped += [turn.turn_id for turn in self._turns.pop(conversation, ())]

    # ------------------------------------------------------------------ members

    def is_member(self, conversation: str, user_id: str) -> bool:
        pair = (conversation, user_id)
        return pair in self.plan.joins or (pair in self._found_members and pair not in self.plan.leaves)

    def join(self, conversation: str, user_id: str, at_ms: int) -> bool:
        """Whether the user was no member until now."""
        if self.is_member(conversation, user_id):
            return False
        self.plan.joins[conversation, user_id] = at_ms
        return True

    def leave(self, conversation: str, user_id: str) -> bool:
        """Whether the user was a member until now."""
        if not self.is_member(conversation, user_id):
            return False
        pair = (conversation, user_id)
        self.plan.joins.pop(pair, None)
        if pair in self._found_members:
            self.plan.leaves.add(pair)
        return True


def no_conversation(conversation: str) -> NotFound:
    """The same for one that does not exist and one that is not the asker's."""
    return NotFound(f"There is no conversation {conversation!r}.")
