"""/metrics: what it counts, and who may read it."""

from __future__ import annotations

import pytest
from fastapi.testclient import TestClient
from prometheus_client.parser import text_string_to_metric_families
from review_desk_fixtures import SCOPE, Desk

from review_desk.app import create_app
from review_desk.engine.tasks import Task


def samples(desk: Desk) -> dict[str, float]:
    families = text_string_to_metric_families(desk.service.metrics.exposition().decode())
    return {
        sample.name + "".join(f"/{value}" for value in sample.labels.values()): sample.value
        for family in families
        for sample in family.samples
    }


def test_what_waits_is_counted(desk: Desk) -> None:
    flow = desk.flow(TaskCount=2)
    for name in ("one", "two", "three"):
        desk.start(flow, name)
    worker = desk.worker("ann")
    desk.tasks.claim(worker)
    desk.clock.advance(601)
    desk.tasks.tidy()
    task = desk.tasks.claim(worker)
    assert isinstance(task, Task)
    desk.tasks.submit(worker, task.id, {}, task.lease_token)
    desk.loops.stop(SCOPE, "three")
    desk.clock.advance(30)
    seen = samples(desk)
    assert seen["review_desk_human_loops/InProgress"] == 2
    assert seen["review_desk_human_loops/Stopped"] == 1
    assert seen["review_desk_human_loops/Failed"] == 0
    assert seen["review_desk_open_tasks"] == 3
    assert seen["review_desk_lease_expiries_total"] == 1
    assert (seen["review_desk_outbox_depth"], seen["review_desk_outbox_age_seconds"]) == (1, 30)
    while desk.outbox.deliver_due():
        pass
    assert samples(desk)["review_desk_outbox_depth"] == 0


@pytest.mark.parametrize(
    ("token", "sent", "status"),
    [(None, "Bearer x", 404), ("t", "", 401), ("t", "Bearer other", 401), ("t", "Bearer t", 200)],
)
def test_who_may_read_it(desk: Desk, token: str | None, sent: str, status: int) -> None:
    desk.service.settings.metrics_token = token
    with TestClient(create_app(desk.service)) as client:
        answer = client.get("/metrics", headers={"Authorization": sent})
        client.get("/human-loops/x")
    assert answer.status_code == status
    if status == 200:
        assert "review_desk_open_tasks 0.0" in answer.text
        assert samples(desk)["review_desk_errors_total/MissingAuthenticationTokenException"] == 1
