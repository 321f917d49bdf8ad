"""The event that a human loop has ended. Pure: neither Airflow nor boto3.

Amazon A2I sends it by way of Amazon EventBridge, with the detail-type "SageMaker A2I HumanLoop Status Change", when a
loop completes, fails or stops; Review Desk sends the same. It comes at least once, and has no answers in it.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any, Final

DETAIL_TYPE: Final = "SageMaker A2I HumanLoop Status Change"
ENDED: Final = frozenset({"Completed", "Failed", "Stopped"})


class EventError(ValueError):
    """A text that is no event of a human loop that ended; the text says why."""


@dataclass(frozen=True)
class HumanLoopEvent:
    """A human loop that has ended.

    :ivar event_id: the same on every delivery, so that a receiver can tell a repetition.
    :ivar time: when it ended (ISO 8601, UTC).
    :ivar status: ``Completed``, ``Failed`` or ``Stopped``.
    :ivar output_uri: where the answers are, None if there are none.
    """

    event_id: str | None
    time: str | None
    human_loop_name: str
    flow_definition_arn: str | None
    status: str
    output_uri: str | None
    failure_code: str | None
    failure_reason: str | None

    def to_dict(self) -> dict[str, Any]:
        """Return the event as JSON-safe data."""
        return asdict(self)


def parse_event(body: str) -> HumanLoopEvent:
    """Read an event as EventBridge hands it on, such as the body of a message in an SQS queue.

    :raises EventError: if it is something else.
    """
    try:
        event = json.loads(body)
    except ValueError:
        raise EventError("not JSON") from None
    if not isinstance(event, dict) or event.get("detail-type") != DETAIL_TYPE:
        raise EventError(f'detail-type is not "{DETAIL_TYPE}"')
    detail = event.get("detail")
    if not isinstance(detail, dict) or _text(detail.get("humanLoopName")) is None:
        raise EventError("detail.humanLoopName is missing")
    if detail.get("humanLoopStatus") not in ENDED:
        raise EventError(f"detail.humanLoopStatus is not one of {', '.join(sorted(ENDED))}")
    output = detail.get("humanLoopOutput")
    return HumanLoopEvent(
        event_id=_text(event.get("id")),
        time=_text(event.get("time")),
        human_loop_name=detail["humanLoopName"],
        flow_definition_arn=_text(detail.get("flowDefinitionArn")),
        status=detail["humanLoopStatus"],
        output_uri=_text(output.get("outputS3Uri")) if isinstance(output, dict) else None,
        failure_code=_text(detail.get("failureCode")),
        failure_reason=_text(detail.get("failureReason")),
    )


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None
