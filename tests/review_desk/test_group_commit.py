"""Writes that share a commit: everybody gets their own result, and a bad item spoils nothing for the others."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from review_desk_fixtures import SCOPE, Desk

from review_desk.api.keys import RememberedSecrets
from review_desk.engine.errors import ConflictError, InvalidError
from review_desk.engine.group_commit import GroupCommit


class Doubler:
    """Doubles numbers in groups; the first group waits until it is let go, so that others gather behind it."""

    def __init__(self) -> None:
        self.groups: list[list[int]] = []
        self.begun = threading.Event()
        self.let_go = threading.Event()

    def write(self, items: list[int]) -> list[int]:
        self.begun.set()
        self.let_go.wait(10)
        self.groups.append(items)
        if 13 in items:
            raise ValueError("13 cannot be written")
        return [item * 2 for item in items]


def test_what_waits_is_written_together() -> None:
    doubler = Doubler()
    group = GroupCommit(doubler.write)
    with ThreadPoolExecutor(10) as threads:
        first = threads.submit(group.submit, 0)
        assert doubler.begun.wait(10)
        others = [threads.submit(group.submit, number) for number in range(1, 10)]
        while len(group._waiting) < 9:
            assert not first.done()
        doubler.let_go.set()
        assert [future.result(10) for future in [first, *others]] == [number * 2 for number in range(10)]
    assert [len(items) for items in doubler.groups] == [1, 9]


def test_a_bad_item_fails_alone() -> None:
    doubler = Doubler()
    group = GroupCommit(doubler.write)
    with ThreadPoolExecutor(4) as threads:
        first = threads.submit(group.submit, 0)
        assert doubler.begun.wait(10)
        others = {number: threads.submit(group.submit, number) for number in (12, 13, 14)}
        while len(group._waiting) < 3:
            assert not first.done()
        doubler.let_go.set()
        assert (others[12].result(10), others[14].result(10)) == (24, 28)
        with pytest.raises(ValueError, match="13 cannot"):
            others[13].result(10)


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
