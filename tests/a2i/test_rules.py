"""Rules that every operator, sensor, trigger, waiter and module of the library keeps."""

from __future__ import annotations

import importlib
import inspect
import json
import pkgutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from a2i_support import task_context
from airflow.sdk.exceptions import TaskDeferred

import a2i
from a2i.compat import AwsBaseOperator, AwsBaseSensor, BaseTrigger
from a2i.hooks.a2i import A2IControlPlaneHook, A2IHook
from a2i.hooks.s3 import A2IS3Hook
from a2i.hooks.sqs import A2ISqsHook
from a2i.operators.flow_definition import A2ICreateFlowDefinitionOperator
from a2i.operators.human_loop_batch import (
    A2ICollectHumanLoopBatchOperator,
    A2IStartHumanLoopBatchOperator,
    A2IStopHumanLoopBatchOperator,
)
from a2i.operators.human_task_ui import A2ICreateHumanTaskUiOperator
from a2i.sensors.human_loop_batch import A2IHumanLoopBatchSensor
from a2i.triggers.flow_definition import A2IFlowDefinitionActiveTrigger
from a2i.triggers.human_loop_batch import A2IHumanLoopBatchTrigger
from a2i.triggers.human_loop_batch_window import A2IHumanLoopBatchWindowTrigger
from a2i.triggers.human_loop_event import A2IHumanLoopEventTrigger

FOLDER = Path(a2i.__file__).parent
PURE_MODULES = ["activation", "agreement", "answers", "consensus", "dawid_skene", "naming", "shapes"]
CONNECTION: dict[str, Any] = {
    "aws_conn_id": "aws_other",
    "region_name": "eu-west-1",
    "verify": False,
    "botocore_config": {"read_timeout": 7},
}
FLOW = "arn:aws:sagemaker:eu-west-1:000000000000:flow-definition/f"
TEAM = "arn:aws:sagemaker:eu-west-1:000000000000:workteam/private-crowd/t"
BATCH = {
    "batch_id": "0" * 24,
    "flow_definition_arn": FLOW,
    "ledger_uri": "s3://b/k",
    "created_after": "2026-01-01T00:00:00+00:00",
    "created_before": "2026-01-02T00:00:00+00:00",
    "items": 2,
    "started": 2,
    "failed": 0,
}
ARGUMENTS: dict[type, dict[str, Any]] = {
    A2ICreateHumanTaskUiOperator: {"human_task_ui_name": "ui", "template": "<p>"},
    A2ICreateFlowDefinitionOperator: {
        "flow_definition_name": "flow",
        "workteam": TEAM,
        "human_task_ui_arn": "arn:aws:sagemaker:eu-west-1:000000000000:human-task-ui/ui",
        "task_title": "t",
        "task_description": "d",
        "output_path": "s3://b/k",
        "role_arn": "arn:aws:iam::000000000000:role/r",
        "deferrable": True,
    },
    A2IStartHumanLoopBatchOperator: {"flow_definition_arn": FLOW, "items": [], "ledger_uri": "s3://b/k"},
    A2ICollectHumanLoopBatchOperator: {"batch": BATCH},
    A2IStopHumanLoopBatchOperator: {"batch": BATCH},
    A2IHumanLoopBatchSensor: {"batch": BATCH, "deferrable": True},
}
TRIGGERS: dict[type, dict[str, Any]] = {
    A2IFlowDefinitionActiveTrigger: {
        "flow_definition_name": "f",
        "waiter_delay": 3,
        "waiter_max_attempts": 4,
    },
    A2IHumanLoopBatchTrigger: {
        "batch": BATCH,
        "poke_interval": 5.0,
        "max_poke_interval": 50.0,
        "give_up": 2.0,
        "deadline": 1.0,
        "sqs_queue_url": "https://sqs.eu-west-1.amazonaws.com/000000000000/ended",
        "partial_results": 60.0,
        "cancel_on_kill": True,
        "after_stop": True,
    },
    A2IHumanLoopEventTrigger: {"sqs_queue_url": "https://queue", "flow_definition_arn": FLOW},
    A2IHumanLoopBatchWindowTrigger: {
        "batch_id": "0" * 24,
        "flow_definition_arn": FLOW,
        "since": "2026-01-01T00:00:00+00:00",
        "most_open": 3,
        "until": 1.5,
        "waits": 2,
        "waiter_delay": 5.0,
    },
}


def classes(folder: str, *bases: type) -> list[type]:
    """The classes that the modules of a folder define."""
    found = []
    for module in pkgutil.iter_modules([str(FOLDER / folder)]):
        for item in vars(importlib.import_module(f"a2i.{folder}.{module.name}")).values():
            if inspect.isclass(item) and issubclass(item, bases) and item.__module__.startswith("a2i."):
                found.append(item)
    return sorted(set(found), key=lambda item: item.__name__)


TASKS = classes("operators", AwsBaseOperator) + classes("sensors", AwsBaseSensor)


def build(task: type) -> Any:
    return task(task_id="t", **ARGUMENTS[task], **CONNECTION)


def test_the_lists_here_are_complete() -> None:
    assert set(TASKS) == set(ARGUMENTS)
    assert set(classes("triggers", BaseTrigger)) == set(TRIGGERS)


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.__name__)
def test_template_fields_are_attributes(task: type) -> None:
    operator = build(task)
    for name in operator.template_fields:
        assert hasattr(operator, name), name
    assert set(operator.template_fields_renderers) <= set(operator.template_fields)
    assert {"aws_conn_id", "region_name", "verify"} <= set(operator.template_fields)


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.__name__)
def test_parameters_are_documented_and_stored_unchanged(task: type) -> None:
    operator = build(task)
    named = [
        parameter.name
        for parameter in inspect.signature(task.__init__).parameters.values()
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY
    ]
    documented = inspect.getdoc(task) or ""
    for name in [*named, *CONNECTION]:
        assert f":param {name}:" in documented, name
    for name, value in {**ARGUMENTS[task], **CONNECTION}.items():
        assert getattr(operator, name) == value


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.__name__)
def test_all_ways_into_a_task_end_in_one_line(task: type) -> None:
    """``resume_execution`` is decorated in the mixin and covers what triggers resume with."""
    for name in ("execute", "resume_execution"):
        function = getattr(task, name)
        while function is not None and not hasattr(function, "ends_in_one_line"):
            function = getattr(function, "__wrapped__", None)
        assert function is not None, name


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.__name__)
def test_hooks_get_all_connection_parameters(task: type) -> None:
    operator = build(task)
    for hook in (operator.hook, operator.s3_hook()):
        assert hook.aws_conn_id == "aws_other"
        assert hook._region_name == "eu-west-1"
        assert hook._verify is False
        assert hook._config.read_timeout == 7


@pytest.mark.parametrize(
    "task", [task for task in TASKS if "deferrable" in ARGUMENTS[task]], ids=lambda task: task.__name__
)
def test_triggers_get_all_connection_parameters(task: type, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(
        "AIRFLOW_CONN_AWS_OTHER", json.dumps({"conn_type": "aws", "login": "a", "password": "b"})
    )
    monkeypatch.setattr(A2ICreateFlowDefinitionOperator, "_create_or_reuse", lambda *arguments: FLOW)
    with pytest.raises(TaskDeferred) as deferral:
        build(task).execute(task_context())
    _, arguments = deferral.value.trigger.serialize()
    assert {name: arguments[name] for name in CONNECTION} == CONNECTION


@pytest.mark.parametrize("trigger", TRIGGERS, ids=lambda trigger: trigger.__name__)
def test_triggers_survive_serialization(trigger: type) -> None:
    path, arguments = trigger(**TRIGGERS[trigger], **CONNECTION).serialize()
    module, name = path.rsplit(".", 1)
    again = getattr(importlib.import_module(module), name)(**json.loads(json.dumps(arguments)))
    assert again.serialize() == (path, arguments)
    assert {**TRIGGERS[trigger], **CONNECTION}.items() <= arguments.items()


@pytest.mark.parametrize(
    "hook", [A2IHook, A2IControlPlaneHook, A2IS3Hook, A2ISqsHook], ids=lambda hook: hook.__name__
)
def test_a_connection_that_is_not_there_is_no_default(hook: type, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Exception, match="There is no Airflow connection 'nowhere'"):
        _ = hook(aws_conn_id="nowhere").conn_config
    monkeypatch.delenv("AIRFLOW_CONN_AWS_DEFAULT", raising=False)
    assert not hook(aws_conn_id="aws_default").conn_config
    assert not hook(aws_conn_id=None).conn_config


WAITERS = {
    f"{path.stem}:{name}": (path.stem, waiter)
    for path in sorted((FOLDER / "waiters").glob("*.json"))
    for name, waiter in json.loads(path.read_text())["waiters"].items()
}


@pytest.mark.parametrize(("service", "waiter"), WAITERS.values(), ids=WAITERS)
def test_waiters_know_every_status(service: str, waiter: dict[str, Any]) -> None:
    acceptors = waiter["acceptors"]
    assert all(acceptor.get("argument") for acceptor in acceptors)
    assert {"delay", "maxAttempts", "operation"} <= set(waiter)
    assert ("error", "InternalServerException", "retry") in {
        (acceptor["matcher"], acceptor["expected"], acceptor["state"]) for acceptor in acceptors
    }
    model = botocore.session.get_session().get_service_model(service).operation_model(waiter["operation"])
    by_path = [acceptor for acceptor in acceptors if acceptor["matcher"] == "path"]
    for argument in {acceptor["argument"] for acceptor in by_path}:
        known = set(model.output_shape.members[argument].enum)
        assert {acceptor["expected"] for acceptor in by_path if acceptor["argument"] == argument} == known


def test_our_waiters_are_found() -> None:
    hook = A2IControlPlaneHook(aws_conn_id=None, region_name="us-east-1")
    assert "flow_definition_active" in hook.list_waiters()


def loaded_by(statement: str) -> set[str]:
    """Top-level modules that are loaded after a statement in a fresh interpreter."""
    script = f"import sys; sys.path.insert(0, {str(FOLDER.parent)!r}); {statement}; print(*sys.modules)"
    printed = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True
    ).stdout
    return {name.split(".")[0] for name in printed.splitlines()[-1].split()}


@pytest.mark.parametrize("module", PURE_MODULES)
def test_pure_modules_load_neither_airflow_nor_boto(module: str) -> None:
    assert not loaded_by(f"import a2i.{module}") & {"airflow", "boto3", "botocore", "aiobotocore", "pendulum"}


def test_operators_load_neither_fastapi_nor_a_client_for_async() -> None:
    every = "; ".join(
        f"import a2i.{folder}.{module.name}"
        for folder in ("operators", "sensors", "triggers", "links")
        for module in pkgutil.iter_modules([str(FOLDER / folder)])
    )
    assert not loaded_by(f"{every}; import a2i_plugin") & {"fastapi", "aiobotocore", "review_desk", "include"}


@pytest.mark.parametrize(
    "path", sorted(FOLDER.rglob("*.py")), ids=lambda path: path.relative_to(FOLDER).as_posix()
)
def test_modules_are_short(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 300
