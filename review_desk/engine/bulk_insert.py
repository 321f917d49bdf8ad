"""Inserts many rows by one statement whose text is always the same, so that the server prepares it once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Column, Connection, Executable, Row, bindparam, func, select
from sqlalchemy.dialects import postgresql

from review_desk.engine.database import Database


class BulkInsert:
    """Inserts rows into a table; those that a unique index does not admit are passed over.

    On PostgreSQL the rows travel as one array a column. Long texts are not for it: their quoting takes its time.

    :param columns: what every row gives.
    :param returning: what is returned of the rows that were inserted.
    """

    def __init__(
        self, database: Database, columns: Sequence[Column[Any]], returning: Sequence[Column[Any]]
    ) -> None:
        self._names = [column.name for column in columns]
        self._in_arrays = not database.is_sqlite
        table = columns[0].table
        if self._in_arrays:
            arrays = [bindparam(column.name, type_=postgresql.ARRAY(column.type)) for column in columns]
            rows = func.unnest(*arrays).table_valued(*self._names).render_derived()
            inserted = postgresql.insert(table).from_select(self._names, select(rows))
            statement: Any = inserted.on_conflict_do_nothing()
        else:
            statement = database.insert_new(table)
        self._statement: Executable = statement.returning(*returning)

    def execute(self, connection: Connection, rows: Sequence[dict[str, Any]]) -> Sequence[Row[Any]]:
        """Insert rows and return what was asked for of those that went in."""
        if not rows:
            return []
        parameters: Any = rows
        if self._in_arrays:
            parameters = {name: [row[name] for row in rows] for name in self._names}
        return connection.execute(self._statement, parameters).all()
