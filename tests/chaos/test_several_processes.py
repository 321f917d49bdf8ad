"""Processes that share a PostgreSQL database: migrations, and a database that goes away for a while."""

from __future__ import annotations

import re
import signal
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest
from botocore.exceptions import ClientError
from cryptography.fernet import Fernet
from postgresql_server import PostgresqlServer
from sqlalchemy import text
from sqlalchemy.exc import OperationalError
from support import COMMAND, ReviewDesk, free_port, wait_for_json, wait_until

from review_desk.engine.database import MIGRATION_LOCK, Database, unavailability
from review_desk.secrets import create_key_file
from review_desk.service import Service
from review_desk.settings import Settings

TEMPLATE = "<crowd-form><crowd-input name='a'></crowd-input></crowd-form>"


def desk_on(url: str, directory: Path, s3_url: str = "http://127.0.0.1:1") -> ReviewDesk:
    settings = {"REVIEW_DESK_DATABASE_URL": url, "REVIEW_DESK_SECRET_KEY": Fernet.generate_key().decode()}
    return ReviewDesk(directory, s3_url, settings=settings)


def migrations(desk: ReviewDesk, count: int) -> list[subprocess.Popen[str]]:
    return [
        subprocess.Popen(
            [COMMAND, "migrate"],
            env=desk.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for _ in range(count)
    ]


def test_migrations_at_once_wait_for_each_other(postgresql: PostgresqlServer, tmp_path: Path) -> None:
    url = postgresql.new_database()
    with psycopg.connect(url.replace("+psycopg", "")) as connection:
        connection.execute("SELECT pg_advisory_xact_lock(%s)", [MIGRATION_LOCK])
        processes = migrations(desk_on(url, tmp_path), 3)
        waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
        wait_until(lambda: connection.execute(waiting).fetchone() == (3,), seconds=60)
        connection.rollback()
    outputs = [process.communicate(timeout=60)[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0], outputs
    assert all(output.endswith("is up to date.\n") for output in outputs)


def test_migrations_at_once_of_a_sqlite_file_make_one_key(tmp_path: Path) -> None:
    desk = ReviewDesk(tmp_path, "http://127.0.0.1:1")
    processes = migrations(desk, 3)
    outputs = [process.communicate(timeout=60)[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0], outputs
    assert sorted(path.name for path in tmp_path.glob("*.key*")) == ["review_desk.key"]
    assert (tmp_path / "review_desk.key").stat().st_mode & 0o777 == 0o600


def test_a_key_that_another_process_made_meanwhile_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(database_url=f"sqlite:///{tmp_path}/review_desk.db")
    create_key_file(settings)
    key = (tmp_path / "review_desk.key").read_bytes()
    monkeypatch.setattr(Path, "exists", lambda _path: False)
    create_key_file(settings)
    assert (tmp_path / "review_desk.key").read_bytes() == key


def refusal_to_serve(desk: ReviewDesk) -> str:
    """What ``serve`` says when it ends at once."""
    ended = subprocess.run(
        [COMMAND, "serve", "--port", str(desk.port)],
        env=desk.environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 1
    return ended.stderr


def test_serving_an_empty_database_says_what_to_run(postgresql: PostgresqlServer, tmp_path: Path) -> None:
    said = refusal_to_serve(desk_on(postgresql.new_database(), tmp_path))
    assert re.fullmatch(r"Error: The database postgresql\+psycopg://.*: run `review-desk migrate`\.\n", said)


def test_serving_without_the_database_says_so_in_one_line(tmp_path: Path) -> None:
    url = f"postgresql+psycopg://tests:secret@127.0.0.1:{free_port()}/nothing"
    said = refusal_to_serve(desk_on(url, tmp_path))
    assert re.fullmatch(r"Error: The database postgresql\+psycopg://.* does not answer: .*refused.*\n", said)
    assert "secret" not in said


def test_a_database_that_leaves_after_its_check_does_not_end_the_start(tmp_path: Path) -> None:
    settings = Settings(database_url=f"sqlite:///{tmp_path}/review_desk.db")
    create_key_file(settings)
    service = Service(settings)
    service.start()
    service.stop()


def test_a_sqlite_file_that_another_program_locks_is_no_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("review_desk.engine.database.LOCK_TIMEOUT_IN_SECONDS", 0.1)
    database = Database(f"sqlite:///{tmp_path}/review_desk.db")
    database.migrate()
    with closing(sqlite3.connect(tmp_path / "review_desk.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(OperationalError) as locked, database.write():
            pass
    with pytest.raises(OperationalError) as wrong, database.write() as connection:
        connection.execute(text("SELECT 1 FROM nothing"))
    database.engine.dispose()
    assert unavailability(locked.value) == "database is locked"
    assert unavailability(wrong.value) is None


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGQUIT])
def test_a_database_that_goes_away_for_a_while(
    own_postgresql: PostgresqlServer, tmp_path: Path, s3: Any, s3_server: str, how: signal.Signals
) -> None:
    """Requests are refused with one line, and the processes recover by themselves."""
    desk = desk_on(own_postgresql.new_database(), tmp_path, s3_server)
    desk.prepare()
    desk.start()
    try:
        arn = desk.create_flow_definition("away", TEMPLATE)
        runtime = desk.client("sagemaker-a2i-runtime")
        start = {"FlowDefinitionArn": arn, "HumanLoopInput": {"InputContent": "{}"}}
        runtime.start_human_loop(HumanLoopName="before", **start)
        portal = desk.portal()
        task = portal.claim().json()

        own_postgresql.shut_down(how)
        refused = portal.submit(task, {"a": "kept"})
        assert (refused.status_code, refused.json()["error"]["code"]) == (503, "Unavailable")
        with pytest.raises(ClientError, match="database does not answer") as failed:
            runtime.start_human_loop(HumanLoopName="after", **start)
        assert failed.value.response["Error"]["Code"] == "InternalServerException"
        assert portal.http.get("/readyz").status_code == 503
        assert portal.http.get("/healthz").status_code == 200
        wait_until(lambda: "outbox delivery: the database does not serve" in desk.log)

        own_postgresql.launch()
        wait_until(lambda: portal.http.get("/readyz").status_code == 200)
        runtime.start_human_loop(HumanLoopName="after", **start)
        assert portal.submit(task, {"a": "kept"}).json()["human_loop_status"] == "Completed"
        uri = runtime.describe_human_loop(HumanLoopName="before")["HumanLoopOutput"]["OutputS3Uri"]
        assert wait_for_json(s3, uri, 30)["humanAnswers"][0]["answerContent"] == {"a": "kept"}
        assert "Traceback" not in desk.log
        assert '"exception"' not in desk.log
        probes = [line for line in desk.log.splitlines() if '"/readyz", "status": 503' in line]
        assert probes
        assert all('"detail": "the database does not serve: ' in line for line in probes)
    finally:
        desk.stop()
