"""A SQLite connection that notes what it is asked to run, whoever asks."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from typing import Any


class NotingConnection(sqlite3.Connection):
    """``noted``: each statement with its (first) parameters, in order, for as long as it is a list."""

    noted: list[tuple[str, Any]] | None = None

    def cursor(self, factory: Any = None) -> Any:
        return super().cursor(NotingCursor)

    def execute(self, sql: str, parameters: Any = (), /) -> Any:
        return self.cursor().execute(sql, parameters)

    def executemany(self, sql: str, parameters: Iterable[Any], /) -> Any:
        return self.cursor().executemany(sql, parameters)


class NotingCursor(sqlite3.Cursor):
    def execute(self, sql: str, parameters: Any = (), /) -> NotingCursor:
        self._note(sql, parameters)
        super().execute(sql, parameters)
        return self

    def executemany(self, sql: str, parameters: Iterable[Any], /) -> NotingCursor:
        rows = list(parameters)
        self._note(sql, rows[0])
        super().executemany(sql, rows)
        return self

    def _note(self, sql: str, parameters: Any) -> None:
        if isinstance(self.connection, NotingConnection) and self.connection.noted is not None:
            self.connection.noted.append((sql, parameters))
