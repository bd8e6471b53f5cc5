"""Articles in versions and the rows that are searched, as SQL."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple, cast

import numpy as np
import orjson
from sqlalchemy import (
    Connection,
    Row,
    and_,
    bindparam,
    case,
    delete,
    func,
    insert,
    literal_column,
    or_,
    select,
    union_all,
    update,
)

from server.errors import Conflict, NotFound
from server.knowledge import index
from server.knowledge.values import NEXT_STATES, Article, Entry, EntryKind, VersionState
from server.store import codec, full_text, schema
from server.store.dialect import Database
from server.store.knowledge_ports import KnowledgeFigures, Version, VersionChange

REVISION: Final = "knowledge"
"""The name of the revision among the counters."""

_versions, _changes, _rows = schema.knowledge_versions, schema.knowledge_changes, schema.knowledge_rows
_counters = schema.counters

_later = _changes.alias("later")
_LAST_CHANGE = (
    select(func.max(_later.c.number))
    .where(_later.c.article_id == _versions.c.article_id, _later.c.version == _versions.c.version)
    .correlate(_versions)
    .scalar_subquery()
)
_SHOWN = [column for column in _versions.c if column is not _versions.c.source]
_LISTED = select(*_SHOWN, _changes.c.by_id, _changes.c.at_ms).join_from(
    _versions, _changes, _changes.c.number == _LAST_CHANGE
)
_OF_ARTICLE = _versions.c.article_id == bindparam("article")
_OF_VERSION = and_(_OF_ARTICLE, _versions.c.version == bindparam("of_version"))
_ONE = _LISTED.where(_OF_VERSION)
_ALL = _LISTED.where(_OF_ARTICLE).order_by(_versions.c.version.desc())
_NEWEST_SOURCE = (
    select(_versions.c.version, _versions.c.source).where(_OF_ARTICLE).order_by(_versions.c.version.desc()).limit(1)
)
_STATE = select(_versions).where(_OF_VERSION).with_for_update()
_ACTIVE = select(_versions.c.version).where(_OF_ARTICLE, _versions.c.state == literal_column("'active'"))
_SET_STATE = update(_versions).where(_OF_VERSION).values(state=bindparam("now_state"))
_CHANGES = select(_changes).where(_changes.c.article_id == bindparam("article")).order_by(_changes.c.number)
_ACTIVE_FIRST = case((_versions.c.state == literal_column("'active'"), 0), else_=1)
_SOURCE = _LISTED.add_columns(_versions.c.source).where(_OF_ARTICLE).order_by(_ACTIVE_FIRST, _versions.c.version.desc())
_DROP_ROWS = delete(_rows).where(_rows.c.article_id == bindparam("article"))
_REVISION = select(_counters.c.value).where(_counters.c.name == REVISION)
_CHANGED_ROWS = (
    select(_rows)
    .where(_rows.c.revision > bindparam("after_revision"), _rows.c.number > bindparam("after_number"))
    .order_by(_rows.c.number)
    .limit(bindparam("most"))
)
_NUMBERS = select(_rows.c.number).order_by(_rows.c.number)
_TO_EMBED = (
    select(_rows.c.number, _rows.c.embedded)
    .where(
        or_(_rows.c.model.is_(None), _rows.c.model != bindparam("by_model")), _rows.c.number > bindparam("after_number")
    )
    .order_by(_rows.c.number)
    .limit(bindparam("most"))
)
_EMBED = (
    update(_rows)
    .where(_rows.c.number == bindparam("of_number"))
    .values(model=bindparam("by_model"), embedding=bindparam("vector"), revision=bindparam("now_revision"))
)
_COUNTS = union_all(
    *(
        select(literal_column(f"'{what}'").label("what"), named.label("name"), func.count().label("total")).group_by(
            named
        )
        for what, named in (
            ("versions", _versions.c.state),
            ("rows", _rows.c.kind),
            ("embedded", func.coalesce(_rows.c.model, literal_column("''"))),
        )
    )
)


class Step(NamedTuple):
    """What a version becomes, by whom and when."""

    article_id: str
    version: int
    state: VersionState
    by: str
    at_ms: int


class KnowledgeWriter:
    """What changes; the database says how it counts on."""

    def __init__(self, database: Database) -> None:
        self._count = database.increment(_counters, "name", "value").returning(_counters.c.value)

    def save(self, connection: Connection, article: Article, by: str, at_ms: int) -> tuple[Version, bool]:
        """A new draft, or the newest version as it is."""
        newest = connection.execute(_NEWEST_SOURCE, {"article": article.article_id}).first()
        if newest is not None and newest.source == article.source:
            return _one(connection, article.article_id, newest.version), False
        version = 1 if newest is None else newest.version + 1
        connection.execute(
            insert(_versions),
            {
                "article_id": article.article_id,
                "version": version,
                "state": "draft",
                "title": article.title,
                "category": article.category,
                "tags_json": codec.encode_json(list(article.tags), "tags"),
                "language": article.language,
                "owner": article.owner,
                "expires_ms": article.expires_ms,
                "source": article.source,
            },
        )
        _note(connection, Step(article.article_id, version, "draft", by, at_ms))
        return _one(connection, article.article_id, version), True

    def set_state(self, connection: Connection, step: Step, entries: Sequence[Entry]) -> Version | NotFound | Conflict:
        """See the port."""
        # First of all, so that two changes of knowledge never meet in between.
        revision = connection.execute(self._count, {"name": REVISION, "value": 1}).scalar_one()
        article_id, version = step.article_id, step.version
        found = connection.execute(_STATE, {"article": article_id, "of_version": version}).first()
        if found is None:
            return NotFound(f"There is no version {version} of article {article_id!r}.")
        if found.state != step.state:
            if step.state not in NEXT_STATES[cast(VersionState, found.state)]:
                can = " or ".join(NEXT_STATES[cast(VersionState, found.state)])
                return Conflict(f"Version {version} of {article_id!r} is {found.state}: it can become {can}.")
            if step.state == "active":
                _retire_active(connection, step)
            elif found.state == "active":
                _drop_rows(connection, article_id)
            _change(connection, step)
            if step.state == "active" and entries:
                connection.execute(insert(_rows), [_row_values(found, entry, revision) for entry in entries])
                full_text.add(connection, article_id)
        return _one(connection, article_id, version)

    def embed(self, connection: Connection, model: str, embeddings: Sequence[tuple[int, bytes]]) -> int:
        """How many rows were there to take them."""
        revision = connection.execute(self._count, {"name": REVISION, "value": 1}).scalar_one()
        common = {"by_model": model, "now_revision": revision}
        return sum(
            connection.execute(_EMBED, {"of_number": number, "vector": vector, **common}).rowcount
            for number, vector in embeddings
        )


def _retire_active(connection: Connection, step: Step) -> None:
    before = connection.scalar(_ACTIVE, {"article": step.article_id})
    if before is not None:
        _change(connection, step._replace(version=before, state="retired"))
        _drop_rows(connection, step.article_id)


def _row_values(found: Any, entry: Entry, revision: int) -> dict[str, object]:
    return {
        "entry_id": entry.entry_id,
        "kind": entry.kind,
        "article_id": found.article_id,
        "version": found.version,
        "title": found.title,
        "category": found.category,
        "language": found.language,
        "expires_ms": found.expires_ms,
        "heading": entry.heading,
        "text": entry.text,
        "embedded": entry.embedded,
        "variants_json": codec.encode_json(dict(entry.variants), "variants"),
        "revision": revision,
    }


def _drop_rows(connection: Connection, article_id: str) -> None:
    full_text.drop(connection, article_id)
    connection.execute(_DROP_ROWS, {"article": article_id})


def _change(connection: Connection, step: Step) -> None:
    values = {"article": step.article_id, "of_version": step.version, "now_state": step.state}
    connection.execute(_SET_STATE, values)
    _note(connection, step)


def _note(connection: Connection, step: Step) -> None:
    values = {"article_id": step.article_id, "version": step.version, "state": step.state}
    connection.execute(insert(_changes), {**values, "by_id": step.by, "at_ms": step.at_ms})


def _one(connection: Connection, article_id: str, version: int) -> Version:
    return _version_of(connection.execute(_ONE, {"article": article_id, "of_version": version}).one())


def _version_of(row: Row[*tuple[Any, ...]]) -> Version:
    return Version(
        article_id=row.article_id,
        version=row.version,
        state=cast(VersionState, row.state),
        title=row.title,
        category=row.category,
        tags=tuple(orjson.loads(row.tags_json)),
        language=row.language,
        owner=row.owner,
        expires_ms=row.expires_ms,
        changed_by=row.by_id,
        changed_ms=row.at_ms,
    )


def articles(
    connection: Connection, state: VersionState | None, category: str | None, after: str | None, limit: int
) -> list[Version]:
    """See the port."""
    other = _versions.alias("other")
    newest = select(func.max(other.c.version)).where(other.c.article_id == _versions.c.article_id)
    query, values = _LISTED.order_by(_versions.c.article_id).limit(bindparam("most")), {"most": limit}
    given: dict[str, Any] = dict(values)
    if state is not None:
        newest = newest.where(other.c.state == bindparam("of_state"))
        given["of_state"] = state
    query = query.where(_versions.c.version == newest.correlate(_versions).scalar_subquery())
    if category is not None:
        query = query.where(_versions.c.category == bindparam("of_category"))
        given["of_category"] = category
    if after is not None:
        query = query.where(_versions.c.article_id > bindparam("after"))
        given["after"] = after
    return [_version_of(row) for row in connection.execute(query, given).all()]


def versions(connection: Connection, article_id: str) -> list[Version]:
    """The newest first."""
    return [_version_of(row) for row in connection.execute(_ALL, {"article": article_id}).all()]


def changes(connection: Connection, article_id: str) -> list[VersionChange]:
    """The first first."""
    found = connection.execute(_CHANGES, {"article": article_id}).all()
    return [VersionChange(row.version, cast(VersionState, row.state), row.by_id, row.at_ms) for row in found]


def source(connection: Connection, article_id: str, version: int | None) -> tuple[Version, str] | None:
    """None where there is none."""
    for row in connection.execute(_SOURCE, {"article": article_id}).all():
        if version is None or row.version == version:
            return _version_of(row), row.source
    return None


def revision(connection: Connection) -> int:
    """0 before the first."""
    return connection.scalar(_REVISION) or 0


def rows(connection: Connection, after_revision: int, after_number: int, limit: int) -> list[tuple[int, index.Row]]:
    """By number."""
    values = {"after_revision": after_revision, "after_number": after_number, "most": limit}
    return [(row.revision, _row_of(row)) for row in connection.execute(_CHANGED_ROWS, values).all()]


def _row_of(row: Row[*tuple[Any, ...]]) -> index.Row:
    return index.Row(
        number=row.number,
        entry_id=row.entry_id,
        kind=cast(EntryKind, row.kind),
        article_id=row.article_id,
        version=row.version,
        title=row.title,
        category=row.category,
        language=row.language,
        expires_ms=row.expires_ms,
        heading=row.heading,
        text=row.text,
        embedded=row.embedded,
        variants=orjson.loads(row.variants_json),
        model=row.model,
        embedding=None if row.embedding is None else np.frombuffer(row.embedding, dtype="<f4"),
    )


def numbers(connection: Connection) -> list[int]:
    """Ascending."""
    return [int(number) for number in connection.scalars(_NUMBERS)]


def to_embed(connection: Connection, model: str, after_number: int, limit: int) -> list[tuple[int, str]]:
    """By number."""
    values = {"by_model": model, "after_number": after_number, "most": limit}
    return [(row.number, row.embedded) for row in connection.execute(_TO_EMBED, values).all()]


def figures(connection: Connection) -> KnowledgeFigures:
    """Counts."""
    found: dict[str, dict[str, int]] = {"versions": {}, "rows": {}, "embedded": {}}
    for row in connection.execute(_COUNTS).all():
        found[row.what][str(row.name)] = int(row.total)
    return KnowledgeFigures(**found)
