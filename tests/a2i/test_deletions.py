"""Deleting flow definitions and human task UIs, and A2IFlowDefinitionSensor, against Review Desk."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from a2i_support import FaultProxy, task_context
from airflow.sdk.exceptions import TaskDeferred
from support import Portal, ReviewDesk

from a2i.exceptions import A2IServiceError, A2ITimeoutError, A2IUserError
from a2i.operators.flow_definition import A2IDeleteFlowDefinitionOperator
from a2i.operators.human_task_ui import A2IDeleteHumanTaskUiOperator
from a2i.sensors.flow_definition import A2IFlowDefinitionSensor

TEMPLATE = "<crowd-form><input name='category'></crowd-form>"

pytestmark = pytest.mark.usefixtures("aws")


@pytest.fixture
def arn(review_desk_server: ReviewDesk) -> str:
    return review_desk_server.create_flow_definition(f"delete-{uuid.uuid4().hex[:12]}", TEMPLATE)


@pytest.fixture
def control(review_desk_server: ReviewDesk) -> Any:
    return review_desk_server.client("sagemaker")


def run(operator: Any, meanwhile: Callable[[], None] = lambda: None) -> Any:
    """Run a task to its end, by way of its trigger if it defers."""
    try:
        return operator.execute(task_context())
    except TaskDeferred as deferral:
        meanwhile()
        trigger = deferral.trigger

    async def first() -> Any:
        return await anext(trigger.run())

    return operator.execute_complete(task_context(), asyncio.run(first()).payload)


def delete_flow(name: str, **arguments: Any) -> A2IDeleteFlowDefinitionOperator:
    return A2IDeleteFlowDefinitionOperator(
        task_id="delete", flow_definition_name=name, waiter_delay=0, waiter_max_attempts=2, **arguments
    )


def delete_ui(name: str, **arguments: Any) -> A2IDeleteHumanTaskUiOperator:
    return A2IDeleteHumanTaskUiOperator(
        task_id="delete", human_task_ui_name=name, waiter_delay=0, waiter_max_attempts=2, **arguments
    )


def wait(name: str, **arguments: Any) -> A2IFlowDefinitionSensor:
    defaults: dict[str, Any] = {"poke_interval": 0.05, "timeout": 10}
    return A2IFlowDefinitionSensor(task_id="wait", flow_definition_name=name, **{**defaults, **arguments})


@pytest.mark.parametrize("deferrable", [False, True])
def test_delete_a_flow_definition_by_its_arn(arn: str, control: Any, deferrable: bool) -> None:
    name = arn.split("/")[1]
    assert run(delete_flow(arn, deferrable=deferrable)) == name
    with pytest.raises(control.exceptions.ResourceNotFound):
        control.describe_flow_definition(FlowDefinitionName=name)


@pytest.mark.parametrize("deferrable", [False, True])
def test_a_reviewer_who_is_at_it_delays_the_deletion(
    arn: str, review_desk_server: ReviewDesk, deferrable: bool
) -> None:
    name, loop = arn.split("/")[1], f"held-{uuid.uuid4().hex}"
    runtime, portal = (
        review_desk_server.client("sagemaker-a2i-runtime"),
        Portal(review_desk_server.url, "worker-1"),
    )
    runtime.start_human_loop(HumanLoopName=loop, FlowDefinitionArn=arn, HumanLoopInput={"InputContent": "{}"})
    task = portal.claim(human_loop=loop).json()
    with pytest.raises(A2IServiceError, match=f"Flow definition '{name}' is Deleting still"):
        run(delete_flow(name, deferrable=deferrable))
    with pytest.raises(A2IServiceError, match="is being deleted"):
        run(wait(name))
    assert delete_flow(name, wait_for_completion=False).execute(task_context()) == name
    portal.submit(task, {"category": "x"}).raise_for_status()
    assert run(delete_flow(name, if_missing="skip", deferrable=deferrable)) == name


@pytest.mark.parametrize("deferrable", [False, True])
def test_delete_a_human_task_ui(control: Any, deferrable: bool) -> None:
    name = f"ui-{uuid.uuid4().hex[:12]}"
    arn = control.create_human_task_ui(HumanTaskUiName=name, UiTemplate={"Content": TEMPLATE})[
        "HumanTaskUiArn"
    ]
    assert run(delete_ui(arn, deferrable=deferrable)) == name
    with pytest.raises(control.exceptions.ResourceNotFound):
        control.describe_human_task_ui(HumanTaskUiName=name)


@pytest.mark.parametrize(("delete", "what"), [(delete_flow, "flow definition"), (delete_ui, "human task UI")])
def test_what_is_not_there(delete: Any, what: str) -> None:
    with pytest.raises(
        A2IUserError, match=f"There is no {what} 'absent' at connection 'aws_default', Region"
    ) as caught:
        run(delete("absent"))
    assert "if_missing='skip'" in str(caught.value)
    assert run(delete("absent", if_missing="skip")) == "absent"
    with pytest.raises(ValueError, match="if_missing must be one of fail, skip, got 'pass'"):
        delete("absent", if_missing="pass")


@pytest.mark.parametrize("deferrable", [False, True])
@pytest.mark.parametrize("delete", [delete_flow, delete_ui])
def test_a_deletion_that_lasts(
    delete: Any, deferrable: bool, arn: str, control: Any, aws: FaultProxy
) -> None:
    """A deletion that the service took, with its result not seen yet."""
    aws.faults = lambda method, path: (
        (500, "InternalServerException", "oops") if aws.count("POST", "/") > 2 else None
    )
    with pytest.raises(A2IServiceError, match="is Deleting still"):
        run(delete(arn, deferrable=deferrable))


@pytest.mark.parametrize("deferrable", [False, True])
def test_the_sensor_returns_the_arn(arn: str, deferrable: bool) -> None:
    assert run(wait(arn, deferrable=deferrable)) == arn
    assert run(wait(arn.split("/")[1], deferrable=deferrable)) == arn


@pytest.mark.parametrize("deferrable", [False, True])
def test_the_sensor_rides_out_an_outage(arn: str, aws: FaultProxy, deferrable: bool) -> None:
    troubles = iter([(503, "ServiceUnavailable", "down"), (429, "ThrottlingException", "slow down")])
    aws.faults = lambda method, path: next(troubles, None)
    assert run(wait(arn, deferrable=deferrable)) == arn
    assert next(troubles, None) is None


@pytest.mark.parametrize("deferrable", [False, True])
def test_the_sensor_says_what_is_wrong(review_desk_server: ReviewDesk, deferrable: bool) -> None:
    with pytest.raises(A2IUserError, match="There is no flow definition 'absent' at connection"):
        run(wait("absent", deferrable=deferrable))
    failed = review_desk_server.create_flow_definition(
        f"failed-{uuid.uuid4().hex[:12]}", TEMPLATE, output_path="s3://no-such-bucket/a2i"
    )
    with pytest.raises(A2IUserError, match=r"^Flow definition 'failed-.*' failed: The bucket no-such-bucket"):
        run(wait(failed, deferrable=deferrable))


def test_a_flow_definition_that_does_not_become_active(arn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    waiting = wait(arn, deferrable=True)
    found = {"FlowDefinitionArn": arn, "FlowDefinitionStatus": "Initializing"}
    monkeypatch.setattr(waiting.hook, "find_flow_definition", lambda name: found)
    event = {"status": "timeout", "flow_definition_name": "x"}
    with pytest.raises(A2ITimeoutError, match="is Initializing still after 10 s"):
        waiting.execute_complete(task_context(), event)
    event = {"status": "error", "message": "It broke off.", "retry": True, "flow_definition_name": "x"}
    with pytest.raises(A2IServiceError, match=r"^It broke off\.$"):
        waiting.execute_complete(task_context(), event)
