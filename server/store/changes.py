"""What resolving, the hand-off and members change in a conversation (PROTOCOL §5): the rules, on a ``Ledger``.

``bot`` → ``waiting`` (asked for an agent) → ``claimed`` (an agent has it) → ``bot`` or ``waiting``. A resolved
conversation never waits. Each change is told by a message of the system in the same commit.
"""

from __future__ import annotations

from msgspec.structs import replace

from server.errors import Conflict, NotFound
from server.store.ledger import HeadRow, Ledger, no_conversation
from server.store.operations import ClaimOp, HandoffOp, MembersOp, ReleaseOp, ResolveOp
from server.store.ports import Changed, Release
from server.wire.frames import Message
from server.wire.parts import Kind, User

RELEASE_ANY: frozenset[Kind] = frozenset(("admin", "system"))
"""Who may end somebody else's claim: admins, and the house when the agent has gone."""

ASKED = "An agent was asked for."


def resolve(ledger: Ledger, op: ResolveOp, head: HeadRow) -> Message | None:
    """Nothing where it is so already. Who waits for an agent no longer does."""
    resolution = op.resolution
    if head.resolved == resolution.resolved:
        return None
    if not resolution.resolved:
        return ledger.reopen(head, resolution.message_id, resolution.at_ms)
    head = replace(head, resolved=True)
    if head.state == "waiting":
        head = ledger.change_state(replace(head, state="bot", waiting_since_ms=None, waiting_reason=None))
    by = resolution.by if resolution.by.kind in ("agent", "admin") else None
    text = "The conversation was marked as resolved."
    return ledger.say(head, "resolved", text, message_id=resolution.message_id, at_ms=resolution.at_ms, agent=by)


def hand_off(ledger: Ledger, op: HandoffOp, head: HeadRow) -> Changed | NotFound:
    """Asking again changes nothing; asking in a resolved conversation reopens it."""
    handoff = op.handoff
    if handoff.members_only and not ledger.is_member(op.conversation, handoff.by.id):
        return no_conversation(op.conversation)
    if head.state != "bot":
        return Changed(head.state, _agent(ledger, head), None)
    before: tuple[Message, ...] = ()
    if head.resolved:
        before = (ledger.reopen(head, op.reopen_id, handoff.at_ms),)
        head = ledger.heads[op.conversation]
    waiting = ledger.change_state(
        replace(head, state="waiting", waiting_since_ms=handoff.at_ms, waiting_reason=handoff.reason)
    )
    message = ledger.say(waiting, "waiting", ASKED, message_id=handoff.message_id, at_ms=handoff.at_ms)
    return Changed("waiting", None, message, (*before, message))


def claim(ledger: Ledger, op: ClaimOp, head: HeadRow) -> Changed | Conflict:
    """What the bot has not answered by now is the agent's; the reason is kept, should the claim lapse."""
    asked = op.claim
    agent = asked.agent
    if head.state == "claimed":
        if head.agent_id == agent.id:
            return Changed("claimed", agent, None)
        return Conflict("Another agent has claimed this conversation.")
    ledger.drop_turns(op.conversation)
    ledger.users[agent.id] = agent
    message = _take_over(ledger, head, agent, message_id=asked.message_id, at_ms=asked.at_ms)
    return Changed("claimed", agent, message, (message,))


def release(ledger: Ledger, op: ReleaseOp, head: HeadRow) -> Changed | Conflict | NotFound:
    """The end of a claim, then, where somebody has to wait again or another agent goes on, the word of that."""
    asked = op.release
    heir = None if asked.heir is None else ledger.users.get(asked.heir)
    refusal = _refusal(asked, head, heir)
    if refusal is not None:
        return refusal
    agent = _agent(ledger, head)
    waits = asked.to == "waiting" and heir is None and not head.resolved
    reason = asked.reason or head.waiting_reason
    released = ledger.change_state(
        replace(
            head,
            state="waiting" if waits else "bot",
            agent_id=None,
            waiting_since_ms=asked.at_ms if waits else None,
            waiting_reason=reason if waits or heir is not None else None,
        )
    )
    text = f"{'The agent' if agent is None else agent.name} has left the conversation."
    message = ledger.say(released, "released", text, message_id=asked.message_id, at_ms=asked.at_ms, agent=agent)
    head = ledger.heads[op.conversation]
    if heir is not None:
        claimed = _take_over(ledger, head, heir, message_id=op.second_id, at_ms=asked.at_ms)
        return Changed("claimed", heir, message, (message, claimed))
    if not waits:
        return Changed("bot", None, message, (message,))
    asks = ledger.say(head, "waiting", ASKED, message_id=op.second_id, at_ms=asked.at_ms)
    return Changed("waiting", None, message, (message, asks))


def _refusal(asked: Release, head: HeadRow, heir: User | None) -> Conflict | NotFound | None:
    if head.state != "claimed":
        return Conflict("Nobody has claimed this conversation.")
    if asked.claim_number is not None and asked.claim_number != head.claim_number:
        return Conflict(f"Claim {asked.claim_number} has ended; claim {head.claim_number} is the present one.")
    if asked.by.id != head.agent_id and asked.by.kind not in RELEASE_ANY:
        return Conflict("Another agent has claimed this conversation; only that agent or an admin may release it.")
    if asked.heir is not None and (heir is None or heir.kind not in ("agent", "admin")):
        return NotFound(f"There is no agent {asked.heir!r}.")
    if heir is not None and heir.id == head.agent_id:
        return Conflict(f"{heir.name} has this conversation already.")
    return None


def _take_over(ledger: Ledger, head: HeadRow, agent: User, *, message_id: str, at_ms: int) -> Message:
    """A claim begins; the reason is kept, should it lapse."""
    ledger.join(head.conversation, agent.id, at_ms)
    claimed = ledger.change_state(
        replace(head, state="claimed", agent_id=agent.id, claim_number=head.claim_number + 1, waiting_since_ms=None)
    )
    text = f"{agent.name} has joined the conversation."
    return ledger.say(claimed, "claimed", text, message_id=message_id, at_ms=at_ms, agent=agent)


def change_members(ledger: Ledger, op: MembersOp) -> tuple[list[str], list[str]] | NotFound:
    """The ids that were really added and removed."""
    for user_id in op.add:
        if user_id not in ledger.users:
            return NotFound(f"There is no user {user_id!r}.")
    added = [user_id for user_id in op.add if ledger.join(op.conversation, user_id, op.at_ms)]
    removed = [user_id for user_id in op.remove if ledger.leave(op.conversation, user_id)]
    return added, removed


def _agent(ledger: Ledger, head: HeadRow) -> User | None:
    return None if head.agent_id is None else ledger.users.get(head.agent_id)
