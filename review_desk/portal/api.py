"""The portal's JSON API for tasks, used by its pages and by scripts.

Every answer but 204 is JSON; an error is ``{"error": {"code", "message"}}`` with one sentence for a person.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from review_desk.engine.clock import iso_milliseconds
from review_desk.engine.preferences import Preferences
from review_desk.engine.tasks import NoTask, Task
from review_desk.engine.worker_history import FinishedTask
from review_desk.links import OFFER
from review_desk.portal.authorization import IdleSession, WorkerSession
from review_desk.portal.desk import Desk
from review_desk.portal.frame import as_text, frame_url, offered_page, task_page
from review_desk.portal.models import (
    ChangedPreferences,
    Claim,
    Decline,
    Draft,
    GridClaim,
    HeartbeatAnswer,
    HistoryAnswer,
    NextClaim,
    OfferAnswer,
    PreferencesAnswer,
    Preparation,
    QueueAnswer,
    Submission,
    SubmissionAnswer,
    TaskAnswer,
    TasksAnswer,
    VersionAnswer,
)
from review_desk.portal.schema import (
    ACTING,
    NO_OFFER,
    NO_TASK,
    ON_ONE,
    SIGNED_IN,
    STALE_DRAFT,
    PathText,
    answers,
)
from review_desk.service import Service

LARGEST_BODY = 4 * 1024 * 1024


router = APIRouter(prefix="/portal/api")


@router.get("/queue", responses=answers(QueueAnswer, *SIGNED_IN))
def queue(desk: Desk, session: WorkerSession) -> dict[str, Any]:
    grids = desk.grid.sizes(session.worker_id)
    midnight = desk.clock.now().replace(hour=0, minute=0, second=0, microsecond=0)
    return {
        "flow_definitions": [
            {
                "flow_definition": entry.flow_definition,
                "name": entry.name,
                "title": entry.title,
                "description": entry.description,
                "open": entry.open,
                "grid": grids.get(entry.flow_definition),
            }
            for entry in desk.tasks.queue(session.worker_id)
        ],
        "working": [_task(desk, task) for task in desk.tasks.working(session.worker_id)],
        "done_today": desk.tasks.submitted_since(session.worker_id, midnight),
    }


@router.post("/tasks/claim", response_model=None, responses=answers(TaskAnswer, *ACTING) | NO_TASK)
def claim(desk: Desk, session: WorkerSession, wanted: Claim) -> dict[str, Any] | Response:
    found = _claim(desk, session.worker_id, wanted.flow_definition, wanted.human_loop)
    return _nothing(found) if isinstance(found, NoTask) else _task(desk, found)


@router.post("/tasks/offer", response_model=None, responses=answers(OfferAnswer, *ACTING) | NO_OFFER)
def offer(desk: Desk, session: IdleSession, wanted: Preparation) -> dict[str, Any] | Response:
    """The page of the task that the worker would get next. It is not claimed: that is done with its token."""
    found = None
    if desk.settings.prepare_next_task and desk.settings.crowd_script == "own":
        found = desk.offers.next(session.worker_id, wanted.flow_definition)
    return (offered_page(desk, found) if found else None) or Response(status_code=204)


@router.post("/tasks/claim-grid", response_model=None, responses=answers(TasksAnswer, *ACTING) | NO_TASK)
def claim_grid(desk: Desk, session: WorkerSession, wanted: GridClaim) -> dict[str, Any] | Response:
    found = desk.grid.claim(session.worker_id, wanted.flow_definition)
    return _nothing(found) if isinstance(found, NoTask) else {"tasks": [_task(desk, task) for task in found]}


@router.get("/tasks/{task_id}", responses=answers(TaskAnswer, 400, *SIGNED_IN, 404))
def get_task(desk: Desk, session: WorkerSession, task_id: PathText) -> dict[str, Any]:
    return _task(desk, desk.tasks.get(session.worker_id, task_id))


@router.put("/tasks/{task_id}/draft", responses=answers(VersionAnswer, *ON_ONE) | STALE_DRAFT)
def save_draft(desk: Desk, session: WorkerSession, task_id: PathText, draft: Draft) -> dict[str, Any]:
    version = desk.tasks.save_draft(session.worker_id, task_id, draft.answer, draft.version)
    return {"version": version}


@router.post("/tasks/{task_id}/heartbeat", responses=answers(HeartbeatAnswer, *ON_ONE))
def heartbeat(desk: Desk, session: IdleSession, task_id: PathText) -> dict[str, Any]:
    task = desk.tasks.heartbeat(session.worker_id, task_id)
    return {"lease": _lease(task, desk.clock.now()), "human_loop_status": str(task.loop_status)}


@router.post("/tasks/{task_id}/extend", responses=answers(HeartbeatAnswer, *ON_ONE))
def extend(desk: Desk, session: WorkerSession, task_id: PathText) -> dict[str, Any]:
    task = desk.extension.extend(session.worker_id, task_id)
    return {"lease": _lease(task, desk.clock.now()), "human_loop_status": str(task.loop_status)}


@router.post("/tasks/{task_id}/submit", responses=answers(SubmissionAnswer, *ON_ONE))
def submit(desk: Desk, session: WorkerSession, task_id: PathText, submission: Submission) -> dict[str, Any]:
    with desk.metrics.submit.time():
        task = desk.tasks.submit(session.worker_id, task_id, submission.answer, submission.lease_token)
    desk.deliver_soon()
    answer: dict[str, Any] = {"state": str(task.state), "human_loop_status": str(task.loop_status)}
    if undo_seconds := desk.undo.seconds_for(task):
        answer["undo_seconds"] = undo_seconds
    if submission.claim_next:
        # In the same request, so that the next task costs no further way to the service. It may be repeated.
        answer["next"] = _claim_next(desk, session.worker_id, submission.claim_next)
    return answer


@router.post("/tasks/{task_id}/undo", responses=answers(TaskAnswer, *ON_ONE))
def undo(desk: Desk, session: WorkerSession, task_id: PathText) -> dict[str, Any]:
    desk.undo.reopen(session.worker_id, task_id)
    return _task(desk, desk.tasks.get(session.worker_id, task_id))


@router.get("/history", responses=answers(HistoryAnswer, 400, *SIGNED_IN))
def history(
    desk: Desk,
    session: WorkerSession,
    before: Annotated[str | None, Query(max_length=64)] = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
) -> dict[str, Any]:
    tasks, following = desk.worker_history.today(session.worker_id, limit, before)
    return {"tasks": [_finished(task) for task in tasks], "before": following}


@router.get("/preferences", responses=answers(PreferencesAnswer, *SIGNED_IN))
def preferences(desk: Desk, session: WorkerSession) -> dict[str, Any]:
    return _preferences(desk, session.worker_id, desk.preferences.of(session.worker_id))


@router.put("/preferences", responses=answers(PreferencesAnswer, *ACTING))
def change_preferences(desk: Desk, session: WorkerSession, changed: ChangedPreferences) -> dict[str, Any]:
    kept = desk.preferences.change(session.worker_id, notices=changed.notices, task=changed.task)
    return _preferences(desk, session.worker_id, kept)


@router.post("/tasks/{task_id}/release", status_code=204, responses=answers(None, *ON_ONE))
def release(desk: Desk, session: WorkerSession, task_id: PathText) -> None:
    desk.tasks.release(session.worker_id, task_id)
    desk.deliver_soon()


@router.post("/tasks/{task_id}/decline", status_code=204, responses=answers(None, *ON_ONE))
def decline(desk: Desk, session: WorkerSession, task_id: PathText, body: Decline) -> None:
    desk.tasks.decline(session.worker_id, task_id, body.reason)
    desk.deliver_soon()


def _claim(
    desk: Service,
    worker_id: int,
    flow_definition: str | None,
    human_loop: str | None = None,
    rather: int | None = None,
) -> Task | NoTask:
    with desk.metrics.claim.time():
        return desk.tasks.claim(worker_id, flow_definition, human_loop, rather=rather)


def _claim_next(desk: Service, worker_id: int, wanted: NextClaim) -> dict[str, Any]:
    offered = desk.links.opened(OFFER, wanted.offer) if wanted.offer else None
    rather = int(offered["loop"]) if offered and offered["worker"] == str(worker_id) else None
    found = _claim(desk, worker_id, wanted.flow_definition, rather=rather)
    if isinstance(found, NoTask):
        return {"reason": found.reason, "retry_after": found.retry_after}
    answer: dict[str, Any] = {"task": _task(desk, found)}
    if rather is not None:
        answer["is_offered"] = found.human_loop_id == rather
    if wanted.with_page and not answer.get("is_offered"):
        answer["page"] = as_text(task_page(desk, found.id)[1])
    return answer


def _nothing(found: NoTask) -> Response:
    """A claim that found nothing, as an answer."""
    headers = {"X-Review-Desk-Reason": str(found.reason)}
    if found.retry_after is not None:
        headers["Retry-After"] = str(found.retry_after)
    return Response(status_code=204, headers=headers)


def _preferences(service: Service, worker_id: int, kept: Preferences) -> dict[str, Any]:
    return {
        "notices": kept.notices,
        "notified_by": service.notices.channels_of(worker_id),
        "task": kept.task,
    }


def _finished(task: FinishedTask) -> dict[str, Any]:
    return {
        "id": task.id,
        "human_loop": task.human_loop,
        "flow_definition": task.flow_definition,
        "title": task.title,
        "outcome": str(task.outcome),
        "accepted_at": iso_milliseconds(task.accepted_at),
        "ended_at": iso_milliseconds(task.ended_at),
        "handling_seconds": task.handling_seconds,
    }


def _task(service: Service, task: Task) -> dict[str, Any]:
    now = service.clock.now()
    return {
        "id": task.id,
        "human_loop": task.human_loop,
        "flow_definition": task.flow_definition,
        "title": task.title,
        "instructions": task.description,
        "state": str(task.state),
        "frame_url": frame_url(service, task),
        "accepted_at": iso_milliseconds(task.accepted_at),
        "lease": _lease(task, now),
        "draft": {"answer": task.draft, "version": task.draft_version} if task.draft is not None else None,
    }


def _lease(task: Task, now: datetime) -> dict[str, Any]:
    return {
        "token": task.lease_token,
        "expires_at": iso_milliseconds(task.lease_expires_at),
        "seconds_left": max(0, int((task.lease_expires_at - now).total_seconds())),
        "time_limit_seconds": task.time_limit,
    }
