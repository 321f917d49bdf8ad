"""A service in this process, with a clock that a test moves and a store in memory."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from postgresql_server import PostgresqlServer
from sqlalchemy import select

from review_desk.engine.arns import Scope
from review_desk.engine.clock import ManualClock
from review_desk.engine.outbox import Outbox
from review_desk.engine.roles import Role
from review_desk.engine.tables import worker
from review_desk.secrets import create_key_file
from review_desk.service import Service
from review_desk.settings import Settings
from review_desk.storage import StorageError

SCOPE = Scope("000000000000", "us-east-1")
PASSWORD = "a long enough password"


class MemoryStore:
    """Where outputs go in these tests; it can be out of order."""

    def __init__(self) -> None:
        self.documents: dict[str, dict[str, Any]] = {}
        self.kms_keys: dict[str, str | None] = {}
        self.broken = False

    def put_json(self, uri: str, document: dict[str, Any], kms_key_id: str | None) -> None:
        if self.broken:
            raise StorageError(f"{uri} could not be written: out of order")
        self.documents[uri] = document
        self.kms_keys[uri] = kms_key_id


class Desk:
    """A service and shorthands for what the tests do with it."""

    def __init__(
        self, directory: Path, database_url: str | None = None, *, prepared: bool = False, **settings: Any
    ) -> None:
        configured = Settings(
            database_url=database_url or f"sqlite:///{directory}/review_desk.db",
            secret_key_file=directory / "review_desk.key",
            **{"check_output_buckets": False, **settings},
        )
        create_key_file(configured)
        self.clock = ManualClock(datetime(2026, 1, 1, 12, tzinfo=UTC))
        self.service = Service(configured, self.clock)
        self.store = MemoryStore()
        self.outbox = Outbox(self.service.database, self.clock, self.store, "http://portal")
        self.tasks = self.service.tasks
        self.loops = self.service.loops
        if prepared:
            return
        self.service.database.migrate()
        self.team("reviewers")
        self.service.human_task_uis.create(SCOPE, "ui", "<crowd-form>{{ task.input.text }}</crowd-form>", [])

    def team(self, name: str) -> None:
        self.service.workteams.create(SCOPE, name, "d", {})

    def worker(self, name: str, team: str = "reviewers", role: Role = Role.WORKER) -> int:
        self.service.workers.ensure(SCOPE, name, PASSWORD, team, role)
        return self.worker_id(name)

    def worker_id(self, name: str) -> int:
        with self.service.database.read() as connection:
            found: int = connection.execute(select(worker.c.id).where(worker.c.username == name)).scalar_one()
        return found

    def flow(self, name: str = "flow", team: str = "reviewers", **loop_config: Any) -> str:
        return self.service.flow_definitions.create(
            SCOPE,
            {
                "FlowDefinitionName": name,
                "HumanLoopConfig": {
                    "WorkteamArn": SCOPE.arn("workteam", team),
                    "HumanTaskUiArn": SCOPE.arn("human-task-ui", "ui"),
                    "TaskTitle": "t",
                    "TaskDescription": "d",
                    "TaskCount": 1,
                    "TaskTimeLimitInSeconds": 600,
                    "TaskAvailabilityLifetimeInSeconds": 3600,
                    **loop_config,
                },
                "OutputConfig": {"S3OutputPath": "s3://answers/a2i/"},
                "RoleArn": "arn:aws:iam::000000000000:role/r",
            },
        )

    def start(self, flow: str, name: str) -> None:
        self.loops.start(SCOPE, name, flow, '{"text": "x"}')

    def status(self, name: str) -> str:
        return str(self.loops.describe(SCOPE, name).status)


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgresqlServer]:
    server = PostgresqlServer()
    server.start()
    yield server
    server.stop()


@pytest.fixture(params=["sqlite", "postgresql"])
def desk(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Desk]:
    """A service on an empty database of either kind."""
    url = None
    if request.param == "postgresql":
        url = request.getfixturevalue("postgresql").new_database()
    made = Desk(tmp_path, url)
    yield made
    made.service.database.engine.dispose()
