"""HumanLoopActivationConditions: when a built-in task type starts a human loop.

Read by the parser that the operators use, so that both accept the same conditions.
"""

from __future__ import annotations

from typing import Any

from a2i.activation import ActivationConditionsError, parse_conditions
from review_desk.engine.errors import InvalidError

TASK_TYPES = {
    "AWS/Textract/AnalyzeDocument/Forms/V1": "textract",
    "AWS/Rekognition/DetectModerationLabels/Image/V3": "rekognition",
}
"""The task type of each AwsManagedHumanLoopRequestSource."""


def parse_activation_conditions(text: str, request_source: str) -> list[dict[str, Any]]:
    """Parse and check activation conditions; return the entries of ``Conditions``.

    :param text: a JSON object as a string.
    :param request_source: the AwsManagedHumanLoopRequestSource, which decides about the condition types.
    :raises InvalidError: names the place and the rule.
    """
    try:
        return parse_conditions(text, TASK_TYPES[request_source]).entries
    except ActivationConditionsError as error:
        raise InvalidError(str(error)) from error
