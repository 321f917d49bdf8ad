"""A batch as users run it: start, wait in the triggerer, collect. Tried again when a process was killed."""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import DAG

from a2i.operators.human_loop_batch import A2ICollectHumanLoopBatchOperator, A2IStartHumanLoopBatchOperator
from a2i.sensors.human_loop_batch import A2IHumanLoopBatchSensor

with DAG(
    "chaos_batch",
    schedule=None,
    default_args={"retries": 20, "retry_delay": timedelta(seconds=1)},
):
    start = A2IStartHumanLoopBatchOperator(
        task_id="start",
        flow_definition_arn="{{ dag_run.conf['flow_definition_arn'] }}",
        items="{{ dag_run.conf['items'] }}",
        ledger_uri="{{ dag_run.conf['ledger_uri'] }}",
    )
    wait = A2IHumanLoopBatchSensor(
        task_id="wait", batch=start.output, poke_interval=1, timeout=3600, deferrable=True
    )
    collect = A2ICollectHumanLoopBatchOperator(task_id="collect", batch=start.output)
    start >> wait >> collect
