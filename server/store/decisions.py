"""The decision log, read in pages along its index by policy and time."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import orjson
from sqlalchemy import BigInteger, Connection, Row, Select, String, bindparam, select, tuple_

from server.errors import NotFound
from server.store import codec, schema
from server.store.decision_ports import LoggedDecision
from server.store.whom import WHOM, with_whom

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
    _decisions.c.mode,
)
_PLACE = tuple_(_decisions.c.at_ms, _decisions.c.decision_id)
_AFTER = tuple_(bindparam("since", type_=BigInteger), bindparam("after", type_=String))


def _page(columns: Select[Any]) -> Select[Any]:
    """The index is walked from where the page begins; its first condition says so to SQLite, which does not see it in
    the second."""
    return (
        columns.where(
            _decisions.c.policy == bindparam("of"),
            _decisions.c.at_ms >= bindparam("since", type_=BigInteger),
            _AFTER < _PLACE,
            _decisions.c.at_ms < bindparam("until"),
        )
        .order_by(_decisions.c.at_ms, _decisions.c.decision_id)
        .limit(bindparam("most"))
    )


_PAGE = _page(_LOGGED)
_PAGE_WITH_WHOM = _page(_LOGGED.add_columns(*WHOM).select_from(with_whom(_decisions)))
_MADE_MS = select(_decisions.c.at_ms).where(_decisions.c.decision_id == bindparam("id"))
_ONE = _LOGGED.where(_decisions.c.decision_id == bindparam("id"))
_POLICIES = select(_decisions.c.policy).distinct().order_by(_decisions.c.policy)

EARLIEST_MS, LATEST_MS = 0, 2**63 - 1


def page(
    connection: Connection,
    *,
    policy: str,
    since_ms: int | None,
    until_ms: int | None,
    after: str | None,
    limit: int,
    with_people: bool,
) -> list[LoggedDecision]:
    """Ascending by time, then by id."""
    since = EARLIEST_MS if since_ms is None else since_ms
    if after is not None:
        made_ms = connection.execute(_MADE_MS, {"id": after}).scalar_one_or_none()
        if made_ms is None:
            raise not_found(after)
        since = max(since, made_ms)
    until = LATEST_MS if until_ms is None else until_ms
    values = {"of": policy, "since": since, "after": after or "", "until": until, "most": limit}
    rows = connection.execute(_PAGE_WITH_WHOM if with_people else _PAGE, values).all()
    found = [_decision_of(row) for row in rows]
    if not with_people:
        return found
    return [
        replace(made, user=row.user, segment=codec.segment_of(row.metadata_json))
        for made, row in zip(found, rows, strict=True)
    ]


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
        mode=row.mode or "live",  # older releases had no other
    )
