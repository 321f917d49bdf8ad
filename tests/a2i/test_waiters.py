"""Every state of every waiter, through our hooks and triggers, in the worker and in the triggerer."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from a2i.hooks.a2i import A2IControlPlaneHook
from a2i.triggers.base import A2IWaiterTrigger
from a2i.triggers.flow_definition import A2IFlowDefinitionActiveTrigger, A2IFlowDefinitionDeletedTrigger
from a2i.triggers.human_loop import A2IHumanLoopCompletedTrigger, A2IHumanLoopStoppedTrigger
from a2i.triggers.human_task_ui import A2IHumanTaskUiDeletedTrigger

Answer = tuple[int, dict[str, Any]]


class Script:
    """A service that answers with the given answers in turn, and with the last one for ever."""

    def __init__(self) -> None:
        self.answers: list[Answer] = []
        self.asked = 0

    def next(self) -> Answer:
        answer = self.answers[min(self.asked, len(self.answers) - 1)]
        self.asked += 1
        return answer


@pytest.fixture(scope="module")
def server() -> Iterator[tuple[Script, str]]:
    script = Script()

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *arguments: Any) -> None:
            pass

        def handle_request(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            code, body = script.next()
            content = json.dumps(body).encode()
            self.send_response(code)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = handle_request  # noqa: N815

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=http.serve_forever, daemon=True).start()
    yield script, f"http://127.0.0.1:{http.server_address[1]}"
    http.shutdown()
    http.server_close()


@pytest.fixture
def script(server: tuple[Script, str], monkeypatch: pytest.MonkeyPatch) -> Script:
    script, url = server
    extra = {"region_name": "us-east-1", "endpoint_url": url}
    extra["config_kwargs"] = {"retries": {"total_max_attempts": 1}}
    own = {"conn_type": "aws", "login": "a", "password": "b", "extra": extra}
    monkeypatch.setenv("AIRFLOW_CONN_AWS_DEFAULT", json.dumps(own))
    return script


def both_ways(script: Script, trigger: A2IWaiterTrigger, *answers: Answer) -> dict[str, Any]:
    """The event that both ways of waiting end in; each sees the same answers."""
    script.answers, script.asked = list(answers), 0
    here = trigger.wait_here(trigger.hook())
    asked, script.asked = script.asked, 0

    async def first() -> Any:
        return await anext(trigger.run())

    assert asyncio.run(first()).payload == here
    assert script.asked == asked
    return {**here, "asked": asked}


def loop(status: str) -> Answer:
    return 200, {"HumanLoopStatus": status, "HumanLoopName": "x", "FailureReason": "because"}


def flow(status: str) -> Answer:
    return 200, {"FlowDefinitionStatus": status, "FlowDefinitionName": "x"}


def ui(status: str) -> Answer:
    return 200, {"HumanTaskUiStatus": status, "HumanTaskUiName": "x"}


def refused(status: int, code: str) -> Answer:
    return status, {"__type": code, "Message": "said"}


COMPLETED = A2IHumanLoopCompletedTrigger
STOPPED = A2IHumanLoopStoppedTrigger
ACTIVE = A2IFlowDefinitionActiveTrigger
DELETED = A2IFlowDefinitionDeletedTrigger
UI_DELETED = A2IHumanTaskUiDeletedTrigger
ABSENT = refused(400, "ResourceNotFound")
ABSENT_LOOP = refused(404, "ResourceNotFoundException")
SUBJECTS: dict[type, tuple[str, Answer, Answer]] = {
    COMPLETED: ("human_loop_name", loop("InProgress"), loop("Completed")),
    STOPPED: ("human_loop_name", loop("Stopping"), loop("Stopped")),
    ACTIVE: ("flow_definition_name", flow("Initializing"), flow("Active")),
    DELETED: ("flow_definition_name", flow("Deleting"), ABSENT),
    UI_DELETED: ("human_task_ui_name", ui("Deleting"), ABSENT),
}


def trigger_of(kind: type, attempts: int = 9) -> A2IWaiterTrigger:
    trigger: A2IWaiterTrigger = kind(**{SUBJECTS[kind][0]: "x"}, waiter_delay=0, waiter_max_attempts=attempts)
    return trigger


@pytest.mark.parametrize("kind", SUBJECTS, ids=lambda kind: kind.__name__)
def test_retries_then_success(script: Script, kind: type) -> None:
    name, under_way, done = SUBJECTS[kind]
    troubles = [
        refused(500, "InternalServerException"),
        refused(429, "ThrottlingException"),
        refused(503, "ServiceUnavailable"),
        refused(502, ""),
    ]
    event = both_ways(script, trigger_of(kind), under_way, *troubles, under_way, done)
    assert event == {"status": "success", name: "x", "asked": 7}


@pytest.mark.parametrize("kind", SUBJECTS, ids=lambda kind: kind.__name__)
def test_attempts_are_used_up(script: Script, kind: type) -> None:
    name, under_way, _ = SUBJECTS[kind]
    event = both_ways(script, trigger_of(kind, 3), under_way)
    assert event == {"status": "timeout", name: "x", "asked": 3}


@pytest.mark.parametrize("kind", SUBJECTS, ids=lambda kind: kind.__name__)
def test_permanent_throttling_ends(script: Script, kind: type) -> None:
    assert both_ways(script, trigger_of(kind, 3), refused(429, "ThrottlingException"))["asked"] == 3


@pytest.mark.parametrize("kind", SUBJECTS, ids=lambda kind: kind.__name__)
def test_a_refusal_ends_the_wait_with_what_was_said(script: Script, kind: type) -> None:
    event = both_ways(script, trigger_of(kind), SUBJECTS[kind][1], refused(400, "AccessDeniedException"))
    assert event["status"] == "error"
    assert event["retry"] is False
    assert "said (AccessDeniedException)" in event["message"]


@pytest.mark.parametrize(
    ("kind", "answer"),
    [
        (COMPLETED, loop("Completed")),
        (STOPPED, loop("Stopped")),
        (STOPPED, loop("Completed")),
        (STOPPED, loop("Failed")),
        (STOPPED, ABSENT_LOOP),
        (ACTIVE, flow("Active")),
        (DELETED, ABSENT),
        (UI_DELETED, ABSENT),
    ],
)
def test_success_at_once(script: Script, kind: type, answer: Answer) -> None:
    event = both_ways(script, trigger_of(kind), answer)
    assert (event["status"], event["asked"]) == ("success", 1)


@pytest.mark.parametrize(
    ("kind", "answer"),
    [
        (COMPLETED, loop("Failed")),
        (COMPLETED, loop("Stopped")),
        (COMPLETED, ABSENT_LOOP),
        (ACTIVE, flow("Failed")),
        (ACTIVE, flow("Deleting")),
        (ACTIVE, ABSENT),
        (DELETED, flow("Failed")),
        (DELETED, flow("Initializing")),
    ],
)
def test_failure_at_once(script: Script, kind: type, answer: Answer) -> None:
    event = both_ways(script, trigger_of(kind), answer)
    assert (event["status"], event["asked"]) == ("error", 1)


@pytest.mark.parametrize(
    ("kind", "answer"),
    [
        (COMPLETED, loop("InProgress")),
        (COMPLETED, loop("Stopping")),
        (STOPPED, loop("InProgress")),
        (DELETED, flow("Active")),
        (UI_DELETED, ui("Active")),
    ],
)
def test_the_wait_goes_on(script: Script, kind: type, answer: Answer) -> None:
    assert both_ways(script, trigger_of(kind), answer, SUBJECTS[kind][2])["asked"] == 2


def test_a_connection_that_is_not_there_is_an_event_not_a_crash(script: Script) -> None:
    trigger = A2IFlowDefinitionActiveTrigger(flow_definition_name="x", aws_conn_id="nowhere")

    async def first() -> Any:
        return await anext(trigger.run())

    event = asyncio.run(first()).payload
    assert event["status"] == "error"
    assert "There is no Airflow connection 'nowhere'" in event["message"]
    assert isinstance(trigger.hook(), A2IControlPlaneHook)
