"""What a worker prefers is kept for this worker alone, and is only ever small and simple."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from portal_house import House
from review_desk_fixtures import Desk

PATH = "/portal/api/preferences"
UNTOUCHED = {"notices": True, "notified_by": [], "task": {}}


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    house = House(tmp_path_factory.mktemp("house"))
    yield house
    house.close()


def test_each_worker_has_preferences_of_their_own(house: House) -> None:
    assert house.call("GET", PATH, "worker", None).json() == UNTOUCHED
    task = {"document.keys.accept": "F2", "moderation.blur": 12, "moderation.grey": True, "x": 0.5}
    answer = house.call("PUT", PATH, "worker", {"task": task})
    assert answer.json() == {**UNTOUCHED, "task": task}
    assert house.call("PUT", PATH, "worker", {"notices": False}).json()["task"] == task
    assert house.call("GET", PATH, "worker", None).json() == {**UNTOUCHED, "notices": False, "task": task}
    assert house.call("GET", PATH, "lead", None).json() == UNTOUCHED
    assert house.call("PUT", PATH, "worker", {"task": {}}).json()["task"] == {}
    assert house.call("PUT", PATH, "worker", {}).status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        {"other": 1},
        {"notices": "yes"},
        {"notices": 1},
        {"task": []},
        {"task": {"x": {"y": 1}}},
        {"task": {"x": [1]}},
        {"task": {"x": None}},
        {"task": {"<b>": "x"}},
        {"task": {"": "x"}},
        {"task": {"x" * 65: "x"}},
        {"task": {"x": "y" * 201}},
        {"task": {"x": "\x00"}},
        {"task": {"x": 1e16}},
        {"task": {f"x{number}": 1 for number in range(101)}},
        {"task": {f"x{number}": "y" * 200 for number in range(90)}},
    ],
)
def test_preferences_are_small_and_simple(house: House, body: Any) -> None:
    answer = house.call("PUT", PATH, "admin", body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "Invalid")
    assert house.call("GET", PATH, "admin", None).json() == UNTOUCHED


def test_preferences_are_kept_in_either_database(desk: Desk) -> None:
    worker = desk.worker("ann")
    store = desk.service.preferences
    task: dict[str, Any] = {"a": "ä", "b": False, "c": 1, "d": 0.25}
    assert store.change(worker, task=task) == store.of(worker)
    assert store.change(worker, notices=False).task == task
    assert store.of(worker).notices is False


def test_who_can_be_told_is_said(tmp_path: Path) -> None:
    desk = Desk(tmp_path, notice_webhook_url="http://127.0.0.1:1/", notice_webhook_secret="s")
    assert desk.service.notices.channels_of(desk.worker("ann")) == ["webhook"]
    desk.service.database.engine.dispose()
