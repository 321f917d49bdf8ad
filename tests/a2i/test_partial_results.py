"""Answers so far and counts can be read while the batch is waited for."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from a2i_support import FaultProxy, task_context
from batch_support import TEMPLATE, answer, deferred, sensor, start
from support import Portal, ReviewDesk, wait_until

from a2i.batch.descriptor import HumanLoopBatch
from a2i.batch.partial import PartialResults
from a2i.batch.storage import open_store
from a2i.batch.watch import Progress
from a2i.hooks.a2i import A2IHook
from a2i.hooks.s3 import A2IS3Hook
from a2i.naming import human_loop_name
from a2i.operators.human_loop_batch import A2ICollectHumanLoopBatchOperator


@pytest.fixture(scope="module")
def flow(review_desk_server: ReviewDesk) -> str:
    return review_desk_server.create_flow_definition("partial", TEMPLATE)


@pytest.fixture(scope="module")
def portal(review_desk_server: ReviewDesk) -> Portal:
    return review_desk_server.portal()


def read(s3: Any, batch: dict[str, Any], name: str) -> bytes:
    bucket, key = f"{batch['ledger_uri']}/{name}".removeprefix("s3://").split("/", 1)
    try:
        return bytes(s3.get_object(Bucket=bucket, Key=key)["Body"].read())
    except s3.exceptions.NoSuchKey:
        return b""


def rows(s3: Any, batch: dict[str, Any], name: str = "partial.jsonl") -> dict[str, dict[str, Any]]:
    lines = [json.loads(line) for line in read(s3, batch, name).splitlines()]
    assert len({row["item_id"] for row in lines}) == len(lines)
    return {row["item_id"]: row for row in lines}


def write(batch: dict[str, Any], *runs: list[str], log: Any) -> None:
    """Write the ended loops, on one writer, as often as lists are given."""

    async def all_runs() -> None:
        async with await A2IHook().get_async_conn() as client:
            results = PartialResults(
                client, lambda: open_store(A2IS3Hook()), HumanLoopBatch.from_value(batch), 60, log
            )
            for ended in runs:
                for text in ended:
                    results.note_ended(human_loop_name(batch["batch_id"], text))
                await results.write(Progress({"Completed": len(ended), "InProgress": 1}, {}))

    asyncio.run(all_runs())


def test_they_can_be_read_while_people_are_at_it(
    aws: FaultProxy, s3: Any, flow: str, portal: Portal, review_desk_server: ReviewDesk
) -> None:
    batch = start(flow, "a", "stopped", "b", "open", more=[{"id": "bad"}])
    answer(portal, batch, "a")
    review_desk_server.client("sagemaker-a2i-runtime").stop_human_loop(
        HumanLoopName=human_loop_name(batch["batch_id"], "stopped")
    )
    trigger = deferred(sensor(batch, deferrable=True, partial_results=0.1)).trigger

    async def people() -> None:
        waiting = asyncio.ensure_future(anext(trigger.run()))
        await asyncio.to_thread(wait_until, lambda: set(rows(s3, batch)) == {"a", "stopped"})
        await asyncio.to_thread(answer, portal, batch, "b")
        await asyncio.to_thread(wait_until, lambda: set(rows(s3, batch)) == {"a", "b", "stopped"})
        await asyncio.to_thread(
            wait_until, lambda: json.loads(read(s3, batch, "progress.json"))["counts"].get("Completed") == 2
        )
        assert not waiting.done()
        waiting.cancel()

    asyncio.run(people())
    progress = json.loads(read(s3, batch, "progress.json"))
    assert {name: progress[name] for name in ("items", "not_started", "ended", "open")} == {
        "items": 5,
        "not_started": 1,
        "ended": 3,
        "open": 1,
    }
    assert progress["ended_per_hour"] > 0
    A2ICollectHumanLoopBatchOperator(task_id="collect", batch=batch).execute(task_context())
    collected = rows(s3, batch, "results.jsonl")
    assert rows(s3, batch) == {item: collected[item] for item in ("a", "stopped", "b")}


def test_a_write_fetches_only_what_is_new(
    aws: FaultProxy, s3: Any, flow: str, portal: Portal, silent_log: Any
) -> None:
    batch = start(flow, "a", "b", "c")
    answer(portal, batch, "a", "b", "c")
    aws.requests.clear()
    write(batch, ["a"], ["a"], ["a", "b"], log=silent_log)
    assert aws.count("GET", "/human-loops/") == 2
    # Another trigger goes on where the first one was killed.
    write(batch, ["a", "b", "c"], log=silent_log)
    assert aws.count("GET", "/human-loops/") == 3
    assert set(rows(s3, batch)) == {"a", "b", "c"}


def test_a_loop_that_ends_during_a_write_is_in_the_next_one(
    aws: FaultProxy, s3: Any, flow: str, portal: Portal, silent_log: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = start(flow, "a", "b")
    answer(portal, batch, "a", "b")

    async def two_writes() -> None:
        async with await A2IHook().get_async_conn() as client:
            results = PartialResults(
                client, lambda: open_store(A2IS3Hook()), HumanLoopBatch.from_value(batch), 60, silent_log
            )
            describe = client.describe_human_loop

            async def describe_while_another_ends(**request: Any) -> Any:
                results.note_ended(human_loop_name(batch["batch_id"], "b"))
                return await describe(**request)

            monkeypatch.setattr(client, "describe_human_loop", describe_while_another_ends)
            results.note_ended(human_loop_name(batch["batch_id"], "a"))
            for known in ({"a"}, {"a", "b"}):
                await results.write(Progress({"Completed": 2}, {}))
                assert set(rows(s3, batch)) == known

    asyncio.run(two_writes())


def test_what_another_writer_has_overwritten_is_made_good(
    aws: FaultProxy, s3: Any, flow: str, portal: Portal, silent_log: Any
) -> None:
    batch = start(flow, "a", "b", "c")
    answer(portal, batch, "a", "b", "c")
    write(batch, ["a", "b"], log=silent_log)
    whole = read(s3, batch, "partial.jsonl")
    bucket, key = f"{batch['ledger_uri']}/partial.jsonl".removeprefix("s3://").split("/", 1)
    s3.put_object(Bucket=bucket, Key=key, Body=whole.splitlines()[0] + b"\n")
    write(batch, ["a", "b", "c"], log=silent_log)
    assert set(rows(s3, batch)) == {"a", "b", "c"}


def test_what_goes_wrong_is_said_and_ends_nothing(
    aws: FaultProxy, s3: Any, flow: str, portal: Portal, capsys: pytest.CaptureFixture[str]
) -> None:
    batch = start(flow, "a")
    answer(portal, batch, "a")
    aws.faults = lambda method, path: (
        (400, "ValidationException", "no describe today") if path.startswith("/human-loops/") else None
    )
    waiting = sensor(batch, mode="reschedule", partial_results=60)
    assert waiting.poke(task_context()).xcom_value["completed"] == 1
    assert "could not be written: DescribeHumanLoop failed: no describe today" in capsys.readouterr().out
    assert not rows(s3, batch)


def test_off_by_default(aws: FaultProxy, s3: Any, flow: str, portal: Portal) -> None:
    batch = start(flow, "a")
    answer(portal, batch, "a")
    sensor(batch).execute(task_context())
    assert read(s3, batch, "partial.jsonl") == read(s3, batch, "progress.json") == b""
