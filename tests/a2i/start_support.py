"""Helpers for tests that start batches: items, the operator, and what came of it."""

from __future__ import annotations

import json
from typing import Any

from a2i_support import task_context
from support import ReviewDesk

from a2i.operators.human_loop_batch import A2IStartHumanLoopBatchOperator

TEMPLATE = "<crowd-form><input name='category'></crowd-form>"


def items(count: int, **extra: Any) -> list[dict[str, Any]]:
    return [{"id": f"form-{number:04}", "input": {"number": number, **extra}} for number in range(count)]


def operator(flow: str, given: Any, **arguments: Any) -> A2IStartHumanLoopBatchOperator:
    return A2IStartHumanLoopBatchOperator(
        task_id="start",
        **{
            "flow_definition_arn": flow,
            "items": given,
            "ledger_uri": "s3://answers/ledgers",
            "max_concurrency": 8,
            **arguments,
        },
    )


def start(flow: str, given: Any, run_id: str, **arguments: Any) -> dict[str, Any]:
    return dict(operator(flow, given, **arguments).execute(task_context(run_id)))


def loops(desk: ReviewDesk, flow: str, batch: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The loops of a batch, as a stock client lists them."""
    pages = (
        desk.client("sagemaker-a2i-runtime")
        .get_paginator("list_human_loops")
        .paginate(FlowDefinitionArn=flow)
    )
    found = [entry for page in pages for entry in page["HumanLoopSummaries"]]
    return {
        entry["HumanLoopName"]: entry
        for entry in found
        if entry["HumanLoopName"].startswith(f"{batch['batch_id']}-")
    }


def ledger(s3: Any, batch: dict[str, Any]) -> list[dict[str, Any]]:
    prefix = batch["ledger_uri"].removeprefix("s3://answers/") + "/started/"
    listed = s3.list_objects_v2(Bucket="answers", Prefix=prefix).get("Contents", [])
    bodies = [s3.get_object(Bucket="answers", Key=entry["Key"])["Body"].read() for entry in listed]
    return [json.loads(line) for body in bodies for line in body.splitlines()]
