"""A batch through everything that services do to their callers at once: every item is accounted for exactly once."""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest
from a2i_support import connection, task_context
from airflow.sdk.exceptions import TaskDeferred
from batch_accounts import (
    ITEMS,
    SEED,
    TEMPLATE,
    Reviewers,
    items,
    json_lines,
    ledger_rows,
    listed_loops,
    problems,
)
from event_mill import EventMill
from fault_gate import FaultGate, Outages, Share, Trouble
from support import REGION, STORAGE_KEYS, ReviewDesk

from a2i.operators.human_loop_batch import A2ICollectHumanLoopBatchOperator, A2IStartHumanLoopBatchOperator
from a2i.sensors.human_loop_batch import A2IHumanLoopBatchSensor

REQUESTS_PER_SECOND = 50
OUTAGE_SECONDS = 5
OUTAGES = ("/batch.json", "/started/", "/output.json", "/results.jsonl")
DEADLINE_SECONDS = 600

log = logging.getLogger(__name__)


@dataclass
class Troubled:
    """A Review Desk with few requests a second, and gates before it and before the storage."""

    desk: ReviewDesk
    review: FaultGate
    storage: FaultGate
    outages: Outages
    mill: EventMill
    queue: str


@pytest.fixture
def troubled(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    prepared_review_desk: ReviewDesk,
    s3_server: str,
    s3: Any,
) -> Iterator[Troubled]:
    print(f"CHAOS_SEED={SEED}")
    sqs = boto3.client(
        "sqs",
        endpoint_url=s3_server,
        region_name=REGION,
        aws_access_key_id=STORAGE_KEYS["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=STORAGE_KEYS["AWS_SECRET_ACCESS_KEY"],
    )
    sent, heard = (sqs.create_queue(QueueName=f"events-{uuid.uuid4().hex}")["QueueUrl"] for _ in range(2))
    writes = _Writes(Share(0.1, SEED + 1))
    outages = Outages(OUTAGE_SECONDS, OUTAGES, writes)
    storage = FaultGate(s3_server, outages)
    shutil.copytree(prepared_review_desk.directory, tmp_path, dirs_exist_ok=True)
    with storage.serving():
        settings = {
            "REVIEW_DESK_REQUESTS_PER_SECOND": str(REQUESTS_PER_SECOND),
            "REVIEW_DESK_EVENT_SQS_QUEUE_URL": sent,
            "AWS_ENDPOINT_URL_SQS": s3_server,
        }
        desk = ReviewDesk(
            tmp_path, storage.url, access_key=prepared_review_desk.access_key, settings=settings
        )
        desk.start()
        review = FaultGate(desk.url, Share(0.1, SEED + 2))
        try:
            with review.serving(), EventMill(sqs, sent, heard, SEED + 3) as mill:
                for name in [name for name in os.environ if name.startswith("AWS_")]:
                    monkeypatch.delenv(name)
                monkeypatch.setenv("AIRFLOW_CONN_AWS_DEFAULT", connection(desk, storage.url, review.url))
                yield Troubled(desk, review, storage, outages, mill, heard)
        finally:
            desk.kill()


class _Writes:
    """Trouble for writes of objects, and for nothing else."""

    def __init__(self, trouble: Share) -> None:
        self._trouble = trouble

    def __call__(self, method: str, path: str) -> Trouble | None:
        return self._trouble(method, path) if method == "PUT" else None


def wait(sensor: A2IHumanLoopBatchSensor) -> dict[str, int]:
    """Wait in a trigger, as Airflow does."""
    with pytest.raises(TaskDeferred) as deferral:
        sensor.execute(task_context(task_id="wait"))

    async def first() -> Any:
        return await asyncio.wait_for(anext(deferral.value.trigger.run()), DEADLINE_SECONDS)

    return sensor.execute_complete(task_context(task_id="wait"), dict(asyncio.run(first()).payload))


def test_all_at_once(troubled: Troubled, s3: Any) -> None:
    """Throttling, 500, resets, storage that fails on writes, and events lost, doubled, late and foreign.

    No task is tried again: each rides it out.
    """
    flow = troubled.desk.create_flow_definition("troubled", TEMPLATE)
    given = items(ITEMS)
    with Reviewers(troubled.desk, ["worker-1", "worker-2", "worker-3"]) as reviewers:
        start = A2IStartHumanLoopBatchOperator(
            task_id="start", flow_definition_arn=flow, items=given, ledger_uri="s3://answers/troubled"
        )
        batch = start.execute(task_context())
        counts = wait(
            A2IHumanLoopBatchSensor(
                task_id="wait",
                batch=batch,
                sqs_queue_url=troubled.queue,
                poke_interval=1,
                timeout=DEADLINE_SECONDS,
                deferrable=True,
            )
        )
    collected = A2ICollectHumanLoopBatchOperator(task_id="collect", batch=batch).execute(task_context())

    injected = {
        **{f"calls: {trouble}": count for trouble, count in troubled.review.injected.items()},
        "refused as too many": troubled.review.statuses[429],
        **{f"storage: {trouble}": count for trouble, count in troubled.storage.injected.items()},
        **{f"storage failed from the first write of {mark}": 1 for mark in troubled.outages.begun},
        **troubled.mill.injected,
    }
    print(f"Injected: {injected}")
    found = problems(
        batch,
        [item["id"] for item in given],
        json_lines(s3, collected["results_uri"]),
        ledger_rows(s3, batch),
        listed_loops(troubled.desk, flow),
        reviewers.taken,
    )
    assert not (told := list(found)), "\n".join(told[:30])
    assert counts["completed"] == collected["completed"] == collected["reviewed"] == ITEMS
    assert troubled.review.injected.total() > 0
    assert troubled.storage.injected.total() > 0
    assert troubled.review.statuses[429] > 0
    assert set(troubled.outages.begun) == set(OUTAGES)
    kinds = {"events lost", "events doubled", "events held back", "foreign events"}
    assert set(troubled.mill.injected) == kinds
