"""A2ICreateFlowDefinitionOperator against Review Desk."""

from __future__ import annotations

import asyncio
import shutil
import threading
from pathlib import Path
from typing import Any

import pytest
from a2i_support import FaultProxy, connection, task_context
from airflow.sdk.exceptions import TaskDeferred
from moto.server import ThreadedMotoServer
from support import ROLE_ARN, ReviewDesk, free_port, wait_until

from a2i.compat import TriggerEvent
from a2i.exceptions import A2IServiceError, A2IUserError
from a2i.operators.flow_definition import A2ICreateFlowDefinitionOperator
from a2i.operators.human_task_ui import A2ICreateHumanTaskUiOperator
from a2i.triggers.flow_definition import A2IFlowDefinitionActiveTrigger

TEMPLATE = "<crowd-form><input name='category'></crowd-form>"


def operator(ui: str, **arguments: Any) -> A2ICreateFlowDefinitionOperator:
    defaults: dict[str, Any] = {
        "flow_definition_name": "forms",
        "workteam": "reviewers",
        "human_task_ui_arn": ui,
        "task_title": "Check the form",
        "task_description": "Correct what the machine got wrong.",
        "output_path": "s3://answers/a2i",
        "role_arn": ROLE_ARN,
        "waiter_delay": 0,
    }
    return A2ICreateFlowDefinitionOperator(task_id="flow", **{**defaults, **arguments})


@pytest.fixture
def ui(aws: FaultProxy) -> str:
    return str(
        A2ICreateHumanTaskUiOperator(
            task_id="ui", human_task_ui_name="ui", template=TEMPLATE, if_exists="reuse"
        ).execute(task_context())
    )


def test_a_name_of_a_team_and_numbers_as_text(ui: str, review_desk_server: ReviewDesk) -> None:
    arn = operator(
        ui,
        flow_definition_name="as-text",
        task_count="2",
        human_loop_config={"TaskTimeLimitInSeconds": "600"},
    ).execute(task_context())
    found = review_desk_server.client("sagemaker").describe_flow_definition(FlowDefinitionName="as-text")
    assert found["FlowDefinitionArn"] == arn
    assert found["HumanLoopConfig"]["WorkteamArn"].endswith("workteam/private-crowd/reviewers")
    assert found["HumanLoopConfig"]["TaskCount"] == 2
    assert found["HumanLoopConfig"]["TaskTimeLimitInSeconds"] == 600


def test_an_unknown_team_is_one_sentence_saying_where_was_looked(ui: str, aws: FaultProxy) -> None:
    with pytest.raises(A2IUserError) as caught:
        operator(ui, workteam="nobody").execute(task_context())
    text = str(caught.value)
    assert text.startswith(
        "There is no work team 'nobody' in the account of connection 'aws_default', Region us-east-1"
    )
    assert aws.url in text
    assert "review-desk team create" in text


def test_an_unknown_team_arn_is_explained_too(ui: str) -> None:
    arn = "arn:aws:sagemaker:us-east-1:000000000000:workteam/private-crowd/nobody"
    with pytest.raises(A2IUserError, match=r"CreateFlowDefinition failed: .*nobody"):
        operator(ui, flow_definition_name="no-team", workteam=arn).execute(task_context())


def test_if_exists_fail(ui: str) -> None:
    operator(ui, flow_definition_name="once").execute(task_context())
    with pytest.raises(A2IUserError, match="There is a flow definition 'once' already"):
        operator(ui, flow_definition_name="once").execute(task_context())


def test_if_exists_reuse_or_a_clear_difference(ui: str) -> None:
    arn = operator(ui, flow_definition_name="same", if_exists="reuse").execute(task_context())
    assert operator(ui, flow_definition_name="same", if_exists="reuse").execute(task_context()) == arn
    with pytest.raises(A2IUserError) as caught:
        operator(
            ui, flow_definition_name="same", if_exists="reuse", task_count=3, task_title="Check again"
        ).execute(task_context())
    assert (
        "'same' exists with another configuration: HumanLoopConfig.TaskTitle is 'Check the form', wanted "
        "'Check again'; HumanLoopConfig.TaskCount is 1, wanted 3." in str(caught.value)
    )


def test_if_exists_version(ui: str) -> None:
    one = operator(ui, if_exists="version").execute(task_context())
    assert operator(ui, if_exists="version", task_count="1").execute(task_context()) == one
    assert operator(ui, if_exists="version", task_count=2).execute(task_context()) != one


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ({"task_count": "two"}, "HumanLoopConfig.TaskCount must be a number, got 'two'."),
        ({"task_count": "4"}, "CreateFlowDefinition failed"),
        ({"flow_definition_name": "Forms"}, "flow_definition_name: 'Forms' may hold"),
        ({"output_path": "/tmp/answers"}, "CreateFlowDefinition failed"),
    ],
)
def test_mistakes_are_one_line(ui: str, arguments: dict[str, Any], complaint: str) -> None:
    with pytest.raises(A2IUserError) as caught:
        operator(ui, **{"flow_definition_name": "mistaken", **arguments}).execute(task_context())
    assert complaint in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_service_being_down_is_worth_a_retry(ui: str, aws: FaultProxy) -> None:
    aws.faults = lambda method, path: (503, "ServiceUnavailable", "down for maintenance")
    with pytest.raises(A2IServiceError, match="DescribeWorkteam failed: down for maintenance"):
        operator(ui).execute(task_context())


def test_one_internal_error_does_not_end_the_wait(ui: str, aws: FaultProxy) -> None:
    operator(ui, flow_definition_name="shaky", wait_for_completion=False).execute(task_context())
    trigger = A2IFlowDefinitionActiveTrigger(flow_definition_name="shaky", waiter_delay=0)
    failures = iter([(500, "InternalServerException", "oops")] * 2)
    aws.faults = lambda method, path: next(failures, None)

    async def fire() -> TriggerEvent:
        return await anext(trigger.run())

    assert asyncio.run(fire()).payload == {"status": "success", "flow_definition_name": "shaky"}


def test_the_deferred_way_ends_in_the_same_value(ui: str) -> None:
    deferrable = operator(ui, flow_definition_name="deferred", if_exists="reuse", deferrable=True)
    with pytest.raises(TaskDeferred) as deferral:
        deferrable.execute(task_context())
    trigger = deferral.value.trigger
    assert isinstance(trigger, A2IFlowDefinitionActiveTrigger)

    async def fire() -> TriggerEvent:
        return await anext(trigger.run())

    event = asyncio.run(fire()).payload
    arn = deferrable.execute_complete(task_context(), event)
    assert arn == operator(ui, flow_definition_name="deferred", if_exists="reuse").execute(task_context())


def test_a_bucket_that_is_not_there_is_said_at_creation(ui: str) -> None:
    with pytest.raises(A2IUserError) as caught:
        operator(ui, flow_definition_name="astray", output_path="s3://not-there/a2i").execute(task_context())
    text = str(caught.value)
    assert text.startswith(
        "Flow definition 'astray' failed: The bucket not-there cannot be used: it does not exist. Check "
    )
    assert text.endswith("delete this flow definition and create it again.")


@pytest.mark.usefixtures("aws", "s3")
def test_it_waits_while_the_store_does_not_answer(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, prepared_review_desk: ReviewDesk
) -> None:
    shutil.copytree(prepared_review_desk.directory, tmp_path, dirs_exist_ok=True)
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    desk = ReviewDesk(tmp_path, address, access_key=prepared_review_desk.access_key)
    store = ThreadedMotoServer("127.0.0.1", port, verbose=False)
    seen: list[str] = []

    def start_store_when_it_is_missed() -> None:
        control = desk.client("sagemaker")
        wait_until(lambda: control.list_flow_definitions()["FlowDefinitionSummaries"])
        seen.append(desk.flow_definition_status("patient"))
        store.start()

    desk.start()
    monkeypatch.setenv("AIRFLOW_CONN_AWS_DEFAULT", connection(desk, address, desk.url))
    ui = desk.client("sagemaker").create_human_task_ui(
        HumanTaskUiName="ui", UiTemplate={"Content": TEMPLATE}
    )["HumanTaskUiArn"]
    starting = threading.Thread(target=start_store_when_it_is_missed)
    starting.start()
    try:
        arn = operator(ui, flow_definition_name="patient", waiter_delay=1).execute(task_context())
        assert seen == ["Initializing"]
        assert desk.flow_definition_status("patient") == "Active"
        assert arn.endswith(":flow-definition/patient")
    finally:
        starting.join()
        desk.stop()
        store.stop()


def test_a_wait_that_failed_says_what_the_flow_definition_is(ui: str) -> None:
    waiting = operator(ui, flow_definition_name="waited")
    waiting.execute(task_context())
    event = {
        "status": "error",
        "message": "Waiter error: max attempts reached",
        "flow_definition_name": "waited",
    }
    with pytest.raises(A2IServiceError, match="Waiter error: max attempts reached"):
        waiting.execute_complete(task_context(), event)
