"""Giving a task to another member of the team, and acting on several loops at once."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from review_desk_fixtures import SCOPE, Desk

from review_desk.engine.audit import Actor, ActorKind, acting_as
from review_desk.engine.errors import InvalidError, LeaseLostError, NotFoundError
from review_desk.engine.lifecycle import LoopStatus, TaskState
from review_desk.engine.oversight import RequeuedLoop, StoppedLoop
from review_desk.engine.roles import Role
from review_desk.engine.sessions import Session
from review_desk.engine.tasks import Task
from review_desk.engine.workers import WorkerChange

Change = Callable[[Desk, Task], None]


def viewer(desk: Desk, name: str = "lead", team: str = "reviewers", role: Role = Role.LEAD) -> Session:
    return Session(desk.worker(name, team, role), name, role, "", desk.clock.now())


def claim(desk: Desk, worker: int, loop: str | None = None) -> Task:
    task = desk.tasks.claim(worker, loop_name=loop)
    assert isinstance(task, Task)
    return task


def test_a_task_goes_to_the_one_who_is_named(desk: Desk) -> None:
    lead, ann, bob = viewer(desk), desk.worker("ann"), desk.worker("bob")
    desk.start(desk.flow(), "loop")
    task = claim(desk, ann)
    desk.tasks.save_draft(ann, task.id, {"a": "half"}, 0)
    desk.clock.advance(300)
    assert desk.service.reassignment.candidates(lead, "loop") == ["bob", "lead"]
    with acting_as(Actor(ActorKind.WORKER, "lead", "192.0.2.1")):
        desk.service.reassignment.reassign(lead, task.id, "bob")
    [held] = desk.tasks.working(bob)
    assert (held.human_loop, held.draft, held.lease_expires_at.timestamp()) == (
        "loop",
        None,
        desk.clock.now().timestamp() + 600,
    )
    assert desk.tasks.working(ann) == []
    with pytest.raises(LeaseLostError, match="A lead took this task back"):
        desk.tasks.submit(ann, task.id, {}, task.lease_token)
    assert not isinstance(desk.tasks.claim(ann), Task)
    found, tasks, history = desk.service.oversight.loop(lead, "loop")
    assert (found.working, found.answers) == (1, 0)
    assert [(line.worker, line.state) for line in tasks] == [
        ("ann", TaskState.REQUEUED),
        ("bob", TaskState.WORKING),
    ]
    assert [(line.action, line.worker) for line in history] == [
        ("claimed", "ann"),
        ("requeued", "ann"),
        ("claimed", "bob"),
        ("answer-refused", "ann"),
    ]
    desk.tasks.submit(bob, held.id, {}, held.lease_token)
    assert desk.status("loop") == "Completed"
    [event] = desk.service.audit.events(action="ReassignTask")
    assert (event.actor.name, event.resource) == ("lead", task.id)
    assert event.detail == {"human_loop": SCOPE.arn("human-loop", "loop"), "from": "ann", "to": "bob"}


def disable(desk: Desk, _task: Task) -> None:
    desk.service.workers.change(SCOPE, "bob", WorkerChange(disabled=True))


def leave(desk: Desk, _task: Task) -> None:
    desk.service.workers.change(SCOPE, "bob", WorkerChange(teams=[]))


def be_busy(desk: Desk, _task: Task) -> None:
    desk.start(desk.flow("second"), "other")
    claim(desk, desk.worker_id("bob"), "other")


def have_answered(desk: Desk, _task: Task) -> None:
    bob = desk.worker_id("bob")
    task = claim(desk, bob, "loop")
    desk.tasks.submit(bob, task.id, {}, task.lease_token)


def have_declined(desk: Desk, _task: Task) -> None:
    desk.tasks.decline(desk.worker_id("bob"), claim(desk, desk.worker_id("bob"), "loop").id, "x")


def be_stopping(desk: Desk, _task: Task) -> None:
    desk.loops.stop(SCOPE, "loop")


def be_unavailable(desk: Desk, _task: Task) -> None:
    desk.clock.advance(590)


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        (disable, "bob is disabled."),
        (leave, "bob is no member of this task's team."),
        (be_busy, "bob is working on another task now."),
        (have_answered, "bob has had this human loop already."),
        (have_declined, "bob has had this human loop already."),
        (be_stopping, "Nobody new may begin with the human loop 'loop': it is ending."),
        (be_unavailable, "Nobody new may begin with the human loop 'loop': it is ending."),
    ],
)
def test_who_cannot_have_it(desk: Desk, change: Change, refusal: str) -> None:
    lead, ann = viewer(desk), desk.worker("ann")
    desk.worker("bob")
    desk.start(desk.flow(TaskCount=2, TaskAvailabilityLifetimeInSeconds=580), "loop")
    task = claim(desk, ann)
    change(desk, task)
    with pytest.raises(InvalidError, match=f"^{refusal}$"):
        desk.service.reassignment.reassign(lead, task.id, "bob")
    assert desk.tasks.get(ann, task.id).state is TaskState.WORKING
    assert desk.service.audit.events(action="ReassignTask") == []


def test_who_gave_it_back_may_have_it_again(desk: Desk) -> None:
    lead, ann, bob = viewer(desk), desk.worker("ann"), desk.worker("bob")
    desk.start(desk.flow(), "loop")
    desk.tasks.release(bob, claim(desk, bob).id)
    task = claim(desk, ann)
    assert "bob" in desk.service.reassignment.candidates(lead, "loop")
    desk.service.reassignment.reassign(lead, task.id, "bob")
    assert [held.human_loop for held in desk.tasks.working(bob)] == ["loop"]


def test_which_tasks_are_given_to_others(desk: Desk) -> None:
    desk.team("others")
    lead, other = viewer(desk), viewer(desk, "other lead", "others")
    ann = desk.worker("ann")
    desk.worker("bob")
    desk.start(desk.flow(), "loop")
    task = claim(desk, ann)
    reassign = desk.service.reassignment.reassign
    with pytest.raises(NotFoundError, match="of another team"):
        reassign(other, task.id, "bob")
    assert desk.service.reassignment.candidates(other, "loop") == []
    with pytest.raises(NotFoundError):
        reassign(lead, "no-such-task", "bob")
    with pytest.raises(InvalidError, match="ann holds this task already"):
        reassign(lead, task.id, "ann")
    with pytest.raises(InvalidError, match="nobody is no member"):
        reassign(lead, task.id, "nobody")
    desk.tasks.release(ann, task.id)
    with pytest.raises(LeaseLostError, match="Nobody is working"):
        reassign(lead, task.id, "bob")


def test_one_bad_name_keeps_no_other_loop_from_being_stopped(desk: Desk) -> None:
    desk.team("others")
    lead, ann = viewer(desk), desk.worker("ann")
    flow, other = desk.flow(), desk.flow("other", "others")
    for name in ("first", "second"):
        desk.start(flow, name)
    desk.start(other, "theirs")
    claim(desk, ann, "second")
    stopped = desk.service.oversight.stop_loops(lead, ["first", "none", "theirs", "second", "first"])
    missing = "The human loop {!r} does not exist, or it is of another team."
    assert stopped == [
        StoppedLoop("first", LoopStatus.STOPPED),
        StoppedLoop("none", error=missing.format("none")),
        StoppedLoop("theirs", error=missing.format("theirs")),
        StoppedLoop("second", LoopStatus.STOPPING),
    ]
    assert desk.status("theirs") == "InProgress"
    assert len(desk.service.audit.events(action="StopHumanLoop")) == 2


def test_tasks_of_several_loops_are_requeued(desk: Desk) -> None:
    lead, ann, bob = viewer(desk), desk.worker("ann"), desk.worker("bob")
    flow = desk.flow(TaskCount=2)
    for name in ("held-twice", "idle"):
        desk.start(flow, name)
    first = claim(desk, ann, "held-twice")
    claim(desk, bob, "held-twice")
    oversight = desk.service.oversight
    assert oversight.requeue_loops(lead, ["none", "held-twice", "idle"]) == [
        RequeuedLoop("none", error="The human loop 'none' does not exist, or it is of another team."),
        RequeuedLoop("held-twice", 2),
        RequeuedLoop("idle", error="Nobody is working on it."),
    ]
    assert oversight.loop(lead, "held-twice")[0].working == 0
    again = claim(desk, lead.worker_id, "held-twice")
    assert oversight.requeue_tasks(lead, [first.id, again.id]) == [
        (first.id, "Nobody is working on this task any more."),
        (again.id, None),
    ]
    assert len(desk.service.audit.events(action="RequeueTask")) == 3
