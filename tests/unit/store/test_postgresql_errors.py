"""What PostgreSQL's errors mean, from their codes alone."""

from __future__ import annotations

import socket

import asyncpg
import pytest
from sqlalchemy.exc import DBAPIError, StatementError

from server.errors import StartupError
from server.store.dialect import Failure
from server.store.postgresql_errors import (
    Place,
    Refused,
    check_encoding,
    classify,
    driver_error,
    explain,
    read_url,
    without_values,
)

PLACE = Place("db.example:5432", "ann", "shop")


def said(sqlstate: str, message: str = "no", **fields: str) -> asyncpg.PostgresError:
    """What the driver raises for an answer of the server."""
    letters = {"detail": "D", "constraint": "n"}
    error: asyncpg.PostgresError = asyncpg.PostgresError.new(
        {"C": sqlstate, "M": message, **{letters[name]: value for name, value in fields.items()}}
    )
    return error


def wrapped(error: BaseException) -> DBAPIError:
    """As SQLAlchemy raises it: its own error around one of its dialect's around the driver's."""
    adapted = Exception("adapted")
    adapted.__cause__ = error
    return DBAPIError("SELECT 1", None, adapted)


# --------------------------------------------------------------------------- classes


@pytest.mark.parametrize(
    ("sqlstate", "failure"),
    [
        ("08003", Failure.AWAY),  # connection lost
        ("08006", Failure.AWAY),
        ("25006", Failure.AWAY),  # read only
        ("25P03", Failure.AWAY),  # idle in a transaction
        ("28P01", Failure.AWAY),  # the password was changed
        ("3D000", Failure.AWAY),  # the database was dropped
        ("42501", Failure.AWAY),  # a right was taken away
        ("53100", Failure.AWAY),  # disk full
        ("53200", Failure.AWAY),  # out of memory
        ("53300", Failure.AWAY),  # too many connections
        ("55P03", Failure.AWAY),  # lock not available
        ("57014", Failure.AWAY),  # cancelled
        ("57P01", Failure.AWAY),  # shut down
        ("57P02", Failure.AWAY),  # crashed
        ("57P03", Failure.AWAY),  # starting
        ("58030", Failure.AWAY),  # input, output
        ("40003", Failure.AWAY),  # outcome unknown
        ("XX001", Failure.AWAY),  # damaged
        ("40001", Failure.CONTENDED),  # serialization
        ("40P01", Failure.CONTENDED),  # deadlock
        ("0A000", Failure.CONTENDED),  # a cached statement from before a migration
        ("23505", Failure.DUPLICATE),  # unique
        ("23503", Failure.DUPLICATE),  # foreign key
        ("22001", Failure.BAD_VALUE),  # too long
        ("22003", Failure.BAD_VALUE),  # out of range
        ("22021", Failure.BAD_VALUE),  # NUL
        ("42P01", Failure.BUG),  # no such table
        ("42601", Failure.BUG),  # no SQL
        ("25P02", Failure.BUG),  # went on in a failed transaction
    ],
)
def test_codes_are_told_apart(sqlstate: str, failure: Failure) -> None:
    assert classify(said(sqlstate)) is failure
    assert classify(wrapped(said(sqlstate))) is failure


@pytest.mark.parametrize(
    ("error", "failure"),
    [
        (ConnectionRefusedError(), Failure.AWAY),
        (TimeoutError(), Failure.AWAY),
        (socket.gaierror(-2, "Name or service not known"), Failure.AWAY),
        (asyncpg.InterfaceError("connection is closed"), Failure.AWAY),
        (asyncpg.InternalClientError("got result for unknown protocol state"), Failure.AWAY),
        (asyncpg.InterfaceError("the server expects 1 argument for this query, 0 were passed"), Failure.BUG),
        (OverflowError(), Failure.BAD_VALUE),
        (KeyError("x"), Failure.BUG),
        (StatementError("no driver's", "SELECT 1", None, KeyError("x")), Failure.BUG),
    ],
)
def test_errors_without_a_code_are_told_apart(error: Exception, failure: Failure) -> None:
    assert classify(error) is failure


def test_the_drivers_error_is_found() -> None:
    inner = said("23505")
    assert driver_error(wrapped(inner)) is inner
    assert driver_error(inner) is inner


def test_a_refused_row_is_not_quoted() -> None:
    secret = "where is my parcel"
    error = said("23505", "duplicate key", detail=f"Key (text)=({secret}) already exists.", constraint="uq_messages")
    refused = without_values(wrapped(error))
    assert isinstance(refused, Refused) and classify(refused) is Failure.DUPLICATE
    assert secret not in str(refused) and "uq_messages" in str(refused)
    away = said("57P01")
    assert without_values(away) is away


# --------------------------------------------------------------------------- URLs


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("postgresql://ann:pw@db.example:5432/shop", PLACE),
        ("postgres://ann@db.example:5432/shop?sslmode=require", PLACE),
        ("postgresql+asyncpg://ann:p%40%2Fw@db.example:5432/shop", PLACE),
        ("postgresql://a:1,b:2/shop", Place("a:1,b:2", "(the default one)", "shop")),
        ("postgresql://", Place("this machine", "(the default one)", "(the default one)")),
        ("postgresql://an%20n@/sh%20op?host=/run/postgresql", Place("this machine", "an n", "sh op")),
    ],
)
def test_a_url_says_where_the_database_is(url: str, place: Place) -> None:
    dsn, found = read_url(url)
    assert found == place
    assert dsn == "postgresql://" + url.partition("://")[2]


@pytest.mark.parametrize(
    "url",
    [
        "postgresql+psycopg://ann:s3cret@db/shop",
        "postgresql:ann:s3cret",
        "postgresql://ann:s3c/ret@db/shop",
        "postgresql://ann:s3c#ret@db/shop",
        "postgresql://ann:s3c?ret@db/shop",
    ],
)
def test_a_url_that_nobody_can_read_is_not_repeated(url: str) -> None:
    with pytest.raises(StartupError) as raised:
        read_url(url)
    assert "s3c" not in str(raised.value) and "percent-encoded" in raised.value.remedy


# --------------------------------------------------------------------------- explanations


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (said("28P01"), ["ann", "password", "database_url"]),
        (said("28000", 'role "ann" does not exist'), ["ann", "does not exist", "pg_hba.conf"]),
        (said("3D000"), ["no database shop", "createdb --encoding=UTF8 shop"]),
        (said("42501", "permission denied for schema public"), ["may not make tables", "GRANT CREATE", "OWNER TO ann"]),
        (said("42704", 'unrecognized configuration parameter "x"'), ['"x"', "question mark"]),
        (said("25006"), ["only reads", "primary"]),
        (said("53300", "sorry, too many clients already"), ["no more connections", "max_connections"]),
        (said("53100"), ["No room", "Free some space"]),
        (said("55P03"), ["locked", "migrating"]),
        (said("57P03", "the database system is starting up"), ["starting up", "in a moment"]),
        (said("XX001", "invalid page"), ["can't be used: invalid page", "log"]),
        (ConnectionRefusedError(111, "Connect call failed"), ["can't be reached: Connect call failed", "Start it"]),
        (TimeoutError(), ["does not answer", "host and port"]),
        (ConnectionError("rejected SSL upgrade"), ["rejected SSL upgrade"]),
        (asyncpg.TargetServerAttributeNotMatched("no"), ["db.example:5432", "primary"]),
        (asyncpg.InterfaceError("odd"), ["can't be used: odd"]),
        (Refused("23505", "pk_users"), ["pk_users"]),
    ],
)
def test_a_start_that_fails_says_what_to_do(error: Exception, words: list[str]) -> None:
    explained = explain(error, PLACE)
    assert explained is not None and explained.remedy
    for word in words:
        assert word in str(explained)


def test_a_defect_is_not_explained_away() -> None:
    assert explain(KeyError("x"), PLACE) is None
    assert explain(StartupError("already said"), PLACE) is None


def test_a_database_that_lacks_characters_is_refused() -> None:
    check_encoding("UTF8", PLACE)
    with pytest.raises(StartupError, match="SQL_ASCII") as raised:
        check_encoding("SQL_ASCII", PLACE)
    assert "--encoding=UTF8" in raised.value.remedy
