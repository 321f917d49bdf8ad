"""An ARN of another account, Region or partition is "not found", for every operation that takes one."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest
from botocore import xform_name
from botocore.exceptions import ClientError
from botocore.model import Shape, StructureShape
from every_operation import CONTROL_PLANE, RUNTIME, TEMPLATE, every_operation
from support import REGION, ReviewDesk

from review_desk.api.models import service_model
from review_desk.api.operations import OPERATIONS, RUNTIME_OPERATIONS, modelled_errors

FOREIGN = {
    "another account": ("000000000000", "111122223333"),
    "another Region": (f":{REGION}:", ":eu-west-1:"),
    "another partition": ("arn:aws:", "arn:aws-cn:"),
}
NOT_OURS = {"RoleArn", "NotificationTopicArn"}
"""Names of things outside of Review Desk."""


def arn_paths(operation: str) -> list[str]:
    """Paths of the members of an operation's request that are ARNs of Review Desk's resources."""
    service = RUNTIME if operation in RUNTIME_OPERATIONS else CONTROL_PLANE

    def walk(shape: Shape | None, path: str) -> Iterator[str]:
        if isinstance(shape, StructureShape):
            for name, member in shape.members.items():
                if name.endswith("Arn") and name not in NOT_OURS:
                    yield f"{path}{name}"
                yield from walk(member, f"{path}{name}.")

    return list(walk(service_model(service).operation_model(operation).input_shape, ""))


PLACES = [(operation, path) for operation in OPERATIONS for path in arn_paths(operation)]


@pytest.fixture(scope="module")
def desk(review_desk_server: ReviewDesk) -> ReviewDesk:
    """A desk with a flow definition and a human task UI called ``own``."""
    review_desk_server.create_flow_definition("own", TEMPLATE)
    return review_desk_server


def request(operation: str) -> dict[str, Any]:
    """A request about the things called ``own``, and the team ``reviewers``."""
    call = next(call for call in every_operation("own") if call.operation == operation)
    found = copy.deepcopy(call.parameters)
    if operation == "CreateFlowDefinition":
        found["FlowDefinitionName"] = "new"
        team = found["HumanLoopConfig"]["WorkteamArn"]
        found["HumanLoopConfig"]["WorkteamArn"] = team.replace("private-crowd/own", "private-crowd/reviewers")
    return found


def ask(desk: ReviewDesk, operation: str, parameters: dict[str, Any]) -> Any:
    client = desk.client(RUNTIME if operation in RUNTIME_OPERATIONS else CONTROL_PLANE)
    return getattr(client, xform_name(operation))(**parameters)


def test_the_operations_that_take_arns_are_known() -> None:
    """When this fails, a new operation takes an ARN: request() above must be able to make a request of it."""
    assert sorted({operation for operation, _ in PLACES}) == [
        "AddTags",
        "CreateFlowDefinition",
        "DeleteTags",
        "ListHumanLoops",
        "ListTags",
        "RenderUiTemplate",
        "StartHumanLoop",
    ]


@pytest.mark.parametrize("whose", FOREIGN)
@pytest.mark.parametrize(("operation", "path"), PLACES)
def test_foreign_arns_are_not_found(desk: ReviewDesk, operation: str, path: str, whose: str) -> None:
    parameters = request(operation)
    *outer, name = path.split(".")
    holder = parameters
    for part in outer:
        holder = holder[part]
    own, foreign = FOREIGN[whose]
    assert own in holder[name]
    holder[name] = holder[name].replace(own, foreign)
    with pytest.raises(ClientError) as caught:
        ask(desk, operation, parameters)
    error = caught.value.response["Error"]
    not_found = modelled_errors(operation) & {"ResourceNotFound", "ResourceNotFoundException"}
    assert error["Code"] == next(iter(not_found), "ValidationException")
    assert "does not exist" in error["Message"]
    assert holder[name] in error["Message"]


@pytest.mark.parametrize("operation", sorted({operation for operation, _ in PLACES}))
def test_own_arns_are_found(desk: ReviewDesk, operation: str) -> None:
    """The other side: the same requests with nothing foreign in them."""
    ask(desk, operation, request(operation))


def test_what_is_made_in_another_region_stays_there(desk: ReviewDesk) -> None:
    elsewhere = desk.client(CONTROL_PLANE, "eu-west-1")
    arn = elsewhere.create_human_task_ui(HumanTaskUiName="there", UiTemplate={"Content": TEMPLATE})
    assert ":eu-west-1:" in arn["HumanTaskUiArn"]
    here = desk.client(CONTROL_PLANE)
    with pytest.raises(here.exceptions.ResourceNotFound):
        here.describe_human_task_ui(HumanTaskUiName="there")
    with pytest.raises(ClientError, match="does not exist"):
        here.list_tags(ResourceArn=arn["HumanTaskUiArn"])
    assert elsewhere.list_tags(ResourceArn=arn["HumanTaskUiArn"])["Tags"] == []


@pytest.mark.parametrize(
    "team",
    [
        "arn:aws:sagemaker:us-east-1:394669845002:workteam/public-crowd/default",
        "arn:aws:sagemaker:us-east-1:000000000000:workteam/public-crowd/default",
        "arn:aws:sagemaker:us-east-1:394669845002:workteam/private-crowd/reviewers",
    ],
)
def test_the_public_workforce_has_closed(desk: ReviewDesk, team: str) -> None:
    parameters = request("CreateFlowDefinition")
    parameters["HumanLoopConfig"]["WorkteamArn"] = team
    with pytest.raises(ClientError) as caught:
        ask(desk, "CreateFlowDefinition", parameters)
    message = caught.value.response["Error"]["Message"]
    assert message.startswith("HumanLoopConfig.WorkteamArn: ")
    assert "Amazon Mechanical Turk has closed" in message


def test_a_vendors_team_is_unknown_here(desk: ReviewDesk) -> None:
    parameters = request("CreateFlowDefinition")
    team = "arn:aws:sagemaker:us-east-1:000000000000:workteam/vendor-crowd/reviewers"
    parameters["HumanLoopConfig"]["WorkteamArn"] = team
    with pytest.raises(ClientError, match="does not exist or you do not have access to it"):
        ask(desk, "CreateFlowDefinition", parameters)
