"""A Dag whose tasks fail in every way that the operator library distinguishes."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.sdk import dag, task

from a2i.exceptions import A2IServiceError, A2IUserError
from a2i.failures import one_line_failures
from a2i.operators.human_loop_batch import A2IStartHumanLoopBatchOperator
from a2i.sensors.human_loop_batch import A2IHumanLoopBatchSensor

RETRY: dict[str, Any] = {"retries": 2, "retry_delay": timedelta(seconds=1)}
NOTHING_STARTED = {
    "batch_id": "0" * 24,
    "flow_definition_arn": "arn:aws:sagemaker:us-east-1:000000000000:flow-definition/none",
    "ledger_uri": "s3://none/none",
    "created_after": "2026-01-01T00:00:00+00:00",
    "created_before": "2026-01-01T00:00:00+00:00",
    "items": 1,
    "started": 1,
    "failed": 0,
}


@dag(schedule=None)
def failures() -> None:
    @task(**RETRY)
    @one_line_failures
    def mistake() -> None:
        print("try of mistake")
        raise A2IUserError("a mistake\nthat someone must correct")

    @task(**RETRY)
    @one_line_failures
    def outage() -> None:
        print("try of outage")
        raise A2IServiceError("a service that is down")

    @task
    @one_line_failures
    def bug() -> None:
        raise RuntimeError("a bug of ours")

    mistake()
    outage()
    bug()
    A2IStartHumanLoopBatchOperator(
        task_id="mistyped_connection",
        aws_conn_id="aws_defualt",
        flow_definition_arn="arn:aws:sagemaker:us-east-1:000000000000:flow-definition/none",
        items=[],
        ledger_uri="s3://none/none",
        **RETRY,
    )
    A2IHumanLoopBatchSensor(
        task_id="too_late", batch=NOTHING_STARTED, deferrable=True, timeout=1, poke_interval=0.2, **RETRY
    )


failures()
