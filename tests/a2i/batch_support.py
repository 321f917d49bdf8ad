"""Helpers for the tests that wait for a batch: started, answered and waited for as a Dag would."""

from __future__ import annotations

import asyncio
import threading
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from a2i_support import FaultProxy, task_context
from airflow.sdk.exceptions import TaskDeferred
from support import Portal, wait_until

from a2i.compat import TriggerEvent
from a2i.naming import human_loop_name
from a2i.operators.human_loop_batch import A2IStartHumanLoopBatchOperator
from a2i.sensors.human_loop_batch import A2IHumanLoopBatchSensor
from a2i.triggers.human_loop_batch import A2IHumanLoopBatchTrigger

TEMPLATE = "<crowd-form><p>{{ task.input.text }}</p><input name='category'></crowd-form>"


def start(flow: str, *texts: str, **extra: Any) -> dict[str, Any]:
    operator = A2IStartHumanLoopBatchOperator(
        task_id="start",
        flow_definition_arn=flow,
        items=[{"id": text, "input": {"text": text}} for text in texts] + list(extra.get("more", [])),
        ledger_uri="s3://answers/ledgers",
    )
    return dict(operator.execute(task_context(f"manual__{uuid.uuid4()}")))


def sensor(batch: dict[str, Any], **arguments: Any) -> A2IHumanLoopBatchSensor:
    return A2IHumanLoopBatchSensor(
        task_id="wait", **{"batch": batch, "poke_interval": 0.2, "timeout": 120, **arguments}
    )


def answer(portal: Portal, batch: dict[str, Any], *texts: str) -> None:
    for text in texts:
        name = human_loop_name(batch["batch_id"], text)
        task = portal.claim(human_loop=name)
        assert task.status_code == 200, task.text
        portal.submit(task.json(), {"category": text}).raise_for_status()


def deferred(waiting: A2IHumanLoopBatchSensor) -> TaskDeferred:
    with pytest.raises(TaskDeferred) as deferral:
        waiting.execute(task_context())
    return deferral.value


def fire(trigger: A2IHumanLoopBatchTrigger) -> dict[str, Any]:
    async def first() -> TriggerEvent:
        return await anext(trigger.run())

    return dict(asyncio.run(first()).payload)


def later(seconds: float, action: Callable[[], object]) -> threading.Thread:
    thread = threading.Timer(seconds, action)
    thread.start()
    return thread


def after_looks(proxy: FaultProxy, looks: int, action: Callable[[], object]) -> threading.Thread:
    """Do something as soon as a wait has looked at its batch so often from now on."""
    proxy.requests.clear()

    def run() -> None:
        wait_until(lambda: proxy.count("GET", "/human-loops?") >= looks, 120)
        action()

    return later(0, run)
