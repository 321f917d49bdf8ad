"""How work teams stand: what is open, being worked on, answered."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, func, select, true
from sqlalchemy.sql import Select

from review_desk.engine.arns import Scope
from review_desk.engine.lifecycle import LoopStatus, TaskState
from review_desk.engine.roles import Role
from review_desk.engine.sessions import Session
from review_desk.engine.tables import (
    flow_definition,
    human_loop,
    task,
    worker,
    workteam,
    workteam_member,
)


@dataclass(frozen=True)
class FlowProgress:
    """How a team's flow definition stands.

    :param flow_definition: ARN.
    :param open: loops that somebody could take now.
    :param working: tasks that workers hold now.
    :param answered_today: answers since midnight, UTC.
    :param oldest_open: when the oldest of the open loops was started.
    """

    flow_definition: str
    name: str
    title: str
    open: int
    working: int
    answered_today: int
    oldest_open: datetime | None


@dataclass(frozen=True)
class TeamProgress:
    """How a work team stands.

    :param arn: of the work team.
    """

    name: str
    arn: str
    members: int
    flow_definitions: tuple[FlowProgress, ...]


def visible_to(viewer: Session, workteam_id: ColumnElement[int]) -> ColumnElement[bool]:
    """Condition: the viewer may see what belongs to this team."""
    if viewer.role is Role.ADMIN:
        return true()
    own = select(workteam_member.c.workteam_id).where(workteam_member.c.worker_id == viewer.worker_id)
    return workteam_id.in_(own)


def team_progress(connection: Connection, viewer: Session, now: datetime) -> list[TeamProgress]:
    """Return how the teams that the viewer may see stand, by name."""
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    teams = connection.execute(
        select(workteam, func.count(worker.c.id).label("members"))
        .join_from(workteam, workteam_member, isouter=True)
        .join(
            worker,
            (worker.c.id == workteam_member.c.worker_id) & worker.c.disabled_at.is_(None),
            isouter=True,
        )
        .where(workteam.c.deleted_at.is_(None), visible_to(viewer, workteam.c.id))
        .group_by(workteam.c.id)
        .order_by(workteam.c.name, workteam.c.id)
    ).all()
    flows = connection.execute(_flows(viewer, now, midnight)).all()
    return [
        TeamProgress(
            name=team.name,
            arn=Scope(team.account_id, team.region).arn("workteam", team.name),
            members=team.members,
            flow_definitions=tuple(_flow_progress(row) for row in flows if row.workteam_id == team.id),
        )
        for team in teams
    ]


def _flows(viewer: Session, now: datetime, midnight: datetime) -> Select[Any]:
    """Select the viewer's flow definitions with their counts; each count is one pass over an index."""
    loops = human_loop.c
    is_open = loops.open.is_(True) & (loops.available_until > now)
    unfinished = (
        select(
            loops.flow_definition_id,
            func.count().filter(is_open).label("open"),
            func.sum(loops.active_count).label("working"),
            func.min(loops.created_at).filter(is_open).label("oldest_open"),
        )
        .where(loops.status.in_((LoopStatus.IN_PROGRESS, LoopStatus.STOPPING)))
        .group_by(loops.flow_definition_id)
        .subquery()
    )
    answered = (
        select(loops.flow_definition_id, func.count().label("answers"))
        .join_from(task, human_loop)
        .where(task.c.state == TaskState.SUBMITTED, task.c.submitted_at >= midnight)
        .group_by(loops.flow_definition_id)
        .subquery()
    )
    flow_id = flow_definition.c.id
    return (
        select(
            flow_definition,
            func.coalesce(unfinished.c.open, 0).label("open"),
            func.coalesce(unfinished.c.working, 0).label("working"),
            func.coalesce(answered.c.answers, 0).label("answered_today"),
            unfinished.c.oldest_open,
        )
        .join_from(flow_definition, unfinished, unfinished.c.flow_definition_id == flow_id, isouter=True)
        .join(answered, answered.c.flow_definition_id == flow_id, isouter=True)
        .where(flow_definition.c.deleted_at.is_(None), visible_to(viewer, flow_definition.c.workteam_id))
        .order_by(flow_definition.c.name, flow_id)
    )


def _flow_progress(row: Row[Any]) -> FlowProgress:
    return FlowProgress(
        flow_definition=Scope(row.account_id, row.region).arn("flow-definition", row.name),
        name=row.name,
        title=row.task_title,
        open=row.open,
        working=int(row.working),
        answered_today=row.answered_today,
        oldest_open=row.oldest_open,
    )
