"""Writes new human loops: all that are started at this moment, in one transaction and in as few statements as can be.

The loops travel as one JSON text, which the database takes apart. Each statement is a moment in which other threads
and processes take over, and on PostgreSQL an exchange with the server.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Boolean, Connection, Integer, String
from sqlalchemy.types import TypeEngine

from review_desk.engine.clock import Clock
from review_desk.engine.database import Database
from review_desk.engine.initialization import ACTIVE
from review_desk.engine.owed import owe
from review_desk.engine.tables import Timestamp, human_loop

# Names of columns are all that is put into the statements here.
COLUMNS = [column for column in human_loop.c if column.name not in ("id", "deleted_at")]
NAMES = ", ".join(column.name for column in COLUMNS)
IN_FORCE = f"f.status = '{ACTIVE}' AND f.deleted_at IS NULL AND u.deleted_at IS NULL"
KEY = "account_id, region, name"

POSTGRESQL_TYPES: dict[type[TypeEngine[Any]], str] = {
    String: "text",
    Integer: "integer",
    BigInteger: "bigint",
    Timestamp: "bigint",
    Boolean: "boolean",
}


TYPED_NAMES = ", ".join(f"{column.name} {POSTGRESQL_TYPES[type(column.type)]}" for column in COLUMNS)

# The flow definitions are locked until the commit: one that is deleted meanwhile starts nothing any more. The order
# of the names keeps two processes from waiting for each other in a ring.
POSTGRESQL = f"""
WITH item AS (
    SELECT * FROM json_to_recordset(%s::json)
    AS item({TYPED_NAMES}, content text, data_attributes text)
), in_force AS (
    SELECT f.id FROM flow_definition f JOIN human_task_ui u ON u.id = f.human_task_ui_id
    WHERE f.id IN (SELECT flow_definition_id FROM item) AND {IN_FORCE}
    ORDER BY f.id FOR SHARE OF f, u
), started AS (
    INSERT INTO human_loop ({NAMES})
    SELECT {", ".join(f"item.{column.name}" for column in COLUMNS)}
    FROM item JOIN in_force ON in_force.id = item.flow_definition_id
    ORDER BY item.account_id, item.region, item.name
    ON CONFLICT DO NOTHING RETURNING id, {KEY}
), input AS (
    INSERT INTO human_loop_input (human_loop_id, content, data_attributes)
    SELECT started.id, item.content, item.data_attributes::json FROM started JOIN item USING ({KEY})
)
SELECT id, {KEY} FROM started
"""  # noqa: S608

SQLITE = f"""
INSERT INTO human_loop ({NAMES})
SELECT {", ".join(f"item.value->>'{column.name}'" for column in COLUMNS)}
FROM json_each(?) AS item
JOIN flow_definition f ON f.id = item.value->>'flow_definition_id'
JOIN human_task_ui u ON u.id = f.human_task_ui_id
WHERE {IN_FORCE}
ON CONFLICT DO NOTHING RETURNING id, {KEY}
"""  # noqa: S608
SQLITE_INPUTS = """
INSERT INTO human_loop_input (human_loop_id, content, data_attributes)
SELECT value->>0, value->>1, value->>2 FROM json_each(?)
"""

Key = tuple[str, str, str]


@dataclass(frozen=True, eq=False)
class NewLoop:
    """A loop that is to be written.

    :param row: values of ``human_loop``.
    """

    row: dict[str, Any]
    input_content: str
    data_attributes: dict[str, Any] | None

    @property
    def key(self) -> Key:
        return self.row["account_id"], self.row["region"], self.row["name"]


class LoopInsertion:
    """Writes new loops, if their flow definitions are in force and their names free."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._insert = self._insert_into_sqlite if database.is_sqlite else self._insert_into_postgresql

    def insert(self, loops: list[NewLoop]) -> list[bool]:
        """Write loops and what they owe in one transaction; return which were written, in order."""
        first: dict[Key, NewLoop] = {}
        for loop in loops:
            first.setdefault(loop.key, loop)
        ids = self._insert(list(first.values()))
        return [loop.key in ids and first[loop.key] is loop for loop in loops]

    def _insert_into_sqlite(self, loops: list[NewLoop]) -> dict[Key, int]:
        with self._database.write() as connection:
            rows = connection.exec_driver_sql(SQLITE, (_json([loop.row for loop in loops]),))
            ids = {(account_id, region, name): number for number, account_id, region, name in rows}
            if ids:
                inputs = [
                    (ids[loop.key], loop.input_content, json.dumps(loop.data_attributes))
                    for loop in loops
                    if loop.key in ids
                ]
                connection.exec_driver_sql(SQLITE_INPUTS, (_json(inputs),))
                self._owe_for_failed(connection, loops, ids)
        return ids

    def _insert_into_postgresql(self, loops: list[NewLoop]) -> dict[Key, int]:
        items = [
            {**loop.row, "content": loop.input_content, "data_attributes": json.dumps(loop.data_attributes)}
            for loop in loops
        ]
        has_failed = any(_has_failed(loop) for loop in loops)
        opened = self._database.write() if has_failed else self._database.write_by_one_statement()
        with opened as connection:
            rows = connection.exec_driver_sql(POSTGRESQL, (_json(items),))
            ids = {(account_id, region, name): number for number, account_id, region, name in rows}
            if has_failed:
                self._owe_for_failed(connection, loops, ids)
        return ids

    def _owe_for_failed(self, connection: Connection, loops: list[NewLoop], ids: dict[Key, int]) -> None:
        failed = [ids[loop.key] for loop in loops if _has_failed(loop) and loop.key in ids]
        if failed:
            owe(connection, [human_loop.c.id.in_(failed)], self._clock.now())


def _has_failed(loop: NewLoop) -> bool:
    return loop.row["failure_code"] is not None


def _json(value: object) -> str:
    """Write values for the database; texts stay as they are, so that what is no Unicode is refused as ever."""
    return json.dumps(value, ensure_ascii=False, default=_stored)


def _stored(value: object) -> object:
    assert isinstance(value, datetime), value
    return Timestamp.stored(value)
