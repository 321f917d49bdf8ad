"""Migrations, from the first one up with data in every table."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import MetaData, Table, insert, inspect, select
from sqlalchemy.exc import DBAPIError

from review_desk.engine.audit import record
from review_desk.engine.clock import SystemClock
from review_desk.engine.database import Database, alembic_config
from review_desk.engine.tables import metadata

SCOPE = {"account_id": "000000000000", "region": "us-east-1"}
NOW = 1_767_268_800_000

ROWS: dict[str, list[dict[str, Any]]] = {
    "access_key": [{"access_key_id": "AKRD1", "name": "airflow", "secret_encrypted": "x", "created_at": NOW}],
    "workteam": [
        {"id": 1, **SCOPE, "name": "reviewers", "description": "d", "request": {}, "created_at": NOW}
    ],
    "worker": [
        {"id": 1, "sub": "s1", "username": "ann", "password_hash": "h", "lead": False, "created_at": NOW},
        {"id": 2, "sub": "s2", "username": "bob", "password_hash": "h", "lead": True, "created_at": NOW},
    ],
    "workteam_member": [{"workteam_id": 1, "worker_id": 1}, {"workteam_id": 1, "worker_id": 2}],
    "human_task_ui": [
        {"id": 1, **SCOPE, "name": "ui", "content": "c", "content_sha256": "c" * 64, "created_at": NOW}
    ],
    "flow_definition": [
        {
            "id": 1, **SCOPE, "name": "flow", "status": "Active", "workteam_id": 1, "human_task_ui_id": 1,
            "task_title": "t", "task_description": "d", "task_count": 1, "task_time_limit_in_seconds": 600,
            "task_availability_lifetime_in_seconds": 3600, "output_path": "s3://b/p", "request": {},
            "created_at": NOW,
        }
    ],
    "human_loop": [
        {
            "id": 1, **SCOPE, "name": "loop", "flow_definition_id": 1, "workteam_id": 1, "status": "InProgress",
            "input_digest": "d" * 64, "output_uri": "s3://b/p/output.json", "task_count": 1, "active_count": 1,
            "answer_count": 0, "open": False, "priority": 0, "available_until": NOW, "created_at": NOW,
        }
    ],
    "human_loop_input": [{"human_loop_id": 1, "content": "{}"}],
    "task": [
        {
            "id": "t1", "human_loop_id": 1, "worker_id": 1, "state": "working", "lease_token": "l",
            "lease_expires_at": NOW, "accepted_at": NOW, "draft_version": 0,
        }
    ],
    "task_event": [{"id": 1, "at": NOW, "action": "claimed", "human_loop_id": 1, "task_id": "t1", "worker_id": 1}],
    "outbox": [
        {"id": 1, "kind": "event", "human_loop_id": 1, "created_at": NOW, "next_attempt_at": NOW, "attempts": 0}
    ],
    "tag": [{"arn": "arn", "key": "k", "value": "v"}],
    "portal_session": [
        {"token_sha256": "x", "worker_id": 2, "csrf_token": "c", "created_at": NOW, "expires_at": 2 * NOW}
    ],
    "sign_in_failure": [{"id": 1, "subject": "s", "at": NOW}],
}  # fmt: skip


@pytest.fixture(params=["sqlite", "postgresql"])
def database(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Database]:
    url = f"sqlite:///{tmp_path}/desk.db"
    if request.param == "postgresql":
        url = request.getfixturevalue("postgresql").new_database()
    database = Database(url)
    yield database
    database.engine.dispose()


@pytest.fixture
def upgraded(database: Database) -> Database:
    """A database of the first version with data in every table, brought up to date."""
    migrate(database, "0001")
    first = MetaData()
    with database.write() as connection:
        first.reflect(connection)
        assert set(first.tables) - {"alembic_version"} == set(ROWS), "give each table a row"
        for name, rows in ROWS.items():
            connection.execute(insert(Table(name, first)), rows)
    database.migrate()
    return database


def migrate(database: Database, revision: str, *, down: bool = False) -> None:
    config = alembic_config()
    with database.write() as connection:
        config.attributes["connection"] = connection
        (command.downgrade if down else command.upgrade)(config, revision)


def contents(database: Database, table: str) -> list[dict[str, Any]]:
    found = MetaData()
    with database.read() as connection:
        found.reflect(connection, only=[table])
        return [dict(row._mapping) for row in connection.execute(select(found.tables[table]))]


def test_nothing_is_lost_on_the_way_up(upgraded: Database) -> None:
    upgraded.check()
    for table, rows in ROWS.items():
        present = contents(upgraded, table)
        kept = present[0].keys()
        expected = [{column: row[column] for column in row if column in kept} for row in rows]
        assert [
            {column: row[column] for column in known} for row, known in zip(present, expected, strict=True)
        ] == (expected), table


def test_leads_become_leads_and_others_workers(upgraded: Database) -> None:
    assert {row["username"]: row["role"] for row in contents(upgraded, "worker")} == {
        "ann": "worker",
        "bob": "lead",
    }
    assert {row["source"] for row in contents(upgraded, "workteam_member")} == {"local"}
    assert contents(upgraded, "portal_session")[0]["last_active_at"] == NOW


def test_the_schema_is_the_one_that_the_code_knows(upgraded: Database) -> None:
    with upgraded.read() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
        indexes = {index["name"] for index in inspect(connection).get_indexes("worker")}
    assert "uq_worker_identity" in indexes


@pytest.mark.parametrize("statement", ["UPDATE audit_event SET actor = 'x'", "DELETE FROM audit_event"])
def test_the_audit_log_cannot_be_changed(upgraded: Database, statement: str) -> None:
    with upgraded.write() as connection:
        record(connection, SystemClock().now(), "Test", "test", "test")
    with pytest.raises(DBAPIError, match="append-only"), upgraded.write() as connection:
        connection.exec_driver_sql(statement)
    assert len(contents(upgraded, "audit_event")) == 1


def test_the_way_down_is_open_too(upgraded: Database) -> None:
    migrate(upgraded, "0001", down=True)
    assert {row["username"]: bool(row["lead"]) for row in contents(upgraded, "worker")} == {
        "ann": False,
        "bob": True,
    }
    upgraded.migrate()
    upgraded.check()
