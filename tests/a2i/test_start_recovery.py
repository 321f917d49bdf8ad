"""A start that is killed, or whose ledger cannot be written: nothing is lost, nothing is started twice."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import uuid
from pathlib import Path
from typing import Any

import pytest
from a2i_support import FaultProxy, task_context
from botocore.exceptions import ClientError
from start_support import TEMPLATE, items, ledger, loops, operator, start
from support import ReviewDesk

import a2i
from a2i.batch import parts as parts_module
from a2i.batch.progress import STATE_KEY, StartProgress
from a2i.batch.storage import ObjectStore
from a2i.exceptions import A2IServiceError

KILLED = """
import sys
sys.path[:0] = {path!r}
from a2i.batch import parts
from start_support import items, start
parts.PART_ITEMS = 50
start({flow!r}, items(300), {run_id!r})
"""


@pytest.fixture(scope="module")
def flow(review_desk_server: ReviewDesk) -> str:
    return review_desk_server.create_flow_definition("recovery", TEMPLATE)


@pytest.fixture
def run_id(aws: FaultProxy) -> str:
    return f"manual__{uuid.uuid4()}"


def test_a_worker_killed_in_the_middle_loses_and_doubles_nothing(
    review_desk_server: ReviewDesk,
    s3: Any,
    flow: str,
    run_id: str,
    aws: FaultProxy,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = [str(Path(a2i.__file__).parents[1]), str(Path(__file__).parent), str(Path(__file__).parents[1])]
    script = KILLED.format(path=path, flow=flow, run_id=run_id)
    killed = subprocess.Popen([sys.executable, "-c", script], env=dict(os.environ))
    try:
        while aws.count("POST", "/human-loops") < 130 and killed.poll() is None:
            time.sleep(0.01)
    finally:
        killed.send_signal(signal.SIGKILL)
        assert killed.wait() == -signal.SIGKILL
    before = aws.count("POST", "/human-loops")
    assert before < 300

    # The service is in trouble, too, when the task is tried again.
    monkeypatch.setattr(parts_module, "PART_ITEMS", 50)
    aws.requests.clear()
    troubles = iter(
        [
            (429, "ThrottlingException", "Rate exceeded"),
            (402, "ServiceQuotaExceededException", "Too many human loops in progress"),
            (500, "InternalServerException", "oops"),
            (503, "ServiceUnavailable", "oops"),
        ]
    )
    aws.faults = lambda method, path: next(troubles, None) if method == "POST" else None
    batch = start(flow, items(300), run_id)
    assert (batch["items"], batch["started"], batch["failed"]) == (300, 300, 0)
    assert len(loops(review_desk_server, flow, batch)) == 300
    assert [row["item_id"] for row in ledger(s3, batch)] == [item["id"] for item in items(300)]
    # The written parts were not asked for again; of those not written, two at most were under way.
    assert aws.count("POST", "/human-loops") - 4 <= 300 - before + 2 * 50 + 8


def unavailable(operation: str) -> ClientError:
    return ClientError(
        {
            "Error": {"Code": "SlowDown", "Message": "Please reduce your request rate."},
            "ResponseMetadata": {"HTTPStatusCode": 503},
        },
        operation,
    )


def test_a_ledger_that_cannot_be_written_for_a_moment_is_written_again(
    s3: Any, flow: str, run_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    put, failures = ObjectStore.put, iter([True, True])

    async def sometimes(self: ObjectStore, uri: str, content: bytes) -> None:
        if "/started/" in uri and next(failures, False):
            raise unavailable("PutObject")
        await put(self, uri, content)

    monkeypatch.setattr(ObjectStore, "put", sometimes)
    batch = start(flow, items(3), run_id)
    assert next(failures, None) is None
    assert len(ledger(s3, batch)) == 3


def test_a_ledger_that_cannot_be_written_at_all_ends_the_task_in_one_line(
    review_desk_server: ReviewDesk, s3: Any, flow: str, run_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    put = ObjectStore.put

    async def never(self: ObjectStore, uri: str, content: bytes) -> None:
        if "/started/" in uri:
            raise unavailable("PutObject")
        await put(self, uri, content)

    monkeypatch.setattr(ObjectStore, "put", never)
    with pytest.raises(A2IServiceError) as caught:
        start(flow, items(3), run_id, outage_tolerance=0.2)
    assert str(caught.value).startswith("Part 0 of the ledger cannot be written to s3://answers/ledgers/")
    assert "Please reduce your request rate." in str(caught.value)
    monkeypatch.setattr(ObjectStore, "put", put)
    batch = start(flow, items(3), run_id)
    assert batch["started"] == 3
    assert len(loops(review_desk_server, flow, batch)) == len(ledger(s3, batch)) == 3


def test_a_part_that_was_written_and_not_yet_replaced_counts_once(s3: Any, flow: str, run_id: str) -> None:
    """A worker killed between the writing of the longer part and the removal of the shorter one."""
    first = start(flow, items(3), run_id)
    prefix = first["ledger_uri"].removeprefix("s3://answers/") + "/started/"
    (short,) = s3.list_objects_v2(Bucket="answers", Prefix=prefix)["Contents"]
    body = s3.get_object(Bucket="answers", Key=short["Key"])["Body"].read()
    start(flow, items(5), run_id)
    s3.put_object(Bucket="answers", Key=short["Key"], Body=body)
    batch = start(flow, items(5), run_id)
    assert (batch["items"], batch["started"]) == (5, 5)
    assert [row["item_id"] for row in ledger(s3, batch)] == [item["id"] for item in items(5)]


class StateStore:
    """As much of Airflow's task state store as is used."""

    def __init__(self, *, broken: bool = False) -> None:
        self.values: dict[str, Any] = {}
        self.broken = broken

    def set(self, key: str, value: Any) -> None:
        if self.broken:
            raise RuntimeError("no connection to the supervisor")
        self.values[key] = value


def test_the_progress_is_kept_where_others_can_look(flow: str, run_id: str) -> None:
    context = {**task_context(run_id), "task_state_store": StateStore()}
    given = [*items(4), {"id": "odd"}]
    batch = operator(flow, given).execute(context)
    assert context["task_state_store"].values == {
        STATE_KEY: {
            "batch_id": batch["batch_id"],
            "items": 5,
            "settled": 5,
            "started": 4,
            "failed": 1,
            "not_needed": 0,
            "rate_per_second": 0.0,
            "seconds_left": None,
            "waits_for": None,
        }
    }
    broken = {**task_context(f"{run_id}-broken"), "task_state_store": StateStore(broken=True)}
    assert operator(flow, given).execute(broken)["started"] == 4


def test_the_progress_says_how_long_the_rest_takes() -> None:
    now = 0.0
    progress = StartProgress("b", 10_000, clock=lambda: now)
    progress.counts.update(started=1_000, known=1_000)
    now = 5.0
    progress.counts.update(started=1_500, not_needed=400, failed=100)
    progress.measure()
    assert str(progress) == (
        "Items done: 3,000 of 10,000 (2,500 human loops started, 400 need nobody, 100 can have none), "
        "1,000 of them earlier; 400 a second, about 18 s to go"
    )
    assert progress.to_dict()["seconds_left"] == 18
    assert str(StartProgress("b")) == "Items done: 0 (0 human loops started)"
