"""Storage in trouble for a while: every request is repeated, and what was mistyped is told soon all the same."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from a2i_support import FaultProxy, connection, task_context
from botocore.exceptions import ClientError, EndpointConnectionError
from fault_gate import FaultGate, Trouble
from start_support import TEMPLATE, items
from support import ReviewDesk

from a2i.batch import storage
from a2i.batch.storage import ObjectStore, Patience, open_store
from a2i.exceptions import A2IServiceError
from a2i.hooks.s3 import A2IS3Hook
from a2i.operators.human_loop_batch import A2ICollectHumanLoopBatchOperator, A2IStartHumanLoopBatchOperator

OUTAGE = (Trouble.ERROR, Trouble.RESET)


class EachOnce:
    """Trouble in turn for the first requests to each object, by method and path without the query."""

    def __init__(self, *troubles: Trouble) -> None:
        self._troubles = troubles
        self._seen: dict[tuple[str, str], int] = {}

    def __call__(self, method: str, path: str) -> Trouble | None:
        key = (method, path)
        number = self._seen.get(key, 0)
        self._seen[key] = number + 1
        return self._troubles[number] if number < len(self._troubles) else None


@pytest.fixture
def gate(
    aws: FaultProxy, review_desk_server: ReviewDesk, s3_server: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[FaultGate]:
    """A gate before the storage of ``aws_default``."""
    gate = FaultGate(s3_server, lambda method, path: None)
    monkeypatch.setattr(storage, "pause", lambda attempt: 0.0)
    with gate.serving():
        monkeypatch.setenv("AIRFLOW_CONN_AWS_DEFAULT", connection(review_desk_server, gate.url, aws.url))
        yield gate


@pytest.fixture
def folder(s3: Any) -> str:
    return f"s3://answers/{uuid.uuid4().hex}"


async def test_every_request_is_repeated(gate: FaultGate, folder: str) -> None:
    gate.trouble = EachOnce(*OUTAGE)
    lines = [f"line {number:06}".encode() for number in range(3)]
    async with open_store(A2IS3Hook(), outage_tolerance=60) as store:
        await store.put(f"{folder}/a", b"\n".join(lines))
        assert await store.get(f"{folder}/a") == b"\n".join(lines)
        assert [line async for line in store.lines(f"{folder}/a")] == lines
        async with store.writer(f"{folder}/small") as writer:
            await writer.write({"a": 1})
        content = b"x" * 9 * 1024 * 1024
        async with store.object_writer(f"{folder}/large", "text/plain") as large:
            await large.add(content)
        assert await store.get(f"{folder}/small") == b'{"a": 1}\n'
        assert await store.get(f"{folder}/large") == content
        assert await store.names(folder) == ["a", "large", "small"]
        await store.delete(f"{folder}/a")
        assert [uri async for uri in store.uris(f"{folder}/")] == [f"{folder}/large", f"{folder}/small"]
    # Put, get, head; put; begin, part and end of an upload; two gets, list, delete, list.
    assert gate.injected == dict.fromkeys(OUTAGE, 12)


class ForgetfulStore:
    """As much of a client as an upload needs; it forgets the upload at its end, and the answer to that is lost."""

    def __init__(self) -> None:
        self.ended = 0

    async def create_multipart_upload(self, **request: Any) -> dict[str, str]:
        return {"UploadId": "1"}

    async def upload_part(self, **request: Any) -> dict[str, str]:
        return {"ETag": "1"}

    async def complete_multipart_upload(self, **request: Any) -> None:
        self.ended += 1
        if self.ended == 1:
            raise passing_error()
        raise ClientError({"Error": {"Code": "NoSuchUpload", "Message": "?"}}, "CompleteMultipartUpload")


async def test_an_upload_of_which_nobody_knows_the_end_is_worth_a_retry() -> None:
    store = ObjectStore(ForgetfulStore(), "here", outage_tolerance=60)
    with pytest.raises(A2IServiceError, match=r"Whether s3://answers/large was written is not known"):
        async with store.object_writer("s3://answers/large", "text/plain") as large:
            await large.add(b"x" * 9 * 1024 * 1024)


def test_start_and_collect_ride_an_outage_out(
    gate: FaultGate, aws: FaultProxy, review_desk_server: ReviewDesk, folder: str, s3: Any
) -> None:
    """Also at their first request and at their last."""
    flow = review_desk_server.create_flow_definition(f"outage-{uuid.uuid4().hex[:8]}", TEMPLATE)
    troubles = iter([(500, "InternalServerException", "oops")])
    aws.faults = lambda method, path: next(troubles, None)
    gate.trouble = EachOnce(*OUTAGE)
    start = A2IStartHumanLoopBatchOperator(
        task_id="start", flow_definition_arn=flow, items=items(2), ledger_uri=folder
    )
    batch = start.execute(task_context())
    assert next(troubles, None) is None
    portal = review_desk_server.portal()
    for _ in range(2):
        portal.submit(portal.claim(flow_definition=flow).json(), {"category": "a"}).raise_for_status()
    collected = A2ICollectHumanLoopBatchOperator(task_id="collect", batch=batch).execute(task_context())
    bucket, key = collected["results_uri"].removeprefix("s3://").split("/", 1)
    rows = [json.loads(line) for line in s3.get_object(Bucket=bucket, Key=key)["Body"].read().splitlines()]
    assert [row["item_id"] for row in rows] == ["form-0000", "form-0001"]
    assert gate.injected[Trouble.ERROR] > 5


class Clock(SimpleNamespace):
    """A clock that goes on by a second whenever somebody looks at it."""

    now = 0.0

    def monotonic(self) -> float:
        self.now += 1
        return self.now


def passing_error() -> ClientError:
    response: Any = {
        "Error": {"Code": "SlowDown", "Message": "Slow down."},
        "ResponseMetadata": {"HTTPStatusCode": 503},
    }
    return ClientError(response, "PutObject")


@pytest.mark.parametrize(
    ("errors", "attempts"),
    [
        ([EndpointConnectionError(endpoint_url="http://nowhere")], 10),
        ([EndpointConnectionError(endpoint_url="http://nowhere"), passing_error()], 60),
    ],
)
async def test_only_a_service_that_answered_is_waited_for_long(
    errors: list[Exception], attempts: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage, "time", Clock())
    monkeypatch.setattr(storage, "pause", lambda attempt: 0.0)
    asked = 0

    async def request() -> None:
        nonlocal asked
        asked += 1
        raise errors[asked % len(errors)]

    with pytest.raises(type(errors[attempts % len(errors)])):
        await Patience(60)(request)
    assert asked == attempts


async def test_what_does_not_pass_is_not_repeated() -> None:
    asked = 0

    async def request() -> None:
        nonlocal asked
        asked += 1
        raise ValueError

    with pytest.raises(ValueError):
        await Patience(60)(request)
    assert asked == 1
