"""One sensible life of a work team, a template, a flow definition and a loop that calls every operation once.

The same calls go through every client, so a client that cannot do one of them is found.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from support import ACCOUNT_ID, REGION, ROLE_ARN

from review_desk.api.operations import RUNTIME_OPERATIONS

RUNTIME = "sagemaker-a2i-runtime"
CONTROL_PLANE = "sagemaker"
ARN = f"arn:aws:sagemaker:{REGION}:{ACCOUNT_ID}"
TEMPLATE = "<crowd-form><p>{{ task.input.text }}</p><input name='category'></crowd-form>"
GROUPS = [{"OidcMemberDefinition": {"Groups": ["reviewers"]}}]


@dataclass(frozen=True)
class Call:
    """A request, and what its answer must hold at least."""

    operation: str
    parameters: dict[str, Any]
    answer: dict[str, Any] = field(default_factory=dict)

    @property
    def service(self) -> str:
        return RUNTIME if self.operation in RUNTIME_OPERATIONS else CONTROL_PLANE


def every_operation(name: str) -> list[Call]:
    """Return calls that work in this order; ``name`` is given to everything that they make."""
    flow_arn, ui_arn = f"{ARN}:flow-definition/{name}", f"{ARN}:human-task-ui/{name}"
    team_arn, loop_arn = f"{ARN}:workteam/private-crowd/{name}", f"{ARN}:human-loop/{name}"
    tag = {"Key": "stage", "Value": "test"}
    loop = {"HumanLoopName": name, "HumanLoopStatus": "InProgress", "FlowDefinitionArn": flow_arn}
    loop_config = {
        "WorkteamArn": team_arn,
        "HumanTaskUiArn": ui_arn,
        "TaskTitle": "Check the form",
        "TaskDescription": "Correct what the machine got wrong.",
        "TaskCount": 1,
        "TaskKeywords": ["forms"],
    }
    flow = {"FlowDefinitionName": name, "FlowDefinitionArn": flow_arn, "FlowDefinitionStatus": "Active"}
    return [
        Call(
            "CreateWorkteam",
            {
                "WorkteamName": name,
                "Description": "d",
                "MemberDefinitions": GROUPS,
                "WorkforceName": "default",
            },
            {"WorkteamArn": team_arn},
        ),
        Call(
            "UpdateWorkteam",
            {"WorkteamName": name, "Description": "changed"},
            {"Workteam": {"WorkteamName": name, "Description": "changed", "MemberDefinitions": GROUPS}},
        ),
        Call("DescribeWorkteam", {"WorkteamName": name}, {"Workteam": {"Description": "changed"}}),
        Call("ListWorkteams", {"NameContains": name}, {"Workteams": [{"WorkteamArn": team_arn}]}),
        Call("DescribeWorkforce", {"WorkforceName": "default"}, {"Workforce": {"Status": "Active"}}),
        Call("ListWorkforces", {}, {"Workforces": [{"WorkforceName": "default"}]}),
        Call(
            "CreateHumanTaskUi",
            {"HumanTaskUiName": name, "UiTemplate": {"Content": TEMPLATE}, "Tags": [tag]},
            {"HumanTaskUiArn": ui_arn},
        ),
        Call("DescribeHumanTaskUi", {"HumanTaskUiName": name}, {"HumanTaskUiStatus": "Active"}),
        Call("ListHumanTaskUis", {}, {"HumanTaskUiSummaries": [{"HumanTaskUiArn": ui_arn}]}),
        Call(
            "RenderUiTemplate",
            {"HumanTaskUiArn": ui_arn, "Task": {"Input": '{"text": "a < b"}'}, "RoleArn": ROLE_ARN},
            {"RenderedContent": TEMPLATE.replace("{{ task.input.text }}", "a &lt; b"), "Errors": []},
        ),
        Call(
            "CreateFlowDefinition",
            {
                "FlowDefinitionName": name,
                "HumanLoopConfig": loop_config,
                "OutputConfig": {"S3OutputPath": "s3://answers/a2i"},
                "RoleArn": ROLE_ARN,
            },
            {"FlowDefinitionArn": flow_arn},
        ),
        Call(
            "DescribeFlowDefinition", {"FlowDefinitionName": name}, {**flow, "HumanLoopConfig": loop_config}
        ),
        Call("ListFlowDefinitions", {}, {"FlowDefinitionSummaries": [flow]}),
        Call("AddTags", {"ResourceArn": flow_arn, "Tags": [tag]}, {"Tags": [tag]}),
        Call("ListTags", {"ResourceArn": flow_arn}, {"Tags": [tag]}),
        Call("DeleteTags", {"ResourceArn": flow_arn, "TagKeys": ["stage"]}),
        Call(
            "StartHumanLoop",
            {
                "HumanLoopName": name,
                "FlowDefinitionArn": flow_arn,
                "HumanLoopInput": {"InputContent": json.dumps({"text": "hello"})},
                "DataAttributes": {"ContentClassifiers": ["FreeOfAdultContent"]},
            },
            {"HumanLoopArn": loop_arn},
        ),
        Call("DescribeHumanLoop", {"HumanLoopName": name}, {**loop, "HumanLoopArn": loop_arn}),
        Call("ListHumanLoops", {"FlowDefinitionArn": flow_arn}, {"HumanLoopSummaries": [loop]}),
        Call("StopHumanLoop", {"HumanLoopName": name}),
        Call("DeleteHumanLoop", {"HumanLoopName": name}),
        Call("DeleteFlowDefinition", {"FlowDefinitionName": name}),
        Call("DeleteHumanTaskUi", {"HumanTaskUiName": name}),
        Call("DeleteWorkteam", {"WorkteamName": name}, {"Success": True}),
    ]


def holds(answer: Any, wanted: Any) -> bool:
    """Whether an answer has every wanted member; of a list it must have every wanted item, in any place."""
    if isinstance(wanted, dict):
        return isinstance(answer, dict) and all(
            name in answer and holds(answer[name], value) for name, value in wanted.items()
        )
    if isinstance(wanted, list):
        return isinstance(answer, list) and all(any(holds(item, want) for item in answer) for want in wanted)
    return bool(answer == wanted)
