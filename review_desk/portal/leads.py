"""The portal's JSON API for leads: how their teams stand, their teams' loops, tasks that are stuck.

A lead's own teams are all there is: what belongs to others is answered with 404. An admin has every team.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query

from review_desk.engine.clock import iso_milliseconds
from review_desk.engine.lifecycle import LoopStatus
from review_desk.engine.oversight import LoopFilter, OverseenLoop, OverseenTask
from review_desk.engine.team_progress import FlowProgress
from review_desk.portal.authorization import LeadSession, as_lead
from review_desk.portal.desk import Desk
from review_desk.portal.models import (
    ChosenLoops,
    ChosenTasks,
    LoopsAnswer,
    NewHolder,
    RequeuedLoopsAnswer,
    RequeuedTasksAnswer,
    StopAnswer,
    StoppedLoopsAnswer,
    TeamsAnswer,
    WholeLoopAnswer,
)
from review_desk.portal.schema import ACTING, ON_ONE, SIGNED_IN, PathText, answers

router = APIRouter(prefix="/portal/api", dependencies=[Depends(as_lead)])

Word = Annotated[str | None, Query(max_length=256, pattern=r"^[^\x00]*$")]


@router.get("/teams", responses=answers(TeamsAnswer, *SIGNED_IN))
def teams(desk: Desk, session: LeadSession) -> dict[str, Any]:
    return {
        "teams": [
            {
                "name": team.name,
                "arn": team.arn,
                "members": team.members,
                "flow_definitions": [_flow(flow) for flow in team.flow_definitions],
            }
            for team in desk.oversight.teams(session)
        ]
    }


@router.get("/loops", responses=answers(LoopsAnswer, 400, *SIGNED_IN))
def loops(
    desk: Desk,
    session: LeadSession,
    flow_definition: Word = None,
    status: LoopStatus | None = None,
    name: Word = None,
    before: Annotated[int | None, Query(ge=0, lt=2**63)] = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 50,
) -> dict[str, Any]:
    wanted = LoopFilter(flow_definition, status, name)
    found, following = desk.oversight.loops(session, wanted, limit, before)
    return {"loops": [_loop(loop) for loop in found], "before": following}


@router.get("/loops/{name}", responses=answers(WholeLoopAnswer, 400, *SIGNED_IN, 404))
def loop(desk: Desk, session: LeadSession, name: PathText, region: Word = None) -> dict[str, Any]:
    found, tasks, history = desk.oversight.loop(session, name, region)
    return {
        **_loop(found),
        "candidates": desk.reassignment.candidates(session, name, region),
        "tasks": [_task(task) for task in tasks],
        "history": [
            {"at": iso_milliseconds(event.at), "action": event.action, "worker": event.worker}
            for event in history
        ],
    }


@router.post("/loops/{name}/stop", responses=answers(StopAnswer, *ACTING, 404))
def stop_loop(desk: Desk, session: LeadSession, name: PathText, region: Word = None) -> dict[str, Any]:
    status = desk.oversight.stop_loop(session, name, region)
    desk.deliver_soon()
    return {"status": status}


@router.post("/loops/stop", responses=answers(StoppedLoopsAnswer, *ACTING))
def stop_loops(desk: Desk, session: LeadSession, chosen: ChosenLoops) -> dict[str, Any]:
    stopped = desk.oversight.stop_loops(session, chosen.names, chosen.region)
    desk.deliver_soon()
    return {
        "results": [{"name": one.name, "status": one.status, "error": one.error} for one in stopped],
    }


@router.post("/loops/requeue", responses=answers(RequeuedLoopsAnswer, *ACTING))
def requeue_loops(desk: Desk, session: LeadSession, chosen: ChosenLoops) -> dict[str, Any]:
    requeued = desk.oversight.requeue_loops(session, chosen.names, chosen.region)
    desk.deliver_soon()
    return {
        "results": [{"name": one.name, "requeued": one.requeued, "error": one.error} for one in requeued],
    }


@router.post("/tasks/requeue", responses=answers(RequeuedTasksAnswer, *ACTING))
def requeue_tasks(desk: Desk, session: LeadSession, chosen: ChosenTasks) -> dict[str, Any]:
    refusals = desk.oversight.requeue_tasks(session, chosen.task_ids)
    desk.deliver_soon()
    return {
        "results": [
            {"task_id": task_id, "requeued": error is None, "error": error} for task_id, error in refusals
        ],
    }


@router.post("/tasks/{task_id}/reassign", status_code=204, responses=answers(None, *ON_ONE))
def reassign_task(desk: Desk, session: LeadSession, task_id: PathText, holder: NewHolder) -> None:
    desk.reassignment.reassign(session, task_id, holder.username)


@router.post("/tasks/{task_id}/requeue", status_code=204, responses=answers(None, *ON_ONE))
def requeue_task(desk: Desk, session: LeadSession, task_id: PathText) -> None:
    desk.oversight.requeue(session, task_id)
    desk.deliver_soon()


def _flow(flow: FlowProgress) -> dict[str, Any]:
    return {
        "flow_definition": flow.flow_definition,
        "name": flow.name,
        "title": flow.title,
        "open": flow.open,
        "working": flow.working,
        "answered_today": flow.answered_today,
        "oldest_open": _moment(flow.oldest_open),
    }


def _loop(loop: OverseenLoop) -> dict[str, Any]:
    return {
        "name": loop.name,
        "flow_definition": loop.flow_definition,
        "status": loop.status,
        "task_count": loop.task_count,
        "working": loop.working,
        "answers": loop.answers,
        "created_at": _moment(loop.created_at),
        "available_until": _moment(loop.available_until),
        "ended_at": _moment(loop.ended_at),
        "failure_reason": loop.failure_reason,
    }


def _task(task: OverseenTask) -> dict[str, Any]:
    return {
        "id": task.id,
        "worker": task.worker,
        "state": task.state,
        "accepted_at": _moment(task.accepted_at),
        "lease_expires_at": _moment(task.lease_expires_at),
        "submitted_at": _moment(task.submitted_at),
    }


def _moment(moment: datetime | None) -> str | None:
    return iso_milliseconds(moment) if moment else None
