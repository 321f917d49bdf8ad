"""Looks at loops for those who run the service: state and history, never content."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row, func, select

from review_desk.engine.arns import Scope
from review_desk.engine.clock import iso_milliseconds
from review_desk.engine.database import Database
from review_desk.engine.identities import defined_groups
from review_desk.engine.loops import existing_loop
from review_desk.engine.output import output_bucket
from review_desk.engine.tables import (
    flow_definition,
    human_loop,
    outbox,
    task_event,
    worker,
    workteam,
    workteam_member,
)

Line = dict[str, Any]


class Inspection:
    """Reads; changes nothing."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def loops(
        self, scope: Scope, flow_definition_name: str | None, status: str | None, limit: int
    ) -> list[Line]:
        """Return loops, newest first."""
        statement = (
            select(human_loop, flow_definition.c.name.label("flow_name"))
            .join_from(human_loop, flow_definition)
            .where(
                human_loop.c.account_id == scope.account_id,
                human_loop.c.region == scope.region,
                human_loop.c.deleted_at.is_(None),
            )
            .order_by(human_loop.c.id.desc())
            .limit(limit)
        )
        if flow_definition_name:
            statement = statement.where(flow_definition.c.name == flow_definition_name)
        if status:
            statement = statement.where(human_loop.c.status == status)
        with self._database.read() as connection:
            return [_loop(row) for row in connection.execute(statement).all()]

    def loop(self, scope: Scope, name: str) -> tuple[Line, list[Line], list[Line]]:
        """Return a loop, its history, and what it owes the outside.

        :raises NotFoundError: no such loop.
        """
        with self._database.read() as connection:
            row = existing_loop(connection, scope, name)
            events = connection.execute(
                select(task_event, worker.c.username)
                .join_from(task_event, worker, worker.c.id == task_event.c.worker_id, isouter=True)
                .where(task_event.c.human_loop_id == row.id)
                .order_by(task_event.c.id)
            ).all()
            deliveries = connection.execute(
                select(outbox).where(outbox.c.human_loop_id == row.id).order_by(outbox.c.id)
            ).all()
        history = [
            {"At": iso_milliseconds(event.at), "Action": event.action, "Worker": event.username}
            for event in events
        ]
        return _loop(row), history, [_delivery(delivery) for delivery in deliveries]

    def output_buckets(self) -> set[str]:
        """Return the buckets that flow definitions write to."""
        with self._database.read() as connection:
            paths = connection.execute(
                select(flow_definition.c.output_path).where(flow_definition.c.deleted_at.is_(None)).distinct()
            ).scalars()
            return {output_bucket(path) for path in paths}

    def teams(self, scope: Scope) -> list[Line]:
        """Return the work teams by name, with the number of their members who are not disabled."""
        with self._database.read() as connection:
            rows = connection.execute(
                select(workteam, func.count(worker.c.id).label("members"))
                .join_from(workteam, workteam_member, isouter=True)
                .join(
                    worker,
                    (worker.c.id == workteam_member.c.worker_id) & worker.c.disabled_at.is_(None),
                    isouter=True,
                )
                .where(
                    workteam.c.account_id == scope.account_id,
                    workteam.c.region == scope.region,
                    workteam.c.deleted_at.is_(None),
                )
                .group_by(workteam.c.id)
                .order_by(workteam.c.name)
            ).all()
        return [
            {
                "Name": row.name,
                "WorkteamArn": scope.arn("workteam", row.name),
                "Description": row.description,
                "Members": row.members,
                "OidcGroups": sorted(defined_groups(row)),
                "CreatedAt": iso_milliseconds(row.created_at),
            }
            for row in rows
        ]


def _loop(row: Row[Any]) -> Line:
    return {
        "HumanLoopName": row.name,
        "HumanLoopStatus": row.status,
        "FlowDefinitionName": row.flow_name,
        "CreationTime": iso_milliseconds(row.created_at),
        "StartedBy": row.started_by,
        "Answers": row.answer_count,
        "Working": row.active_count,
        "TaskCount": row.task_count,
        "FailureCode": row.failure_code,
        "FailureReason": row.failure_reason,
        "OutputS3Uri": row.output_uri,
    }


def _delivery(row: Row[Any]) -> Line:
    return {
        "Delivery": row.kind,
        "DeliveredAt": iso_milliseconds(row.delivered_at) if row.delivered_at else None,
        "Attempts": row.attempts,
        "Error": row.last_error,
    }
