"""Questions as SQL: stored with their answers, followed up, placed in clusters, counted."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, Final, cast, get_args

import orjson
from sqlalchemy import (
    Connection,
    Row,
    Select,
    and_,
    bindparam,
    case,
    delete,
    distinct,
    exists,
    func,
    insert,
    literal_column,
    select,
    update,
)

from server.errors import NotFound
from server.knowledge.questions import FIRST_LOOK_MS, Event, GapState, Outcome, Trouble, next_look_ms, sequel
from server.store import schema
from server.store.batch import Batch
from server.store.dialect import Database
from server.store.operations import AnswerOp
from server.store.question_ports import (
    ArticleFigures,
    Cluster,
    ClusterChanges,
    ClusterRow,
    DayFigures,
    Filing,
    Unplaced,
)

REVISION: Final = "questions"
LAST: Final = "question_clusters"
"""Counters: of the clusters' changes, and the highest number of one."""

REACH: Final = 40
"""Messages behind a question in which its sequel is looked for."""

DAY_MS: Final = 86_400_000

_turns, _citations, _clusters = schema.question_turns, schema.question_citations, schema.question_clusters
_messages, _counters, _ratings = schema.messages, schema.counters, schema.ratings
_assessments = schema.assessments

TURN_COLUMNS: Final = tuple(column.name for column in _turns.c if column.name not in ("cluster", "closeness"))
INSERT_TURNS: Final = Batch(insert(_turns), TURN_COLUMNS)
INSERT_CITATIONS: Final = Batch(insert(_citations), tuple(column.name for column in _citations.c))

_TROUBLED = _turns.c.trouble.is_not(None)
_DUE = (
    select(_turns)
    .where(_turns.c.look_at_ms <= bindparam("now"))
    .order_by(_turns.c.look_at_ms)
    .limit(bindparam("most"))
    .with_for_update(skip_locked=True)
)
_next = _turns.alias("next")
_EVENTS = (
    select(
        _turns.c.turn_id.label("of"),
        _messages.c.sender_kind,
        _messages.c.data_json,
        schema.turns.c.analysis_json,
        _next.c.outcome,
    )
    .join_from(
        _turns,
        _messages,
        and_(
            _messages.c.conversation_id == _turns.c.conversation_id,
            _messages.c.offset > _turns.c.offset,
            _messages.c.offset <= _turns.c.offset + REACH,
            _messages.c.sender_kind.in_((literal_column("'customer'"), literal_column("'system'"))),
        ),
    )
    .outerjoin(schema.turns, schema.turns.c.turn_id == _messages.c.message_id)
    .outerjoin(_next, _next.c.turn_id == _messages.c.message_id)
    .where(_turns.c.turn_id.in_(bindparam("ids", expanding=True)))
    .order_by(_turns.c.turn_id, _messages.c.offset)
)
_RATED = select(_ratings.c.message_id, _ratings.c.rating).where(
    _ratings.c.message_id.in_(bindparam("ids", expanding=True))
)
_ASSESSED = select(_assessments.c.conversation_id, _assessments.c.rating).where(
    _assessments.c.conversation_id.in_(bindparam("ids", expanding=True))
)
_FOLLOWED = (
    update(_turns)
    .where(_turns.c.turn_id == bindparam("of"))
    .values(
        trouble=bindparam("now_trouble"),
        thumbs_up=bindparam("up"),
        thumbs_down=bindparam("down"),
        handed_off=bindparam("was_handed_off"),
        solved=bindparam("was_solved"),
        satisfaction=bindparam("now_satisfaction"),
        look_at_ms=bindparam("next_look"),
    )
)
_UNPLACED = (
    select(_turns.c.turn_id, _messages.c.text, _turns.c.model, _turns.c.embedding)
    .join_from(_turns, _messages, _messages.c.message_id == _turns.c.turn_id)
    .where(_turns.c.cluster.is_(None))
    .order_by(_turns.c.turn_id)
    .limit(bindparam("most"))
)
_COUNTER = select(_counters.c.value).where(_counters.c.name == bindparam("of"))
_GROWN = (
    select(_clusters.c.number, _clusters.c.model, _clusters.c.direction, _clusters.c.size, _clusters.c.revision)
    .where(_clusters.c.revision > bindparam("after"))
    .order_by(_clusters.c.number)
)
_PLACE = (
    update(_turns)
    .where(_turns.c.turn_id == bindparam("of"))
    .values(cluster=bindparam("now_cluster"), closeness=bindparam("now_closeness"))
)
_SAMPLE = (
    select(_messages.c.text)
    .join_from(_turns, _messages, _messages.c.message_id == _turns.c.turn_id)
    .order_by(_turns.c.at_ms.desc())
    .limit(bindparam("most"))
)
_UNNAMED = (
    select(_clusters.c.number, _clusters.c.size)
    .where(2 * _clusters.c.size >= 3 * _clusters.c.named_size, _clusters.c.size > _clusters.c.named_size)
    .order_by(_clusters.c.size.desc(), _clusters.c.number)
    .limit(bindparam("most"))
)
_NAME = (
    update(_clusters)
    .where(_clusters.c.number == bindparam("of"))
    .values(name=bindparam("now_name"), named_size=bindparam("at_size"))
)
_SET_STATE = (
    update(_clusters)
    .where(_clusters.c.number == bindparam("of"))
    .values(
        state=bindparam("now_state"),
        changed_by=bindparam("by"),
        changed_ms=bindparam("at"),
        article_id=func.coalesce(bindparam("draft"), _clusters.c.article_id),
    )
)


def _sum(condition: Any) -> Any:
    return func.sum(case((condition, 1), else_=0))


_TROUBLES: Final[tuple[Trouble, ...]] = get_args(Trouble)
_CLUSTERS = (
    select(
        _clusters.c.number,
        _clusters.c.name,
        _clusters.c.state,
        _clusters.c.article_id,
        _clusters.c.changed_by,
        _clusters.c.changed_ms,
        func.count().label("turns"),
        func.count(distinct(_turns.c.user_id)).label("people"),
        _sum(_turns.c.outcome == "answered").label("answered"),
        _sum(_turns.c.solved).label("solved"),
        _sum(_TROUBLED).label("troubled"),
        func.count(case((_TROUBLED, _turns.c.satisfaction))).label("known"),
        func.sum(case((_TROUBLED, _turns.c.satisfaction))).label("satisfaction"),
        func.min(_turns.c.at_ms).label("first_ms"),
        func.max(_turns.c.at_ms).label("last_ms"),
        *(_sum(_turns.c.trouble == trouble).label(trouble) for trouble in _TROUBLES),
    )
    .join_from(_clusters, _turns, _turns.c.cluster == _clusters.c.number)
    .where(_turns.c.at_ms >= bindparam("since"))
    .group_by(_clusters.c.number)
    .having(_sum(_TROUBLED) >= bindparam("least_troubled"))
    .having(func.count(distinct(_turns.c.user_id)) >= bindparam("least_people"))
    .order_by(_sum(_TROUBLED).desc(), func.count().desc(), _clusters.c.number)
    .limit(bindparam("most"))
)
_ARTICLES_OF = (
    select(_turns.c.cluster, _citations.c.article_id, func.count().label("times"))
    .join_from(_turns, _citations, _citations.c.turn_id == _turns.c.turn_id)
    .where(_turns.c.cluster.in_(bindparam("numbers", expanding=True)), _turns.c.at_ms >= bindparam("since"))
    .group_by(_turns.c.cluster, _citations.c.article_id)
    .order_by(_turns.c.cluster, func.count().desc(), _citations.c.article_id)
)
_ARTICLE_FIGURES = (
    select(
        _citations.c.article_id,
        _citations.c.version,
        func.count().label("shown"),
        _sum(_turns.c.solved).label("solved"),
        func.sum(_turns.c.thumbs_up).label("thumbs_up"),
        func.sum(_turns.c.thumbs_down).label("thumbs_down"),
        _sum(_turns.c.handed_off).label("handoffs"),
        func.max(_turns.c.at_ms).label("last_ms"),
    )
    .join_from(_citations, _turns, _turns.c.turn_id == _citations.c.turn_id)
    .where(_turns.c.at_ms >= bindparam("since"))
    .group_by(_citations.c.article_id, _citations.c.version)
    .order_by(func.count().desc(), _citations.c.article_id, _citations.c.version)
    .limit(bindparam("most"))
)
_DAY = _turns.c.at_ms // literal_column(str(DAY_MS))
_DAYS = (
    select(
        _DAY.label("day"),
        func.count().label("questions"),
        _sum(_turns.c.outcome == "answered").label("answered"),
        _sum(_turns.c.outcome == "offered").label("offered"),
        _sum(_turns.c.solved).label("solved"),
        _sum(_turns.c.handed_off).label("handoffs"),
        func.count(_turns.c.satisfaction).label("known"),
        func.coalesce(func.sum(_turns.c.satisfaction), 0.0).label("satisfaction"),
    )
    .where(_turns.c.at_ms >= bindparam("since"), _turns.c.at_ms < bindparam("until"))
    .group_by(_DAY)
    .order_by(_DAY)
)
_OLD = (
    select(_turns.c.turn_id)
    .where(_turns.c.at_ms < bindparam("before"))
    .order_by(_turns.c.at_ms)
    .limit(bindparam("most"))
    .with_for_update(skip_locked=True)
)
_FORGET = delete(_turns).where(_turns.c.turn_id.in_(bindparam("ids", expanding=True)))
_FORGET_CITATIONS = delete(_citations).where(_citations.c.turn_id.in_(bindparam("ids", expanding=True)))
_FORGET_CLUSTERS = delete(_clusters).where(~exists().where(_turns.c.cluster == _clusters.c.number))


def turn_row(op: AnswerOp) -> tuple[object, ...]:
    """Values in the order of ``TURN_COLUMNS``; nothing has followed yet."""
    answer, question = op.answer, op.answer.question
    assert question is not None  # noqa: S101 - the caller chose so
    asked = answer.turn.message
    return (
        answer.turn.turn_id,
        op.conversation,
        asked.offset,
        asked.sender.id,
        answer.message_id,
        answer.at_ms,
        question.outcome,
        question.trouble,
        question.model,
        question.embedding,
        0,
        0,
        False,
        False,
        None,
        answer.at_ms + FIRST_LOOK_MS,
    )


def citation_rows(op: AnswerOp) -> list[tuple[object, ...]]:
    """An article counts once an answer."""
    question = op.answer.question
    cited = dict(question.citations) if question is not None else {}
    return [(op.answer.turn.turn_id, article_id, version) for article_id, version in cited.items()]


def follow_up(connection: Connection, now_ms: int, limit: int) -> int:
    """How many were due."""
    due = connection.execute(_DUE, {"now": now_ms, "most": limit}).all()
    if not due:
        return 0
    events: dict[str, list[Event]] = defaultdict(list)
    for row in connection.execute(_EVENTS, {"ids": [row.turn_id for row in due]}):
        events[row.of].append(_event(row))
    ratings = _by_key(connection, _RATED, sorted({row.message_id for row in due}))
    assessments = _by_key(connection, _ASSESSED, sorted({row.conversation_id for row in due}))
    rows = []
    for row in due:
        of_answer, of_all = ratings.get(row.message_id, ()), assessments.get(row.conversation_id, ())
        found = sequel(row.outcome, row.trouble, events[row.turn_id], of_answer, of_all)
        rows.append(
            {
                "of": row.turn_id,
                "now_trouble": found.trouble,
                "up": found.thumbs_up,
                "down": found.thumbs_down,
                "was_handed_off": found.handed_off,
                "was_solved": found.solved,
                "now_satisfaction": found.satisfaction,
                "next_look": next_look_ms(row.at_ms, now_ms),
            }
        )
    connection.execute(_FOLLOWED, rows)
    return len(due)


def _event(row: Any) -> Event:
    if row.sender_kind == "system":
        data = {} if row.data_json is None else orjson.loads(row.data_json)
        return Event(system=data.get("event"))
    analysis = {} if row.analysis_json is None else orjson.loads(row.analysis_json)
    return Event(act=analysis.get("act"), outcome=cast(Outcome | None, row.outcome))


def _by_key(connection: Connection, query: Select[Any], keys: Sequence[str]) -> dict[str, list[float]]:
    found: dict[str, list[float]] = defaultdict(list)
    for key, value in connection.execute(query, {"ids": list(keys)}):
        found[key].append(value)
    return found


def unplaced(connection: Connection, limit: int) -> list[Unplaced]:
    """The earliest first."""
    return [Unplaced(*row) for row in connection.execute(_UNPLACED, {"most": limit})]


def changes(connection: Connection, after: int) -> ClusterChanges:
    """Clusters that have grown. The counters are read first: what is committed meanwhile comes again."""
    revision = connection.scalar(_COUNTER, {"of": REVISION}) or 0
    last = connection.scalar(_COUNTER, {"of": LAST}) or 0
    rows = connection.execute(_GROWN, {"after": after}).all()
    return ClusterChanges(
        revision, last, tuple(ClusterRow(row.number, row.model, row.direction, row.size) for row in rows)
    )


class QuestionWriter:
    """What changes; the database says how it counts on."""

    def __init__(self, database: Database) -> None:
        self._count = database.increment(_counters, "name", "value").returning(_counters.c.value)
        self._grow = database.upsert(_clusters, ["number"], ["model", "direction", "size", "revision"])

    def file(self, connection: Connection, revision: int, filing: Filing) -> bool:
        """Whether ``revision`` was current."""
        # Adding nothing takes the counter's lock, and makes it where it is missing.
        current = connection.execute(self._count, {"name": REVISION, "value": 0}).scalar_one()
        if current != revision:
            return False
        connection.execute(self._count, {"name": REVISION, "value": 1})
        last = connection.execute(self._count, {"name": LAST, "value": 0}).scalar_one()
        if filing.last > last:
            connection.execute(self._count, {"name": LAST, "value": filing.last - last})
        if filing.rows:
            connection.execute(self._grow, [_cluster_row(row, revision + 1) for row in filing.rows])
        if filing.placed:
            named = ("of", "now_cluster", "now_closeness")
            connection.execute(_PLACE, [dict(zip(named, one, strict=True)) for one in filing.placed])
        return True


def _cluster_row(row: ClusterRow, revision: int) -> dict[str, object]:
    return {
        "number": row.number,
        "model": row.model,
        "direction": row.direction,
        "size": row.size,
        "name": "",
        "named_size": 0,
        "state": "open",
        "article_id": None,
        "changed_by": "",
        "changed_ms": 0,
        "revision": revision,
    }


def clusters(
    connection: Connection, since_ms: int, *, troubled: int, people: int, number: int | None, limit: int
) -> list[Cluster]:
    """See the port."""
    values = {"since": since_ms, "least_troubled": troubled, "least_people": people, "most": limit}
    query = _CLUSTERS
    if number is not None:
        query, values = query.where(_clusters.c.number == bindparam("of")), {**values, "of": number}
    return [_cluster_of(row) for row in connection.execute(query, values)]


def _cluster_of(row: Row[*tuple[Any, ...]]) -> Cluster:
    return Cluster(
        number=row.number,
        name=row.name,
        state=cast(GapState, row.state),
        article_id=row.article_id,
        changed_by=row.changed_by,
        changed_ms=row.changed_ms,
        turns=row.turns,
        people=row.people,
        answered=int(row.answered),
        solved=int(row.solved),
        troubled=int(row.troubled),
        known=row.known,
        satisfaction=row.satisfaction / row.known if row.known else None,
        first_ms=row.first_ms,
        last_ms=row.last_ms,
        troubles={trouble: int(count) for trouble in _TROUBLES if (count := getattr(row, trouble))},
    )


def texts(connection: Connection, numbers: Sequence[int], limit: int, troubled_first: bool) -> dict[int, list[str]]:
    """By cluster, those nearest to its mean first."""
    first = [case((_TROUBLED, 0), else_=1)] if troubled_first else []
    order = func.row_number().over(
        partition_by=_turns.c.cluster, order_by=(*first, _turns.c.closeness.desc(), _turns.c.turn_id)
    )
    ranked = (
        select(_turns.c.cluster, _turns.c.turn_id, order.label("place"))
        .where(_turns.c.cluster.in_(bindparam("numbers", expanding=True)))
        .subquery("ranked")
    )
    query = (
        select(ranked.c.cluster, _messages.c.text)
        .join_from(ranked, _messages, _messages.c.message_id == ranked.c.turn_id)
        .where(ranked.c.place <= bindparam("most"))
        .order_by(ranked.c.cluster, ranked.c.place)
    )
    found: dict[int, list[str]] = {number: [] for number in numbers}
    for number, text in connection.execute(query, {"numbers": list(numbers), "most": limit}):
        found[number].append(text)
    return found


def articles_of(connection: Connection, numbers: Sequence[int], since_ms: int) -> dict[int, list[tuple[str, int]]]:
    """By cluster, the most frequent first."""
    found: dict[int, list[tuple[str, int]]] = {number: [] for number in numbers}
    values = {"numbers": list(numbers), "since": since_ms}
    for row in connection.execute(_ARTICLES_OF, values):
        found[row.cluster].append((row.article_id, row.times))
    return found


def sample(connection: Connection, limit: int) -> list[str]:
    """The latest first."""
    return [str(text) for text in connection.scalars(_SAMPLE, {"most": limit})]


def unnamed(connection: Connection, limit: int) -> list[tuple[int, int]]:
    """The largest first."""
    return [(row.number, row.size) for row in connection.execute(_UNNAMED, {"most": limit})]


def name(connection: Connection, names: Sequence[tuple[int, str, int]]) -> None:
    """By number, so that two workers never wait for each other."""
    rows = [{"of": number, "now_name": called, "at_size": size} for number, called, size in sorted(names)]
    if rows:
        connection.execute(_NAME, rows)


def set_state(
    connection: Connection, number: int, state: GapState, *, by: str, at_ms: int, article_id: str | None
) -> NotFound | None:
    """An error where there is no such cluster."""
    values = {"of": number, "now_state": state, "by": by, "at": at_ms, "draft": article_id}
    if connection.execute(_SET_STATE, values).rowcount == 0:
        return NotFound(f"There is no gap {number}; it may have lapsed.")
    return None


_later = _turns.alias("later")
_LAST_TROUBLE = (
    select(func.max(_later.c.at_ms))
    .where(_later.c.cluster == _clusters.c.number, _later.c.trouble.is_not(None))
    .correlate(_clusters)
    .scalar_subquery()
)


def _moving(is_resolved: bool, counts: Any) -> Select[Any]:
    """Numbers of clusters in the other state, with enough of what ``counts`` since they came into it."""
    mine = _clusters.c.state == literal_column("'resolved'")
    return (
        select(_clusters.c.number)
        .join_from(_clusters, _turns, and_(_turns.c.cluster == _clusters.c.number, counts))
        .where(mine if is_resolved else ~mine, _turns.c.at_ms > _clusters.c.changed_ms)
        .group_by(_clusters.c.number)
        .having(func.count() >= bindparam("enough"))
        .order_by(_clusters.c.number)
    )


_CLOSING = _moving(False, and_(_turns.c.solved, _turns.c.at_ms > _LAST_TROUBLE))
_REOPENING = _moving(True, _TROUBLED)


def move(connection: Connection, turns: int, by: str, at_ms: int) -> tuple[int, int]:
    """How many were resolved, and how many opened again."""
    closing = list(connection.scalars(_CLOSING, {"enough": turns}))
    opening = list(connection.scalars(_REOPENING, {"enough": turns}))
    states = {**dict.fromkeys(closing, "resolved"), **dict.fromkeys(opening, "open")}
    for number in sorted(states):
        values = {"of": number, "now_state": states[number], "by": by, "at": at_ms, "draft": None}
        connection.execute(_SET_STATE, values)
    return len(closing), len(opening)


def article_figures(connection: Connection, since_ms: int, article_id: str | None, limit: int) -> list[ArticleFigures]:
    """Those shown most first."""
    query, values = _ARTICLE_FIGURES, {"since": since_ms, "most": limit}
    if article_id is not None:
        query = query.where(_citations.c.article_id == bindparam("article"))
        return [_figures_of(row) for row in connection.execute(query, {**values, "article": article_id})]
    return [_figures_of(row) for row in connection.execute(query, values)]


def _figures_of(row: Row[*tuple[Any, ...]]) -> ArticleFigures:
    counts = (row.shown, row.solved, row.thumbs_up, row.thumbs_down, row.handoffs, row.last_ms)
    return ArticleFigures(row.article_id, row.version, *map(int, counts))


def days(connection: Connection, since_ms: int, until_ms: int) -> list[DayFigures]:
    """Ascending."""
    found = []
    for row in connection.execute(_DAYS, {"since": since_ms, "until": until_ms}):
        questions, answered, offered, solved, handoffs, known = map(
            int, (row.questions, row.answered, row.offered, row.solved, row.handoffs, row.known)
        )
        day_ms, satisfaction = int(row.day) * DAY_MS, float(row.satisfaction)
        found.append(DayFigures(day_ms, questions, answered, offered, solved, handoffs, known, satisfaction))
    return found


def lapse(connection: Connection, before_ms: int, limit: int) -> int:
    """How many questions went."""
    ids = sorted(connection.scalars(_OLD, {"before": before_ms, "most": limit}))
    if ids:
        connection.execute(_FORGET_CITATIONS, {"ids": ids})
        connection.execute(_FORGET, {"ids": ids})
        connection.execute(_FORGET_CLUSTERS)
    return len(ids)
