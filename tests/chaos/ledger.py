"""What the database holds, read past the server."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import asyncpg


@dataclass(frozen=True, slots=True)
class Row:
    """A stored message. ``turn``: the state of the turn that it asked for, None where it asked for none."""

    offset: int
    message_id: str
    sender_id: str
    sender_kind: str
    key: str | None
    text: str
    reply_to: str | None
    turn: str | None


_ROWS = """SELECT m."offset", m.message_id, m.sender_id, m.sender_kind, m.key, m.text, m.reply_to, t.state
    FROM messages m LEFT JOIN turns t ON t.turn_id = m.message_id
    WHERE m.conversation_id = {place} ORDER BY m."offset", m.message_id"""
_HEAD = "SELECT last_offset FROM conversations WHERE id = {place}"


class Ledger(Protocol):
    """A database of either kind."""

    async def rows(self, channel: str) -> list[Row]:
        """Every message of a conversation, by offset."""

    async def head(self, channel: str) -> int:
        """The conversation's last offset, by its own row."""


class SqliteLedger:
    """The file of a server; it may be running."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def rows(self, channel: str) -> list[Row]:
        return [Row(*row) for row in self._fetch(_ROWS, channel)]

    async def head(self, channel: str) -> int:
        return int(self._fetch(_HEAD, channel)[0][0])

    def _fetch(self, statement: str, channel: str) -> list[Any]:
        with closing(sqlite3.connect(self._path, timeout=30.0)) as connection:
            return connection.execute(statement.format(place="?"), (_id(channel),)).fetchall()


class PostgresqlLedger:
    """A database that is up while it is read."""

    def __init__(self, url: str) -> None:
        self._url = url

    async def rows(self, channel: str) -> list[Row]:
        return [Row(*row) for row in await self._fetch(_ROWS, channel)]

    async def head(self, channel: str) -> int:
        return int((await self._fetch(_HEAD, channel))[0][0])

    async def _fetch(self, statement: str, channel: str) -> list[Any]:
        connection = await asyncpg.connect(self._url)
        try:
            return list(await connection.fetch(statement.format(place="$1"), _id(channel)))
        finally:
            await connection.close()


def _id(channel: str) -> str:
    return channel.removeprefix("conv:")
