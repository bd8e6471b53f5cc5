"""PostgreSQL stopped, killed, paused, cut off: what was acked is there, nothing is acked falsely, the store recovers.

A call that fails is repeated with its key, as clients do.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable, Iterator

import asyncpg
import pytest
from sqlalchemy import Connection, text
from sqlalchemy.util import await_only

from server.errors import Unavailable
from server.store.dialect import Failure
from server.store.migrate import migrate
from server.store.ports import Append, Appended
from server.store.postgresql import READERS, PostgresqlDatabase
from server.store.postgresql_session import Session, make_engine
from server.store.sql import SqlStore
from tests.contract.store.harness import PostgresqlHarness
from tests.contract.store.people import message, opened
from tests.support.postgresql import PostgreSQLServer, private_server


@pytest.fixture(scope="module")
def running() -> Iterator[PostgreSQLServer]:
    with private_server(deadlock_timeout="20ms") as made:
        yield made


@pytest.fixture
async def harness(running: PostgreSQLServer) -> AsyncIterator[PostgresqlHarness]:
    """A database on a server that the test may stop, kill and pause; it runs again afterwards."""
    made = PostgresqlHarness(running)
    yield made
    if not running.is_running:
        running.start()
    await made.close()


@pytest.fixture
async def database(harness: PostgresqlHarness) -> AsyncIterator[PostgresqlDatabase]:
    made = PostgresqlDatabase(harness.url, timeout_s=10.0)
    await made.open(migrate)
    yield made
    await made.close()


async def started(harness: PostgresqlHarness, timeout_s: float = 10.0) -> SqlStore:
    store = harness.store(timeout_s=timeout_s)
    await store.start()
    return store


async def until_stored(store: SqlStore, append: Append) -> Appended:
    """Repeat with the same key, as a client does, until it is acked."""
    while True:
        try:
            return await store.append(append)
        except Unavailable as error:
            assert error.temporary
            await asyncio.sleep(0.02)


async def check_ledger(store: SqlStore, channel: str, acked: dict[str, int]) -> None:
    """Every ack is the one row of its key, and offsets have no gap."""
    stored = await store.messages_after(channel, 0, 100_000)
    assert [one.offset for one in stored] == list(range(1, len(stored) + 1))
    offsets = {one.key: one.offset for one in stored}
    assert len(offsets) == len(stored)
    assert {key: offsets.get(key) for key in acked} == acked


# --------------------------------------------------------------------------- the server comes and goes


async def test_a_restart_between_calls_is_not_noticed(harness: PostgresqlHarness) -> None:
    store = await started(harness)
    channel = await opened(store)
    assert (await store.head(channel)).offset == 0
    await asyncio.to_thread(harness.server.restart)
    assert (await store.append(message(channel))).message.offset == 1
    assert (await store.head(channel)).offset == 1


async def test_a_server_that_is_gone_is_unavailable_until_it_is_back(harness: PostgresqlHarness) -> None:
    store = await started(harness)
    channel = await opened(store)
    await asyncio.to_thread(harness.server.stop)
    lost = message(channel)
    for call in (store.append(lost), store.head(channel), store.messages_after(channel, 0, 5), store.ping()):
        with pytest.raises(Unavailable) as raised:
            await call
        assert raised.value.temporary and raised.value.retry_after_ms
    await asyncio.to_thread(harness.server.start)
    assert (await store.append(lost)).message.offset == 1
    assert (await store.head(channel)).offset == 1


@pytest.mark.parametrize("how", ["kill", "restart"])
async def test_what_was_acked_survives(harness: PostgresqlHarness, how: str) -> None:
    stores = [await started(harness) for _ in range(2)]
    channel = await opened(stores[0])
    acked: dict[str, int] = {}
    ended = False

    async def send_all(store: SqlStore) -> None:
        while not ended:
            append = message(channel, wants_turn=True)
            acked[append.key] = (await until_stored(store, append)).message.offset

    senders = [asyncio.create_task(send_all(store)) for store in stores * 8]
    for _ in range(2):
        enough = len(acked) + 100
        while len(acked) < enough:
            await asyncio.sleep(0.005)
        await asyncio.to_thread(getattr(harness.server, how))
        if how == "kill":
            await asyncio.to_thread(harness.server.start)
    ended = True
    await asyncio.gather(*senders)
    await check_ledger(stores[0], channel, acked)
    assert sum(store.stats.failed_commits for store in stores) > 0


async def test_a_server_that_does_not_answer_is_unavailable_in_time(harness: PostgresqlHarness) -> None:
    store = await started(harness, timeout_s=0.5)
    channel = await opened(store)
    await store.head(channel)
    appends = [message(channel) for _ in range(20)]
    harness.server.pause()
    try:
        calls = [store.append(append) for append in appends]
        done = await asyncio.gather(*calls, store.head(channel), store.ping(), return_exceptions=True)
    finally:
        harness.server.resume()
    assert {type(one) for one in done} == {Unavailable}
    patient = await started(harness)
    acked = {append.key: (await until_stored(patient, append)).message.offset for append in appends}
    await check_ledger(patient, channel, acked)
    assert len(acked) == (await patient.head(channel)).offset == 20
    await until_stored(store, appends[0])


async def test_connections_that_an_administrator_ends_come_back(harness: PostgresqlHarness) -> None:
    store = await started(harness)
    channel = await opened(store)
    acked: dict[str, int] = {}
    for _ in range(3):
        sending = [asyncio.create_task(until_stored(store, message(channel))) for _ in range(30)]
        reading = [asyncio.create_task(store.messages_after(channel, 0, 5)) for _ in range(10)]
        await asyncio.sleep(0)
        harness.server.end_connections(harness.name)
        for append in await asyncio.gather(*sending):
            assert append.message.key is not None
            acked[append.message.key] = append.message.offset
        for read in await asyncio.gather(*reading, return_exceptions=True):
            assert isinstance(read, (list, Unavailable))
    await check_ledger(store, channel, acked)


async def test_a_database_that_only_reads_for_a_while(harness: PostgresqlHarness) -> None:
    store = await started(harness)
    channel = await opened(store)
    harness.server.sql(f'ALTER DATABASE "{harness.name}" SET default_transaction_read_only = on')
    harness.server.end_connections(harness.name)
    append = message(channel)
    while True:  # until the store has new connections
        with pytest.raises(Unavailable) as raised:
            await store.append(append)
        if "read-only" in str(raised.value.__cause__):
            break
    with pytest.raises(Unavailable):
        await store.ping()
    assert (await store.head(channel)).offset == 0
    harness.server.sql(f'ALTER DATABASE "{harness.name}" RESET default_transaction_read_only')
    assert (await store.append(append)).message.offset == 1


# --------------------------------------------------------------------------- single calls


async def sleeping(database: PostgresqlDatabase, seconds: float) -> None:
    await database.read(lambda connection: connection.execute(text("SELECT pg_sleep(:s)"), {"s": seconds}))


async def test_a_statement_that_takes_too_long_is_ended(harness: PostgresqlHarness) -> None:
    database = PostgresqlDatabase(harness.url, timeout_s=0.3)
    await database.open(migrate)
    with pytest.raises(Exception) as raised:
        await sleeping(database, 60.0)
    assert database.classify(raised.value) is Failure.AWAY
    await sleeping(database, 0.0)
    await database.close()


async def test_a_caller_that_goes_away_leaves_the_next_its_own_answer(database: PostgresqlDatabase) -> None:
    numbers = itertools.count()

    async def ask() -> bool:
        number = next(numbers)
        sql = text("SELECT :number + 0 * length(pg_sleep(0.002)::text)")
        found = await database.read(lambda connection: connection.scalar(sql, {"number": number}))
        return bool(found == number)

    before = await connections(database)
    for _ in range(20):
        asking = [asyncio.create_task(ask()) for _ in range(2 * READERS)]
        await asyncio.sleep(0.001)
        for task in asking[::2]:
            task.cancel()
        assert all(await asyncio.gather(*asking[1::2]))
    assert before <= await connections(database)


async def connections(database: PostgresqlDatabase) -> set[int]:
    """The server's processes for this database's connections."""
    sql = text("SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND state IS NOT NULL")
    return set(await database.write(lambda connection: connection.scalars(sql).all()))


async def test_a_cancelled_transaction_leaves_nothing(database: PostgresqlDatabase, harness: PostgresqlHarness) -> None:
    begun = asyncio.Event()

    def work(connection: Connection) -> None:
        connection.execute(text("INSERT INTO probe VALUES (1, 0)"))
        begun.set()
        connection.execute(text("SELECT pg_sleep(60)"))

    writing = asyncio.create_task(database.write(work))
    await begun.wait()
    writing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writing
    assert await database.write(lambda connection: connection.scalar(text("SELECT count(*) FROM probe"))) == 0


async def test_plans_are_made_anew_now_and_then(harness: PostgresqlHarness) -> None:
    made: list[asyncpg.Connection] = []

    async def dial() -> asyncpg.Connection:
        made.append(await asyncpg.connect(harness.url))
        return made[-1]

    clock_s = 100.0
    session = Session(make_engine(), dial, 10.0, transacts=True, now_s=lambda: clock_s)
    seen: list[str] = []
    await session.connect()
    made[0].add_query_logger(lambda record: seen.append(record.query))
    renewed = []
    for clock_s in range(100, 400):
        seen.clear()
        await session.run(lambda connection: connection.execute(text("SELECT 1")))
        if "DISCARD PLANS" in seen:
            renewed.append(clock_s)
    await session.close()
    assert renewed == [101, 102, 103, 105, 109, 117, 133, 165, 225, 285, 345]
    assert len(made) == 1 and made[0].is_closed()


async def test_deadlocks_are_contention(database: PostgresqlDatabase, harness: PostgresqlHarness) -> None:
    other = PostgresqlDatabase(harness.url, timeout_s=10.0)
    await other.open(migrate)
    await database.write(lambda connection: connection.execute(text("INSERT INTO probe VALUES (1, 0), (2, 0)")))

    def crossing(*order: int) -> Callable[[Connection], None]:
        def work(connection: Connection) -> None:
            for place in order:
                connection.execute(text("UPDATE probe SET pings = pings + 1 WHERE id = :id"), {"id": place})
                connection.execute(text("SELECT pg_sleep(0.1)"))

        return work

    done = await asyncio.gather(database.write(crossing(1, 2)), other.write(crossing(2, 1)), return_exceptions=True)
    (lost,) = [one for one in done if isinstance(one, Exception)]
    assert database.classify(lost) is Failure.CONTENDED
    assert sorted(harness.sql("SELECT pings FROM probe")) == [(1,), (1,)]
    await other.close()


async def test_a_worker_that_hangs_loses_its_locks(database: PostgresqlDatabase, harness: PostgresqlHarness) -> None:
    store = await started(harness)
    channel = await opened(store)
    hung = PostgresqlDatabase(harness.url, timeout_s=1.0)
    await hung.open(migrate)
    locked, stored = asyncio.Event(), asyncio.Event()

    def work(connection: Connection) -> None:
        connection.execute(text("SELECT 1 FROM conversations FOR UPDATE"))
        locked.set()
        await_only(stored.wait())
        connection.execute(text("UPDATE conversations SET resolved = true"))

    hanging = asyncio.create_task(hung.write(work))
    await locked.wait()
    assert (await store.append(message(channel))).message.offset == 1
    stored.set()
    with pytest.raises(Exception) as raised:
        await hanging
    assert hung.classify(raised.value) is Failure.AWAY
    assert harness.sql("SELECT resolved FROM conversations") == [(False,)]
    await hung.close()
