"""What PostgreSQL's errors mean (https://www.postgresql.org/docs/current/errcodes-appendix.html)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

import asyncpg
from sqlalchemy.exc import StatementError

from server.errors import StartupError
from server.store.dialect import Failure

POSTGRESQL_SCHEMES = ("postgresql", "postgres", "postgresql+asyncpg")

_FORM = "Write postgresql://USER:PASSWORD@HOST:PORT/DATABASE, with special characters percent-encoded."

# By SQLSTATE, then by its class (the first two characters). What stands nowhere is a defect of ours.
_FAILURES = {
    "0A000": Failure.CONTENDED,  # a prepared statement from before a migration; the next try prepares it anew
    "22": Failure.BAD_VALUE,
    "23": Failure.DUPLICATE,
    "40": Failure.CONTENDED,  # deadlock, serialization
    "40003": Failure.AWAY,  # outcome unknown
    "08": Failure.AWAY,  # connection lost
    "25006": Failure.AWAY,  # read only: a standby
    "25P03": Failure.AWAY,  # idle in a transaction for too long
    "28": Failure.AWAY,  # not let in any more
    "3D000": Failure.AWAY,  # the database was dropped
    "42501": Failure.AWAY,  # a right was taken away
    "53": Failure.AWAY,  # disk, memory, connections
    "55P03": Failure.AWAY,  # a lock was held for too long
    "57": Failure.AWAY,  # shut down, starting, cancelled, too slow
    "58": Failure.AWAY,  # input, output
    "F0": Failure.AWAY,  # its configuration
    "XX": Failure.AWAY,  # its own defects, damaged data
}


class Refused(Exception):
    """A value or a row that PostgreSQL refused. Its own error quotes them, and they may be what people wrote."""

    def __init__(self, sqlstate: str, constraint: str | None) -> None:
        super().__init__(f"PostgreSQL refused a row (SQLSTATE {sqlstate}, constraint {constraint or 'none'})")
        self.sqlstate = sqlstate


@dataclass(frozen=True, slots=True)
class Place:
    """Where a database is, as far as it may be shown: never the password."""

    hosts: str
    user: str
    database: str

    @property
    def server(self) -> str:
        return f"PostgreSQL at {self.hosts}"


def read_url(url: str) -> tuple[str, Place]:
    """The URL as the driver takes it, and what it says. ``StartupError`` for one that nobody can read."""
    scheme, _, rest = url.partition("://")
    dsn = f"postgresql://{rest}"
    parts = urlsplit(dsn)
    # Behind the host "@" means that the password holds a "/", "?" or "#": its rest would be taken for a name.
    if scheme not in POSTGRESQL_SCHEMES or "@" in parts.path + parts.query + parts.fragment:
        raise unreadable_url()
    who, _, hosts = parts.netloc.rpartition("@")
    place = Place(
        hosts=hosts or "this machine",
        user=unquote(who.partition(":")[0]) or "(the default one)",
        database=unquote(parts.path.removeprefix("/")) or "(the default one)",
    )
    return dsn, place


def unreadable_url() -> StartupError:
    """Without a word of the URL or of who could not read it: both may hold a piece of the password."""
    return StartupError("database_url is no valid URL of a PostgreSQL database.", _FORM)


def driver_error(error: BaseException) -> BaseException:
    """The driver's own error inside of SQLAlchemy's."""
    if isinstance(error, StatementError) and error.orig is not None:
        return error.orig.__cause__ or error.orig
    return error


def without_values(error: BaseException) -> BaseException:
    """``error``, or a ``Refused`` in place of one that quotes values."""
    found = driver_error(error)
    if isinstance(found, asyncpg.PostgresError) and (found.sqlstate or "")[:2] in ("22", "23"):
        return Refused(found.sqlstate, found.constraint_name)
    return error


def classify(error: BaseException) -> Failure:
    """What ``error`` means for the next transaction."""
    found = driver_error(error)
    match found:
        case asyncpg.PostgresError() | Refused():
            state = found.sqlstate or ""
            return _FAILURES.get(state) or _FAILURES.get(state[:2], Failure.BUG)
        case OSError() | asyncpg.InternalClientError():
            return Failure.AWAY
        case asyncpg.InterfaceError():
            return Failure.AWAY if "closed" in str(found) else Failure.BUG
        case OverflowError() | UnicodeEncodeError():
            return Failure.BAD_VALUE
        case _:
            return Failure.BUG


def check_encoding(encoding: str, place: Place) -> None:
    """``StartupError`` unless the database stores every character."""
    if encoding != "UTF8":
        raise StartupError(
            f"The database {place.database} stores text as {encoding}, which lacks most characters.",
            "Make one with UTF-8: createdb --encoding=UTF8 --template=template0 NAME.",
        )


def explain(error: BaseException, place: Place) -> StartupError | None:
    """Why the database can't be used, and what to do. None for what is no error of the database."""
    match driver_error(error):
        case asyncpg.PostgresError() as found:
            # Only its first sentence: what PostgreSQL adds may quote values.
            explanation = _EXPLANATIONS.get(found.sqlstate or "", _unusable)
            problem, remedy = explanation(place, str(found.args[0]))
        case asyncpg.TargetServerAttributeNotMatched():
            problem, remedy = f"None of the servers {place.hosts} is what database_url asks for.", _PRIMARY
        case Refused() | asyncpg.InterfaceError() | asyncpg.InternalClientError() as found:
            problem, remedy = _unusable(place, str(found))
        case OSError() as found:
            why = found.strerror or str(found) or "it does not answer"
            problem = f"{place.server} can't be reached: {why}."
            remedy = "Start it, or correct host and port in database_url."
        case _:
            return None
    return StartupError(problem, remedy)


def _unusable(place: Place, said: str) -> tuple[str, str]:
    return f"{place.server} can't be used: {said}.", "See whether its log says more."


_PRIMARY = "Name the primary server in database_url."
_EXPLANATIONS: dict[str, Callable[[Place, str], tuple[str, str]]] = {
    "28P01": lambda place, _: (
        f"{place.server} does not take the password of the user {place.user}.",
        "Correct user and password in database_url.",
    ),
    "28000": lambda place, said: (
        f"{place.server} does not let the user {place.user} in: {said}.",
        "Correct the user in database_url, or let it in (CREATE ROLE, pg_hba.conf).",
    ),
    "3D000": lambda place, _: (
        f"{place.server} has no database {place.database}.",
        f"Make it (createdb --encoding=UTF8 {place.database}), or correct database_url.",
    ),
    "42501": lambda place, said: (
        f"The user {place.user} may not make tables in the database {place.database}: {said}.",
        f"Let it: ALTER DATABASE {place.database} OWNER TO {place.user}, or GRANT CREATE ON SCHEMA public.",
    ),
    "42704": lambda _, said: (
        f"database_url asks for something that PostgreSQL does not know: {said}.",
        "Correct what stands behind the question mark.",
    ),
    "25006": lambda place, _: (f"{place.server} only reads: it is a standby, or set so.", _PRIMARY),
    "53300": lambda place, said: (
        f"{place.server} takes no more connections: {said}.",
        "Raise max_connections (each worker takes five), or end what else is connected.",
    ),
    "53100": lambda place, _: (f"No room on the disk of {place.server}.", "Free some space, then start again."),
    "55P03": lambda place, _: (
        f"Another process keeps tables of the database {place.database} locked.",
        "It may be migrating them. Wait for it or end it, then start again.",
    ),
    "57P03": lambda place, said: (f"{place.server} is not ready: {said}.", "Start again in a moment."),
}
