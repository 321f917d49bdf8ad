"""Every change leaves a line in the audit log, with who made it: API, portal and command line."""

from __future__ import annotations

import json
import os
import pwd
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner
from fastapi.routing import APIRoute
from portal_house import House
from review_desk_fixtures import PASSWORD, Desk
from sqlalchemy import insert, select
from support import ROLE_ARN, ReviewDesk

from review_desk.api.operations import OPERATIONS
from review_desk.cli import main
from review_desk.engine.tables import outbox, task_event

ARN = "arn:aws:sagemaker:us-east-1:000000000000"
ME = pwd.getpwuid(os.getuid()).pw_name

TEAM = f"{ARN}:workteam/private-crowd/audited"
FLOW = f"{ARN}:flow-definition/audited"
TASK_UI = f"{ARN}:human-task-ui/audited"
MEMBERS = [{"OidcMemberDefinition": {"Groups": ["g"]}}]

READS = {name for name in OPERATIONS if name.startswith(("Describe", "List", "Render"))}
WRITES: list[tuple[str, str, dict[str, Any]]] = [
    ("CreateWorkteam", TEAM, {"WorkteamName": "audited", "Description": "d", "MemberDefinitions": MEMBERS}),
    ("UpdateWorkteam", TEAM, {"WorkteamName": "audited", "Description": "secret description"}),
    ("CreateHumanTaskUi", TASK_UI, {"HumanTaskUiName": "audited", "UiTemplate": {"Content": "secret template"}}),
    (
        "CreateFlowDefinition",
        FLOW,
        {
            "FlowDefinitionName": "audited",
            "HumanLoopConfig": {
                "WorkteamArn": TEAM,
                "HumanTaskUiArn": TASK_UI,
                "TaskTitle": "t",
                "TaskDescription": "d",
                "TaskCount": 1,
            },
            "OutputConfig": {"S3OutputPath": "s3://answers/a2i"},
            "RoleArn": ROLE_ARN,
        },
    ),
    ("AddTags", FLOW, {"ResourceArn": FLOW, "Tags": [{"Key": "k", "Value": "secret value"}]}),
    ("DeleteTags", FLOW, {"ResourceArn": FLOW, "TagKeys": ["k"]}),
    (
        "StartHumanLoop",
        "",
        {
            "HumanLoopName": "audited",
            "FlowDefinitionArn": FLOW,
            "HumanLoopInput": {"InputContent": '{"secret": "content"}'},
        },
    ),
    ("StopHumanLoop", f"{ARN}:human-loop/audited", {"HumanLoopName": "audited"}),
    ("DeleteHumanLoop", f"{ARN}:human-loop/audited", {"HumanLoopName": "audited"}),
    ("DeleteFlowDefinition", FLOW, {"FlowDefinitionName": "audited"}),
    ("DeleteHumanTaskUi", TASK_UI, {"HumanTaskUiName": "audited"}),
    ("DeleteWorkteam", TEAM, {"WorkteamName": "audited"}),
]  # fmt: skip


def test_every_operation_that_writes_is_written_down(review_desk_server: ReviewDesk) -> None:
    assert READS | {name for name, _, _ in WRITES} == set(OPERATIONS)
    desk, before = review_desk_server, len(audit(review_desk_server))
    clients = [desk.client("sagemaker"), desk.client("sagemaker-a2i-runtime")]
    for name, _, parameters in WRITES:
        method = next(
            m for c in clients for m, operation in c.meta.method_to_api_mapping.items() if operation == name
        )
        next(getattr(client, method) for client in clients if hasattr(client, method))(**parameters)
        if name == "StartHumanLoop":
            # It is in the loop itself; a line for each of a large batch would only cost time.
            assert (
                json.loads(desk.command("loop", "show", "audited").splitlines()[0])["StartedBy"]
                == (desk.access_key["AccessKeyId"])
            )
    lines = audit(desk)[: len(audit(desk)) - before]
    expected = [(name, resource) for name, resource, _ in WRITES if name != "StartHumanLoop"]
    assert [(line["Action"], line["Resource"]) for line in reversed(lines)] == expected
    for line in lines:
        assert (line["ActorKind"], line["Actor"], line["Client"]) == (
            "access-key",
            desk.access_key["AccessKeyId"],
            "127.0.0.1",
        )
    assert "secret" not in json.dumps(lines)


def audit(desk: ReviewDesk, *options: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in desk.command("audit", "list", *options).splitlines()]


@dataclass(frozen=True)
class Command:
    """A command that changes something, and what is written down of it."""

    line: str
    actions: tuple[str, ...]
    stdin: str = ""


READING_COMMANDS = {
    "access-key list", "team list", "worker list", "loop list", "loop show", "dead-letter list", "audit list",
    "doctor", "backup", "migrate", "serve", "template check", "template serve",
}  # fmt: skip
WRITING_COMMANDS = [
    Command("access-key create --name airflow", ("CreateAccessKey",)),
    Command("access-key rotate {key}", ("RotateAccessKey",)),
    Command("access-key revoke {key}", ("RevokeAccessKey",)),
    Command("team create written", ("CreateWorkteam",)),
    Command(
        "worker create cleo --team written --lead --password-stdin",
        ("CreateWorker", "AddTeamMember"),
        "secret password",
    ),
    Command("worker create cleo --team reviewers --password-stdin", ("AddTeamMember",), "secret password"),
    Command("worker role cleo admin", ("SetWorkerRole",)),
    Command("worker update cleo --email secret@example.com", ("SetWorkerEmail",)),
    Command("worker disable cleo", ("DisableWorker",)),
    Command("worker enable cleo", ("EnableWorker",)),
    Command("worker password cleo --password-stdin", ("SetWorkerPassword",), "secret password"),
    Command("worker remove cleo --team written", ("RemoveTeamMember",)),
    Command("worker link cleo --subject 1234", ("LinkWorker",)),
    Command("dead-letter requeue --all", ("RequeueDeadLetter",)),
]


@pytest.fixture
def command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    """A database that commands work on, with a dead letter in it."""
    desk = Desk(tmp_path)
    desk.start(desk.flow(), "loop")
    now = desk.clock.now()
    with desk.service.database.write() as connection:
        connection.execute(
            insert(outbox).values(
                kind="event", human_loop_id=1, created_at=now, next_attempt_at=now, attempts=9, dead_at=now
            )
        )
    monkeypatch.setenv("REVIEW_DESK_DATABASE_URL", f"sqlite:///{tmp_path}/review_desk.db")
    monkeypatch.setenv("REVIEW_DESK_OIDC_ISSUER", "https://login.example.com")
    monkeypatch.setenv("REVIEW_DESK_OIDC_CLIENT_ID", "review-desk")
    yield desk
    desk.service.database.engine.dispose()


def leaves(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[str]:
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from leaves(command, (*path, name))
        else:
            yield " ".join((*path, name))


def test_every_command_that_writes_is_written_down(command_line: Desk) -> None:
    known = {command.line.split(" --")[0] for command in WRITING_COMMANDS}
    writing = {leaf for leaf in leaves(main) if any(f"{line} ".startswith(f"{leaf} ") for line in known)}
    assert writing | READING_COMMANDS == set(leaves(main)), "say of each command whether it writes"
    key = command_line.service.access.create_access_key("first")[0]
    log = command_line.service.audit
    for command in WRITING_COMMANDS:
        newest = log.events(limit=1)[0].id
        result = CliRunner().invoke(main, command.line.format(key=key).split(), input=command.stdin)
        assert result.exit_code == 0, result.output
        lines = [event for event in reversed(log.events()) if event.id > newest]
        assert tuple(event.action for event in lines) == command.actions, command.line
        assert {(event.actor.kind, event.actor.name, event.actor.client) for event in lines} == {
            ("command", ME, None)
        }
        assert "secret" not in str(lines)


def test_the_log_is_listed_by_time_actor_and_action(command_line: Desk) -> None:
    def listed(*options: str) -> list[str]:
        result = CliRunner().invoke(main, ["audit", "list", *options])
        assert result.exit_code == 0, result.output
        return [json.loads(line)["Action"] for line in result.output.splitlines()]

    CliRunner().invoke(main, ["team", "create", "second"])
    # The fixture's own changes are of January 2026 and of nobody in particular.
    made = ["CreateFlowDefinition", "CreateHumanTaskUi", "CreateWorkteam"]
    assert listed() == ["CreateWorkteam", *made]
    assert listed("--actor", ME) == ["CreateWorkteam"]
    assert listed("--action", "CreateHumanTaskUi") == ["CreateHumanTaskUi"]
    assert listed("--limit", "2") == ["CreateWorkteam", "CreateFlowDefinition"]
    assert listed("--since", "2026-01-02") == ["CreateWorkteam"]
    assert listed("--since", "2026-01-01T13:00:00+01:00") == ["CreateWorkteam", *made]
    wrong = CliRunner().invoke(main, ["audit", "list", "--since", "yesterday"])
    assert wrong.exit_code == 2
    assert "'yesterday' is no moment" in wrong.output


WRITTEN_BY_PORTAL: dict[tuple[str, str], tuple[str, Any, str]] = {
    ("POST", "/portal/api/login"): ("worker", {"username": "worker", "password": PASSWORD}, "SignIn"),
    ("POST", "/portal/api/logout"): ("worker", None, "SignOut"),
    ("PUT", "/portal/api/password"): (
        "lead",
        {"current": PASSWORD, "new": "secret password"},
        "SetWorkerPassword",
    ),
    ("POST", "/portal/api/loops/{name}/stop"): ("lead", None, "StopHumanLoop"),
    ("POST", "/portal/api/tasks/{task_id}/requeue"): ("lead", None, "RequeueTask"),
    ("POST", "/portal/api/tasks/{task_id}/reassign"): ("lead", {"username": "lead"}, "ReassignTask"),
    ("POST", "/portal/api/loops/stop"): ("lead", {"names": ["{name}"]}, "StopHumanLoop"),
    ("POST", "/portal/api/loops/requeue"): ("lead", {"names": ["{name}"]}, "RequeueTask"),
    ("POST", "/portal/api/tasks/requeue"): ("lead", {"task_ids": ["{task_id}"]}, "RequeueTask"),
    ("POST", "/portal/api/workers"): (
        "admin",
        {"username": "made", "password": "secret password"},
        "CreateWorker",
    ),
    ("PATCH", "/portal/api/workers/{username}"): (
        "admin",
        {"password": "secret password"},
        "SetWorkerPassword",
    ),
}
WRITTEN_IN_TASK_EVENT = {
    "/portal/api/tasks/{task_id}/extend": "extended",
    "/portal/api/tasks/{task_id}/release": "released",
    "/portal/api/tasks/{task_id}/decline": "declined",
    "/portal/api/tasks/{task_id}/submit": "answer-refused",
}
NO_CHANGE_TO_TELL = {
    # The house has claimed the task already and not answered it; an offer takes nothing; drafts, heartbeats and
    # preferences are the worker's own.
    "/portal/api/preferences",
    "/portal/api/template-preferences",
    "/portal/api/tasks/claim",
    "/portal/api/tasks/claim-grid",
    "/portal/api/tasks/offer",
    "/portal/api/tasks/{task_id}/draft",
    "/portal/api/tasks/{task_id}/heartbeat",
    "/portal/api/tasks/{task_id}/undo",
}


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    house = House(tmp_path_factory.mktemp("house"))
    yield house
    house.close()


def test_every_route_that_writes_is_known(house: House) -> None:
    app: Any = house.http.app
    writing = {
        (method, route.path)
        for route in app.routes
        if isinstance(route, APIRoute)
        for method in route.methods
        if method not in ("GET", "HEAD")
    }
    in_task_event = {path for method, path in writing if (method, path) not in WRITTEN_BY_PORTAL}
    assert in_task_event == set(WRITTEN_IN_TASK_EVENT) | NO_CHANGE_TO_TELL
    assert set(WRITTEN_BY_PORTAL) <= writing


@pytest.mark.parametrize(("method", "path"), WRITTEN_BY_PORTAL)
def test_what_the_portal_changes_is_written_down(house: House, method: str, path: str) -> None:
    caller, body, action = WRITTEN_BY_PORTAL[method, path]
    before = len(house.desk.service.audit.events(limit=1000))
    answer = house.call(method, path, caller, body)
    assert answer.is_success, answer.text
    events = house.desk.service.audit.events(limit=1000)
    [line] = events[: len(events) - before]
    assert (line.action, line.actor.kind, line.actor.name, line.actor.client) == (
        action,
        "worker",
        caller,
        "testclient",
    )
    assert "secret" not in str(line)


@pytest.mark.parametrize("path", WRITTEN_IN_TASK_EVENT)
def test_what_workers_do_to_tasks_is_in_the_tasks_log(house: House, path: str) -> None:
    body = {"answer": {}, "lease_token": "wrong", "reason": "r"}
    house.call("POST", path, "worker", body)
    with house.desk.service.database.read() as connection:
        line = connection.execute(select(task_event).order_by(task_event.c.id.desc()).limit(1)).one()
    assert (line.action, line.worker_id) == (
        WRITTEN_IN_TASK_EVENT[path],
        house.desk.worker_id("worker"),
    )
