"""The A2I runtime API: human loops."""

from __future__ import annotations

from typing import Any

from review_desk.api.control_plane import page_request
from review_desk.engine.arns import Scope
from review_desk.engine.loops import HumanLoop
from review_desk.service import Service

Parameters = dict[str, Any]


def start_human_loop(service: Service, scope: Scope, parameters: Parameters) -> Parameters:
    return {"HumanLoopArn": service.loops.start(scope, *start_parameters(parameters))}


def start_parameters(parameters: Parameters) -> tuple[str, str, str, Parameters | None]:
    """Return what the engine wants to know of a StartHumanLoop request."""
    return (
        parameters["HumanLoopName"],
        parameters["FlowDefinitionArn"],
        parameters["HumanLoopInput"]["InputContent"],
        parameters.get("DataAttributes"),
    )


def started(scope: Scope, parameters: Parameters) -> Parameters:
    """Return the answer to a StartHumanLoop request whose loop has been started."""
    return {"HumanLoopArn": scope.arn("human-loop", parameters["HumanLoopName"])}


def describe_human_loop(service: Service, scope: Scope, parameters: Parameters) -> Parameters:
    loop = service.loops.describe(scope, parameters["HumanLoopName"])
    return {
        **_summary(loop),
        "HumanLoopArn": loop.arn,
        "FailureCode": loop.failure_code,
        "HumanLoopOutput": {"OutputS3Uri": loop.output_uri},
    }


def list_human_loops(service: Service, scope: Scope, parameters: Parameters) -> Parameters:
    loops, token = service.loops.list(scope, parameters["FlowDefinitionArn"], page_request(parameters))
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
