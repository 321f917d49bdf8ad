"""Writes into the outbox what a loop that ended owes the outside: its output if it has answers, and its event."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, insert, literal, select

from review_desk.engine.tables import Timestamp, human_loop, outbox

OUTPUT = "output"
EVENT = "event"


INSERT_OWED = insert(outbox)


def owe_one(connection: Connection, human_loop_id: int, now: datetime, *, has_answers: bool) -> None:
    """Write the outbox rows of one loop, in the transaction that ends it."""
    connection.execute(
        INSERT_OWED,
        [
            {
                "kind": kind,
                "human_loop_id": human_loop_id,
                "created_at": now,
                "next_attempt_at": now,
                "attempts": 0,
            }
            for kind in ((OUTPUT, EVENT) if has_answers else (EVENT,))
        ],
    )


def owe(connection: Connection, loops: Sequence[ColumnElement[bool]], now: datetime) -> None:
    """Write the outbox rows of all loops that these conditions name, in the transaction that ends them."""
    for kind, conditions in ((OUTPUT, (*loops, human_loop.c.answer_count > 0)), (EVENT, tuple(loops))):
        connection.execute(
            insert(outbox).from_select(
                ["kind", "human_loop_id", "created_at", "next_attempt_at", "attempts"],
                select(
                    literal(kind),
                    human_loop.c.id,
                    literal(now, Timestamp),
                    literal(now, Timestamp),
                    literal(0),
                ).where(*conditions),
            )
        )
