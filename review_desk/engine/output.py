"""output.json: what A2I writes for a human loop that ended (contract: A2I Output Data, custom task type)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from review_desk.engine.clock import iso_milliseconds


@dataclass(frozen=True)
class Answer:
    """One submitted answer.

    :param worker_sub: this installation's own id of the worker.
    :param issuer: who vouches for the worker's identity.
    :param subject: who the worker is to that issuer.
    """

    worker_sub: str
    issuer: str
    subject: str
    accepted_at: datetime
    submitted_at: datetime
    content: dict[str, Any]


def output_uri(output_path: str, flow_definition_name: str, created_at: datetime, loop_name: str) -> str:
    """Where a loop's answers are stored: A2I's key layout by the loop's creation time in UTC.

    :param output_path: ``S3OutputPath`` of the flow definition, ``s3://bucket/prefix``; a trailing slash is ignored.
    """
    moment = created_at.astimezone(UTC).strftime("%Y/%m/%d/%H/%M/%S")
    return f"{output_path.rstrip('/')}/{flow_definition_name}/{moment}/{loop_name}/output.json"


def output_bucket(output_path: str) -> str:
    """The bucket of an ``S3OutputPath``."""
    return output_path.removeprefix("s3://").split("/", 1)[0]


def worker_id(sub: str) -> str:
    """``workerId``: 16 hex characters, the same for one person for ever."""
    return hashlib.sha256(sub.encode()).hexdigest()[:16]


def output_document(
    *,
    flow_definition_arn: str,
    loop_name: str,
    input_content: Any,
    answers: list[Answer],
) -> dict[str, Any]:
    """Build the content of output.json; answers in order of submission.

    :param input_content: the loop's InputContent, parsed.
    """
    return {
        "flowDefinitionArn": flow_definition_arn,
        "humanAnswers": [
            {
                "acceptanceTime": iso_milliseconds(answer.accepted_at),
                "answerContent": answer.content,
                "submissionTime": iso_milliseconds(answer.submitted_at),
                "timeSpentInSeconds": round((answer.submitted_at - answer.accepted_at).total_seconds(), 3),
                "workerId": worker_id(answer.worker_sub),
                "workerMetadata": {
                    "identityData": {
                        "identityProviderType": "Oidc",
                        "issuer": answer.issuer,
                        "sub": answer.subject,
                    }
                },
            }
            for answer in sorted(answers, key=lambda answer: answer.submitted_at)
        ],
        "humanLoopName": loop_name,
        "inputContent": input_content,
    }
