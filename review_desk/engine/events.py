"""The status-change event: EventBridge's envelope, as Amazon A2I sends it when a loop completes, fails or stops."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from review_desk.engine.arns import Scope
from review_desk.engine.clock import iso_milliseconds

DETAIL_TYPE = "SageMaker A2I HumanLoop Status Change"


def status_change_event(
    *,
    event_id: str,
    scope: Scope,
    time: datetime,
    loop_name: str,
    flow_definition_name: str,
    status: str,
    failure_code: str | None,
    failure_reason: str | None,
    created_at: datetime,
    output_uri: str | None,
) -> dict[str, Any]:
    """Build an event.

    :param event_id: the same on every delivery of this event, so that receivers can tell a repetition.
    :param time: when the loop ended.
    :param output_uri: where the answers are; ``None`` if there are none (A2I does not say what it sends then).
    """
    arn = scope.arn("human-loop", loop_name)
    return {
        "version": "0",
        "id": event_id,
        "detail-type": DETAIL_TYPE,
        "source": "aws.sagemaker",
        "account": scope.account_id,
        "time": time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "region": scope.region,
        "resources": [arn],
        "detail": {
            "creationTime": iso_milliseconds(created_at),
            "failureCode": failure_code,
            "failureReason": failure_reason,
            "flowDefinitionArn": scope.arn("flow-definition", flow_definition_name),
            "humanLoopArn": arn,
            "humanLoopName": loop_name,
            "humanLoopOutput": {"outputS3Uri": output_uri} if output_uri else None,
            "humanLoopStatus": status,
        },
    }
