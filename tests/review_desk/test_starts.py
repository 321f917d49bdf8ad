"""Starts that share a commit: everybody gets their own answer, and a bad one spoils nothing for the others."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from review_desk_fixtures import SCOPE, Desk
from support import wait_until

from review_desk.api.errors import ApiError
from review_desk.api.keys import RememberedSecrets
from review_desk.api.models import RUNTIME, service_model
from review_desk.api.starts import Batches, StartLane
from review_desk.api.wire import ParsedRequest
from review_desk.engine.arns import Scope
from review_desk.engine.errors import ConflictError, InvalidError
from review_desk.engine.loop_insertion import NewLoop


class Slow:
    """Collects what it is given in batches; the first waits until it is let go, so that others gather behind it."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.begun = threading.Event()
        self.let_go = threading.Event()

    def work(self, items: list[int]) -> None:
        self.begun.set()
        self.let_go.wait(10)
        self.batches.append(items)


def test_what_waits_is_worked_off_together() -> None:
    slow = Slow()
    batches = Batches("test", slow.work)
    batches.put(0)
    assert slow.begun.wait(10)
    for number in range(1, 10):
        batches.put(number)
    slow.let_go.set()
    wait_until(lambda: len(slow.batches) == 2)
    assert slow.batches == [[0], list(range(1, 10))]
    batches.put(10)
    wait_until(lambda: slow.batches[2:] == [[10]])


def admit(name: str, flow: str, text: str = "x") -> Callable[[], tuple[Scope, ParsedRequest]]:
    """A request that is verified and parsed already."""
    operation = service_model(RUNTIME).operation_model("StartHumanLoop")
    parameters = {
        "HumanLoopName": name,
        "FlowDefinitionArn": flow,
        "HumanLoopInput": {"InputContent": json.dumps({"text": text})},
    }
    return lambda: (SCOPE, ParsedRequest(operation, parameters))


def refused() -> tuple[Scope, ParsedRequest]:
    raise ApiError("InvalidSignatureException", "no")


async def start_all(lane: StartLane, *requests: Callable[[], tuple[Scope, ParsedRequest]]) -> list[Any]:
    """Let requests arrive together; return what each was answered."""
    return await asyncio.gather(*(lane.start(request) for request in requests), return_exceptions=True)


def test_everybody_gets_their_own_answer(desk: Desk) -> None:
    flow = desk.flow()
    desk.start(flow, "taken")
    answers = asyncio.run(
        start_all(
            StartLane(desk.service),
            admit("one", flow),
            refused,
            admit("two", flow),
            admit("two", flow),
            admit("two", flow, "other"),
            admit("taken", flow),
            admit("three", flow.replace("/flow", "/missing")),
        )
    )
    arns = [json.loads(answers[position])["HumanLoopArn"] for position in (0, 2, 3)]
    assert [arn.rpartition("/")[2] for arn in arns] == ["one", "two", "two"]
    codes = [answers[position].code for position in (1, 4, 6)]
    assert codes == ["InvalidSignatureException", "ConflictException", "ValidationException"]
    # The same name with the same input is the loop that is there.
    assert json.loads(answers[5])["HumanLoopArn"].endswith("/taken")
    assert desk.status("one") == desk.status("two") == "InProgress"


def test_one_that_cannot_be_written_spoils_nothing_for_the_others(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    flow = desk.flow()
    insert = desk.loops._insertion.insert

    def insert_unless_bad(loops: list[NewLoop]) -> list[bool]:
        if any(loop.row["name"] == "bad" for loop in loops):
            raise ValueError("bad cannot be written")
        return insert(loops)

    monkeypatch.setattr(desk.loops._insertion, "insert", insert_unless_bad)
    answers = asyncio.run(
        start_all(StartLane(desk.service), *(admit(name, flow) for name in ("good", "bad", "better")))
    )
    assert isinstance(answers[1], ValueError)
    assert [json.loads(answers[position])["HumanLoopArn"].rpartition("/")[2] for position in (0, 2)] == [
        "good",
        "better",
    ]


def test_what_was_reserved_and_not_started_is_given_back(tmp_path: Path) -> None:
    desk = Desk(tmp_path, open_loop_quota=2)
    flow = desk.flow()
    lane = StartLane(desk.service)
    asyncio.run(start_all(lane, admit("one", flow)))
    conflicts = asyncio.run(start_all(lane, *(admit("one", flow, str(number)) for number in range(5))))
    assert {error.code for error in conflicts} == {"ConflictException"}
    answers = asyncio.run(start_all(lane, admit("two", flow), admit("three", flow)))
    assert json.loads(answers[0])["HumanLoopArn"].endswith("/two")
    assert answers[1].code == "ServiceQuotaExceededException"


def test_one_name_started_by_many_at_once_is_one_loop(desk: Desk) -> None:
    flow = desk.flow()

    def start(number: int) -> str:
        try:
            return desk.loops.start(SCOPE, f"name-{number % 5}", flow, f'{{"text": "{number % 10}"}}')
        except ConflictError as error:
            return str(error)

    with ThreadPoolExecutor(20) as threads:
        answers = list(threads.map(start, range(40)))
    for name in range(5):
        own = answers[name::5]
        started = [answer for answer in own if answer.endswith(f":human-loop/name-{name}")]
        assert len(started) == 4, own
        assert all("different input" in answer for answer in own if answer not in started)


def test_a_flow_definition_that_was_used_and_then_deleted_starts_nothing(desk: Desk) -> None:
    flow = desk.flow()
    desk.start(flow, "before")
    desk.service.flow_definitions.delete(SCOPE, "flow")
    with pytest.raises(InvalidError, match="does not exist"):
        desk.start(flow, "after")
    again = desk.flow(TaskCount=2)
    desk.start(again, "after")
    assert desk.status("after") == "InProgress"
    desk.service.human_task_uis.delete(SCOPE, "ui")
    with pytest.raises(InvalidError, match="was deleted"):
        desk.start(again, "later")


def test_a_secret_is_remembered_for_a_second() -> None:
    stored = {"AKRD1": "first"}
    now = 0.0
    asked: list[str] = []

    def secret_of(key: str) -> str | None:
        asked.append(key)
        return stored.get(key)

    remembered = RememberedSecrets(secret_of, lambda: now)
    assert [remembered("AKRD1"), remembered("AKRD1"), remembered("AKRD2"), remembered("AKRD2")] == [
        "first",
        "first",
        None,
        None,
    ]
    assert asked == ["AKRD1", "AKRD2", "AKRD2"]
    del stored["AKRD1"]
    now = 0.99
    assert remembered("AKRD1") == "first"
    now = 1.0
    assert remembered("AKRD1") is None
