"""The operations: from a validated request to the engine and back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from review_desk.api.errors import ApiError
from review_desk.engine.arns import Scope
from review_desk.engine.errors import ConflictError, EngineError, InUseError, InvalidError, NotFoundError
from review_desk.engine.loops import HumanLoop
from review_desk.service import Service

Parameters = dict[str, Any]
Operation = Callable[[Service, Scope, Parameters], Parameters]

DEFAULT_PAGE = 100


def call(service: Service, scope: Scope, name: str, parameters: Parameters) -> Parameters:
    """Carry out an operation by its name.

    :raises ApiError: the engine's refusal as this API's error, or an operation that is not served.
    """
    operation = OPERATIONS.get(name)
    if operation is None:
        raise ApiError("UnknownOperationException", f"Review Desk does not serve {name}.")
    try:
        return operation(service, scope, parameters)
    except EngineError as error:
        raise ApiError(
            _code(error, runtime=name.endswith(("HumanLoop", "HumanLoops"))), str(error)
        ) from error


def _code(error: EngineError, *, runtime: bool) -> str:
    if isinstance(error, NotFoundError):
        return "ResourceNotFoundException" if runtime else "ResourceNotFound"
    if isinstance(error, ConflictError):
        return "ConflictException"
    if isinstance(error, InUseError):
        return "ResourceInUse"
    if isinstance(error, InvalidError):
        return "ValidationException"
    raise error


def create_human_task_ui(service: Service, scope: Scope, parameters: Parameters) -> Parameters:
    content = parameters["UiTemplate"]["Content"]
    arn = service.resources.create_human_task_ui(scope, parameters["HumanTaskUiName"], content)
    return {"HumanTaskUiArn": arn}


def describe_human_task_ui(service: Service, scope: Scope, parameters: Parameters) -> Parameters:
    row = service.resources.describe_human_task_ui(scope, parameters["HumanTaskUiName"])
    return {
        "HumanTaskUiArn": scope.arn("human-task-ui", row.name),
        "HumanTaskUiName": row.name,
        "HumanTaskUiStatus": "Active",
        "CreationTime": row.created_at,
        "UiTemplate": {"ContentSha256": row.content_sha256},
    }


def create_flow_definition(service: Service, scope: Scope, parameters: Parameters) -> Parameters:
    return {"FlowDefinitionArn": service.resources.create_flow_definition(scope, parameters)}


def describe_flow_definition(service: Service, scope: Scope, parameters: Parameters) -> Parameters:
    flow = service.resources.flow_definition(scope, parameters["FlowDefinitionName"])
    return {
        "FlowDefinitionArn": flow.arn,
        "FlowDefinitionName": flow.name,
        "FlowDefinitionStatus": flow.status,
        "CreationTime": flow.created_at,
        "HumanLoopConfig": flow.request["HumanLoopConfig"],
        "OutputConfig": flow.request["OutputConfig"],
        "RoleArn": flow.request["RoleArn"],
    }


def create_workteam(service: Service, scope: Scope, parameters: Parameters) -> Parameters:
    arn = service.resources.create_workteam(
        scope, parameters["WorkteamName"], parameters["Description"], parameters
    )
    return {"WorkteamArn": arn}


def describe_workteam(service: Service, scope: Scope, parameters: Parameters) -> Parameters:
    row = service.resources.describe_workteam(scope, parameters["WorkteamName"])
    return {
        "Workteam": {
            "WorkteamName": row.name,
            "MemberDefinitions": row.request.get("MemberDefinitions", []),
            "WorkteamArn": scope.arn("workteam", row.name),
            "Description": row.description,
            "SubDomain": service.settings.public_url.split("://", 1)[-1],
            "CreateDate": row.created_at,
        }
    }


def start_human_loop(service: Service, scope: Scope, parameters: Parameters) -> Parameters:
    arn = service.loops.start(
        scope,
        parameters["HumanLoopName"],
        parameters["FlowDefinitionArn"],
        parameters["HumanLoopInput"]["InputContent"],
        parameters.get("DataAttributes"),
    )
    return {"HumanLoopArn": arn}


def describe_human_loop(service: Service, scope: Scope, parameters: Parameters) -> Parameters:
    loop = service.loops.describe(scope, parameters["HumanLoopName"])
    return {
        **_summary(loop),
        "HumanLoopArn": loop.arn,
        "FailureCode": loop.failure_code,
        "HumanLoopOutput": {"OutputS3Uri": loop.output_uri},
    }


def list_human_loops(service: Service, scope: Scope, parameters: Parameters) -> Parameters:
    loops, token = service.loops.list(
        scope,
        parameters["FlowDefinitionArn"],
        created_after=parameters.get("CreationTimeAfter"),
        created_before=parameters.get("CreationTimeBefore"),
        ascending=parameters.get("SortOrder") == "Ascending",
        token=parameters.get("NextToken"),
        limit=parameters.get("MaxResults", DEFAULT_PAGE),
    )
    return {"HumanLoopSummaries": [_summary(loop) for loop in loops], "NextToken": token}


def stop_human_loop(service: Service, scope: Scope, parameters: Parameters) -> Parameters:
    service.loops.stop(scope, parameters["HumanLoopName"])
    service.deliver_soon()
    return {}


def delete_human_loop(service: Service, scope: Scope, parameters: Parameters) -> Parameters:
    service.loops.delete(scope, parameters["HumanLoopName"])
    return {}


def _summary(loop: HumanLoop) -> Parameters:
    return {
        "HumanLoopName": loop.name,
        "HumanLoopStatus": str(loop.status),
        "CreationTime": loop.created_at,
        "FailureReason": loop.failure_reason,
        "FlowDefinitionArn": loop.flow_definition_arn,
    }


OPERATIONS: dict[str, Operation] = {
    "CreateHumanTaskUi": create_human_task_ui,
    "DescribeHumanTaskUi": describe_human_task_ui,
    "CreateFlowDefinition": create_flow_definition,
    "DescribeFlowDefinition": describe_flow_definition,
    "CreateWorkteam": create_workteam,
    "DescribeWorkteam": describe_workteam,
    "StartHumanLoop": start_human_loop,
    "DescribeHumanLoop": describe_human_loop,
    "ListHumanLoops": list_human_loops,
    "StopHumanLoop": stop_human_loop,
    "DeleteHumanLoop": delete_human_loop,
}
