"""Every operation that is served, once through stock boto3, each answer checked against the service's model."""

from __future__ import annotations

from typing import Any

import pytest
from botocore import xform_name
from every_operation import ARN, Call, every_operation, holds
from response_check import ResponseCheck, problems_of
from support import ReviewDesk

from review_desk.api.models import RUNTIME, service_model
from review_desk.api.operations import OPERATIONS


def test_the_calls_are_complete() -> None:
    """A new operation needs a call in every_operation.py, and then every client is tested with it."""
    called = [call.operation for call in every_operation("complete")]
    assert sorted(called) == sorted(OPERATIONS)


def test_every_operation_answers_as_its_model_says(review_desk_server: ReviewDesk) -> None:
    clients = {name: review_desk_server.client(name) for name in ("sagemaker", RUNTIME)}
    checks = [ResponseCheck(client) for client in clients.values()]
    for call in every_operation("by-boto3"):
        answer = getattr(clients[call.service], xform_name(call.operation))(**call.parameters)
        assert holds(answer, call.answer), f"{call.operation} answered {answer}"
    assert [problem for check in checks for problem in check.problems] == []
    assert sorted(name for check in checks for name in check.seen) == sorted(OPERATIONS)


def test_answers_about_ends_and_failures_are_as_their_models_say(review_desk_server: ReviewDesk) -> None:
    """What the calls above do not show: failed, stopping and completed things, and the next page's token."""
    template = "<crowd-form>{{ task.input.image | grant_read_access }}</crowd-form>"
    flow = review_desk_server.create_flow_definition("ends", template)
    review_desk_server.create_flow_definition("astray", template, "s3://not-there/a2i")
    runtime, control = review_desk_server.client(RUNTIME), review_desk_server.client("sagemaker")
    checks = ResponseCheck(runtime), ResponseCheck(control)
    inputs = {"failed": '{"image": " "}', "stopping": '{"image": "s3://documents/x"}'}
    for name, content in {**inputs, "completed": inputs["stopping"]}.items():
        runtime.start_human_loop(
            HumanLoopName=name, FlowDefinitionArn=flow, HumanLoopInput={"InputContent": content}
        )
    portal = review_desk_server.portal()
    assert portal.submit(portal.claim(human_loop="completed").json(), {"a": 1}).status_code == 200
    assert portal.claim(human_loop="stopping").status_code == 200
    runtime.stop_human_loop(HumanLoopName="stopping")

    listed = runtime.list_human_loops(FlowDefinitionArn=flow, MaxResults=1)
    assert listed["NextToken"]
    seen = {
        name: runtime.describe_human_loop(HumanLoopName=name)["HumanLoopStatus"]
        for name in ("failed", "stopping", "completed")
    }
    assert seen == {"failed": "Failed", "stopping": "Stopping", "completed": "Completed"}
    assert control.list_flow_definitions(MaxResults=1)["NextToken"]
    assert control.describe_flow_definition(FlowDefinitionName="astray")["FlowDefinitionStatus"] == "Failed"
    control.delete_flow_definition(FlowDefinitionName="ends")
    assert control.describe_flow_definition(FlowDefinitionName="ends")["FlowDefinitionStatus"] == "Deleting"
    team = control.describe_workteam(WorkteamName="reviewers")["Workteam"]
    assert team["WorkteamArn"] == f"{ARN}:workteam/private-crowd/reviewers"
    assert [problem for check in checks for problem in check.problems] == []


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ({"HumanLoopName": "x"}, "'humanLoopStatus' failed to satisfy constraint: Member must not be null"),
        ({"HumanLoopStatus": "Nonsense"}, "Member must satisfy enum value set"),
        ({"HumanLoopArn": "x"}, "Member must satisfy regular expression pattern"),
        ({"Extra": 1}, ".Extra is not in the model"),
        (
            {"HumanLoopOutput": {"OutputS3Uri": "s3://b/k", "More": 1}},
            ".HumanLoopOutput.More is not in the model",
        ),
    ],
)
def test_a_wrong_answer_would_be_noticed(answer: dict[str, Any], words: str) -> None:
    shape = service_model(RUNTIME).operation_model("DescribeHumanLoop").output_shape
    assert any(words in problem for problem in problems_of(shape, answer))


def test_the_comparison_of_answers_sees_a_difference() -> None:
    call = Call("ListWorkteams", {}, {"Workteams": [{"WorkteamName": "a"}]})
    assert holds(
        {"Workteams": [{"WorkteamName": "b"}, {"WorkteamName": "a", "Description": "d"}]}, call.answer
    )
    assert not holds({"Workteams": [{"WorkteamName": "b"}]}, call.answer)
    assert not holds({}, call.answer)
