"""Outputs, events and dead letters: in which order, to whom, and again after a failure."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
from base64 import b64decode, b64encode
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import boto3
import pytest
from review_desk_fixtures import SCOPE, Desk

from review_desk.engine.errors import NotFoundError
from review_desk.engine.outbox import Outbox
from review_desk.engine.tasks import Task
from review_desk.receivers import DeliveryError, SqsReceiver, WebhookReceiver
from review_desk.storage import StorageError


class MemoryReceiver:
    def __init__(self, name: str) -> None:
        self.name = name
        self.events: list[dict[str, Any]] = []
        self.broken = False

    def send(self, event: dict[str, Any]) -> None:
        if self.broken:
            raise DeliveryError(f"{self.name} is out of order")
        self.events.append(event)


@pytest.fixture
def receivers() -> list[MemoryReceiver]:
    return [MemoryReceiver("queue"), MemoryReceiver("hook")]


@pytest.fixture
def outbox(desk: Desk, receivers: list[MemoryReceiver]) -> Outbox:
    return Outbox(desk.service.database, desk.clock, desk.store, "http://portal", receivers)


def complete(desk: Desk, name: str) -> None:
    worker = desk.worker("ann")
    task = desk.tasks.claim(worker, loop_name=name)
    assert isinstance(task, Task)
    desk.tasks.submit(worker, task.id, {"a": 1}, task.lease_token)


def drain(outbox: Outbox) -> None:
    while outbox.deliver_due():
        pass


def test_the_event_has_eventbridges_envelope(
    desk: Desk, outbox: Outbox, receivers: list[MemoryReceiver]
) -> None:
    flow = desk.flow()
    desk.start(flow, "one")
    desk.clock.advance(60)
    complete(desk, "one")
    drain(outbox)
    [event] = receivers[0].events
    identifier = event.pop("id")
    assert len(identifier) == 36
    assert event == {
        "version": "0",
        "detail-type": "SageMaker A2I HumanLoop Status Change",
        "source": "aws.sagemaker",
        "account": SCOPE.account_id,
        "time": "2026-01-01T12:01:00Z",
        "region": SCOPE.region,
        "resources": [SCOPE.arn("human-loop", "one")],
        "detail": {
            "creationTime": "2026-01-01T12:00:00.000Z",
            "failureCode": None,
            "failureReason": None,
            "flowDefinitionArn": flow,
            "humanLoopArn": SCOPE.arn("human-loop", "one"),
            "humanLoopName": "one",
            "humanLoopOutput": {"outputS3Uri": "s3://answers/a2i/flow/2026/01/01/12/00/00/one/output.json"},
            "humanLoopStatus": "Completed",
        },
    }


def test_every_end_has_its_event(desk: Desk, outbox: Outbox, receivers: list[MemoryReceiver]) -> None:
    flow = desk.flow()
    for name in ("stopped", "expired"):
        desk.start(flow, name)
    desk.loops.stop(SCOPE, "stopped")
    desk.clock.advance(3600)
    desk.tasks.tidy()
    desk.service.human_task_uis.create(SCOPE, "broken", "{{ task.input.text | grant_read_access }}", [])
    broken = desk.flow("broken", HumanTaskUiArn=SCOPE.arn("human-task-ui", "broken"))
    desk.start(broken, "failed")
    drain(outbox)
    ends = {
        event["detail"]["humanLoopName"]: (event["detail"]["humanLoopStatus"], event["detail"]["failureCode"])
        for event in receivers[0].events
    }
    assert ends == {
        "stopped": ("Stopped", None),
        "expired": ("Failed", "Expired"),
        "failed": ("Failed", "ValidationError"),
    }
    assert all(event["detail"]["humanLoopOutput"] is None for event in receivers[0].events)
    assert desk.store.documents == {}


def test_the_event_waits_for_the_output(desk: Desk, outbox: Outbox, receivers: list[MemoryReceiver]) -> None:
    desk.start(desk.flow(), "one")
    complete(desk, "one")
    desk.store.broken = True
    drain(outbox)
    assert receivers[0].events == []
    desk.store.broken = False
    desk.clock.advance(5)
    drain(outbox)
    assert len(receivers[0].events) == len(desk.store.documents) == 1


def test_a_receiver_that_took_it_is_not_sent_it_again(
    desk: Desk, outbox: Outbox, receivers: list[MemoryReceiver]
) -> None:
    desk.start(desk.flow(), "one")
    complete(desk, "one")
    receivers[1].broken = True
    drain(outbox)
    receivers[1].broken = False
    desk.clock.advance(5)
    drain(outbox)
    assert [len(receiver.events) for receiver in receivers] == [1, 1]
    assert receivers[0].events == receivers[1].events


def test_a_row_whose_process_died_comes_up_again_with_the_same_id(
    desk: Desk, receivers: list[MemoryReceiver], outbox: Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.start(desk.flow(), "one")
    complete(desk, "one")
    outbox.deliver_due()
    monkeypatch.setattr(outbox, "_mark", lambda row, **values: None)
    monkeypatch.setattr(outbox, "_mark_delivered", lambda ids: None)
    outbox.deliver_due()
    monkeypatch.undo()
    assert outbox.deliver_due() == 0, "another process leaves it alone at first"
    desk.clock.advance(60)
    drain(outbox)
    first, second = receivers[0].events
    assert first == second


def test_a_failure_that_comes_late_does_not_undo_anothers_delivery(
    desk: Desk, outbox: Outbox, receivers: list[MemoryReceiver], monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.start(desk.flow(), "one")
    complete(desk, "one")
    put_json = desk.store.put_json

    def fail_late(uri: str, document: dict[str, Any], kms_key_id: str | None) -> None:
        monkeypatch.setattr(desk.store, "put_json", put_json)
        desk.clock.advance(25 * 3600)
        drain(outbox)
        raise StorageError("no answer")

    monkeypatch.setattr(desk.store, "put_json", fail_late)
    drain(outbox)
    assert len(desk.store.documents) == len(receivers[0].events) == 1
    assert outbox.dead_letters() == []


def test_dead_letters_are_listed_and_replayed(
    desk: Desk, outbox: Outbox, receivers: list[MemoryReceiver]
) -> None:
    desk.start(desk.flow(), "one")
    complete(desk, "one")
    receivers[0].broken = True
    drain(outbox)
    desk.clock.advance(24 * 3600)
    drain(outbox)
    [letter] = outbox.dead_letters()
    assert (letter.kind, letter.human_loop, letter.attempts) == ("event", "one", 2)
    assert "out of order" in letter.error
    desk.clock.advance(3600)
    assert outbox.deliver_due() == 0
    receivers[0].broken = False
    with pytest.raises(NotFoundError):
        outbox.requeue(letter.id + 1)
    assert outbox.requeue(letter.id) == 1
    drain(outbox)
    assert outbox.dead_letters() == []
    assert len(receivers[0].events) == 1


EVENT = {"id": "5f0c", "detail": {"humanLoopName": "one"}}


class Hook(BaseHTTPRequestHandler):
    status = 204

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.requests.append((dict(self.headers), body))  # type: ignore[attr-defined]
        self.send_response(self.status)
        self.end_headers()

    def log_message(self, *_arguments: Any) -> None:
        pass


@pytest.fixture
def hook() -> Iterator[HTTPServer]:
    server = HTTPServer(("127.0.0.1", 0), Hook)
    server.requests = []  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


def test_the_webhook_is_signed(desk: Desk, hook: Any) -> None:
    secret = "whsec_" + b64encode(b"a shared secret of some length").decode()
    url = f"http://127.0.0.1:{hook.server_port}/hook"
    WebhookReceiver(url, secret, desk.clock).send(EVENT)
    [(headers, body)] = hook.requests
    assert json.loads(body) == EVENT
    assert headers["webhook-id"] == EVENT["id"]
    assert int(headers["webhook-timestamp"]) == int(desk.clock.now().timestamp())
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    expected = hmac.new(b64decode(secret.removeprefix("whsec_")), signed, hashlib.sha256).digest()
    assert headers["webhook-signature"] == "v1," + b64encode(expected).decode()


@pytest.mark.parametrize("status", [302, 400, 500])
def test_a_webhook_that_refuses_gets_it_again_later(
    desk: Desk, hook: Any, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    monkeypatch.setattr(Hook, "status", status)
    url = f"http://127.0.0.1:{hook.server_port}/hook?token=secret-in-the-address"
    with pytest.raises(DeliveryError, match=f"/hook answered {status}") as refused:
        WebhookReceiver(url, "shared", desk.clock).send(EVENT)
    assert "secret-in-the-address" not in str(refused.value)


def test_a_queue_gets_the_event_as_its_body(s3_server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_SQS", s3_server)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "storage")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    sqs = boto3.client("sqs", region_name="us-east-1")
    for name, attributes in (("finished", {}), ("finished.fifo", {"FifoQueue": "true"})):
        queue = sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
        for _ in range(2):
            SqsReceiver(queue, "us-east-1").send(EVENT)
        messages = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10)["Messages"]
        assert [json.loads(message["Body"]) for message in messages] == [EVENT] * (1 if attributes else 2)
    with pytest.raises(DeliveryError, match="missing"):
        SqsReceiver(queue.replace("finished", "missing"), "us-east-1").send(EVENT)
