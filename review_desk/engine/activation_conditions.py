"""HumanLoopActivationConditions: when a built-in task type starts a human loop (A2I guide, "JSON Schema for Human
Loop Activation Conditions in Amazon Augmented AI").

Only the structure is checked here, what a condition's parameters mean is left to whoever evaluates it.
"""

from __future__ import annotations

import json
from typing import Any

from review_desk.engine.errors import InvalidError

CONDITION_TYPES = {
    "AWS/Textract/AnalyzeDocument/Forms/V1": (
        "ImportantFormKeyConfidenceCheck",
        "MissingImportantFormKey",
        "Sampling",
    ),
    "AWS/Rekognition/DetectModerationLabels/Image/V3": ("ModerationLabelConfidenceCheck", "Sampling"),
}
"""The condition types of each AwsManagedHumanLoopRequestSource."""

OPERATORS = ("And", "Or")
DEEPEST_NESTING = 2
FEWEST_OPERANDS = 2
MEMBER = "HumanLoopActivationConditions"


def parse_activation_conditions(text: str, request_source: str) -> list[dict[str, Any]]:
    """Parse and check activation conditions; return the entries of ``Conditions``.

    :param text: a JSON object as a string.
    :param request_source: the AwsManagedHumanLoopRequestSource, which decides about the condition types.
    :raises InvalidError: names the place and the rule.
    """
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidError(f"{MEMBER} is not JSON: {error}.") from error
    conditions = document.get("Conditions") if isinstance(document, dict) else None
    if not isinstance(conditions, list):
        raise InvalidError(f'{MEMBER} must be a JSON object with a list, as in {{"Conditions": […]}}.')
    for index, entry in enumerate(conditions):
        _check_entry(entry, f"Conditions[{index}]", CONDITION_TYPES[request_source], depth=0)
    return conditions


def _check_entry(entry: Any, path: str, types: tuple[str, ...], depth: int) -> None:
    if not isinstance(entry, dict):
        raise _problem(path, "must be a JSON object")
    given = [name for name in ("ConditionType", *OPERATORS) if name in entry]
    if len(given) != 1:
        raise _problem(path, "must have exactly one of ConditionType, And, Or (there is no Not)")
    if given[0] in OPERATORS:
        _check_operands(entry[given[0]], f"{path}.{given[0]}", types, depth + 1)
        return
    if entry["ConditionType"] not in types:
        raise _problem(
            f"{path}.ConditionType", f"is {json.dumps(entry['ConditionType'])}, must be {' or '.join(types)}"
        )
    if not isinstance(entry.get("ConditionParameters", {}), dict):
        raise _problem(f"{path}.ConditionParameters", "must be a JSON object")


def _check_operands(operands: Any, path: str, types: tuple[str, ...], depth: int) -> None:
    if depth > DEEPEST_NESTING:
        raise _problem(
            path, f"is nested {depth} deep, at most {DEEPEST_NESTING} levels of And and Or are possible"
        )
    if not isinstance(operands, list) or len(operands) < FEWEST_OPERANDS:
        raise _problem(path, f"must be a list of at least {FEWEST_OPERANDS} entries")
    for index, entry in enumerate(operands):
        _check_entry(entry, f"{path}[{index}]", types, depth)


def _problem(path: str, rule: str) -> InvalidError:
    return InvalidError(f"{MEMBER}: {path} {rule}.")
