"""Writes new human loops: all that are started at this moment in one transaction."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from sqlalchemy import Connection, bindparam, insert, select

from review_desk.engine.bulk_insert import BulkInsert
from review_desk.engine.clock import Clock
from review_desk.engine.database import Database
from review_desk.engine.initialization import ACTIVE
from review_desk.engine.owed import owe
from review_desk.engine.tables import flow_definition, human_loop, human_loop_input, human_task_ui

# Locked until the commit, so that a flow definition which is deleted meanwhile also stops these loops.
USABLE_FLOWS = (
    select(flow_definition.c.id)
    .join_from(flow_definition, human_task_ui)
    .where(
        flow_definition.c.id.in_(bindparam("ids", expanding=True)),
        flow_definition.c.status == ACTIVE,
        flow_definition.c.deleted_at.is_(None),
        human_task_ui.c.deleted_at.is_(None),
    )
    .order_by(flow_definition.c.id)
    .with_for_update(read=True, of=[flow_definition, human_task_ui])
)
INSERT_INPUTS = insert(human_loop_input)

Key = tuple[str, str, str]


class Insertion(Enum):
    """What came of a new loop."""

    DONE = auto()
    NAME_TAKEN = auto()
    FLOW_ENDED = auto()


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

    @property
    def flow_definition_id(self) -> int:
        return int(self.row["flow_definition_id"])


class LoopInsertion:
    """Writes new loops, if their flow definitions are in force and their names free."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        columns = human_loop.c
        self._loops = BulkInsert(
            database,
            [column for column in columns if column.name not in ("id", "deleted_at")],
            returning=(columns.id, columns.account_id, columns.region, columns.name),
        )

    def insert(self, loops: list[NewLoop]) -> list[Insertion]:
        """Write loops and what they owe in one transaction; return what came of each, in order."""
        with self._database.write() as connection:
            flow_ids = sorted({loop.flow_definition_id for loop in loops})
            usable = set(connection.execute(USABLE_FLOWS, {"ids": flow_ids}).scalars())
            written = self._write(connection, [loop for loop in loops if loop.flow_definition_id in usable])

        def outcome(loop: NewLoop) -> Insertion:
            if loop.flow_definition_id not in usable:
                return Insertion.FLOW_ENDED
            return Insertion.DONE if loop in written else Insertion.NAME_TAKEN

        return [outcome(loop) for loop in loops]

    def _write(self, connection: Connection, loops: list[NewLoop]) -> set[NewLoop]:
        """Insert what has a free name, in the order of the names: two processes never wait for each other in a ring."""
        first: dict[Key, NewLoop] = {}
        for loop in loops:
            first.setdefault(loop.key, loop)
        rows = self._loops.execute(connection, [first[key].row for key in sorted(first)])
        ids: dict[Key, int] = {(row.account_id, row.region, row.name): row.id for row in rows}
        if not ids:
            return set()
        connection.execute(
            INSERT_INPUTS,
            [
                {
                    "human_loop_id": loop_id,
                    "content": first[key].input_content,
                    "data_attributes": first[key].data_attributes,
                }
                for key, loop_id in ids.items()
            ],
        )
        failed = [loop_id for key, loop_id in ids.items() if first[key].row["failure_code"]]
        if failed:
            owe(connection, [human_loop.c.id.in_(failed)], self._clock.now())
        return {first[key] for key in ids}
