"""The audit log: who changed what, when and from where, written in the transaction of the change.

Who acts is set once at the edge (a signed API request, a portal session, a command) and read where a change is
written, so that no function in between has to hand it on. What workers do to tasks is in ``task_event``.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, insert, select

from review_desk.engine.database import Database
from review_desk.engine.tables import audit_event

LONGEST_NAME = 256
LONGEST_CLIENT = 64


class ActorKind(StrEnum):
    """What kind of caller a change came from."""

    ACCESS_KEY = "access-key"
    WORKER = "worker"
    COMMAND = "command"
    PROVIDER = "oidc"
    SYSTEM = "system"
    NOBODY = "nobody"


@dataclass(frozen=True)
class Actor:
    """Who acts.

    :param name: access key id, user name, user of the command line, or issuer; empty for the service itself.
    :param client: address that the request came from, if it came over the network.
    """

    kind: ActorKind
    name: str = ""
    client: str | None = None


SYSTEM = Actor(ActorKind.SYSTEM)

_actor: ContextVar[Actor] = ContextVar("actor", default=SYSTEM)


def become(actor: Actor) -> None:
    """Act as ``actor`` from now on, in this request or command only."""
    _actor.set(actor)


@contextmanager
def acting_as(actor: Actor) -> Iterator[None]:
    """Act as ``actor`` within the block."""
    before = _actor.set(actor)
    try:
        yield
    finally:
        _actor.reset(before)


def current_actor() -> Actor:
    """Return who acts now."""
    return _actor.get()


@dataclass(frozen=True)
class AuditEvent:
    """A line of the audit log."""

    id: int
    at: datetime
    actor: Actor
    action: str
    resource_kind: str
    resource: str
    detail: dict[str, Any] | None


def record(
    connection: Connection,
    now: datetime,
    action: str,
    resource_kind: str,
    resource: str,
    detail: dict[str, Any] | None = None,
    *,
    actor: Actor | None = None,
) -> None:
    """Append a line in the transaction of the change.

    :param action: the API's name of the operation where it has one, else a name in its manner.
    :param resource: name or ARN.
    :param detail: what was changed; never content, never a secret.
    :param actor: the current one if left out.
    """
    who = actor or current_actor()
    connection.execute(
        insert(audit_event).values(
            at=now,
            actor_kind=who.kind,
            actor=who.name[:LONGEST_NAME],
            client=who.client[:LONGEST_CLIENT] if who.client else None,
            action=action,
            resource_kind=resource_kind,
            resource=resource[:LONGEST_NAME],
            detail=detail,
        )
    )


class AuditLog:
    """Reads the audit log. Nothing changes or deletes it: the database refuses both."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def events(
        self,
        *,
        since: datetime | None = None,
        actor: str | None = None,
        action: str | None = None,
        before_id: int | None = None,
        limit: int = 100,
    ) -> list[AuditEvent]:
        """Return lines, newest first.

        :param since: inclusive.
        :param actor: name of the actor, whole.
        :param before_id: only lines older than this one, for the next page.
        """
        columns = audit_event.c
        statement = select(audit_event).order_by(columns.id.desc()).limit(limit)
        if since:
            statement = statement.where(columns.at >= since)
        if actor:
            statement = statement.where(columns.actor == actor)
        if action:
            statement = statement.where(columns.action == action)
        if before_id:
            statement = statement.where(columns.id < before_id)
        with self._database.read() as connection:
            rows = connection.execute(statement).all()
        return [
            AuditEvent(
                id=row.id,
                at=row.at,
                actor=Actor(ActorKind(row.actor_kind), row.actor, row.client),
                action=row.action,
                resource_kind=row.resource_kind,
                resource=row.resource,
                detail=row.detail,
            )
            for row in rows
        ]
