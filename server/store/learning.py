"""Ratings, rewards and the log that policies are folded from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, FromClause, bindparam, func, insert, select, update

from server.errors import NotFound
from server.store import codec, schema
from server.store.batch import Batch
from server.store.dialect import Database
from server.store.operations import DefaultOp, LearningOp, RewardOp
from server.store.ports import Rating, RewardEvent, RewardParts
from server.store.query import Query
from server.store.rewards import DecisionState, RewardPlan, plan_defaults, plan_rewards

_decisions, _policies, _log = schema.decisions, schema.policies, schema.reward_log
_members, _messages = schema.members, schema.messages
_reply, _asked, _conversations = schema.messages.alias("reply"), schema.messages.alias("asked"), schema.conversations

# Whom a decision was for, from the message that its answer replies to; nothing of that is stored twice.
_WHOM = (_asked.c.sender_id.label("user"), _conversations.c.metadata_json)


def _with_whom(decisions: FromClause) -> FromClause:
    return (
        decisions.outerjoin(_reply, _reply.c.message_id == _decisions.c.message_id)
        .outerjoin(_asked, _asked.c.message_id == _reply.c.answers)
        .outerjoin(_conversations, _conversations.c.id == _asked.c.conversation_id)
    )


_STATE = select(
    _decisions.c.decision_id,
    _decisions.c.policy,
    _decisions.c.arm,
    _decisions.c.features,
    _decisions.c.propensity,
    _decisions.c.at_ms,
    _decisions.c.parts_json,
    _decisions.c.reward,
    *_WHOM,
).select_from(_with_whom(_decisions))
_LOCK_DECISIONS = Query(
    _STATE.where(_decisions.c.decision_id.in_(bindparam("ids", expanding=True)))
    .order_by(_decisions.c.decision_id)
    .with_for_update(of=_decisions),
    ("ids",),
)
# Rows that another worker holds are its to reward, so that nobody waits here with decisions locked.
_LOCK_UNREWARDED = (
    _STATE.where(
        _decisions.c.policy == bindparam("of"), _decisions.c.reward.is_(None), _decisions.c.at_ms < bindparam("before")
    )
    .order_by(_decisions.c.at_ms, _decisions.c.decision_id)
    .limit(bindparam("most"))
    .with_for_update(skip_locked=True, of=_decisions)
)
_SET_REWARD = Batch(
    update(_decisions)
    .where(_decisions.c.decision_id == bindparam("decision"))
    .values(parts_json=bindparam("parts"), reward=bindparam("value")),
    ("parts", "value", "decision"),
)
_INSERT_EVENTS = Batch(insert(_log), ("policy", "log_offset", "decision_id", "reward", "previous", "at_ms"))
_EVENTS_AFTER = (
    select(
        _log.c.policy,
        _log.c.log_offset,
        _log.c.decision_id,
        _decisions.c.arm,
        _decisions.c.features,
        _log.c.reward,
        _log.c.previous,
        _log.c.at_ms,
        _decisions.c.at_ms.label("decided_ms"),
        _decisions.c.propensity,
        *_WHOM,
    )
    .select_from(_with_whom(_log.join(_decisions, _log.c.decision_id == _decisions.c.decision_id)))
    .where(_log.c.policy == bindparam("of"), _log.c.log_offset > bindparam("position"))
    .order_by(_log.c.log_offset)
    .limit(bindparam("most"))
)
_RATED = (
    select(
        _messages.c.conversation_id,
        func.coalesce(_decisions.c.decision_id, "").label("decision_id"),
        func.coalesce(_decisions.c.at_ms, 0).label("decided_ms"),
    )
    .join_from(_messages, _decisions, _decisions.c.message_id == _messages.c.message_id, isouter=True)
    .where(_messages.c.message_id == bindparam("message"), _messages.c.sender_kind == "bot")
)
_RATED_BY_MEMBER = _RATED.join(_members, _members.c.conversation_id == _messages.c.conversation_id).where(
    _members.c.user_id == bindparam("user")
)


class Rewarder:
    """Merges the rewards of one commit."""

    def __init__(self, database: Database) -> None:
        advance = database.increment(_policies, "policy", "last_log_offset").returning(_policies.c.last_log_offset)
        self._advance = Query(advance, ("policy", "last_log_offset"))

    def __call__(self, connection: Connection, operations: Sequence[LearningOp]) -> list[RewardEvent | int | None]:
        """In the order of the operations: the logged events, None where nothing changed; of defaults how many."""
        rewards = [operation for operation in operations if isinstance(operation, RewardOp)]
        plan = plan_rewards(_lock(connection, rewards), rewards)
        counts = [
            plan_defaults(plan, _unrewarded(connection, operation), operation)
            for operation in operations
            if isinstance(operation, DefaultOp)
        ]
        _SET_REWARD.run(connection, [_changed(state) for state in plan.changed.values()])
        events = plan.numbered(self._log_ends(connection, plan))
        _INSERT_EVENTS.run(connection, [_event_row(event) for event in events if event is not None])
        of_rewards, of_defaults = iter(events), iter(counts)
        return [next(of_rewards if isinstance(operation, RewardOp) else of_defaults) for operation in operations]

    def _log_ends(self, connection: Connection, plan: RewardPlan) -> dict[str, int]:
        # The counter's row stays locked until the commit: a log_offset is never seen before a lower one.
        ends: dict[str, int] = {}
        for policy, gain in sorted(plan.gains.items()):
            (end,) = self._advance.rows(connection, policy, gain)
            ends[policy] = end.last_log_offset - gain
        return ends


def _lock(connection: Connection, operations: Sequence[RewardOp]) -> dict[str, DecisionState]:
    ids = sorted({operation.found.decision_id for operation in operations})
    return {row.decision_id: _state(row) for row in _LOCK_DECISIONS.rows(connection, ids)} if ids else {}


def _unrewarded(connection: Connection, operation: DefaultOp) -> list[DecisionState]:
    values = {"of": operation.policy, "before": operation.before_ms, "most": operation.limit}
    return [_state(row) for row in connection.execute(_LOCK_UNREWARDED, values).all()]


def _state(row: Any) -> DecisionState:
    return DecisionState(
        decision_id=row.decision_id,
        policy=row.policy,
        arm=row.arm,
        features=codec.unpack_floats(row.features),
        propensity=row.propensity,
        decided_ms=row.at_ms,
        parts=codec.decode_mapping(row.parts_json),
        reward=row.reward,
        user=row.user,
        segment=codec.segment_of(row.metadata_json),
    )


def _changed(state: DecisionState) -> tuple[object, ...]:
    return (codec.encode_json(dict(state.parts), "reward parts"), state.reward, state.decision_id)


def _event_row(event: RewardEvent) -> tuple[object, ...]:
    return (event.policy, event.log_offset, event.decision_id, event.reward, event.previous, event.at_ms)


def events_after(connection: Connection, policy: str, log_offset: int, limit: int) -> list[RewardEvent]:
    """The log's entries above ``log_offset``, the ``limit`` lowest of them, ascending."""
    values = {"of": policy, "position": log_offset, "most": limit}
    return [
        RewardEvent(
            policy=row.policy,
            log_offset=row.log_offset,
            decision_id=row.decision_id,
            arm=row.arm,
            features=codec.unpack_floats(row.features),
            reward=row.reward,
            previous=row.previous,
            at_ms=row.at_ms,
            decided_ms=row.decided_ms,
            propensity=row.propensity,
            user=row.user,
            segment=codec.segment_of(row.metadata_json),
        )
        for row in connection.execute(_EVENTS_AFTER, values).all()
    ]


class Rater:
    """Stores ratings."""

    def __init__(self, database: Database) -> None:
        self._save = database.upsert(schema.ratings, ["message_id", "user_id"], ["rating", "comment", "at_ms"])

    def __call__(self, connection: Connection, rating: Rating) -> RewardParts | NotFound:
        """Whose decision the rating is about; an error where the user may not rate that message."""
        rated = _RATED if rating.in_every_conversation else _RATED_BY_MEMBER
        found = connection.execute(rated, {"message": rating.message_id, "user": rating.user_id}).first()
        if found is None:
            return NotFound(f"There is no answer {rating.message_id!r} that you may rate.")
        connection.execute(
            self._save,
            {
                "message_id": rating.message_id,
                "user_id": rating.user_id,
                "rating": rating.rating,
                "comment": rating.comment,
                "at_ms": rating.at_ms,
            },
        )
        channel = codec.channel_of(found.conversation_id)
        return RewardParts(found.decision_id, {"feedback": rating.rating}, channel, found.decided_ms)
