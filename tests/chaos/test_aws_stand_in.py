"""The stand-in for S3 and SQS answers stock boto3 as moto does, and its faults are what they are called."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from aws_stand_in import Accepted, AwsStandIn, Fault, Journal
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from support import REGION, STORAGE_KEYS


@pytest.fixture
def journal() -> Journal:
    return Journal()


@pytest.fixture
def stand_in(journal: Journal) -> Iterator[AwsStandIn]:
    """A stand-in with the bucket ``answers`` and the queue ``events``, served in a thread."""
    made = AwsStandIn(journal, {"answers", "events"}, seed=1)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    asyncio.run_coroutine_threadsafe(made.start(), loop).result()
    yield made
    asyncio.run_coroutine_threadsafe(made.stop(), loop).result()
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


def client(service: str, url: str) -> Any:
    return boto3.client(
        service,
        endpoint_url=url,
        region_name=REGION,
        aws_access_key_id=STORAGE_KEYS["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=STORAGE_KEYS["AWS_SECRET_ACCESS_KEY"],
        config=Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}),
    )


def outcomes(url: str) -> list[Any]:
    """What stock boto3 makes of each call; identifiers that differ from call to call are left out."""
    s3, sqs = client("s3", url), client("sqs", url)
    queue = f"{url}/123456789012/events"
    calls: list[tuple[Callable[..., Any], dict[str, Any], str]] = [
        (s3.put_object, {"Bucket": "answers", "Key": "a/ü b.json", "Body": b"{}"}, "ETag"),
        (s3.put_object, {"Bucket": "missing", "Key": "a.json", "Body": b"{}"}, "ETag"),
        (s3.head_bucket, {"Bucket": "answers"}, "AccessPointAlias"),
        (s3.head_bucket, {"Bucket": "missing"}, "AccessPointAlias"),
        (sqs.send_message, {"QueueUrl": queue, "MessageBody": "ä"}, "MD5OfMessageBody"),
        (sqs.send_message, {"QueueUrl": queue + "-missing", "MessageBody": "b"}, "MD5OfMessageBody"),
    ]
    found = []
    for call, parameters, compared in calls:
        try:
            found.append(call(**parameters).get(compared))
        except ClientError as error:
            found.append(
                (error.response["Error"]["Code"], error.response["ResponseMetadata"]["HTTPStatusCode"])
            )
    return found


def test_it_answers_as_moto_does(stand_in: AwsStandIn, s3: Any, s3_server: str) -> None:
    client("sqs", s3_server).create_queue(QueueName="events")
    assert outcomes(stand_in.url) == outcomes(s3_server)


def test_the_journal_keeps_what_was_taken_in_order(stand_in: AwsStandIn, journal: Journal) -> None:
    outcomes(stand_in.url)
    assert journal.entries == [Accepted("s3://answers/a/ü b.json", b"{}"), Accepted("events", "ä".encode())]


def test_a_body_that_was_damaged_is_not_taken(stand_in: AwsStandIn, journal: Journal) -> None:
    with pytest.raises(ClientError, match="BadDigest"):
        client("s3", stand_in.url).put_object(
            Bucket="answers", Key="a.json", Body=b"{}", ChecksumCRC32="AAAAAA=="
        )
    assert journal.entries == []


@pytest.mark.parametrize("fault", Fault)
def test_faults_are_what_they_are_called(
    stand_in: AwsStandIn, journal: Journal, monkeypatch: pytest.MonkeyPatch, fault: Fault
) -> None:
    monkeypatch.setattr("aws_stand_in.FAULTS", (fault,))
    monkeypatch.setattr(stand_in, "_fault_rate", 1.0)
    put = {"Bucket": "answers", "Key": "a.json", "Body": b"{}"}
    if fault is Fault.SLOW:
        client("s3", stand_in.url).put_object(**put)
    else:
        with pytest.raises((BotoCoreError, ClientError)):
            client("s3", stand_in.url).put_object(**put)
    carried_out = fault in (Fault.SLOW, Fault.ANSWER_LOST, Fault.ANSWER_WRONG)
    assert len(journal.entries) == carried_out
