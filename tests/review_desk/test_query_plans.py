"""The claim goes by an index, also while a batch has just begun and PostgreSQL's statistics know nothing of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from postgresql_server import PostgresqlServer
from review_desk_fixtures import Desk
from sqlalchemy import Select, insert, select

from review_desk.engine.offers import FIRST
from review_desk.engine.tables import human_loop
from review_desk.engine.tasks import NEXT_UNLOCKED

LOOPS = 6_400
"""So many that PostgreSQL left alone would sort them."""


@pytest.fixture
def desk(tmp_path: Path, postgresql: PostgresqlServer) -> Iterator[Desk]:
    made = Desk(tmp_path, postgresql.new_database())
    with made.service.database.write() as connection:
        for name in ("human_loop", "task"):
            connection.exec_driver_sql(f"ALTER TABLE {name} SET (autovacuum_enabled = false)")
    yield made
    made.service.database.engine.dispose()


@pytest.mark.parametrize("statements", [NEXT_UNLOCKED, FIRST], ids=["claim", "offer"])
@pytest.mark.parametrize(
    ("order", "index"), [("team", "ix_human_loop_open"), ("flow", "ix_human_loop_open_in_flow")]
)
def test_the_next_loop_is_the_first_of_an_index(
    desk: Desk, order: str, index: str, statements: dict[str, Select[Any]]
) -> None:
    flow = desk.flow()
    ann = desk.worker("ann")
    desk.start(flow, "first")
    with desk.service.database.write() as connection:
        model = connection.execute(select(human_loop)).one()._asdict()
        del model["id"]
        connection.execute(
            insert(human_loop), [{**model, "name": f"copy-{number}"} for number in range(LOOPS)]
        )
    values = {"worker_id": ann, "now": desk.clock.now(), "workteam_id": 1, "flow_definition_id": 1}
    statement = statements[order]
    with desk.service.database.read() as connection:
        compiled = statement.params(values).compile(
            desk.service.database.engine, compile_kwargs={"literal_binds": True}
        )
        plan = "\n".join(connection.exec_driver_sql(f"EXPLAIN {compiled}").scalars())
    assert f"Index Scan using {index} on human_loop" in plan, plan
    assert "Sort" not in plan, plan
