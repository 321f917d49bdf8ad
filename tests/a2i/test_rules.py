"""Rules that every operator, sensor, trigger, waiter and module of the library keeps."""

from __future__ import annotations

import importlib
import inspect
import json
import pkgutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import botocore.session
import pytest
from a2i_support import task_context
from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import TaskDeferred
from botocore.client import BaseClient

import a2i
from a2i.batch.descriptor import HumanLoopBatch
from a2i.batch.loop_start import StartRequest
from a2i.compat import AwsBaseOperator, AwsBaseSensor, BaseTrigger
from a2i.hooks.a2i import A2IControlPlaneHook, A2IHook
from a2i.hooks.s3 import A2IS3Hook
from a2i.hooks.sqs import A2ISqsHook
from a2i.operators.flow_definition import A2ICreateFlowDefinitionOperator, A2IDeleteFlowDefinitionOperator
from a2i.operators.human_loop import (
    A2IDeleteHumanLoopOperator,
    A2IStartHumanLoopOperator,
    A2IStopHumanLoopOperator,
)
from a2i.operators.human_loop_batch import (
    A2ICollectHumanLoopBatchOperator,
    A2IStartHumanLoopBatchOperator,
    A2IStopHumanLoopBatchOperator,
)
from a2i.operators.human_task_ui import A2ICreateHumanTaskUiOperator, A2IDeleteHumanTaskUiOperator
from a2i.operators.prerequisites import A2ICheckPrerequisitesOperator
from a2i.sensors.flow_definition import A2IFlowDefinitionSensor
from a2i.sensors.human_loop import A2IHumanLoopSensor
from a2i.sensors.human_loop_batch import A2IHumanLoopBatchSensor
from a2i.triggers.flow_definition import A2IFlowDefinitionActiveTrigger, A2IFlowDefinitionDeletedTrigger
from a2i.triggers.human_loop import A2IHumanLoopCompletedTrigger, A2IHumanLoopStoppedTrigger
from a2i.triggers.human_loop_batch import A2IHumanLoopBatchTrigger
from a2i.triggers.human_loop_batch_window import A2IHumanLoopBatchWindowTrigger
from a2i.triggers.human_loop_event import A2IHumanLoopEventTrigger
from a2i.triggers.human_task_ui import A2IHumanTaskUiDeletedTrigger

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
    },
    A2IDeleteHumanTaskUiOperator: {"human_task_ui_name": "ui"},
    A2IDeleteFlowDefinitionOperator: {"flow_definition_name": "flow"},
    A2IStartHumanLoopOperator: {"flow_definition_arn": FLOW, "human_loop_input": {"text": "Tea"}},
    A2IStopHumanLoopOperator: {"human_loop_name": "loop"},
    A2IDeleteHumanLoopOperator: {"human_loop_name": "loop"},
    A2ICheckPrerequisitesOperator: {"workteam": TEAM},
    A2IFlowDefinitionSensor: {"flow_definition_name": "flow"},
    A2IHumanLoopSensor: {"human_loop_name": "loop"},
    A2IStartHumanLoopBatchOperator: {"flow_definition_arn": FLOW, "items": [], "ledger_uri": "s3://b/k"},
    A2ICollectHumanLoopBatchOperator: {"batch": BATCH},
    A2IStopHumanLoopBatchOperator: {"batch": BATCH},
    A2IHumanLoopBatchSensor: {"batch": BATCH},
}
WAITER = {"waiter_delay": 3, "waiter_max_attempts": 4}
TRIGGERS: dict[type, dict[str, Any]] = {
    A2IFlowDefinitionActiveTrigger: {"flow_definition_name": "f", **WAITER},
    A2IFlowDefinitionDeletedTrigger: {"flow_definition_name": "f", **WAITER},
    A2IHumanTaskUiDeletedTrigger: {"human_task_ui_name": "u", **WAITER},
    A2IHumanLoopCompletedTrigger: {"human_loop_name": "l", "cancel_on_kill": True, **WAITER},
    A2IHumanLoopStoppedTrigger: {"human_loop_name": "l", **WAITER},
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
            if not inspect.isclass(item) or not issubclass(item, bases) or inspect.isabstract(item):
                continue
            if item.__module__.startswith("a2i.") and not item.__name__.startswith("_"):
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


#: What a service in which everything is under way answers.
UNDER_WAY: dict[str, Any] = {
    "CreateFlowDefinition": {"FlowDefinitionArn": FLOW},
    "DescribeFlowDefinition": {"FlowDefinitionArn": FLOW, "FlowDefinitionStatus": "Initializing"},
    "DescribeHumanTaskUi": {"HumanTaskUiStatus": "Active"},
    "DescribeHumanLoop": {
        "HumanLoopName": "loop",
        "HumanLoopStatus": "InProgress",
        "FlowDefinitionArn": FLOW,
        "HumanLoopOutput": {"OutputS3Uri": "s3://b/k/output.json"},
    },
}


async def halt(task: Any, *_: Any) -> tuple[Any, HumanLoopBatch]:
    """Stands for a start that the account's quota holds up: the only reason for this task to defer."""
    request = StartRequest("b", FLOW)
    counts = {"known": 0}
    starter = SimpleNamespace(
        halted="quota", request=request, loops=None, counts=counts, progress=SimpleNamespace(settled=0)
    )
    return starter, HumanLoopBatch.from_value(BATCH)


def takes(task: type, name: str) -> bool:
    return any(name in inspect.signature(item.__init__).parameters for item in task.__mro__)


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.__name__)
def test_what_defers_hands_all_connection_parameters_on(task: type, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every operator and sensor is run; one that can defer has to, and no other may."""
    monkeypatch.setenv(
        "AIRFLOW_CONN_AWS_OTHER", json.dumps({"conn_type": "aws", "login": "a", "password": "b"})
    )
    monkeypatch.setattr(BaseClient, "_make_api_call", lambda self, name, request: UNDER_WAY.get(name, {}))
    deferred: list[Any] = []

    def defer(self: Any, *, trigger: Any, **kwargs: Any) -> None:
        deferred.append(trigger)
        raise TaskDeferred(trigger=trigger, **kwargs)

    monkeypatch.setattr(BaseOperator, "defer", defer)
    monkeypatch.setattr(A2IStartHumanLoopBatchOperator, "_run", halt)
    operator = build(task)
    operator.deferrable = True
    operator.wait_for_completion = True
    if not takes(task, "deferrable"):
        assert "defer(" not in inspect.getsource(task)
        assert "wait_for(" not in inspect.getsource(task)
        return
    with pytest.raises(TaskDeferred) as deferral:
        operator.execute(task_context())
    (trigger,) = deferred
    assert {name: getattr(trigger, name) for name in CONNECTION} == CONNECTION
    path, arguments = trigger.serialize()
    assert {name: arguments[name] for name in CONNECTION} == CONNECTION
    assert path in {f"{known.__module__}.{known.__qualname__}" for known in TRIGGERS}
    assert deferral.value.timeout is not None
    assert hasattr(operator, deferral.value.method_name)


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.__name__)
def test_classes_have_a_test_and_a_how_to(task: type) -> None:
    folder = "sensors" if issubclass(task, AwsBaseSensor) else "operators"
    assert task.__module__.startswith(f"a2i.{folder}.")
    assert (inspect.getdoc(task) or "").strip()
    assert ":return:" in (inspect.getdoc(task) or "")
    tests = [path for path in Path(__file__).parent.glob("test_*.py") if path != Path(__file__)]
    assert any(task.__name__ in path.read_text() for path in tests)


@pytest.mark.parametrize(
    "name",
    [
        "A2ICreateHumanTaskUiOperator",
        "A2IDeleteHumanTaskUiOperator",
        "A2ICreateFlowDefinitionOperator",
        "A2IDeleteFlowDefinitionOperator",
        "A2IFlowDefinitionSensor",
        "A2IStartHumanLoopOperator",
        "A2IStopHumanLoopOperator",
        "A2IDeleteHumanLoopOperator",
        "A2IHumanLoopSensor",
        "A2IStartHumanLoopBatchOperator",
        "A2IHumanLoopBatchSensor",
        "A2ICollectHumanLoopBatchOperator",
        "A2IStopHumanLoopBatchOperator",
        "A2ICheckPrerequisitesOperator",
    ],
)
def test_the_library_is_complete(name: str) -> None:
    assert name in {task.__name__ for task in TASKS}


@pytest.mark.parametrize("trigger", TRIGGERS, ids=lambda trigger: trigger.__name__)
def test_the_arguments_of_triggers_are_documented(trigger: type) -> None:
    for name in [*TRIGGERS[trigger], *CONNECTION]:
        assert f":param {name}:" in (inspect.getdoc(trigger) or ""), name
    with pytest.raises(TypeError):
        trigger(**TRIGGERS[trigger], **CONNECTION, no_such_argument=1)


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
    control = A2IControlPlaneHook(aws_conn_id=None, region_name="us-east-1").list_waiters()
    assert {"flow_definition_active", "flow_definition_deleted", "human_task_ui_deleted"} <= set(control)
    runtime = A2IHook(aws_conn_id=None, region_name="us-east-1").list_waiters()
    assert {"human_loop_complete", "human_loop_stopped"} <= set(runtime)


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
