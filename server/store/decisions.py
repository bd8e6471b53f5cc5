"""The decision log, read in pages along its primary key."""

from __future__ import annotations

from typing import Any

import orjson
from sqlalchemy import Connection, Row, bindparam, select

from server.errors import NotFound
from server.store import codec, schema
from server.store.decision_ports import LoggedDecision

_decisions = schema.decisions

_LOGGED = select(
    _decisions.c.decision_id,
    _decisions.c.policy,
    _decisions.c.version,
    _decisions.c.arm,
    _decisions.c.propensity,
    _decisions.c.arms_json,
    _decisions.c.probabilities,
    _decisions.c.features,
    _decisions.c.at_ms,
    _decisions.c.reward,
)
_PAGE = (
    _LOGGED.where(
        _decisions.c.decision_id > bindparam("after"),
        _decisions.c.policy == bindparam("of"),
        _decisions.c.at_ms >= bindparam("since"),
        _decisions.c.at_ms < bindparam("until"),
    )
    .order_by(_decisions.c.decision_id)
    .limit(bindparam("most"))
)
_ONE = _LOGGED.where(_decisions.c.decision_id == bindparam("id"))
_POLICIES = select(_decisions.c.policy).distinct().order_by(_decisions.c.policy)

EARLIEST_MS, LATEST_MS = 0, 2**63 - 1


def page(
    connection: Connection, *, policy: str, since_ms: int | None, until_ms: int | None, after: str | None, limit: int
) -> list[LoggedDecision]:
    """Ascending by id."""
    values = {
        "of": policy,
        "since": EARLIEST_MS if since_ms is None else since_ms,
        "until": LATEST_MS if until_ms is None else until_ms,
        "after": after or "",
        "most": limit,
    }
    return [_decision_of(row) for row in connection.execute(_PAGE, values).all()]


def one(connection: Connection, decision_id: str) -> LoggedDecision | None:
    """None where there is none."""
    row = connection.execute(_ONE, {"id": decision_id}).first()
    return None if row is None else _decision_of(row)


def policies(connection: Connection) -> list[str]:
    """Ascending."""
    return [str(name) for name in connection.scalars(_POLICIES)]


def not_found(decision_id: str) -> NotFound:
    """The error of ``DecisionStore.decision``."""
    return NotFound(f"There is no decision {decision_id!r}.")


def _decision_of(row: Row[*tuple[Any, ...]]) -> LoggedDecision:
    return LoggedDecision(
        decision_id=row.decision_id,
        policy=row.policy,
        version=row.version,
        arm=row.arm,
        propensity=row.propensity,
        arms=tuple(orjson.loads(row.arms_json)),
        probabilities=codec.unpack_floats(row.probabilities),
        features=codec.unpack_floats(row.features),
        at_ms=row.at_ms,
        reward=row.reward,
    )
