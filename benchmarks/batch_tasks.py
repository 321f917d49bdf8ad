"""One task of a batch in a process of its own, as an Airflow worker or triggerer would run it.

``python batch_tasks.py start|collect|trigger ARGUMENTS RESULT``: the arguments are JSON; what came of it is written to
the file RESULT as JSON: ``seconds``, ``peak_mb`` of the process, and the ``returned`` value.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from a2i.operators.human_loop_batch import A2ICollectHumanLoopBatchOperator, A2IStartHumanLoopBatchOperator
from a2i.triggers.human_loop_batch import A2IHumanLoopBatchTrigger


class TaskInstance(SimpleNamespace):
    """As much of a task instance as an operator touches."""

    def xcom_push(self, key: str, value: Any) -> None:
        """Links go nowhere here."""


def context(run_id: str) -> Any:
    ti = TaskInstance(dag_id="bench", run_id=run_id, task_id="start", map_index=-1, try_number=1)
    return {"ti": ti, "task_instance": ti}


def start(run_id: str, **arguments: Any) -> Any:
    """Start a batch with the operator's own defaults."""
    operator = A2IStartHumanLoopBatchOperator(task_id="start", ledger_uri="s3://answers/ledgers", **arguments)
    return operator.execute(context(run_id))


def collect(run_id: str, **arguments: Any) -> Any:
    return A2ICollectHumanLoopBatchOperator(task_id="collect", **arguments).execute(context(run_id))


def trigger(run_id: str, **arguments: Any) -> Any:
    """Run the sensor's trigger to its event."""

    async def event() -> Any:
        running = A2IHumanLoopBatchTrigger(give_up=time.time() + 600, **arguments)
        return (await anext(running.run())).payload

    return asyncio.run(event())


def peak_mb() -> float:
    """The most memory that this process has had resident (``VmHWM``), in MiB."""
    [kibibytes] = re.findall(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    return round(int(kibibytes) / 1024, 1)


def main() -> None:
    task, arguments, result = sys.argv[1:]
    began = time.perf_counter()
    returned = {"start": start, "collect": collect, "trigger": trigger}[task](**json.loads(arguments))
    seconds = round(time.perf_counter() - began, 2)
    told = {"seconds": seconds, "peak_mb": peak_mb(), "returned": returned}
    Path(result).write_text(json.dumps(told))


if __name__ == "__main__":
    main()
