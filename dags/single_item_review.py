"""One text is checked by a reviewer, then released or held back by the Dag's owner (human loop and approval).

Reviewers work in the portal of A2I or Review Desk; the decision is made in Airflow's own UI, under "Required Actions".
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

from airflow.providers.standard.operators.hitl import ApprovalOperator
from airflow.sdk import Param, dag, task

from a2i.operators.flow_definition import A2ICreateFlowDefinitionOperator
from a2i.operators.human_loop import A2IStartHumanLoopOperator
from a2i.operators.human_task_ui import A2ICreateHumanTaskUiOperator

CONNECTION = "aws_default"
TEMPLATE_FILE = Path(__file__).parents[1] / "include" / "templates" / "prediction_review.liquid.html"
# Amazon A2I takes this role to write the answers; Review Desk ignores it.
ROLE_ARN = "{{ var.value.get('a2i_role_arn', 'arn:aws:iam::000000000000:role/a2i-execution') }}"

PARAMS = {
    "text": Param(
        type="string",
        minLength=1,
        format="multiline",
        title="Message",
        description="What a customer wrote.",
    ),
    "reply": Param(
        type="string",
        minLength=1,
        format="multiline",
        title="Drafted reply",
        description="What a model would answer; a reviewer corrects it.",
    ),
    "output_prefix": Param(
        type="string",
        pattern=r"^s3://[a-z0-9][a-z0-9.\-]+(/.*)?$",
        title="Answers",
        description="S3 folder for the reviewer's answer, such as `s3://documents/replies`.",
    ),
}


@task
def draft(params: dict[str, Any] | None = None) -> dict[str, Any]:
    """Return what the reviewer sees."""
    assert params is not None
    reply = {"name": "reply", "label": "Reply", "value": params["reply"], "confidence": None, "choices": None}
    return {"text": params["text"], "fields": [reply]}


@task
def corrected(answers: list[dict[str, Any]]) -> str:
    """Return the reply as the reviewer left it; a reply that was made blank is the empty text."""
    return str(answers[0]["content"].get("reply", ""))


@task
def release(reply: str) -> str:
    """Return the reply, after an approval only: what sends it goes here."""
    return reply


# A rejection skips what stands directly behind the approval.
@task(trigger_rule="none_failed")
def decision(reply: str, released: str | None) -> dict[str, Any]:
    """Return what was decided of which reply."""
    return {"approved": released is not None, "reply": reply}


DOC = """
### A reviewer corrects, the owner decides

1. Trigger the Dag with a message and a drafted reply.
2. One person of the work team corrects the reply. The run waits without holding a worker.
3. The corrected reply stands in Airflow under "Required Actions", to be approved or rejected. Without an answer it is
   rejected after seven days.
4. `release` runs after an approval only, and is where the reply would be sent. `decision` returns `approved` and
   `reply` in both cases; Airflow records who decided.

**Needs** the connection `aws_default` (S3, `sagemaker` and `sagemaker-a2i-runtime`), a work team of the name in the
Variable `a2i_workteam` (default `reviewers`), and with Amazon A2I the role in the Variable `a2i_role_arn`.
"""


@dag(
    dag_id="single_item_review",
    schedule=None,
    params=PARAMS,
    default_args={"owner": "a2i", "retries": 3, "retry_delay": timedelta(seconds=15)},
    tags=["a2i", "human review", "approval"],
    doc_md=DOC,
)
def single_item_review() -> None:
    """Wire the tasks."""
    human_task_ui = A2ICreateHumanTaskUiOperator(
        task_id="create_human_task_ui",
        aws_conn_id=CONNECTION,
        human_task_ui_name="single-item-review",
        template_file=TEMPLATE_FILE,
        if_exists="version",
    )
    flow_definition = A2ICreateFlowDefinitionOperator(
        task_id="create_flow_definition",
        aws_conn_id=CONNECTION,
        flow_definition_name="single-item-review",
        workteam="{{ var.value.get('a2i_workteam', 'reviewers') }}",
        human_task_ui_arn=human_task_ui.output,
        task_title="Correct a reply",
        task_description="Read the message and correct the drafted reply.",
        output_path="{{ params.output_prefix.rstrip('/') }}/human-loops",
        role_arn=ROLE_ARN,
        if_exists="version",
    )
    review = A2IStartHumanLoopOperator(
        task_id="review",
        aws_conn_id=CONNECTION,
        flow_definition_arn=flow_definition.output,
        human_loop_input=draft(),
        wait_for_completion=True,
        waiter_delay=10,
        deferrable=True,
    )
    reply = corrected(review.output)
    approval = ApprovalOperator(
        task_id="approve",
        subject="Send this reply?",
        body="{{ params.text }}\n\n---\n\n{{ ti.xcom_pull(task_ids='corrected') }}",
        response_timeout=timedelta(days=7),
        defaults=ApprovalOperator.REJECT,
    )
    released = release(reply)
    approval >> released
    reply >> approval
    decision(reply, released)


single_item_review()
