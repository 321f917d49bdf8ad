"""Reading ``output.json``, what A2I writes when a human loop has ended. Pure: neither Airflow nor boto3.

Both generations of the file are read: the present one (``inputContent``), and that of early 2020, whose built-in
task types put ``aiServiceRequest`` and its companions at the top level and which has no ``acceptanceTime``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Final

_EARLY_INPUT: Final = (
    "aiServiceRequest",
    "aiServiceResponse",
    "selectedAiServiceResponse",
    "humanTaskActivationConditionResults",
)


class AnswersError(ValueError):
    """A file that is no A2I output; the text says what is wrong with it."""


@dataclass(frozen=True)
class HumanAnswer:
    """One reviewer's answer.

    :ivar worker_id: the worker, stable within a work team's workforce.
    :ivar accepted: acceptance time as A2I wrote it (ISO 8601, UTC), None in early files.
    :ivar submitted: submission time, likewise.
    :ivar seconds: active time in seconds; the time between acceptance and submission where A2I gave none.
    :ivar content: ``answerContent``: what the worker task template's form submitted.
    """

    worker_id: str
    accepted: str | None
    submitted: str | None
    seconds: float | None
    content: Mapping[str, Any]

    def to_dict(self) -> dict[str, Any]:
        """Return the answer as JSON-safe data."""
        # Not asdict: it would copy a content of any size.
        return {field.name: getattr(self, field.name) for field in fields(self)}


@dataclass(frozen=True)
class HumanLoopOutput:
    """What ``output.json`` says of one human loop.

    :ivar input_content: what the loop was started with; of built-in task types the request and response of the
        AI service.
    """

    human_loop_name: str
    flow_definition_arn: str
    answers: tuple[HumanAnswer, ...]
    input_content: Mapping[str, Any]


def parse_output(content: bytes | str) -> HumanLoopOutput:
    """Read the content of an ``output.json``.

    A loop that ended without an answer has a file with no ``humanAnswers``, or none at all.

    :raises AnswersError: if the content is not JSON or not of A2I's form.
    """
    try:
        document = json.loads(content)
    except ValueError as error:
        raise AnswersError(f"not JSON: {error}") from None
    if not isinstance(document, dict):
        raise AnswersError("not a JSON object")
    answers = document.get("humanAnswers")
    answers = [] if answers is None else answers
    if not isinstance(answers, list):
        raise AnswersError("humanAnswers is not a list")
    return HumanLoopOutput(
        human_loop_name=str(document.get("humanLoopName", "")),
        flow_definition_arn=str(document.get("flowDefinitionArn", "")),
        answers=tuple(_answer(answer, index) for index, answer in enumerate(answers)),
        input_content=_input_content(document),
    )


def _input_content(document: Mapping[str, Any]) -> Mapping[str, Any]:
    content = document.get("inputContent")
    if isinstance(content, dict):
        return content
    return {key: document[key] for key in _EARLY_INPUT if key in document}


def _answer(answer: Any, index: int) -> HumanAnswer:
    where = f"humanAnswers[{index}]"
    if not isinstance(answer, dict):
        raise AnswersError(f"{where} is not an object")
    content = answer.get("answerContent")
    if not isinstance(content, dict):
        raise AnswersError(f"{where}.answerContent is not an object")
    accepted, submitted = answer.get("acceptanceTime"), answer.get("submissionTime")
    return HumanAnswer(
        worker_id=str(answer.get("workerId", "")),
        accepted=accepted,
        submitted=submitted,
        seconds=_seconds(answer.get("timeSpentInSeconds"), accepted, submitted),
        content=content,
    )


def _seconds(spent: Any, accepted: str | None, submitted: str | None) -> float | None:
    if isinstance(spent, int | float):
        return float(spent)
    if accepted is None or submitted is None:
        return None
    try:
        return (datetime.fromisoformat(submitted) - datetime.fromisoformat(accepted)).total_seconds()
    except ValueError:
        return None
