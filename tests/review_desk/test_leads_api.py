"""The leads' routes over HTTP: reports as JSON and CSV, loops as CSV, acting on several at once."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from portal_house import House
from review_desk_fixtures import SCOPE

from review_desk.engine.tasks import Task
from review_desk.portal.models import ReportAnswer, WholeLoopAnswer
from review_desk.portal.spreadsheet import csv_text


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    house = House(tmp_path)
    yield house
    house.close()


def ask(house: House, path: str, caller: str = "lead", body: Any = None) -> httpx.Response:
    token, csrf_token = house.sign_in(caller)
    house.http.cookies.clear()
    house.http.cookies.set("review_desk_session", token)
    headers = {"X-CSRF-Token": csrf_token}
    return house.http.request("POST" if body else "GET", f"/portal/api/{path}", json=body, headers=headers)


def table(response: httpx.Response) -> list[dict[str, str]]:
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == "text/csv; charset=utf-8"
    assert response.headers["content-disposition"].startswith("attachment; filename=")
    return list(csv.DictReader(io.StringIO(response.text)))


def answered(house: House, name: str, flow: str, **values: str) -> None:
    fields = [{"name": key, "value": "as read"} for key in values]
    house.desk.loops.start(SCOPE, name, flow, json.dumps({"fields": fields}))
    worker = house.desk.worker_id("worker")
    task = house.desk.tasks.claim(worker, loop_name=name)
    assert isinstance(task, Task)
    house.desk.clock.advance(30)
    house.desk.tasks.submit(worker, task.id, values, task.lease_token)


def test_the_report_and_its_csv_have_the_same_numbers(house: House) -> None:
    answered(house, "one", house.flow, **{"=cmd()": "as read", "city": "London"})
    answered(house, "two", house.flow, **{"=cmd()": "corrected"})
    house.desk.start(house.flow, "open")
    query = f"?flow_definition={house.flow}&days=1"
    report = ask(house, f"report{query}").json()
    ReportAnswer.model_validate(report)
    assert (report["answers"], report["looked_at"], report["capped"], report["step"]) == (2, 2, False, "hour")
    assert (report["since"], report["until"]) == ("2026-01-01T00:00:00.000Z", "2026-01-01T12:01:00.000Z")
    assert report["handling_seconds"] == {"p50": 30.0, "p90": 30.0}
    assert report["edits"] == [
        {"field": "city", "count": 1, "of": 1},
        {"field": "=cmd()", "count": 1, "of": 2},
    ]
    rows = {
        (row["section"], row["name"]): (row["value"], row["of"])
        for row in table(ask(house, f"report.csv{query}"))
    }
    assert rows["answers", "all"] == ("2", "")
    assert rows["throughput", "2026-01-01T12:00:00.000Z"] == ("2", "")
    assert rows["handling_time", "p90"] == ("30.0", "2")
    assert rows["backlog", "loops"] == ("1", "")
    assert rows["backlog_age", "under_1_hour"] == ("1", "1")
    assert rows["edits", "city"] == ("1", "1")
    # No formula for a spreadsheet.
    assert rows["edits", "'=cmd()"] == ("1", "2")
    assert len([key for key in rows if key[0] == "throughput"]) == 13


@pytest.mark.parametrize("days", ["0", "2", "-1", "x", "1.0"])
def test_a_report_is_of_one_of_three_periods(house: House, days: str) -> None:
    assert ask(house, f"report?days={days}").status_code == 400


def test_reports_and_loops_of_other_teams_are_not_there(house: House) -> None:
    answered(house, "one", house.flow)
    for path in ("report", "report.csv"):
        assert ask(house, f"{path}?flow_definition={house.flow}", "other lead").status_code == 404
        assert ask(house, f"{path}?flow_definition={house.flow}", "worker").status_code == 403
    assert ask(house, "report", "other lead").json()["answers"] == 0
    assert ask(house, "report", "admin").json()["answers"] == 1
    assert table(ask(house, "loops.csv", "other lead")) == []
    assert [row["name"] for row in table(ask(house, "loops.csv"))] == ["one"]


def test_loops_that_were_searched_for_as_csv(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("review_desk.portal.reports.LOOPS_AT_ONCE", 2)
    answered(house, "done", house.flow)
    for number in range(5):
        house.desk.start(house.flow, f"batch-{number}")
    rows = table(ask(house, "loops.csv?name=batch"))
    assert [row["name"] for row in rows] == [f"batch-{number}" for number in (4, 3, 2, 1, 0)]
    assert rows[0]["status"] == "InProgress"
    assert (rows[0]["flow_definition"], rows[0]["ended_at"]) == (house.flow, "")
    assert [row["name"] for row in table(ask(house, "loops.csv?status=Completed"))] == ["done"]
    monkeypatch.setattr("review_desk.portal.reports.LOOPS_IN_A_FILE", 4)
    assert len(table(ask(house, "loops.csv"))) == 4


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_no_cell_is_a_formula(text: str) -> None:
    [_, [cell]] = list(csv.reader(io.StringIO(csv_text(["a"], [[text]]), newline="")))
    assert cell == f"'{text}"


def test_numbers_and_other_texts_are_left_as_they_are() -> None:
    assert csv_text(["a"], [[-1, 'say "=1"', None, 0.5]]) == 'a\r\n-1,"say ""=1""",,0.5\r\n'


def test_several_loops_at_once(house: House) -> None:
    for name in ("first", "second"):
        house.desk.start(house.flow, name)
    assert isinstance(house.desk.tasks.claim(house.desk.worker_id("worker"), loop_name="first"), Task)
    body = {"names": ["first", "none"]}
    missing = "The human loop 'none' does not exist, or it is of another team."
    assert ask(house, "loops/requeue", body=body).json() == {
        "results": [
            {"name": "first", "requeued": 1, "error": None},
            {"name": "none", "requeued": 0, "error": missing},
        ]
    }
    refused = ask(house, "loops/stop", "other lead", body).json()["results"]
    assert [(one["status"], one["error"] is None) for one in refused] == [(None, False), (None, False)]
    assert ask(house, "loops/stop", body=body).json() == {
        "results": [
            {"name": "first", "status": "Stopped", "error": None},
            {"name": "none", "status": None, "error": missing},
        ]
    }
    assert house.desk.status("second") == "InProgress"
    for wrong in ({"names": []}, {"names": ["x"] * 101}, {"names": ["\0"]}, {"names": "first"}):
        assert ask(house, "loops/stop", body=wrong).status_code == 400


def test_tasks_are_requeued_and_reassigned(house: House) -> None:
    house.desk.start(house.flow, "loop")
    task = house.desk.tasks.claim(house.desk.worker_id("worker"))
    assert isinstance(task, Task)
    whole = ask(house, "loops/loop").json()
    WholeLoopAnswer.model_validate(whole)
    assert whole["candidates"] == ["lead"]
    refused = ask(house, f"tasks/{task.id}/reassign", body={"username": "admin"})
    assert refused.json() == {
        "error": {"code": "Invalid", "message": "admin is no member of this task's team."}
    }
    assert ask(house, f"tasks/{task.id}/reassign", body={"username": "lead"}).status_code == 204
    [_, given] = ask(house, "loops/loop").json()["tasks"]
    assert (given["worker"], given["state"]) == ("lead", "working")
    ids = [given["id"], task.id]
    others = ask(house, "tasks/requeue", "other lead", {"task_ids": ids}).json()["results"]
    assert [one["requeued"] for one in others] == [False, False]
    assert ask(house, "tasks/requeue", body={"task_ids": ids}).json()["results"] == [
        {"task_id": given["id"], "requeued": True, "error": None},
        {"task_id": task.id, "requeued": False, "error": "Nobody is working on this task any more."},
    ]
