"""The portal's JSON API, used by its pages and by scripts.

Every answer but 204 is JSON; an error is ``{"error": {"code", "message"}}`` with one sentence for a person.
"""

from __future__ import annotations

import hmac
import logging
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Cookie, Depends, Header, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from review_desk.engine.access import (
    SESSION_LIFETIME,
    Session,
    SignInError,
    SignInThrottledError,
)
from review_desk.engine.clock import iso_milliseconds
from review_desk.engine.database import unavailability
from review_desk.engine.errors import (
    EngineError,
    InvalidError,
    LateAnswerError,
    LeaseLostError,
    NotFoundError,
    StaleDraftError,
)
from review_desk.engine.tasks import NoTask, Task
from review_desk.portal.desk import Desk
from review_desk.portal.frame import frame_url
from review_desk.service import Service

SESSION_COOKIE = "review_desk_session"
COOKIE_PATH = "/portal"
LARGEST_BODY = 4 * 1024 * 1024

log = logging.getLogger(__name__)

STATUS_OF_ERROR: dict[type[EngineError], tuple[int, str]] = {
    SignInError: (401, "SignInFailed"),
    SignInThrottledError: (429, "SignInThrottled"),
    NotFoundError: (404, "NotFound"),
    InvalidError: (400, "Invalid"),
    StaleDraftError: (409, "StaleDraft"),
    LeaseLostError: (409, "LeaseLost"),
    LateAnswerError: (409, "LateAnswer"),
}


class PortalError(Exception):
    """A request that the portal refuses before it reaches the engine."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


class SignIn(BaseModel):
    username: Annotated[str, Field(max_length=128)]
    password: Annotated[str, Field(max_length=1024)]


class Claim(BaseModel):
    flow_definition: str | None = None
    human_loop: str | None = None


class Draft(BaseModel):
    answer: dict[str, Any]
    version: Annotated[int, Field(ge=0)]


class Submission(BaseModel):
    answer: dict[str, Any]
    lease_token: str


class Decline(BaseModel):
    reason: Annotated[str, Field(min_length=1, max_length=1000)]


def signed_in(desk: Desk, review_desk_session: Annotated[str | None, Cookie()] = None) -> Session:
    """Return the session of the request's cookie.

    :raises PortalError: there is none in force.
    """
    session = desk.access.session(review_desk_session) if review_desk_session else None
    if session is None:
        raise PortalError(401, "SignedOut", "You are not signed in, or your session has ended.")
    return session


def acting(
    session: Annotated[Session, Depends(signed_in)],
    x_csrf_token: Annotated[str | None, Header()] = None,
) -> Session:
    """Return the session of a request that changes something.

    :raises PortalError: the session's CSRF token did not come with it.
    """
    if not x_csrf_token or not hmac.compare_digest(x_csrf_token.encode(), session.csrf_token.encode()):
        raise PortalError(403, "CsrfTokenMissing", "Send the csrf_token of your session as X-CSRF-Token.")
    return session


Reader = Annotated[Session, Depends(signed_in)]
Actor = Annotated[Session, Depends(acting)]

router = APIRouter(prefix="/portal/api")


@router.post("/login")
def login(desk: Desk, request: Request, response: Response, credentials: SignIn) -> dict[str, Any]:
    client = request.client.host if request.client else ""
    token, session = desk.access.sign_in(credentials.username, credentials.password, client)
    response.set_cookie(
        SESSION_COOKIE,
        token,
        max_age=int(SESSION_LIFETIME.total_seconds()),
        path=COOKIE_PATH,
        httponly=True,
        samesite="strict",
        secure=desk.settings.public_url.startswith("https://"),
    )
    return _session(session)


@router.get("/session")
def session(session: Reader) -> dict[str, Any]:
    return _session(session)


@router.post("/logout", status_code=204)
def logout(
    desk: Desk, _session: Actor, response: Response, review_desk_session: Annotated[str, Cookie()]
) -> None:
    desk.access.sign_out(review_desk_session)
    response.delete_cookie(SESSION_COOKIE, path=COOKIE_PATH)


@router.get("/queue")
def queue(desk: Desk, session: Reader) -> dict[str, Any]:
    midnight = desk.clock.now().replace(hour=0, minute=0, second=0, microsecond=0)
    return {
        "flow_definitions": [
            {
                "flow_definition": entry.flow_definition,
                "name": entry.name,
                "title": entry.title,
                "description": entry.description,
                "open": entry.open,
            }
            for entry in desk.tasks.queue(session.worker_id)
        ],
        "working": [_task(desk, task) for task in desk.tasks.working(session.worker_id)],
        "done_today": desk.tasks.submitted_since(session.worker_id, midnight),
    }


@router.post("/tasks/claim", response_model=None)
def claim(desk: Desk, session: Actor, wanted: Claim) -> dict[str, Any] | Response:
    with desk.metrics.claim.time():
        found = desk.tasks.claim(session.worker_id, wanted.flow_definition, wanted.human_loop)
    if isinstance(found, NoTask):
        headers = {"X-Review-Desk-Reason": str(found.reason)}
        if found.retry_after is not None:
            headers["Retry-After"] = str(found.retry_after)
        return Response(status_code=204, headers=headers)
    return _task(desk, found)


@router.get("/tasks/{task_id}")
def get_task(desk: Desk, session: Reader, task_id: str) -> dict[str, Any]:
    return _task(desk, desk.tasks.get(session.worker_id, task_id))


@router.put("/tasks/{task_id}/draft")
def save_draft(desk: Desk, session: Actor, task_id: str, draft: Draft) -> dict[str, Any]:
    version = desk.tasks.save_draft(session.worker_id, task_id, draft.answer, draft.version)
    return {"version": version}


@router.post("/tasks/{task_id}/heartbeat")
def heartbeat(desk: Desk, session: Actor, task_id: str) -> dict[str, Any]:
    task = desk.tasks.heartbeat(session.worker_id, task_id)
    return {"lease": _lease(task, desk.clock.now()), "human_loop_status": str(task.loop_status)}


@router.post("/tasks/{task_id}/submit")
def submit(desk: Desk, session: Actor, task_id: str, submission: Submission) -> dict[str, Any]:
    with desk.metrics.submit.time():
        task = desk.tasks.submit(session.worker_id, task_id, submission.answer, submission.lease_token)
    desk.deliver_soon()
    return {"state": str(task.state), "human_loop_status": str(task.loop_status)}


@router.post("/tasks/{task_id}/release", status_code=204)
def release(desk: Desk, session: Actor, task_id: str) -> None:
    desk.tasks.release(session.worker_id, task_id)
    desk.deliver_soon()


@router.post("/tasks/{task_id}/decline", status_code=204)
def decline(desk: Desk, session: Actor, task_id: str, body: Decline) -> None:
    desk.tasks.decline(session.worker_id, task_id, body.reason)
    desk.deliver_soon()


def engine_error(_request: Request, error: Exception) -> JSONResponse:
    """Turn an engine's refusal into an answer."""
    status, code = STATUS_OF_ERROR.get(type(error), (400, "Invalid"))  # type: ignore[arg-type]
    body: dict[str, Any] = {"error": {"code": code, "message": str(error)}}
    if isinstance(error, StaleDraftError):
        body["draft"] = {"answer": error.draft, "version": error.version}
    return JSONResponse(body, status)


def portal_error(_request: Request, error: Exception) -> JSONResponse:
    """Turn a portal's refusal into an answer."""
    status, code = (error.status, error.code) if isinstance(error, PortalError) else (500, "Internal")
    return JSONResponse({"error": {"code": code, "message": str(error)}}, status)


def database_error(request: Request, error: Exception) -> JSONResponse:
    """Ask the sender to come again when the database does not serve just now; other errors of it are faults."""
    reason = unavailability(error)
    if reason is None:
        raise error
    log.warning("%s %s: the database does not serve: %s", request.method, request.url.path, reason)
    body = {"error": {"code": "Unavailable", "message": "The database does not answer just now: try again."}}
    return JSONResponse(body, 503, {"Retry-After": "1"})


def invalid_request(_request: Request, error: Exception) -> JSONResponse:
    """Name the fields of a request that its model does not accept, without repeating their values."""
    problems = "; ".join(
        f"{'.'.join(str(part) for part in item['loc'][1:]) or 'body'}: {item['msg']}"
        for item in error.errors()  # type: ignore[attr-defined]
    )
    return JSONResponse({"error": {"code": "Invalid", "message": problems}}, 400)


def _session(session: Session) -> dict[str, Any]:
    return {
        "csrf_token": session.csrf_token,
        "worker": {"username": session.username, "lead": session.lead},
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
