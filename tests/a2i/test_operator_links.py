"""Links from a task: where they lead, and that they are there while the task waits and after it failed."""

from __future__ import annotations

import json
import uuid
from typing import Any
from urllib.parse import quote

import pytest
from a2i_support import FaultProxy, task_context
from airflow.sdk.exceptions import TaskDeferred
from support import ReviewDesk

import a2i_plugin
from a2i.exceptions import A2IUserError
from a2i.hooks.a2i import A2IHook
from a2i.hooks.s3 import A2IS3Hook
from a2i.links.flow_definition import A2IFlowDefinitionLink
from a2i.links.human_loop import A2IHumanLoopLink
from a2i.links.results import A2IResultsLink
from a2i.links.review_portal import A2IReviewPortalLink
from a2i.operators.human_loop import A2IStartHumanLoopOperator
from a2i.sensors.flow_definition import A2IFlowDefinitionSensor
from a2i.sensors.human_loop import A2IHumanLoopSensor
from a2i.sensors.human_loop_batch import A2IHumanLoopBatchSensor

FLOW = "arn:aws:sagemaker:eu-west-1:000000000000:flow-definition/forms"
TEMPLATE = "<crowd-form><input name='category'></crowd-form>"
LINKS = [A2IReviewPortalLink, A2IFlowDefinitionLink, A2IHumanLoopLink, A2IResultsLink]


@pytest.fixture
def on_aws(monkeypatch: pytest.MonkeyPatch) -> None:
    own = {"conn_type": "aws", "login": "a", "password": "b", "extra": {"region_name": "eu-west-1"}}
    monkeypatch.setenv("AIRFLOW_CONN_AWS_DEFAULT", json.dumps(own))


@pytest.mark.usefixtures("on_aws")
def test_addresses_in_the_console() -> None:
    console = "https://eu-west-1.console.aws.amazon.com"
    hook, s3 = A2IHook(), A2IS3Hook()
    a2i = f"{console}/a2i/home?region=eu-west-1"
    assert hook.review_url == a2i
    assert hook.flow_definition_url(FLOW) == f"{a2i}#/human-review-workflows/forms"
    assert hook.human_loop_url("loop-1", FLOW) == f"{a2i}#/human-review-workflows/forms/human-loops/loop-1"
    key = "a2i/output.json"
    assert s3.object_url(f"s3://answers/{key}") == (
        f"{console}/s3/object/answers?region=eu-west-1&prefix=a2i%2Foutput.json"
    )
    assert (
        s3.object_url("s3://answers/a2i/") == f"{console}/s3/buckets/answers?region=eu-west-1&prefix=a2i%2F"
    )


def test_the_console_of_another_partition(monkeypatch: pytest.MonkeyPatch) -> None:
    hook = A2IS3Hook(aws_conn_id=None, region_name="us-gov-west-1")
    assert hook.object_url("s3://b/k").startswith("https://us-gov-west-1.console.amazonaws-us-gov.com/s3/")


def test_addresses_of_review_desk(aws: FaultProxy, s3_server: str) -> None:
    hook = A2IHook()
    assert hook.review_url == f"{aws.url}/portal"
    assert hook.flow_definition_url(FLOW) == (
        f"{aws.url}/portal/#/team/loops?flow_definition={quote(FLOW, safe='')}"
    )
    assert hook.human_loop_url("loop-1", FLOW) == f"{aws.url}/portal/#/team/loops/loop-1?region=us-east-1"
    assert A2IS3Hook().object_url("s3://answers/a 1/x.json") == f"{s3_server}/answers/a%201/x.json"


def stored(context: Any) -> dict[str, str]:
    """The addresses that the links show, by link."""
    xcoms = context["ti"].xcoms
    return {link.key: link().format_link(**xcoms[link.key]) for link in LINKS if link.key in xcoms}


def test_the_links_work_while_the_task_waits(
    aws: FaultProxy, review_desk_server: ReviewDesk, s3_server: str
) -> None:
    flow = review_desk_server.create_flow_definition("linked", TEMPLATE)
    name, context = f"linked-{uuid.uuid4().hex}", task_context()
    operator = A2IStartHumanLoopOperator(
        task_id="start",
        flow_definition_arn=flow,
        human_loop_input={},
        human_loop_name=name,
        wait_for_completion=True,
        deferrable=True,
    )
    with pytest.raises(TaskDeferred):
        operator.execute(context)
    links = stored(context)
    assert links["a2i_review_portal"] == f"{aws.url}/portal"
    assert links["a2i_human_loop"] == f"{aws.url}/portal/#/team/loops/{name}?region=us-east-1"
    assert links["a2i_flow_definition"].endswith(f"?flow_definition={quote(flow, safe='')}")
    uri = review_desk_server.client("sagemaker-a2i-runtime").describe_human_loop(HumanLoopName=name)
    path = uri["HumanLoopOutput"]["OutputS3Uri"].removeprefix("s3://")
    assert links["a2i_results"] == f"{s3_server}/{path}"
    waiting = task_context()
    with pytest.raises(TaskDeferred):
        A2IHumanLoopSensor(task_id="wait", human_loop_name=name, deferrable=True).execute(waiting)
    assert stored(waiting) == links
    waiting = task_context()
    A2IFlowDefinitionSensor(task_id="wait", flow_definition_name=flow).execute(waiting)
    assert stored(waiting) == {"a2i_flow_definition": links["a2i_flow_definition"]}


def test_the_links_of_a_batch(aws: FaultProxy, review_desk_server: ReviewDesk) -> None:
    flow = review_desk_server.create_flow_definition("linked-batch", TEMPLATE)
    batch = {
        "batch_id": "0" * 24,
        "flow_definition_arn": flow,
        "ledger_uri": "s3://answers/linked",
        "created_after": "2026-01-01T00:00:00+00:00",
        "created_before": "2026-01-02T00:00:00+00:00",
        "items": 0,
        "started": 0,
        "failed": 0,
    }
    context = task_context()
    A2IHumanLoopBatchSensor(task_id="wait", batch=batch).execute(context)
    assert set(stored(context)) == {"a2i_review_portal", "a2i_flow_definition"}
    assert stored(context)["a2i_flow_definition"].endswith(f"?flow_definition={quote(flow, safe='')}")


def test_the_links_work_after_the_task_failed(aws: FaultProxy) -> None:
    context = task_context()
    operator = A2IStartHumanLoopOperator(
        task_id="start", flow_definition_arn=FLOW, human_loop_input={}, human_loop_name="failed"
    )
    with pytest.raises(A2IUserError):
        operator.execute(context)
    assert set(stored(context)) == {"a2i_review_portal", "a2i_flow_definition", "a2i_human_loop"}


def test_a_task_without_xcoms_has_no_links(aws: FaultProxy) -> None:
    context = task_context()
    operator = A2IStartHumanLoopOperator(
        task_id="start",
        flow_definition_arn=FLOW,
        human_loop_input={},
        human_loop_name="quiet",
        do_xcom_push=False,
    )
    with pytest.raises(A2IUserError):
        operator.execute(context)
    assert not stored(context)


def test_the_plugin_knows_every_link() -> None:
    assert {type(link) for link in a2i_plugin.A2IPlugin.operator_extra_links} == set(LINKS)
    assert len({link.key for link in LINKS}) == len({link.name for link in LINKS}) == len(LINKS)
    for task in (A2IStartHumanLoopOperator, A2IHumanLoopSensor, A2IFlowDefinitionSensor):
        assert {type(link) for link in task.operator_extra_links} <= set(LINKS)
    assert A2IReviewPortalLink().format_link() == ""
