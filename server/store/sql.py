"""The store on a SQL database: the ledger of ``ports.Store``, whatever the dialect."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import Connection, make_url
from sqlalchemy.exc import ArgumentError

from server.clock import Clock
from server.errors import StartupError
from server.store import schema
from server.store.dialect import Database
from server.store.group import CommitReport
from server.store.migrate import migrate, require_current
from server.store.postgresql import PostgresqlDatabase
from server.store.sql_alerts import AlertMethods
from server.store.sql_conversations import ConversationMethods
from server.store.sql_decisions import DecisionMethods
from server.store.sql_desk import DeskMethods
from server.store.sql_edits import EditMethods
from server.store.sql_experiments import ExperimentMethods
from server.store.sql_inbox import InboxMethods
from server.store.sql_knowledge import KnowledgeMethods
from server.store.sql_live import LiveMethods
from server.store.sql_mood import MoodMethods
from server.store.sql_people import PeopleMethods
from server.store.sql_policies import PolicyMethods
from server.store.sql_questions import QuestionMethods
from server.store.sql_routing import RoutingMethods
from server.store.sql_slices import SliceMethods
from server.store.sql_turns import TurnMethods
from server.store.sql_usage import UsageMethods
from server.store.sql_users import UserMethods
from server.store.sqlite import SqliteDatabase, sqlite_url

__all__ = ["SqlStore", "sqlite_url"]


class SqlStore(
    UserMethods,
    ConversationMethods,
    TurnMethods,
    DecisionMethods,
    DeskMethods,
    RoutingMethods,
    InboxMethods,
    KnowledgeMethods,
    MoodMethods,
    PeopleMethods,
    PolicyMethods,
    QuestionMethods,
    ExperimentMethods,
    SliceMethods,
    UsageMethods,
    AlertMethods,
    LiveMethods,
    EditMethods,
):
    """``ports.Store`` on the database of ``url``: ``sqlite_url``'s, or PostgreSQL's.

    ``new_id`` makes ULIDs. ``group_max`` operations share a commit at most: beyond about 100 the commit's fixed cost
    no longer shows, while everybody in it waits for all. ``group_wait_ms`` lets a group gather longer than the commit
    before it takes; 0 is right for local disks. ``queue_max`` operations may wait: less than a second's work.
    Nobody waits longer than ``timeout_s``. ``observe`` hears of every commit, for metrics.
    """

    def __init__(
        self,
        url: str,
        *,
        clock: Clock,
        new_id: Callable[[], str],
        group_max: int = 128,
        group_wait_ms: float = 0.0,
        queue_max: int = 4_096,
        timeout_s: float = 5.0,
        observe: Callable[[CommitReport], None] | None = None,
    ) -> None:
        super().__init__(
            _database(url, timeout_s),
            clock=clock,
            new_id=new_id,
            group_max=group_max,
            group_wait_ms=group_wait_ms,
            queue_max=queue_max,
            timeout_s=timeout_s,
            observe=observe,
        )
        self._count_ping = self._database.increment(schema.probe, "id", "pings")

    async def start(self, *, migrating: bool = True) -> None:
        """``migrating`` False: raise ``StartupError`` for a database that this code would have to migrate."""
        await self._database.open(migrate if migrating else require_current)
        self._writer.start()

    async def close(self) -> None:
        await self._writer.close()
        await self._close_loaders()
        await self._database.close()

    async def ping(self) -> None:
        await self._work(("4 probe",), self._ping)

    def _ping(self, connection: Connection) -> None:
        connection.execute(self._count_ping, {"id": 1, "pings": 1})


def _database(url: str, timeout_s: float) -> Database:
    if url.partition(":")[0].partition("+")[0] in ("postgresql", "postgres"):
        return PostgresqlDatabase(url, timeout_s=timeout_s)
    try:
        parsed = make_url(url)
    except ArgumentError as error:  # not shown: it may hold a password
        raise StartupError("database_url is no URL of a database.", _FORMS) from error
    if parsed.get_backend_name() != "sqlite":
        raise StartupError(f"Databases of the kind {parsed.get_backend_name()!r} are not supported.", _FORMS)
    return SqliteDatabase(parsed, timeout_s=timeout_s)


_FORMS = "Write sqlite:////path/to/file.db or postgresql://USER:PASSWORD@HOST:PORT/DATABASE."
