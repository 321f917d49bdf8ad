"""Every error that the models give to a served operation, provoked for real and read by stock boto3."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pytest
from botocore import xform_name
from botocore.exceptions import ClientError
from every_operation import CONTROL_PLANE, GROUPS, RUNTIME, TEMPLATE, every_operation
from faults import without_loops
from response_check import ResponseCheck
from support import ReviewDesk, wait_until

from review_desk.api.operations import OPERATIONS, RUNTIME_OPERATIONS, modelled_errors

LIMITS = {
    "REVIEW_DESK_OPEN_LOOP_QUOTA": "1",
    "REVIEW_DESK_FLOW_DEFINITION_LIMIT": "1",
    "REVIEW_DESK_HUMAN_TASK_UI_LIMIT": "1",
    "REVIEW_DESK_WORKTEAM_LIMIT": "1",
}
ONE_REQUEST = {"REVIEW_DESK_REQUESTS_PER_SECOND": "0.001"}


@dataclass
class Desks:
    """Three services: one that does everything, one at its limits, one that lets one request through."""

    usual: ReviewDesk
    limited: ReviewDesk
    throttled: ReviewDesk
    cleanup: ExitStack = field(default_factory=ExitStack)


Provoke = Callable[[Desks], tuple[ReviewDesk, dict[str, Any]]]
"""Prepares an error; returns the service to ask, and the parameters that bring the error about."""


@pytest.fixture(scope="module")
def desks(
    tmp_path_factory: pytest.TempPathFactory,
    prepared_review_desk: ReviewDesk,
    review_desk_server: ReviewDesk,
    s3_server: str,
) -> Iterator[Desks]:
    others = []
    for settings in (LIMITS, ONE_REQUEST):
        directory = tmp_path_factory.mktemp("review_desk")
        shutil.copytree(prepared_review_desk.directory, directory, dirs_exist_ok=True)
        desk = ReviewDesk(
            directory, s3_server, access_key=prepared_review_desk.access_key, settings=dict(settings)
        )
        desk.start()
        others.append(desk)
    limited, throttled = others
    flow = limited.create_flow_definition("full", TEMPLATE)
    limited.client(RUNTIME).start_human_loop(**loop("full", flow))
    with suppress(ClientError):
        throttled.client(RUNTIME).describe_human_loop(HumanLoopName="the-one-request")
    with ExitStack() as stack:
        yield Desks(review_desk_server, limited, throttled, stack)
    for desk in others:
        desk.stop()


def loop(name: str, flow: str, content: str = "{}") -> dict[str, Any]:
    return {"HumanLoopName": name, "FlowDefinitionArn": flow, "HumanLoopInput": {"InputContent": content}}


def parameters(operation: str, name: str = "wanted") -> dict[str, Any]:
    """Parameters that the model accepts."""
    return next(call.parameters for call in every_operation(name) if call.operation == operation)


def flow(desk: ReviewDesk, name: str) -> str:
    """The ARN of a flow definition, which is made if it is not there."""
    control = desk.client(CONTROL_PLANE)
    try:
        return str(control.describe_flow_definition(FlowDefinitionName=name)["FlowDefinitionArn"])
    except control.exceptions.ResourceNotFound:
        return desk.create_flow_definition(name, TEMPLATE)


def with_parameters(wanted: dict[str, Any], desks: Desks) -> tuple[ReviewDesk, dict[str, Any]]:
    return desks.usual, wanted


def throttled(operation: str, desks: Desks) -> tuple[ReviewDesk, dict[str, Any]]:
    return desks.throttled, parameters(operation)


def at_its_limit(operation: str, desks: Desks) -> tuple[ReviewDesk, dict[str, Any]]:
    wanted = parameters(operation, "one-more")
    if operation == "CreateFlowDefinition":
        arn = desks.limited.client(CONTROL_PLANE).describe_flow_definition(FlowDefinitionName="full")
        wanted["HumanLoopConfig"] = arn["HumanLoopConfig"]
    return desks.limited, wanted


def twice(operation: str, desks: Desks) -> tuple[ReviewDesk, dict[str, Any]]:
    name = xform_name(operation, "-")
    wanted = parameters(operation, name)
    if operation == "CreateFlowDefinition":
        flow(desks.usual, "for-others")
        others = desks.usual.client(CONTROL_PLANE).describe_flow_definition(FlowDefinitionName="for-others")
        wanted["HumanLoopConfig"] = others["HumanLoopConfig"]
    getattr(desks.usual.client(CONTROL_PLANE), xform_name(operation))(**wanted)
    return desks.usual, wanted


def fault(operation: str, desks: Desks) -> tuple[ReviewDesk, dict[str, Any]]:
    wanted = parameters(operation)
    if "FlowDefinitionArn" in wanted:
        wanted["FlowDefinitionArn"] = flow(desks.usual, "for-faults")
    desks.cleanup.enter_context(without_loops(desks.usual))
    return desks.usual, wanted


def full(desks: Desks) -> tuple[ReviewDesk, dict[str, Any]]:
    return desks.limited, loop("one-more", flow(desks.limited, "full"))


def other_input(desks: Desks) -> tuple[ReviewDesk, dict[str, Any]]:
    arn = flow(desks.usual, "conflicts")
    desks.usual.client(RUNTIME).start_human_loop(**loop("conflict", arn))
    return desks.usual, loop("conflict", arn, '{"other": 1}')


def in_progress(desks: Desks) -> tuple[ReviewDesk, dict[str, Any]]:
    desks.usual.client(RUNTIME).start_human_loop(**loop("not-over", flow(desks.usual, "for-others")))
    return desks.usual, {"HumanLoopName": "not-over"}


def being_deleted(desks: Desks) -> tuple[ReviewDesk, dict[str, Any]]:
    desks.usual.client(RUNTIME).start_human_loop(**loop("held", flow(desks.usual, "held")))
    assert desks.usual.portal().claim(human_loop="held").status_code == 200
    desks.usual.client(CONTROL_PLANE).delete_flow_definition(FlowDefinitionName="held")
    return desks.usual, {"FlowDefinitionName": "held"}


def team_in_use(desks: Desks) -> tuple[ReviewDesk, dict[str, Any]]:
    flow(desks.usual, "for-others")
    return desks.usual, {"WorkteamName": "reviewers"}


NOBODY = {"HumanLoopName": "nobody"}
ELEVEN_GROUPS = [*GROUPS, {"OidcMemberDefinition": {"Groups": list("abcdefghij")}}]

ERRORS: dict[tuple[str, str], Provoke] = {
    **{(name, "ThrottlingException"): partial(throttled, name) for name in RUNTIME_OPERATIONS},
    **{(name, "InternalServerException"): partial(fault, name) for name in RUNTIME_OPERATIONS},
    ("StartHumanLoop", "ValidationException"): partial(
        with_parameters, {**parameters("StartHumanLoop"), "HumanLoopInput": {"InputContent": "not JSON"}}
    ),
    ("StartHumanLoop", "ServiceQuotaExceededException"): full,
    ("StartHumanLoop", "ConflictException"): other_input,
    ("DescribeHumanLoop", "ValidationException"): partial(with_parameters, {"HumanLoopName": "Upper"}),
    ("DescribeHumanLoop", "ResourceNotFoundException"): partial(with_parameters, NOBODY),
    ("ListHumanLoops", "ValidationException"): lambda desks: (
        desks.usual,
        {"FlowDefinitionArn": flow(desks.usual, "for-others"), "NextToken": "nonsense"},
    ),
    ("ListHumanLoops", "ResourceNotFoundException"): partial(with_parameters, parameters("ListHumanLoops")),
    ("StopHumanLoop", "ValidationException"): partial(with_parameters, {"HumanLoopName": "a" * 64}),
    ("StopHumanLoop", "ResourceNotFoundException"): partial(with_parameters, NOBODY),
    ("DeleteHumanLoop", "ValidationException"): in_progress,
    ("DeleteHumanLoop", "ResourceNotFoundException"): partial(with_parameters, NOBODY),
    ("CreateHumanTaskUi", "ResourceInUse"): partial(twice, "CreateHumanTaskUi"),
    ("CreateHumanTaskUi", "ResourceLimitExceeded"): partial(at_its_limit, "CreateHumanTaskUi"),
    ("DescribeHumanTaskUi", "ResourceNotFound"): partial(with_parameters, parameters("DescribeHumanTaskUi")),
    ("DeleteHumanTaskUi", "ResourceNotFound"): partial(with_parameters, parameters("DeleteHumanTaskUi")),
    ("RenderUiTemplate", "ResourceNotFound"): partial(with_parameters, parameters("RenderUiTemplate")),
    ("CreateFlowDefinition", "ResourceInUse"): partial(twice, "CreateFlowDefinition"),
    ("CreateFlowDefinition", "ResourceLimitExceeded"): partial(at_its_limit, "CreateFlowDefinition"),
    ("DescribeFlowDefinition", "ResourceNotFound"): partial(
        with_parameters, parameters("DescribeFlowDefinition")
    ),
    ("DeleteFlowDefinition", "ResourceNotFound"): partial(
        with_parameters, parameters("DeleteFlowDefinition")
    ),
    ("DeleteFlowDefinition", "ResourceInUse"): being_deleted,
    ("CreateWorkteam", "ResourceInUse"): partial(twice, "CreateWorkteam"),
    ("CreateWorkteam", "ResourceLimitExceeded"): partial(at_its_limit, "CreateWorkteam"),
    ("UpdateWorkteam", "ResourceLimitExceeded"): partial(
        with_parameters, {"WorkteamName": "reviewers", "MemberDefinitions": ELEVEN_GROUPS}
    ),
    ("DeleteWorkteam", "ResourceLimitExceeded"): team_in_use,
}

MODELLED = sorted((name, error) for name in OPERATIONS for error in modelled_errors(name))


def test_the_table_has_every_error_of_the_models() -> None:
    assert sorted(ERRORS) == MODELLED


@pytest.mark.parametrize(("operation", "error"), MODELLED)
def test_every_modelled_error(desks: Desks, operation: str, error: str) -> None:
    desk, wanted = ERRORS[operation, error](desks)
    client = desk.client(RUNTIME if operation in RUNTIME_OPERATIONS else CONTROL_PLANE)
    check = ResponseCheck(client)
    with desks.cleanup.pop_all(), pytest.raises(ClientError) as caught:
        getattr(client, xform_name(operation))(**wanted)
    assert isinstance(caught.value, getattr(client.exceptions, error))

    response = caught.value.response
    metadata = response["ResponseMetadata"]
    shape = next(
        shape
        for shape in client.meta.service_model.operation_model(operation).error_shapes
        if shape.name == error
    )
    assert response["Error"]["Code"] == error
    assert metadata["HTTPStatusCode"] == shape.metadata.get("error", {}).get("httpStatusCode", 400)
    assert metadata["HTTPHeaders"]["x-amzn-errortype"] == error
    assert metadata["RequestId"] == metadata["HTTPHeaders"]["x-amzn-requestid"]
    wait_until(lambda: metadata["RequestId"] in desk.log)  # the line is written when the answer has gone
    message = response["Error"]["Message"]
    assert message
    assert "\n" not in message
    assert check.problems == []


def test_a_fault_is_one_line_for_the_client_and_a_traceback_in_the_log(desks: Desks) -> None:
    client = desks.usual.client(RUNTIME)
    with without_loops(desks.usual), pytest.raises(client.exceptions.InternalServerException) as caught:
        client.describe_human_loop(HumanLoopName="x")
    request_id = caught.value.response["ResponseMetadata"]["RequestId"]
    message = caught.value.response["Error"]["Message"]
    assert message == f"The service failed; its log has the cause under {request_id}."
    wait_until(lambda: "Traceback" in desks.usual.log.partition(request_id)[2])
    report = desks.usual.log.split(request_id, 1)[1]
    assert "Traceback" in report
    assert "no such table: human_loop" in report


UNMODELLED = {
    "DescribeWorkteam": {"WorkteamName": "nobody"},
    "UpdateWorkteam": {"WorkteamName": "nobody", "Description": "d"},
    "DeleteWorkteam": {"WorkteamName": "nobody"},
    "DescribeWorkforce": {"WorkforceName": "nobody"},
    "AddTags": parameters("AddTags"),
    "ListTags": parameters("ListTags"),
    "DeleteTags": parameters("DeleteTags"),
}


@pytest.mark.parametrize("operation", UNMODELLED)
def test_without_a_modelled_error_it_is_a_validation_exception(desks: Desks, operation: str) -> None:
    """As at AWS; Terraform's provider looks for these words to see that a team or a workforce is gone."""
    client = desks.usual.client(CONTROL_PLANE)
    with pytest.raises(ClientError) as caught:
        getattr(client, xform_name(operation))(**UNMODELLED[operation])
    error = caught.value.response["Error"]
    assert error["Code"] == "ValidationException"
    if "Workteam" in operation:
        assert "The work team" in error["Message"]
    elif "Workforce" in operation:
        assert "No workforce" in error["Message"]
    else:
        assert "does not exist" in error["Message"]
