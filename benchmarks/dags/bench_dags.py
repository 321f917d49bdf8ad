"""The Dags of ``benchmarks/bench_batch.py``: a batch, the same by dynamic task mapping, and the wait for one review."""

from __future__ import annotations

from typing import Any

from airflow.sdk import dag, task

from a2i.operators.human_loop import A2IStartHumanLoopOperator
from a2i.operators.human_loop_batch import A2ICollectHumanLoopBatchOperator, A2IStartHumanLoopBatchOperator
from a2i.sensors.human_loop_batch import A2IHumanLoopBatchSensor

FLOW = "{{ params.flow_definition_arn }}"
LEDGER = "s3://answers/ledgers"
POKE_INTERVAL = 5


@dag(schedule=None, params={"flow_definition_arn": "", "items_uri": ""})
def bench_batch() -> None:
    start = A2IStartHumanLoopBatchOperator(
        task_id="start", flow_definition_arn=FLOW, items="{{ params.items_uri }}", ledger_uri=LEDGER
    )
    wait = A2IHumanLoopBatchSensor(
        task_id="wait", batch=start.output, poke_interval=POKE_INTERVAL, deferrable=True
    )
    collect = A2ICollectHumanLoopBatchOperator(task_id="collect", batch=start.output)
    wait >> collect


@dag(schedule=None, params={"flow_definition_arn": "", "items": 1})
def bench_mapped() -> None:
    @task
    def items(params: dict[str, Any] | None = None) -> list[dict[str, Any]]:
        return [{"text": f"item {number}"} for number in range((params or {})["items"])]

    A2IStartHumanLoopOperator.partial(task_id="start", flow_definition_arn=FLOW).expand(
        human_loop_input=items()
    )


@dag(schedule=None, params={"flow_definition_arn": "", "sqs_queue_url": ""})
def bench_resume() -> None:
    start = A2IStartHumanLoopBatchOperator(
        task_id="start",
        flow_definition_arn=FLOW,
        items=[{"id": "only", "input": {"text": "?"}}],
        ledger_uri=LEDGER,
        aws_conn_id="review_desk",
    )
    wait = A2IHumanLoopBatchSensor(
        task_id="wait",
        batch=start.output,
        poke_interval=POKE_INTERVAL,
        max_poke_interval=POKE_INTERVAL,
        sqs_queue_url="{{ params.sqs_queue_url }}",
        deferrable=True,
        aws_conn_id="review_desk",
    )

    @task
    def after() -> None:
        """Begin: that is all that is measured."""

    wait >> after()


bench_batch()
bench_mapped()
bench_resume()
