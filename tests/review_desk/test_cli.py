"""The ``review-desk`` command: what it prints, and one plain line for a mistake."""

from __future__ import annotations

import json
import sqlite3
import stat
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from review_desk.cli import main
from review_desk.settings import Settings


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


STDIN = "--password-stdin"
PROVIDER = {"OIDC_ISSUER": "https://login.example.com", "OIDC_CLIENT_ID": "desk"}


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"ACCOUNT_ID": "12"}, "REVIEW_DESK_ACCOUNT_ID: String should match"),
        ({"SESSION_IDLE_MINUTES": "-1"}, "REVIEW_DESK_SESSION_IDLE_MINUTES: "),
        ({"PASSWORD_SIGN_IN": "false"}, "REVIEW_DESK_PASSWORD_SIGN_IN=false needs REVIEW_DESK_OIDC_ISSUER"),
        ({"OIDC_ISSUER": "https://login.example.com"}, "REVIEW_DESK_OIDC_CLIENT_ID is needed"),
        ({**PROVIDER, "OIDC_ISSUER": "http://login.example.com"}, "REVIEW_DESK_OIDC_ISSUER must start with https://"),
        ({**PROVIDER, "OIDC_ISSUER": "login.example.com"}, "REVIEW_DESK_OIDC_ISSUER must start with https://"),
        ({**PROVIDER, "OIDC_SCOPES": "profile email"}, "REVIEW_DESK_OIDC_SCOPES must contain openid"),
        ({**PROVIDER, "OIDC_GROUP_TEAMS": "staff"}, "REVIEW_DESK_OIDC_GROUP_TEAMS: 'staff' is not group=team"),
        ({**PROVIDER, "OIDC_GROUP_TEAMS": "{staff"}, "REVIEW_DESK_OIDC_GROUP_TEAMS: it begins like a JSON object"),
        ({**PROVIDER, "OIDC_GROUP_TEAMS": '{"staff": 7}'}, "REVIEW_DESK_OIDC_GROUP_TEAMS: "),
    ],
)  # fmt: skip
def test_a_wrong_setting_is_named(
    run, monkeypatch: pytest.MonkeyPatch, settings: dict[str, str], words: str
) -> None:
    for name, value in settings.items():
        monkeypatch.setenv(f"REVIEW_DESK_{name}", value)
    result = run("migrate")
    assert result.exit_code == 1
    assert f"Error: {words}" in result.output
    assert len(result.output.strip().splitlines()) == 1


@pytest.mark.parametrize(
    ("value", "teams"),
    [
        ("", {}),
        ("staff=reviewers, leads = experts,staff=experts", {"staff": ("reviewers", "experts"), "leads": ("experts",)}),
        ('{"CN=a,OU=b": "reviewers", "x": ["a", "b"]}', {"CN=a,OU=b": ("reviewers",), "x": ("a", "b")}),
        ("/a=b/c=reviewers", {"/a=b/c": ("reviewers",)}),
    ],
)  # fmt: skip
def test_groups_are_mapped_to_teams(
    monkeypatch: pytest.MonkeyPatch, value: str, teams: dict[str, tuple[str, ...]]
) -> None:
    monkeypatch.setenv("REVIEW_DESK_OIDC_GROUP_TEAMS", value)
    assert Settings().oidc_group_teams == teams


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
    for arguments in (
        ("disable", "bob"),
        ("enable", "bob"),
        ("role", "bob", "lead"),
        ("password", "bob", STDIN),
    ):
        assert "There is no worker 'bob'" in run("worker", *arguments, stdin="long enough").output


def test_workers_have_roles(run) -> None:
    run("migrate")
    run("team", "create", "reviewers")
    create = ("worker", "create", "--team", "reviewers", "--password-stdin")
    for name, option in (("ann", ()), ("bob", ("--lead",)), ("cleo", ("--admin",))):
        assert run(*create, name, *option, stdin="long enough").exit_code == 0
    assert "not both" in run(*create, "dan", "--lead", "--admin", stdin="long enough").output
    assert run("worker", "role", "ann", "lead").exit_code == 0
    assert "'boss' is not one of" in run("worker", "role", "ann", "boss").output
    again = run(*create, "bob", "--admin", stdin="long enough").output
    assert "bob still has the role lead: `review-desk worker role bob admin`" in again
    run("worker", "disable", "cleo")
    listed = [json.loads(line) for line in run("worker", "list").output.splitlines()]
    assert [(worker["Name"], worker["Role"], worker["Disabled"]) for worker in listed] == [
        ("ann", "lead", False),
        ("bob", "lead", False),
        ("cleo", "admin", True),
    ]
    assert listed[0].keys() == {"Name", "Role", "Teams", "Disabled", "CreatedAt", "SignsInWith", "Email"}
    assert listed[0]["Teams"] == [{"Name": "reviewers", "Source": "local"}]
    assert listed[0]["SignsInWith"] == "password"
    assert "cleo is enabled" in run("worker", "enable", "cleo").output
    assert (
        "signed out everywhere"
        in run("worker", "password", "cleo", "--password-stdin", stdin="another one").output
    )
    assert "at least 8" in run("worker", "password", "cleo", "--password-stdin", stdin="short").output


def test_teams_are_listed(run) -> None:
    run("migrate")
    for name in ("second", "first"):
        run("team", "create", name)
    run("worker", "create", "ann", "--team", "second", "--password-stdin", stdin="long enough")
    listed = [json.loads(line) for line in run("team", "list").output.splitlines()]
    assert [(team["Name"], team["Members"], team["OidcGroups"]) for team in listed] == [
        ("first", 0, ["first"]),
        ("second", 1, ["second"]),
    ]


def test_an_account_is_handed_over_only_to_a_provider(run) -> None:
    run("migrate")
    result = run("worker", "link", "ann", "--subject", "1234")
    assert result.exit_code == 1
    assert "REVIEW_DESK_OIDC_ISSUER is not set" in result.output


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
