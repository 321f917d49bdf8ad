"""What leads see and do: the progress of their teams, their loops, tasks that are stuck."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from review_desk_fixtures import SCOPE, Desk

from review_desk.engine.arns import Scope
from review_desk.engine.audit import Actor, ActorKind, acting_as
from review_desk.engine.errors import InvalidError, LeaseLostError, NotFoundError
from review_desk.engine.lifecycle import LoopStatus, TaskState
from review_desk.engine.oversight import LoopFilter, Oversight
from review_desk.engine.roles import Role
from review_desk.engine.sessions import Session
from review_desk.engine.tasks import NoTask, NoTaskReason, Task
from review_desk.engine.team_progress import FlowProgress

EVERYTHING = LoopFilter()


@pytest.fixture
def oversight(desk: Desk) -> Oversight:
    return desk.service.oversight


def viewer(desk: Desk, name: str = "lead", team: str = "reviewers", role: Role = Role.LEAD) -> Session:
    return Session(desk.worker(name, team, role), name, role, "", desk.clock.now())


def claim(desk: Desk, worker: int, loop: str | None = None) -> Task:
    task = desk.tasks.claim(worker, loop_name=loop)
    assert isinstance(task, Task)
    return task


def names(oversight: Oversight, lead: Session, wanted: LoopFilter = EVERYTHING) -> list[str]:
    return [loop.name for loop in oversight.loops(lead, wanted, 100)[0]]


def test_the_progress_of_a_team(desk: Desk, oversight: Oversight) -> None:
    lead = viewer(desk)
    ann, bob = desk.worker("ann"), desk.worker("bob")
    flow = desk.flow(TaskCount=2)
    desk.flow("idle")
    old = desk.clock.now()
    desk.start(flow, "yesterday")
    task = claim(desk, ann)
    desk.tasks.submit(ann, task.id, {}, task.lease_token)
    desk.clock.advance(12 * 3600 - 60)
    desk.start(flow, "late")
    desk.clock.advance(120)
    for name in ("one", "two", "three"):
        desk.start(flow, name)
    claim(desk, ann, "one")
    for worker in (ann, bob):
        task = claim(desk, worker, "two")
        desk.tasks.submit(worker, task.id, {}, task.lease_token)
    desk.loops.stop(SCOPE, "three")
    [team] = oversight.teams(lead)
    assert (team.name, team.members) == ("reviewers", 3)
    assert team.arn == SCOPE.arn("workteam", "reviewers")
    busy, idle = team.flow_definitions
    assert busy == FlowProgress(
        flow_definition=flow,
        name="flow",
        title="t",
        # "yesterday" is no longer available, "three" is stopped.
        open=2,
        working=1,
        answered_today=2,
        oldest_open=datetime(2026, 1, 1, 23, 59, tzinfo=UTC),
    )
    assert old < busy.oldest_open
    assert (idle.name, idle.open, idle.working, idle.answered_today, idle.oldest_open) == (
        "idle", 0, 0, 0, None,
    )  # fmt: skip


def test_a_lead_sees_their_own_teams_and_an_admin_all(desk: Desk, oversight: Oversight) -> None:
    desk.team("others")
    own, other = desk.flow("own"), desk.flow("other", "others")
    desk.start(own, "own-loop")
    desk.start(other, "other-loop")
    lead = viewer(desk)
    admin = viewer(desk, "admin", "others", Role.ADMIN)
    assert [team.name for team in oversight.teams(lead)] == ["reviewers"]
    assert [team.name for team in oversight.teams(admin)] == ["others", "reviewers"]
    assert names(oversight, lead) == ["own-loop"]
    assert names(oversight, lead, LoopFilter(flow_definition=other)) == []
    assert names(oversight, admin) == ["other-loop", "own-loop"]
    for attempt in (oversight.loop, oversight.stop_loop):
        with pytest.raises(NotFoundError, match="of another team"):
            attempt(lead, "other-loop")
    task = claim(desk, admin.worker_id, "other-loop")
    with pytest.raises(NotFoundError, match="of another team"):
        oversight.requeue(lead, task.id)
    assert oversight.stop_loop(admin, "own-loop") is LoopStatus.STOPPED


def test_loops_are_searched_page_by_page(desk: Desk, oversight: Oversight) -> None:
    lead = viewer(desk)
    flow, second = desk.flow(), desk.flow("second")
    for number in range(5):
        desk.start(flow, f"batch-{number}")
    desk.start(second, "50%-off")
    desk.loops.stop(SCOPE, "batch-2")
    page, following = oversight.loops(lead, LoopFilter(name="batch"), 3)
    assert [loop.name for loop in page] == ["batch-4", "batch-3", "batch-2"]
    desk.start(flow, "batch-5")
    page, following = oversight.loops(lead, LoopFilter(name="batch"), 3, following)
    assert ([loop.name for loop in page], following) == (["batch-1", "batch-0"], None)
    assert names(oversight, lead, LoopFilter(status=LoopStatus.STOPPED)) == ["batch-2"]
    assert names(oversight, lead, LoopFilter(flow_definition=second)) == ["50%-off"]
    assert names(oversight, lead, LoopFilter(name="%")) == ["50%-off"]
    with pytest.raises(InvalidError, match="must be the ARN"):
        oversight.loops(lead, LoopFilter(flow_definition="flow"), 3)


def test_a_requeued_task_goes_to_somebody_else(desk: Desk, oversight: Oversight) -> None:
    lead = viewer(desk)
    ann, bob = desk.worker("ann"), desk.worker("bob")
    desk.start(desk.flow(), "loop")
    task = claim(desk, ann)
    desk.tasks.save_draft(ann, task.id, {"a": "half"}, 0)
    with acting_as(Actor(ActorKind.WORKER, "lead", "192.0.2.1")):
        oversight.requeue(lead, task.id)
    told = "A lead took this task back for somebody else."
    with pytest.raises(LeaseLostError, match=told):
        desk.tasks.heartbeat(ann, task.id)
    with pytest.raises(LeaseLostError, match=told):
        desk.tasks.save_draft(ann, task.id, {}, 1)
    with pytest.raises(LeaseLostError, match=f"{told} Your answer was not counted."):
        desk.tasks.submit(ann, task.id, {"a": "late"}, task.lease_token)
    assert desk.tasks.claim(ann) == NoTask(NoTaskReason.DONE)
    taken = claim(desk, bob)
    desk.tasks.submit(bob, taken.id, {}, taken.lease_token)
    assert desk.status("loop") == "Completed"
    found, tasks, history = oversight.loop(lead, "loop")
    assert found.answers == 1
    assert [(line.worker, line.state) for line in tasks] == [
        ("ann", TaskState.REQUEUED),
        ("bob", TaskState.SUBMITTED),
    ]
    assert [(line.action, line.worker) for line in history] == [
        ("claimed", "ann"),
        ("requeued", "ann"),
        ("answer-refused", "ann"),
        ("claimed", "bob"),
        ("submitted", "bob"),
        ("loop-completed", None),
    ]
    [event] = desk.service.audit.events(action="RequeueTask")
    assert (event.actor, event.resource) == (Actor(ActorKind.WORKER, "lead", "192.0.2.1"), task.id)
    assert event.detail == {"human_loop": SCOPE.arn("human-loop", "loop")}


def test_only_a_task_that_somebody_holds_is_requeued(desk: Desk, oversight: Oversight) -> None:
    lead = viewer(desk)
    ann = desk.worker("ann")
    desk.start(desk.flow(), "loop")
    task = claim(desk, ann)
    oversight.requeue(lead, task.id)
    with pytest.raises(LeaseLostError, match="Nobody is working"):
        oversight.requeue(lead, task.id)
    with pytest.raises(NotFoundError):
        oversight.requeue(lead, "no-such-task")


def test_a_stopping_loop_ends_when_its_last_task_is_requeued(desk: Desk, oversight: Oversight) -> None:
    lead = viewer(desk)
    desk.start(desk.flow(), "loop")
    task = claim(desk, desk.worker("ann"))
    assert oversight.stop_loop(lead, "loop") is LoopStatus.STOPPING
    oversight.requeue(lead, task.id)
    assert desk.status("loop") == "Stopped"


def test_one_name_in_two_regions(desk: Desk, oversight: Oversight) -> None:
    admin = viewer(desk, "admin", role=Role.ADMIN)
    elsewhere = Scope(SCOPE.account_id, "eu-west-1")
    desk.start(desk.flow(), "loop")
    service = desk.service
    service.workteams.create(elsewhere, "reviewers", "d", {})
    service.human_task_uis.create(elsewhere, "ui", "<crowd-form></crowd-form>", [])
    flow = service.flow_definitions.create(
        elsewhere,
        {
            "FlowDefinitionName": "flow",
            "HumanLoopConfig": {
                "WorkteamArn": elsewhere.arn("workteam", "reviewers"),
                "HumanTaskUiArn": elsewhere.arn("human-task-ui", "ui"),
                "TaskTitle": "t",
                "TaskDescription": "d",
                "TaskCount": 1,
            },
            "OutputConfig": {"S3OutputPath": "s3://answers/a2i/"},
            "RoleArn": "arn:aws:iam::000000000000:role/r",
        },
    )
    desk.loops.start(elsewhere, "loop", flow, "{}")
    with pytest.raises(InvalidError, match="region="):
        oversight.stop_loop(admin, "loop")
    assert oversight.stop_loop(admin, "loop", "eu-west-1") is LoopStatus.STOPPED
    assert desk.status("loop") == "InProgress"
    assert names(oversight, admin, LoopFilter(flow_definition=flow)) == ["loop"]
