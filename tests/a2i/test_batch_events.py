"""Events from a queue make a wait short; lost, doubled, late, foreign and broken ones do it no harm."""

from __future__ import annotations

import asyncio
import json
import shutil
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from a2i_support import FaultProxy, task_context
from batch_support import TEMPLATE, after_looks, answer, deferred, fire, sensor, start
from hypothesis import given
from hypothesis import strategies as st
from support import REGION, STORAGE_KEYS, Portal, ReviewDesk, wait_until

from a2i.batch import events
from a2i.batch.events import EventQueue, parse_row
from a2i.batch.ledger import EndedRow, Ledger
from a2i.batch.storage import ObjectStore, open_store
from a2i.events import DETAIL_TYPE, EventError
from a2i.hooks.s3 import A2IS3Hook
from a2i.hooks.sqs import A2ISqsHook
from a2i.naming import human_loop_name, human_loop_prefix
from review_desk.engine.arns import Scope
from review_desk.engine.events import status_change_event

BATCH_ID = "0123456789abcdef01234567"
PREFIX = human_loop_prefix(BATCH_ID)


@pytest.fixture(scope="module")
def flow(review_desk_server: ReviewDesk) -> str:
    return review_desk_server.create_flow_definition("events", TEMPLATE)


@pytest.fixture(scope="module")
def portal(review_desk_server: ReviewDesk) -> Portal:
    return review_desk_server.portal()


@pytest.fixture(scope="module")
def sqs(s3_server: str) -> Any:
    return boto3.client(
        "sqs",
        endpoint_url=s3_server,
        region_name=REGION,
        aws_access_key_id=STORAGE_KEYS["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=STORAGE_KEYS["AWS_SECRET_ACCESS_KEY"],
    )


@pytest.fixture
def queue(sqs: Any) -> str:
    return str(sqs.create_queue(QueueName=f"ended-{uuid.uuid4().hex}")["QueueUrl"])


def event(name: str, status: str = "Completed", **other: Any) -> dict[str, Any]:
    values = {"failure_code": None, "failure_reason": None, "output_uri": f"s3://answers/{name}/output.json"}
    return status_change_event(
        event_id=str(uuid.uuid4()),
        scope=Scope(REGION, "000000000000"),
        time=datetime.now(UTC),
        loop_name=name,
        flow_definition_name="events",
        status=status,
        created_at=datetime.now(UTC),
        **{**values, **other},
    )


def send(sqs: Any, queue: str, *bodies: Any) -> None:
    for body in bodies:
        sqs.send_message(QueueUrl=queue, MessageBody=body if isinstance(body, str) else json.dumps(body))


def depth(sqs: Any, queue: str) -> tuple[int, int]:
    """Messages that are shown, and messages that somebody has taken."""
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    attributes = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=names)["Attributes"]
    return int(attributes[names[0]]), int(attributes[names[1]])


def ended_rows(batch: dict[str, Any]) -> list[list[EndedRow]]:
    async def read() -> list[list[EndedRow]]:
        async with open_store(A2IS3Hook()) as store:
            return [rows async for rows in Ledger(store, batch["ledger_uri"]).read_ended()]

    return asyncio.run(read())


class Listener:
    """An EventQueue on a queue of moto, with what it wrote."""

    def __init__(self, client: Any, queue: str, log: Any) -> None:
        self.written: list[list[EndedRow]] = []
        self.queue = EventQueue(client, queue, PREFIX, self._write, log)

    async def _write(self, rows: Any) -> None:
        self.written.append(list(rows))


class TestReading:
    def test_an_event_of_review_desk(self) -> None:
        name = human_loop_name(BATCH_ID, "a")
        body = json.dumps(
            event(name, "Failed", failure_code="Expired", failure_reason="late", output_uri=None)
        )
        assert parse_row(body, PREFIX) == EndedRow(name, "Failed", None, "Expired", "late")

    def test_the_event_that_amazon_documents(self) -> None:
        name = human_loop_name(BATCH_ID, "a")
        uri = "s3://bucket/flow/2019/11/14/17/37/36/loop/output.json"
        detail = {
            "creationTime": "2019-11-14T17:37:36.740Z",
            "failureCode": None,
            "failureReason": None,
            "flowDefinitionArn": "arn:aws:sagemaker:us-east-1:111111111111:flow-definition/flow",
            "humanLoopArn": f"arn:aws:sagemaker:us-east-1:111111111111:human-loop/{name}",
            "humanLoopName": name,
            "humanLoopOutput": {"outputS3Uri": uri},
            "humanLoopStatus": "Completed",
        }
        body = {"version": "0", "detail-type": "SageMaker A2I HumanLoop Status Change", "detail": detail}
        assert parse_row(json.dumps(body), PREFIX) == EndedRow(name, "Completed", uri)

    def test_another_batch_is_none_of_ours(self) -> None:
        assert parse_row(json.dumps(event(human_loop_name("f" * 24, "a"))), PREFIX) is None

    @pytest.mark.parametrize(
        ("body", "why"),
        [
            ("no json", "not JSON"),
            ("[]", "detail-type"),
            ('{"detail-type": "Human Task Created"}', "detail-type"),
            (json.dumps({"detail-type": DETAIL_TYPE}), "humanLoopName is missing"),
            (json.dumps({"detail-type": DETAIL_TYPE, "detail": {"humanLoopName": 7}}), "is missing"),
            (json.dumps(event(human_loop_name(BATCH_ID, "a"), "InProgress")), "humanLoopStatus"),
            (json.dumps(event(f"{PREFIX}../../etc")), "is no name that this library gives"),
        ],
    )
    def test_what_is_no_event_is_said(self, body: str, why: str) -> None:
        with pytest.raises(EventError, match=why):
            parse_row(body, PREFIX)

    @given(
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.text(max_size=5),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(
                    st.sampled_from(
                        ["detail-type", "detail", "humanLoopName", "humanLoopStatus", "humanLoopOutput"]
                    ),
                    inner | st.sampled_from([DETAIL_TYPE, f"{PREFIX}{'a' * 32}", "Completed"]),
                    max_size=5,
                )
            ),
        )
    )
    def test_nothing_breaks_the_reader(self, value: Any) -> None:
        try:
            row = parse_row(json.dumps(value), PREFIX)
        except EventError:
            return
        assert row is None or row.human_loop_name.startswith(PREFIX)


@pytest.mark.usefixtures("aws")
class TestQueue:
    async def listen(
        self, queue: str, log: Any, seconds: float = 0.1, times: int = 1
    ) -> tuple[Listener, set[str]]:
        names: set[str] = set()
        async with await A2ISqsHook().get_async_conn() as client:
            listener = Listener(client, queue, log)
            for _ in range(times):
                names |= await listener.queue.receive(seconds) or set()
            await listener.queue.settle()
        return listener, names

    async def test_ours_are_taken_and_others_given_back(
        self, sqs: Any, queue: str, silent_log: Any, caplog: pytest.LogCaptureFixture
    ) -> None:
        mine, yours = human_loop_name(BATCH_ID, "a"), human_loop_name("f" * 24, "a")
        doubled = event(mine)
        send(sqs, queue, doubled, event(yours), "rubbish", doubled, "more rubbish")
        listener, names = await self.listen(queue, silent_log)
        assert names == {mine}
        assert [[row.human_loop_name for row in rows] for rows in listener.written] == [[mine]]
        assert sum(depth(sqs, queue)) == 3
        text = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
        assert len(text) == 1
        assert "is left there: not JSON" in text[0]
        assert "rubbish" not in text[0]
        # Soon they are shown to the others again.
        wait_until(lambda: depth(sqs, queue) == (3, 0))

    async def test_killed_between_the_ledger_and_the_deletion(
        self, sqs: Any, queue: str, silent_log: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(events, "_HIDDEN_SECONDS", 1)
        names = {human_loop_name(BATCH_ID, text) for text in "abc"}
        send(sqs, queue, *(event(name) for name in names))

        async def killed(**_: Any) -> None:
            raise asyncio.CancelledError

        async with await A2ISqsHook().get_async_conn() as client:
            first = Listener(client, queue, silent_log)
            assert await first.queue.receive(0.1) == names
            monkeypatch.setattr(client, "delete_message_batch", killed)
            with pytest.raises(asyncio.CancelledError):
                await first.queue.flush()
        wait_until(lambda: depth(sqs, queue)[0] == 3)
        second, again = await self.listen(queue, silent_log)
        assert again == names
        assert sorted(map(str, second.written[0])) == sorted(map(str, first.written[0]))
        assert depth(sqs, queue) == (0, 0)

    async def test_nothing_is_deleted_that_is_not_in_the_ledger(
        self, sqs: Any, queue: str, silent_log: Any, caplog: pytest.LogCaptureFixture
    ) -> None:
        send(sqs, queue, event(human_loop_name(BATCH_ID, "a")))

        async def refuse(rows: Any) -> None:
            raise ConnectionError("S3 is away")

        async with await A2ISqsHook().get_async_conn() as client:
            listening = EventQueue(client, queue, PREFIX, refuse, silent_log)
            assert await listening.receive(0.1) is not None
            await listening.settle()
        assert sum(depth(sqs, queue)) == 1
        assert "S3 is away" in caplog.text

    async def test_many_messages_are_few_parts(self, sqs: Any, queue: str, silent_log: Any) -> None:
        send(sqs, queue, *(event(human_loop_name(BATCH_ID, str(number))) for number in range(25)))
        listener, names = await self.listen(queue, silent_log, times=4)
        assert len(names) == 25
        assert [len(rows) for rows in listener.written] == [25]
        assert depth(sqs, queue) == (0, 0)

    async def test_a_queue_that_is_not_there_is_warned_of_once(
        self, queue: str, silent_log: Any, caplog: pytest.LogCaptureFixture
    ) -> None:
        async with await A2ISqsHook().get_async_conn() as client:
            listener = Listener(client, f"{queue}-gone", silent_log)
            assert [await listener.queue.receive(0.1) for _ in range(3)] == [None] * 3
        warnings = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
        assert len(warnings) == 1
        assert "cannot be used: ReceiveMessage failed" in warnings[0]

    async def test_others_messages_come_back_later_and_later(self) -> None:
        def given(received: int) -> int:
            return events._given_back_seconds({"Attributes": {"ApproximateReceiveCount": str(received)}})

        assert [given(received) for received in (1, 2, 5, 6, 1000)] == [2, 4, 32, 60, 60]


def by_day(batch: dict[str, Any], queue: str, **arguments: Any) -> Any:
    """A sensor that would look once in ten minutes only."""
    return sensor(batch, **{"poke_interval": 600, "timeout": 300, "sqs_queue_url": queue, **arguments})


def test_the_last_event_ends_the_wait_long_before_the_next_look(
    aws: FaultProxy, flow: str, portal: Portal, sqs: Any, queue: str
) -> None:
    batch = start(flow, "a", "b")
    waiting = by_day(batch, queue, deferrable=True)
    deferral = deferred(waiting)

    def people() -> None:
        for text in ("a", "b"):
            answer(portal, batch, text)
            send(sqs, queue, event(human_loop_name(batch["batch_id"], text)))

    thread = after_looks(aws, 1, people)
    outcome = fire(deferral.trigger)
    thread.join()
    # The poke_interval is beyond the timeout: without the events this would be a timeout.
    assert outcome["status"] == "success"
    assert waiting.execute_complete(task_context(), outcome)["completed"] == 2
    rows = {row.human_loop_name: row for part in ended_rows(batch) for row in part}
    assert set(rows) == {human_loop_name(batch["batch_id"], text) for text in ("a", "b")}
    assert {row.status for row in rows.values()} == {"Completed"}
    assert depth(sqs, queue) == (0, 0)


def test_the_sync_way_listens_too(aws: FaultProxy, flow: str, portal: Portal, sqs: Any, queue: str) -> None:
    batch = start(flow, "a")

    def people() -> None:
        answer(portal, batch, "a")
        send(sqs, queue, event(human_loop_name(batch["batch_id"], "a")))

    thread = after_looks(aws, 1, people)
    assert by_day(batch, queue).execute(task_context())["completed"] == 1
    thread.join()


def test_an_event_that_says_too_much_ends_nothing(
    aws: FaultProxy, flow: str, portal: Portal, sqs: Any, queue: str
) -> None:
    batch = start(flow, "a")
    send(sqs, queue, event(human_loop_name(batch["batch_id"], "a")))
    trigger = deferred(by_day(batch, queue, deferrable=True)).trigger
    # A list may lag behind the events, so that it is looked at again: after 1 s, 2 s, 4 s …, in no tight loop.
    thread = after_looks(aws, 3, lambda: answer(portal, batch, "a"))
    began = time.monotonic()
    assert fire(trigger)["counts"] == {"Completed": 1}
    thread.join()
    looks = aws.count("GET", "/human-loops?")
    assert looks >= 4
    assert time.monotonic() - began >= 2 ** (looks - 1) - 1


def test_lost_events_are_what_looks_are_for(aws: FaultProxy, flow: str, portal: Portal, queue: str) -> None:
    batch = start(flow, "a", "b")
    thread = after_looks(aws, 2, lambda: answer(portal, batch, "a", "b"))
    waiting = sensor(batch, deferrable=True, sqs_queue_url=queue)
    assert fire(deferred(waiting).trigger)["counts"] == {"Completed": 2}
    thread.join()


def test_without_the_queue_the_looks_go_on(
    aws: FaultProxy, flow: str, portal: Portal, queue: str, capsys: pytest.CaptureFixture[str]
) -> None:
    batch = start(flow, "a")
    thread = after_looks(aws, 2, lambda: answer(portal, batch, "a"))
    waiting = sensor(batch, deferrable=True, sqs_queue_url=f"{queue}-gone")
    assert fire(deferred(waiting).trigger)["status"] == "success"
    thread.join()
    assert capsys.readouterr().out.count("cannot be used") == 1


def test_two_triggers_on_one_batch_and_one_queue(
    aws: FaultProxy, flow: str, portal: Portal, sqs: Any, queue: str
) -> None:
    texts = [str(number) for number in range(12)]
    batch = start(flow, *texts)
    trigger = deferred(sensor(batch, deferrable=True, sqs_queue_url=queue)).trigger
    arguments = trigger.serialize()[1]

    async def both() -> list[Any]:
        return await asyncio.gather(*(anext(type(trigger)(**arguments).run()) for _ in range(2)))

    def people() -> None:
        for text in texts:
            answer(portal, batch, text)
            send(sqs, queue, *[event(human_loop_name(batch["batch_id"], text))] * 2)

    thread = after_looks(aws, 1, people)
    outcomes = [outcome.payload for outcome in asyncio.run(both())]
    thread.join()
    assert [outcome["counts"] for outcome in outcomes] == [{"Completed": 12}] * 2
    names = {row.human_loop_name for part in ended_rows(batch) for row in part}
    assert names <= {human_loop_name(batch["batch_id"], text) for text in texts}
    assert names


def test_a_trigger_that_is_killed_with_an_event_in_its_hands(
    aws: FaultProxy, flow: str, portal: Portal, sqs: Any, queue: str
) -> None:
    batch = start(flow, "a", "b")
    answer(portal, batch, "a")
    send(sqs, queue, event(human_loop_name(batch["batch_id"], "a")))
    trigger = deferred(by_day(batch, queue, deferrable=True)).trigger

    async def killed() -> None:
        waiting = asyncio.ensure_future(anext(trigger.run()))
        await asyncio.to_thread(wait_until, lambda: depth(sqs, queue) == (0, 1))
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting

    asyncio.run(killed())
    # The event is not lost: it comes back, and nothing of it is in the ledger.
    assert depth(sqs, queue) == (0, 1)
    assert ended_rows(batch) == []
    answer(portal, batch, "b")
    again = type(trigger)(**trigger.serialize()[1])
    assert fire(again)["counts"] == {"Completed": 2}


def test_the_ledger_has_one_part_for_the_same_rows(aws: FaultProxy, s3: Any) -> None:
    rows = [
        EndedRow("a", "Completed", "s3://answers/a"),
        EndedRow("b", "Failed", None, "Expired", "späte Antwort"),
    ]
    uri = f"s3://answers/ledgers/{uuid.uuid4()}"

    async def write() -> None:
        async with open_store(A2IS3Hook()) as store:
            assert isinstance(store, ObjectStore)
            for order in (rows, rows[::-1]):
                await Ledger(store, uri).write_ended(order)

    asyncio.run(write())
    assert ended_rows({"ledger_uri": uri}) == [rows]
    listed = s3.list_objects_v2(Bucket="answers", Prefix=uri.removeprefix("s3://answers/"))["Contents"]
    assert [entry["Key"].split("/")[-2] for entry in listed] == ["ended"]


@pytest.fixture
def telling_desk(
    tmp_path_factory: pytest.TempPathFactory,
    prepared_review_desk: ReviewDesk,
    s3_server: str,
    s3: Any,
    queue: str,
) -> Iterator[ReviewDesk]:
    """A Review Desk that sends its events to the queue."""
    directory = tmp_path_factory.mktemp("telling_desk")
    shutil.copytree(prepared_review_desk.directory, directory, dirs_exist_ok=True)
    desk = ReviewDesk(directory, s3_server, access_key=prepared_review_desk.access_key)
    desk.settings = {"REVIEW_DESK_EVENT_SQS_QUEUE_URL": queue, "AWS_ENDPOINT_URL_SQS": s3_server}
    desk.start()
    yield desk
    desk.stop()


def test_review_desk_s_own_events_end_the_wait(
    aws: FaultProxy, telling_desk: ReviewDesk, queue: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(aws, "target", telling_desk.url)
    batch = start(telling_desk.create_flow_definition("telling", TEMPLATE), "a", "b")
    waiting = by_day(batch, queue, deferrable=True)
    deferral = deferred(waiting)
    portal = telling_desk.portal()
    thread = after_looks(aws, 1, lambda: answer(portal, batch, "a", "b"))
    outcome = fire(deferral.trigger)
    thread.join()
    assert waiting.execute_complete(task_context(), outcome)["completed"] == 2
    uris = {row.output_uri for part in ended_rows(batch) for row in part}
    assert len(uris) == 2
    assert all(uri is not None and uri.endswith("/output.json") for uri in uris)
