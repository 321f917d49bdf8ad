"""A2IHumanLoopEventTrigger: one event for each human loop that ended, and messages deleted only after that."""

from __future__ import annotations

import asyncio
import importlib
import json
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from airflow.sdk import Asset, AssetWatcher
from support import ACCOUNT_ID, REGION, STORAGE_KEYS

from a2i.events import EventError, parse_event
from a2i.triggers import human_loop_event
from a2i.triggers.human_loop_event import A2IHumanLoopEventTrigger
from review_desk.engine.arns import Scope
from review_desk.engine.events import status_change_event

FLOW = f"arn:aws:sagemaker:{REGION}:{ACCOUNT_ID}:flow-definition"


@pytest.fixture
def sqs(s3_server: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    connection = {
        "conn_type": "aws",
        "login": STORAGE_KEYS["AWS_ACCESS_KEY_ID"],
        "password": STORAGE_KEYS["AWS_SECRET_ACCESS_KEY"],
        "extra": {
            "region_name": REGION,
            # Long polls are half as long as the client would wait for an answer.
            "config_kwargs": {"read_timeout": 2},
            "service_config": {"sqs": {"endpoint_url": s3_server}},
        },
    }
    monkeypatch.setenv("AIRFLOW_CONN_AWS_DEFAULT", json.dumps(connection))
    monkeypatch.setattr(human_loop_event, "_HANDOVER_SECONDS", 0.01)
    return boto3.client(
        "sqs",
        endpoint_url=s3_server,
        region_name=REGION,
        aws_access_key_id=STORAGE_KEYS["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=STORAGE_KEYS["AWS_SECRET_ACCESS_KEY"],
    )


@pytest.fixture
def queue(sqs: Any, request: pytest.FixtureRequest) -> Iterator[str]:
    url = sqs.create_queue(QueueName=f"events-{abs(hash(request.node.name))}")["QueueUrl"]
    yield url
    sqs.delete_queue(QueueUrl=url)


def ended(name: str, flow: str = "forms", status: str = "Completed", **changes: Any) -> str:
    event = status_change_event(
        event_id=f"event-of-{name}",
        scope=Scope(ACCOUNT_ID, REGION),
        time=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
        loop_name=name,
        flow_definition_name=flow,
        status=status,
        failure_code=None,
        failure_reason=None,
        created_at=datetime(2026, 1, 2, tzinfo=UTC),
        output_uri=f"s3://answers/{name}/output.json",
    )
    return json.dumps({**event, **changes})


def send(sqs: Any, queue: str, *bodies: str) -> None:
    for body in bodies:
        sqs.send_message(QueueUrl=queue, MessageBody=body)


def left(sqs: Any, queue: str) -> int:
    """Messages that are not deleted, seen or unseen."""
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    attributes = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=names)["Attributes"]
    return sum(int(attributes[name]) for name in names)


async def until(condition: Any) -> None:
    async with asyncio.timeout(20):
        while not await asyncio.to_thread(condition):  # noqa: ASYNC110
            await asyncio.sleep(0.05)


async def fired(events: AsyncIterator[Any], count: int) -> list[dict[str, Any]]:
    async with asyncio.timeout(20):
        return [(await anext(events)).payload for _ in range(count)]


class Triggerer:
    """Runs triggers on a shared stream as the triggerer does, and confirms events when it is told to."""

    def __init__(self) -> None:
        shared_stream = pytest.importorskip(
            "airflow.triggers.shared_stream", reason="this Airflow has no shared streams: from 3.3 on"
        )
        self.streams = shared_stream.SharedStreamManager()
        self.events: list[tuple[int, dict[str, Any]]] = []
        self._unconfirmed: list[int] = []
        self._tasks: list[asyncio.Task[None]] = []

    def run(self, trigger_id: int, trigger: A2IHumanLoopEventTrigger) -> None:
        self._tasks.append(asyncio.create_task(self._run(trigger_id, trigger)))

    async def _run(self, trigger_id: int, trigger: A2IHumanLoopEventTrigger) -> None:
        key = trigger.shared_stream_key()
        stream = self.streams.subscribe(trigger_id=trigger_id, trigger=trigger, key=key)
        async for event in trigger.filter_shared_stream(stream):
            self.events.append((trigger_id, event.payload))
            if (seq := self.streams.bind_pending_event(trigger_id=trigger_id, key=key)) is not None:
                self._unconfirmed.append(seq)

    def confirm(self) -> None:
        self.streams.confirm_persisted(self._unconfirmed)
        self._unconfirmed.clear()

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.streams.stop_all()


async def test_an_event_for_each_loop_and_the_message_is_deleted_after_it(sqs: Any, queue: str) -> None:
    send(sqs, queue, ended("one"), ended("two", status="Failed"))
    events = A2IHumanLoopEventTrigger(sqs_queue_url=queue).run()
    payloads = await fired(events, 1)
    assert left(sqs, queue) == 2
    following = asyncio.create_task(anext(events))
    await asyncio.sleep(0)
    payloads.append((await following).payload)
    following = asyncio.create_task(anext(events))
    await until(lambda: left(sqs, queue) == 0)
    following.cancel()
    assert sorted(payload["human_loop_name"] for payload in payloads) == ["one", "two"]
    one = next(payload for payload in payloads if payload["human_loop_name"] == "one")
    assert one == {
        "event_id": "event-of-one",
        "time": "2026-01-02T03:04:05Z",
        "human_loop_name": "one",
        "flow_definition_arn": f"{FLOW}/forms",
        "status": "Completed",
        "output_uri": "s3://answers/one/output.json",
        "failure_code": None,
        "failure_reason": None,
    }


async def test_foreign_and_malformed_messages_stay(
    sqs: Any, queue: str, capsys: pytest.CaptureFixture[str]
) -> None:
    odd = ["no json", "[]", ended("odd", detail={}), ended("odd", **{"detail-type": "Other"})]
    send(sqs, queue, *odd, ended("other", "letters"), ended("mine"))
    events = A2IHumanLoopEventTrigger(sqs_queue_url=queue, flow_definition_arn=f"{FLOW}/forms").run()
    [payload] = await fired(events, 1)
    assert payload["human_loop_name"] == "mine"
    following = asyncio.create_task(anext(events))
    await until(lambda: left(sqs, queue) == len(odd) + 1)
    following.cancel()
    assert capsys.readouterr().out.count("is no event of a human loop and is left there") == len(odd)


async def test_a_message_is_deleted_when_its_event_is_stored(sqs: Any, queue: str) -> None:
    triggerer = Triggerer()
    triggerer.run(1, A2IHumanLoopEventTrigger(sqs_queue_url=queue))
    send(sqs, queue, ended("one"))
    await until(lambda: triggerer.events)
    # Taken by the trigger, but nobody has said yet that the database has it.
    await asyncio.sleep(0.5)
    assert left(sqs, queue) == 1
    triggerer.confirm()
    await until(lambda: left(sqs, queue) == 0)
    await triggerer.stop()


async def test_watchers_of_a_queue_share_its_messages(sqs: Any, queue: str) -> None:
    """Each gets its own events; what none of them wants stays."""
    triggerer = Triggerer()
    for number, flow in enumerate(["forms", "letters"]):
        triggerer.run(
            number, A2IHumanLoopEventTrigger(sqs_queue_url=queue, flow_definition_arn=f"{FLOW}/{flow}")
        )
    await asyncio.sleep(0)
    send(sqs, queue, ended("a", "forms"), ended("b", "letters"), ended("c", "other"), ended("d", "forms"))
    await until(lambda: len(triggerer.events) == 3)
    named = sorted((number, payload["human_loop_name"]) for number, payload in triggerer.events)
    assert named == [(0, "a"), (0, "d"), (1, "b")]
    await until(lambda: triggerer.confirm() or left(sqs, queue) == 1)
    await triggerer.stop()


async def test_a_queue_that_is_away_is_waited_for(
    sqs: Any, queue: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(human_loop_event, "pause", lambda *arguments: 0.1)
    events = A2IHumanLoopEventTrigger(sqs_queue_url=f"{queue}-later").run()
    following = asyncio.create_task(anext(events))
    await asyncio.sleep(0.5)
    assert not following.done()
    later = sqs.create_queue(QueueName=f"{queue.rpartition('/')[2]}-later")["QueueUrl"]
    send(sqs, later, ended("one"))
    async with asyncio.timeout(20):
        assert (await following).payload["human_loop_name"] == "one"
    assert capsys.readouterr().out.count("No events from the queue") == 1


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("{", "not JSON"),
        ("[]", "detail-type is not"),
        (ended("x", detail=None), "detail.humanLoopName is missing"),
        (ended("x", status="InProgress"), "detail.humanLoopStatus is not one of Completed, Failed, Stopped"),
    ],
)
def test_what_is_no_event_says_why(body: str, why: str) -> None:
    with pytest.raises(EventError, match=why):
        parse_event(body)


def test_an_asset_can_be_watched_and_the_trigger_made_again_from_what_is_stored(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(human_loop_event, "SHARED_STREAMS", True)
    trigger = A2IHumanLoopEventTrigger(
        sqs_queue_url="https://queue", aws_conn_id="aws_other", region_name="eu-west-1", verify=False
    )
    AssetWatcher(name="w", trigger=trigger)
    assert Asset("a", watchers=[AssetWatcher(name="w", trigger=trigger)]).watchers
    path, arguments = trigger.serialize()
    module, name = path.rsplit(".", 1)
    again = getattr(importlib.import_module(module), name)(**json.loads(json.dumps(arguments)))
    assert again.serialize() == (path, arguments)
    assert again.shared_stream_key() == trigger.shared_stream_key()
    other = A2IHumanLoopEventTrigger(sqs_queue_url="https://queue")
    assert other.shared_stream_key() != trigger.shared_stream_key()


def test_without_confirmations_the_trigger_runs_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(human_loop_event, "SHARED_STREAMS", False)
    assert A2IHumanLoopEventTrigger(sqs_queue_url="https://queue").shared_stream_key() is None
