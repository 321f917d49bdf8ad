"""The portal's JSON API for admins: workers, and the audit log."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, ConfigDict, Field

from review_desk.engine.arns import Scope
from review_desk.engine.audit import AuditEvent
from review_desk.engine.clock import iso_milliseconds
from review_desk.engine.roles import Role
from review_desk.engine.workers import Worker, WorkerChange
from review_desk.portal.authorization import as_admin
from review_desk.portal.desk import Desk
from review_desk.portal.models import AuditAnswer, WorkerAnswer, WorkersAnswer
from review_desk.portal.schema import ON_ONE, SIGNED_IN, PathText, answers
from review_desk.service import Service

router = APIRouter(prefix="/portal/api", dependencies=[Depends(as_admin)])

Text = Annotated[str, Field(max_length=256, pattern=r"^[^\x00]*$")]
Word = Annotated[str | None, Query(max_length=256, pattern=r"^[^\x00]*$")]
Password = Annotated[str, Field(max_length=1024)]


class NewWorker(BaseModel):
    model_config = ConfigDict(extra="forbid")

    username: Text
    password: Password
    teams: list[Text] = []
    role: Role = Role.WORKER


class ChangedWorker(BaseModel):
    model_config = ConfigDict(extra="forbid")

    role: Role | None = None
    disabled: bool | None = None
    teams: list[Text] | None = None
    password: Password | None = None
    email: Text | None = None
    """An empty text takes the address away."""


@router.get("/workers", responses=answers(WorkersAnswer, *SIGNED_IN))
def workers(desk: Desk) -> dict[str, Any]:
    return {"workers": [worker_answer(worker) for worker in desk.workers.all(_scope(desk))]}


@router.post("/workers", status_code=201, responses=answers(WorkerAnswer, *ON_ONE, status=201))
def create_worker(desk: Desk, new: NewWorker) -> dict[str, Any]:
    desk.workers.create(_scope(desk), new.username, new.password, new.teams, new.role)
    return worker_answer(desk.workers.get(_scope(desk), new.username))


@router.patch("/workers/{username}", responses=answers(WorkerAnswer, *ON_ONE))
def change_worker(desk: Desk, username: PathText, changed: ChangedWorker) -> dict[str, Any]:
    change = WorkerChange(changed.role, changed.disabled, changed.teams, changed.password, changed.email)
    desk.workers.change(_scope(desk), username, change, keep_an_admin=True)
    return worker_answer(desk.workers.get(_scope(desk), username))


@router.get("/audit", responses=answers(AuditAnswer, 400, *SIGNED_IN))
def audit(
    desk: Desk,
    since: datetime | None = None,
    actor: Word = None,
    action: Word = None,
    before: Annotated[int | None, Query(ge=0, lt=2**63)] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> dict[str, Any]:
    if since is not None and since.tzinfo is None:
        since = since.replace(tzinfo=UTC)
    events = desk.audit.events(since=since, actor=actor, action=action, before_id=before, limit=limit)
    following = events[-1].id if len(events) == limit else None
    return {"events": [audit_answer(event) for event in events], "before": following}


def worker_answer(worker: Worker) -> dict[str, Any]:
    """What is told of a worker."""
    return {
        "username": worker.username,
        "role": worker.role,
        "teams": [{"name": member.team, "source": member.source} for member in worker.teams],
        "disabled": worker.disabled_at is not None,
        "created_at": iso_milliseconds(worker.created_at),
        "signs_in_with": worker.issuer or "password",
        "email": worker.email,
    }


def audit_answer(event: AuditEvent) -> dict[str, Any]:
    """A line of the audit log as JSON."""
    return {
        "id": event.id,
        "at": iso_milliseconds(event.at),
        "actor_kind": event.actor.kind,
        "actor": event.actor.name,
        "client": event.actor.client,
        "action": event.action,
        "resource_kind": event.resource_kind,
        "resource": event.resource,
        "detail": event.detail,
    }


def _scope(desk: Service) -> Scope:
    return Scope(desk.settings.account_id, desk.settings.region)
