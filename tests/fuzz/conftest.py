"""A service of each kind of database, with everything in it that a request may name."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from fuzzing import ErrorLog
from in_process import Served
from review_desk_fixtures import SCOPE, Desk, postgresql
from sqlalchemy import event

__all__ = ["postgresql"]


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def served(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest, errors: ErrorLog
) -> Iterator[Served]:
    """A desk with the team ``reviewers``, the worker ``ann``, the flow definition ``flow`` and loops on it.

    When all tests of a module have tried what they can, it still works.
    """
    url = None
    if request.param == "postgresql":
        url = request.getfixturevalue("postgresql").new_database()
    desk = Desk(tmp_path_factory.mktemp("fuzz"), url)
    if desk.service.database.is_sqlite:
        desk.service.database.engine.dispose()
        event.listen(desk.service.database.engine, "connect", _without_waiting_for_the_disk)
    desk.worker("ann")
    flow = desk.flow(TaskCount=3)
    for number in range(5):
        desk.start(flow, f"loop-{number}")
    with Served(desk) as made:
        yield made
        check_that_it_works(made, errors)
    desk.service.database.engine.dispose()


def _without_waiting_for_the_disk(connection: Any, _record: Any) -> None:
    connection.execute("PRAGMA synchronous=OFF")


@pytest.fixture(scope="module")
def errors() -> Iterator[ErrorLog]:
    """The errors that the service logs."""
    handler = ErrorLog()
    logging.getLogger().addHandler(handler)
    yield handler
    logging.getLogger().removeHandler(handler)


def check_that_it_works(served: Served, errors: ErrorLog) -> None:
    """After everything that was tried, the service does its work."""
    assert served.request("GET", "/healthz").json() == {"status": "alive"}
    assert served.request("GET", "/readyz").json() == {"status": "ready"}
    arn = served.desk.flow("afterwards")
    assert served.start(arn, "afterwards").status == 200
    headers = served.sign_in("ann")
    wanted = json.dumps({"human_loop": "afterwards"}).encode()
    task = served.request("POST", "/portal/api/tasks/claim", wanted, headers).json()
    body = json.dumps({"answer": {"text": "x"}, "lease_token": task["lease"]["token"]}).encode()
    submitted = served.request("POST", f"/portal/api/tasks/{task['id']}/submit", body, headers).json()
    assert submitted == {"state": "submitted", "human_loop_status": "Completed"}
    while served.desk.outbox.deliver_due():
        pass
    uri = served.desk.loops.describe(SCOPE, "afterwards").output_uri
    assert served.desk.store.documents[uri]["humanAnswers"][0]["answerContent"] == {"text": "x"}
    assert not errors.take()
