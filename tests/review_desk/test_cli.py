"""The ``review-desk`` command: what it prints, and one plain line for a mistake."""

from __future__ import annotations

import json
import sqlite3
import stat
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from review_desk.cli import main


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("REVIEW_DESK_DATABASE_URL", f"sqlite:///{tmp_path}/desk/review_desk.db")

    def invoke(*arguments: str, stdin: str = "") -> Result:
        return CliRunner().invoke(main, arguments, input=stdin)

    return invoke


def test_everything_can_be_done_twice(run, tmp_path: Path) -> None:
    for _ in range(2):
        assert run("migrate").exit_code == 0
        arn = json.loads(run("team", "create", "reviewers").output)["WorkteamArn"]
        assert arn == "arn:aws:sagemaker:us-east-1:000000000000:workteam/private-crowd/reviewers"
    worker = ("worker", "create", "ann", "--team", "reviewers", "--password-stdin")
    assert "new worker" in run(*worker, stdin="long enough\n").output
    assert "there already" in run(*worker, stdin="another one\n").output
    key = json.loads(run("access-key", "create", "--name", "airflow").output)
    assert key.keys() == {"AccessKeyId", "SecretAccessKey"}
    key_file = tmp_path / "desk" / "review_desk.key"
    assert stat.S_IMODE(key_file.stat().st_mode) == 0o600
    assert key["SecretAccessKey"] not in (tmp_path / "desk" / "review_desk.db").read_bytes().decode("latin-1")


@pytest.mark.parametrize(
    ("arguments", "stdin", "words"),
    [
        (
            ("worker", "create", "ann", "--team", "nobody", "--password-stdin"),
            "long enough",
            "team create nobody",
        ),
        (
            ("worker", "create", "ann", "--team", "reviewers", "--password-stdin"),
            "short",
            "at least 8 characters",
        ),
    ],
)
def test_mistakes_get_one_line(run, arguments: tuple[str, ...], stdin: str, words: str) -> None:
    run("migrate")
    run("team", "create", "reviewers")
    result = run(*arguments, stdin=stdin)
    assert result.exit_code == 1
    assert words in result.output
    assert len(result.output.strip().splitlines()) == 1


def test_serving_before_migrating_says_what_to_run(run) -> None:
    result = run("serve")
    assert result.exit_code == 1
    assert "review-desk migrate" in result.output
    assert "Traceback" not in result.output


def test_a_wrong_setting_is_named(run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REVIEW_DESK_ACCOUNT_ID", "12")
    result = run("migrate")
    assert result.exit_code == 1
    assert "REVIEW_DESK_ACCOUNT_ID" in result.output


def test_a_postgresql_database_needs_a_stated_key(run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REVIEW_DESK_DATABASE_URL", "postgresql+psycopg://u:hidden@127.0.0.1:1/desk")
    result = run("migrate")
    assert "REVIEW_DESK_SECRET_KEY" in result.output
    assert "hidden" not in result.output


def test_access_keys_are_listed_rotated_and_revoked(run) -> None:
    run("migrate")
    first = json.loads(run("access-key", "create", "--name", "airflow").output)["AccessKeyId"]
    second = json.loads(run("access-key", "rotate", first).output)["AccessKeyId"]
    run("access-key", "revoke", first)
    listed = [json.loads(line) for line in run("access-key", "list").output.splitlines()]
    assert [(key["AccessKeyId"], key["Name"], key["RevokedAt"] is None) for key in listed] == [
        (first, "airflow", False),
        (second, "airflow", True),
    ]
    assert "SecretAccessKey" not in listed[0]
    for command in ("revoke", "rotate"):
        assert "There is no access key 'AKNONE'" in run("access-key", command, "AKNONE").output


def test_workers_leave_teams_and_are_disabled(run) -> None:
    run("migrate")
    run("team", "create", "reviewers")
    run("worker", "create", "ann", "--team", "reviewers", "--password-stdin", stdin="long enough")
    assert run("worker", "remove", "ann", "--team", "reviewers").exit_code == 0
    assert "is not in" in run("worker", "remove", "ann", "--team", "reviewers").output
    assert run("worker", "disable", "ann").exit_code == 0
    assert "There is no worker 'bob'" in run("worker", "disable", "bob").output


def test_a_backup_is_a_whole_database(run, tmp_path: Path) -> None:
    run("migrate")
    run("team", "create", "reviewers")
    file = tmp_path / "copy.db"
    result = run("backup", str(file))
    assert "review_desk.key" in result.output
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    with sqlite3.connect(file) as copy:
        assert copy.execute("SELECT name FROM workteam").fetchall() == [("reviewers",)]
    assert "exists" in run("backup", str(file)).output
