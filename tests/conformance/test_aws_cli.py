"""The aws command line against a running Review Desk."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from botocore import xform_name
from every_operation import CONTROL_PLANE, RUNTIME, TEMPLATE, every_operation, holds
from foreign_clients import aws_command
from support import REGION, ReviewDesk

SERVICE_ERROR = 255
"""What version 1 exits with when the service refuses."""


class AwsCli:
    """Runs ``aws`` as somebody would who has set only the usual variables."""

    def __init__(self, desk: ReviewDesk, home: Path) -> None:
        self.command = aws_command()
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("AWS_")},
            "HOME": str(home),
            "PYTHONPATH": "",
            "AWS_ACCESS_KEY_ID": desk.access_key["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": desk.access_key["SecretAccessKey"],
            "AWS_DEFAULT_REGION": REGION,
            "AWS_DEFAULT_OUTPUT": "json",
            "AWS_MAX_ATTEMPTS": "1",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_ENDPOINT_URL_SAGEMAKER": desk.url,
            "AWS_ENDPOINT_URL_SAGEMAKER_A2I_RUNTIME": desk.url,
        }

    def run(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self.command, *arguments],
            env={**self.environment, **environment},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def __call__(self, *arguments: str) -> Any:
        """Run a command that must succeed; return what it prints, parsed."""
        done = self.run(*arguments)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout or "{}")


@pytest.fixture(scope="module")
def aws(review_desk_server: ReviewDesk, tmp_path_factory: pytest.TempPathFactory) -> AwsCli:
    return AwsCli(review_desk_server, tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="module")
def flow(review_desk_server: ReviewDesk) -> str:
    """A flow definition with seven loops."""
    arn = review_desk_server.create_flow_definition("by-hand", TEMPLATE)
    runtime = review_desk_server.client(RUNTIME)
    for number in range(7):
        runtime.start_human_loop(
            HumanLoopName=f"by-hand-{number}", FlowDefinitionArn=arn, HumanLoopInput={"InputContent": "{}"}
        )
    return arn


def test_every_operation(aws: AwsCli) -> None:
    for call in every_operation("by-aws-cli"):
        command = xform_name(call.operation, "-")
        answer = aws(call.service, command, "--cli-input-json", json.dumps(call.parameters))
        assert holds(answer, call.answer), f"aws {call.service} {command} printed {answer}"


def test_arguments_as_people_type_them(aws: AwsCli, flow: str) -> None:
    started = aws(
        RUNTIME,
        "start-human-loop",
        *("--human-loop-name", "typed", "--flow-definition-arn", flow),
        *("--human-loop-input", 'InputContent="{\\"text\\": \\"hello, world\\"}"'),
        *("--data-attributes", "ContentClassifiers=FreeOfAdultContent"),
    )
    assert started["HumanLoopArn"].endswith(":human-loop/typed")
    assert aws(RUNTIME, "stop-human-loop", "--human-loop-name", "typed") == {}
    described = aws(
        RUNTIME, "describe-human-loop", "--human-loop-name", "typed", "--query", "HumanLoopStatus"
    )
    assert described == "Stopped"
    assert aws(RUNTIME, "delete-human-loop", "--human-loop-name", "typed") == {}


NEWEST_FIRST = [f"by-hand-{number}" for number in reversed(range(7))]
NAMES = ("--query", "HumanLoopSummaries[].HumanLoopName")


def test_pages_are_joined(aws: AwsCli, flow: str) -> None:
    listing = (RUNTIME, "list-human-loops", "--flow-definition-arn", flow)
    for page_size in ("2", "7", "100"):
        assert aws(*listing, "--page-size", page_size, *NAMES) == NEWEST_FIRST
    assert aws(*listing, "--page-size", "3", "--sort-order", "Ascending", *NAMES) == NEWEST_FIRST[::-1]


def test_max_items_ends_a_list_and_starting_token_takes_it_up(aws: AwsCli, flow: str) -> None:
    listing = (RUNTIME, "list-human-loops", "--flow-definition-arn", flow, "--page-size", "3")
    first = aws(*listing, "--max-items", "4")
    rest = aws(*listing, "--starting-token", first["NextToken"])
    found = [loop["HumanLoopName"] for page in (first, rest) for loop in page["HumanLoopSummaries"]]
    assert found == NEWEST_FIRST
    assert "NextToken" not in rest


def test_without_pagination_there_is_one_page(aws: AwsCli, flow: str) -> None:
    page = aws(
        RUNTIME, "list-human-loops", "--flow-definition-arn", flow, "--no-paginate", "--max-results", "2"
    )
    assert len(page["HumanLoopSummaries"]) == 2
    assert page["NextToken"]


def test_times_are_taken_as_dates_and_moments(aws: AwsCli, flow: str) -> None:
    listing = (RUNTIME, "list-human-loops", "--flow-definition-arn", flow, *NAMES)
    assert aws(*listing, "--creation-time-after", "2020-02-24") == NEWEST_FIRST
    assert aws(*listing, "--creation-time-before", "2020-02-24T12:00:00Z") == []


def test_lists_of_the_control_plane_are_joined_too(aws: AwsCli, review_desk_server: ReviewDesk) -> None:
    for number in range(3):
        review_desk_server.create_flow_definition(f"paged-{number}", TEMPLATE)
    for command, query in (
        ("list-flow-definitions", "FlowDefinitionSummaries[].FlowDefinitionName"),
        ("list-human-task-uis", "HumanTaskUiSummaries[].HumanTaskUiName"),
    ):
        names = aws(CONTROL_PLANE, command, "--page-size", "1", "--query", query)
        assert [name for name in names if name.startswith("paged")] == ["paged-2", "paged-1", "paged-0"]
    control = review_desk_server.client(CONTROL_PLANE)
    for name in ("more-1", "more-2"):
        members = [{"OidcMemberDefinition": {"Groups": ["g"]}}]
        control.create_workteam(WorkteamName=name, Description="d", MemberDefinitions=members)
    names = aws(CONTROL_PLANE, "list-workteams", "--page-size", "1", "--query", "Workteams[].WorkteamName")
    assert sorted(names) == ["more-1", "more-2", "reviewers"]


@pytest.mark.parametrize(
    ("arguments", "operation", "code", "words"),
    [
        (
            (RUNTIME, "describe-human-loop", "--human-loop-name", "nobody"),
            "DescribeHumanLoop",
            "ResourceNotFoundException",
            "The human loop 'nobody' does not exist in us-east-1.",
        ),
        (
            (RUNTIME, "describe-human-loop", "--human-loop-name", "Upper"),
            "DescribeHumanLoop",
            "ValidationException",
            "Value 'Upper' at 'humanLoopName' failed to satisfy constraint",
        ),
        (
            (RUNTIME, "delete-human-loop", "--human-loop-name", "by-hand-0"),
            "DeleteHumanLoop",
            "ValidationException",
            "Stop it first.",
        ),
        (
            (CONTROL_PLANE, "describe-flow-definition", "--flow-definition-name", "nobody"),
            "DescribeFlowDefinition",
            "ResourceNotFound",
            ":flow-definition/nobody does not exist.",
        ),
        (
            (
                CONTROL_PLANE,
                "create-human-task-ui",
                "--human-task-ui-name",
                "by-hand",
                "--ui-template",
                "Content=x",
            ),
            "CreateHumanTaskUi",
            "ResourceInUse",
            "already exists: choose another name.",
        ),
        (
            (CONTROL_PLANE, "list-training-jobs"),
            "ListTrainingJobs",
            "UnknownOperationException",
            "Review Desk does not serve ListTrainingJobs.",
        ),
    ],
)
@pytest.mark.usefixtures("flow")
def test_errors_show_code_and_message(
    aws: AwsCli, arguments: tuple[str, ...], operation: str, code: str, words: str
) -> None:
    done = aws.run(*arguments)
    assert done.returncode == SERVICE_ERROR
    assert done.stdout == ""
    assert f"An error occurred ({code}) when calling the {operation} operation: " in done.stderr
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_a_conflict_shows_why(aws: AwsCli, flow: str) -> None:
    start = (RUNTIME, "start-human-loop", "--human-loop-name", "by-hand-0", "--flow-definition-arn", flow)
    done = aws.run(*start, "--human-loop-input", 'InputContent="[1]"')
    assert "(ValidationException)" in done.stderr
    done = aws.run(*start, "--human-loop-input", json.dumps({"InputContent": '{"other": 1}'}))
    assert done.returncode == SERVICE_ERROR
    assert "(ConflictException) when calling the StartHumanLoop operation: " in done.stderr
    assert "is active with different input" in done.stderr


def test_a_wrong_secret_is_said(aws: AwsCli) -> None:
    done = aws.run(CONTROL_PLANE, "list-workteams", AWS_SECRET_ACCESS_KEY="wrong")
    assert done.returncode == SERVICE_ERROR
    assert "(InvalidSignatureException)" in done.stderr
