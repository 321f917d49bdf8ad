"""A run for every human loop that ends: an asset that watches a queue starts the Dag, and nothing waits.

The queue is filled by an Amazon EventBridge rule for the detail-type "SageMaker A2I HumanLoop Status Change", or by
Review Desk (``REVIEW_DESK_EVENT_SQS_QUEUE_URL``). Its URL stands in the environment variable
``A2I_EVENT_SQS_QUEUE_URL`` of the Dag processor, since a watcher is made when this file is read.
"""

from __future__ import annotations

import json
import logging
import os
from typing import Any

from airflow.sdk import Asset, AssetWatcher, dag, task

from a2i.answers import AnswersError, parse_output
from a2i.exceptions import A2IUserError
from a2i.failures import one_line_failures
from a2i.hooks.s3 import A2IS3Hook
from a2i.triggers.human_loop_event import A2IHumanLoopEventTrigger

log = logging.getLogger("on_human_loop_completed")

CONNECTION = "aws_default"
QUEUE_URL = os.environ.get("A2I_EVENT_SQS_QUEUE_URL")

human_loop_ended = Asset(
    "a2i_human_loop_ended",
    watchers=[
        AssetWatcher(
            name="a2i_human_loop_events",
            trigger=A2IHumanLoopEventTrigger(sqs_queue_url=QUEUE_URL, aws_conn_id=CONNECTION),
        )
    ]
    if QUEUE_URL
    else [],
)


@task(inlets=[human_loop_ended])
@one_line_failures
def read_answers(triggering_asset_events: Any = None, inlet_events: Any = None) -> list[dict[str, Any]]:
    """Log what people answered in the human loops that started the run, and return the loops; there may be several."""
    triggering = triggering_asset_events[human_loop_ended]
    if not triggering:
        log.info("No human loop has started this run.")
        return []
    # Up to Airflow 3.3 a run may be given only the first of events that come close together; the others would wait for
    # the next event. So every event since the first is read; it comes again with a later run.
    first = min(event.timestamp for event in triggering)
    ended = {
        event.extra["payload"]["human_loop_name"]: event.extra["payload"]
        for event in inlet_events[human_loop_ended].after(first.isoformat())
        # An event made by hand, such as in the UI, has no human loop.
        if "payload" in event.extra
    }
    s3 = A2IS3Hook(CONNECTION)
    return [{**loop, "answers": _log_answers(s3, loop)} for loop in ended.values()]


def _log_answers(s3: A2IS3Hook, loop: dict[str, Any]) -> int:
    log.info("Human loop %s: %s %s", loop["human_loop_name"], loop["status"], loop["failure_reason"] or "")
    if loop["output_uri"] is None:
        return 0
    try:
        answers = parse_output(s3.read_bytes(loop["output_uri"])).answers
    except AnswersError as error:
        raise A2IUserError(f"{loop['output_uri']} cannot be read: {error}.") from None
    for answer in answers:
        log.info("%s answered: %s", answer.worker_id, json.dumps(answer.content, ensure_ascii=False))
    return len(answers)


DOC = """
### Something is done as soon as a person has answered

Every message in the queue that says that a human loop has ended becomes an event of the asset `a2i_human_loop_ended`,
and starts a run; events that come close together may share one. An event may come twice: what is done with the answers
must bear that.

**Needs** the environment variable `A2I_EVENT_SQS_QUEUE_URL` (without it nothing is watched) and the connection
`aws_default` (S3 and SQS).
"""


@dag(
    dag_id="on_human_loop_completed",
    schedule=[human_loop_ended],
    default_args={"owner": "a2i", "retries": 2},
    tags=["a2i", "human review", "assets"],
    doc_md=DOC,
)
def on_human_loop_completed() -> None:
    """Wire the task."""
    read_answers()


on_human_loop_completed()
