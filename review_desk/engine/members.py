"""Members of work teams: workers whom an administrator put there, or whom the groups of a provider brought."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import Connection, delete, insert, select, update

from review_desk.engine.arns import Scope
from review_desk.engine.audit import record
from review_desk.engine.errors import NotFoundError
from review_desk.engine.named import find
from review_desk.engine.tables import workteam, workteam_member


class Source(StrEnum):
    """Who put a worker into a team; what a provider's groups brought, they may take away again."""

    LOCAL = "local"
    OIDC = "oidc"


@dataclass(frozen=True)
class Team:
    """A work team that somebody joins or leaves."""

    id: int
    name: str


def existing_team(connection: Connection, scope: Scope, name: str) -> Team:
    """Return a team.

    :raises NotFoundError: no such team.
    """
    row = find(connection, workteam, scope, name)
    if row is None:
        raise NotFoundError(
            f"There is no work team {name!r} in {scope.region}: create it with `review-desk team create {name}`."
        )
    return Team(row.id, row.name)


def join(
    connection: Connection,
    now: datetime,
    worker_id: int,
    username: str,
    team: Team,
    source: Source = Source.LOCAL,
) -> None:
    """Put a worker into a team; what an administrator does counts for more than what a provider says."""
    member = workteam_member.c
    own = (member.workteam_id == team.id, member.worker_id == worker_id)
    present = connection.execute(select(member.source).where(*own)).scalar_one_or_none()
    if present in (source, Source.LOCAL):
        return
    if present is None:
        connection.execute(
            insert(workteam_member).values(workteam_id=team.id, worker_id=worker_id, source=source)
        )
    else:
        connection.execute(update(workteam_member).where(*own).values(source=source))
    detail = {"team": team.name, "source": source}
    record(connection, now, "AddTeamMember", "worker", username, detail)


def leave(connection: Connection, now: datetime, worker_id: int, username: str, team: Team) -> bool:
    """Take a worker out of a team; return whether they were in it."""
    member = workteam_member.c
    removed = connection.execute(
        delete(workteam_member).where(member.worker_id == worker_id, member.workteam_id == team.id)
    ).rowcount
    if removed:
        record(connection, now, "RemoveTeamMember", "worker", username, {"team": team.name})
    return bool(removed)


def set_teams(
    connection: Connection, now: datetime, worker_id: int, username: str, scope: Scope, names: Sequence[str]
) -> None:
    """Put a worker into exactly these teams of a Region.

    :raises NotFoundError: no such team.
    """
    wanted = [existing_team(connection, scope, name) for name in names]
    for team in wanted:
        join(connection, now, worker_id, username, team)
    present = connection.execute(
        select(workteam.c.id, workteam.c.name)
        .join_from(workteam_member, workteam)
        .where(
            workteam_member.c.worker_id == worker_id,
            workteam.c.account_id == scope.account_id,
            workteam.c.region == scope.region,
            workteam.c.deleted_at.is_(None),
        )
    ).all()
    for row in present:
        if Team(row.id, row.name) not in wanted:
            leave(connection, now, worker_id, username, Team(row.id, row.name))
