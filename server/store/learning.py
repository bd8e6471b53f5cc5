"""Ratings, rewards and the log that policies are folded from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, func, insert, select, update

from server.errors import NotFound
from server.store import codec, policies, schema
from server.store.batch import Batch
from server.store.dialect import Database
from server.store.operations import ChangeOp, DefaultOp, LearningOp, RewardOp
from server.store.ports import Rating, RewardEvent, RewardParts
from server.store.query import Query
from server.store.rewards import DecisionState, RewardPlan, plan_change, plan_defaults, plan_rewards

_decisions, _policies, _log = schema.decisions, schema.policies, schema.reward_log
_members, _messages = schema.members, schema.messages

_STATE = select(
    _decisions.c.decision_id,
    _decisions.c.policy,
    _decisions.c.arm,
    _decisions.c.features,
    _decisions.c.propensity,
    _decisions.c.at_ms,
    _decisions.c.parts_json,
    _decisions.c.reward,
    _decisions.c.log_offset,
)
_LOCK_DECISIONS = Query(
    _STATE.where(_decisions.c.decision_id.in_(bindparam("ids", expanding=True)))
    .order_by(_decisions.c.decision_id)
    .with_for_update(),
    ("ids",),
)
# Rows that another worker holds are its to reward, so that nobody waits here with decisions locked.
_LOCK_UNREWARDED = (
    _STATE.where(
        _decisions.c.policy == bindparam("of"), _decisions.c.reward.is_(None), _decisions.c.at_ms < bindparam("before")
    )
    .order_by(_decisions.c.at_ms, _decisions.c.decision_id)
    .limit(bindparam("most"))
    .with_for_update(skip_locked=True)
)
_SET_REWARD = Batch(
    update(_decisions)
    .where(_decisions.c.decision_id == bindparam("decision"))
    .values(parts_json=bindparam("parts"), reward=bindparam("value"), log_offset=bindparam("position")),
    ("parts", "value", "position", "decision"),
)
_INSERT_EVENTS = Batch(
    insert(_log), ("policy", "log_offset", "decision_id", "reward", "previous", "at_ms", "previous_offset")
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

    def __call__(self, connection: Connection, operations: Sequence[LearningOp]) -> list[object]:
        """In the order of the operations: the logged events, None where nothing changed; of defaults how many; the
        changes as numbered."""
        rewards = [operation for operation in operations if isinstance(operation, RewardOp)]
        plan = plan_rewards(_lock(connection, rewards), rewards)
        counts = [
            plan_defaults(plan, _unrewarded(connection, operation), operation)
            for operation in operations
            if isinstance(operation, DefaultOp)
        ]
        changes = [operation for operation in operations if isinstance(operation, ChangeOp)]
        for change in changes:
            plan_change(plan, change)
        done = plan.numbered(self._log_ends(connection, plan))
        _SET_REWARD.run(connection, [_changed(state) for state in done.decisions])
        _INSERT_EVENTS.run(connection, [_event_row(event) for event in done.events if event is not None])
        for number, change in zip(done.changes, changes, strict=True):
            policies.insert_change(connection, number, change.data_json)
        outcomes = {RewardOp: iter(done.events), DefaultOp: iter(counts), ChangeOp: iter(done.changes)}
        return [next(outcomes[type(operation)]) for operation in operations]

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
        log_offset=row.log_offset,
    )


def _changed(state: DecisionState) -> tuple[object, ...]:
    return (codec.encode_json(dict(state.parts), "reward parts"), state.reward, state.log_offset, state.decision_id)


def _event_row(event: RewardEvent) -> tuple[object, ...]:
    place = (event.policy, event.log_offset, event.decision_id)
    return (*place, event.reward, event.previous, event.at_ms, event.previous_offset)


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
