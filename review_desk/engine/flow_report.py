"""What leads look at: throughput, handling time, backlog and its age, expiries, edit rates, agreement.

Counts come from the database, whole. What needs the answers themselves is taken from the newest of them, page by page.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Row,
    Table,
    case,
    func,
    literal_column,
    or_,
    select,
    type_coerce,
)
from sqlalchemy.sql import Select

from review_desk.engine.answer_quality import Agreement, AgreementCount, EditCount, FieldShare
from review_desk.engine.arns import Scope
from review_desk.engine.clock import Clock
from review_desk.engine.database import Database
from review_desk.engine.errors import InvalidError, NotFoundError
from review_desk.engine.lifecycle import FailureCode, LoopStatus, TaskState
from review_desk.engine.sessions import Session
from review_desk.engine.tables import (
    Timestamp,
    constant,
    flow_definition,
    human_loop,
    human_loop_input,
    task,
    task_event,
    workteam,
)
from review_desk.engine.team_progress import visible_to

ANSWERS_LOOKED_AT = 5_000
"""The newest answers of a period; handling time, edit rates and agreement are taken from no more."""

ANSWERS_AT_ONCE = 50
LONGEST_INPUT = 512 * 1024
"""Characters; predictions of a larger input are left out."""

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
LOOP_FAILED = f"loop-{LoopStatus.FAILED.lower()}"
ENDS_COUNTED = [constant(TaskState.EXPIRED), constant(TaskState.DECLINED), constant(LOOP_FAILED)]


class Age(StrEnum):
    """How long a human loop has been open."""

    UNDER_1_HOUR = "under_1_hour"
    UNDER_4_HOURS = "under_4_hours"
    UNDER_1_DAY = "under_1_day"
    UNDER_3_DAYS = "under_3_days"
    OLDER = "older"


YOUNGER_THAN = {
    Age.UNDER_1_HOUR: HOUR,
    Age.UNDER_4_HOURS: 4 * HOUR,
    Age.UNDER_1_DAY: DAY,
    Age.UNDER_3_DAYS: 3 * DAY,
}


@dataclass(frozen=True)
class Wanted:
    """What a report is about: all that the viewer may see, unless it is narrowed.

    :param flow_definition: ARN.
    :param team: ARN of a work team.
    :param days: 1 is today by the hour; more are that many days, today included. UTC.
    """

    flow_definition: str | None = None
    team: str | None = None
    days: int = 7

    @property
    def step(self) -> timedelta:
        return HOUR if self.days == 1 else DAY

    def begins(self, now: datetime) -> datetime:
        return now.replace(hour=0, minute=0, second=0, microsecond=0) - (self.days - 1) * DAY


@dataclass(frozen=True)
class Throughput:
    """Answers of one hour or day.

    :param at: when it begins, UTC.
    """

    at: datetime
    answers: int


@dataclass(frozen=True)
class Backlog:
    """What is open now.

    :param loops: human loops that somebody could take.
    :param tasks: answers that nobody has begun in them.
    :param oldest: when the oldest of the loops was started.
    :param ages: loops by how long they have been open.
    """

    loops: int
    tasks: int
    oldest: datetime | None
    ages: dict[Age, int]


@dataclass(frozen=True)
class FlowReport:
    """The numbers of a flow definition, a team, or all teams of a viewer.

    :param answers: in the period.
    :param looked_at: of how many of them handling time, edits and agreement are; the newest.
    :param p50: seconds from acceptance to submission that half of the answers took at most (nearest rank).
    :param p90: seconds that nine of ten took at most.
    :param expired_leases: tasks whose time ran out in the period.
    :param expired_loops: human loops that failed as ``Expired`` in the period.
    :param edits: per field, answers that changed what was predicted.
    """

    since: datetime
    until: datetime
    throughput: tuple[Throughput, ...]
    answers: int
    looked_at: int
    p50: float | None
    p90: float | None
    backlog: Backlog
    expired_leases: int
    expired_loops: int
    declines: int
    edits: tuple[FieldShare, ...]
    agreement: Agreement

    @property
    def is_capped(self) -> bool:
        return self.looked_at < self.answers


class FlowReports:
    """Makes reports; what a viewer may not see is not in them."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def report(self, viewer: Session, wanted: Wanted, most_answers: int = ANSWERS_LOOKED_AT) -> FlowReport:
        """Return the numbers as of now.

        :param most_answers: how many answers are looked at.
        :raises InvalidError: no ARN of such a thing.
        :raises NotFoundError: no such flow definition or team, or somebody else's.
        """
        now = self._clock.now()
        since = wanted.begins(now)
        with self._database.read() as connection:
            within = _within(connection, viewer, wanted)
            throughput = _throughput(connection, within, since, now, wanted.step)
            backlog = _backlog(connection, within, now)
            ends = _ends(connection, within, since)
            newest = _newest(connection, within, since, most_answers)
        seconds = [(row.submitted_at - row.accepted_at).total_seconds() for row in newest]
        edits, agreement = EditCount(), AgreementCount()
        for row in self._contents([row.id for row in newest]):
            if isinstance(row.answer, dict):
                agreement.add(row.human_loop_id, row.task_count, row.answer)
                if row.content is not None:
                    edits.add(json.loads(row.content), row.answer)
        seconds.sort()
        return FlowReport(
            since=since,
            until=now,
            throughput=throughput,
            answers=sum(part.answers for part in throughput),
            looked_at=len(seconds),
            p50=_percentile(seconds, 0.5),
            p90=_percentile(seconds, 0.9),
            backlog=backlog,
            expired_leases=ends.get(TaskState.EXPIRED, 0),
            expired_loops=ends.get(LOOP_FAILED, 0),
            declines=ends.get(TaskState.DECLINED, 0),
            edits=edits.result(),
            agreement=agreement.result(),
        )

    def _contents(self, task_ids: list[str]) -> Iterator[Row[Any]]:
        """Yield answers with their inputs. Each page is read by itself, so that little is held at once."""
        content = human_loop_input.c.content
        statement: Select[Any] = select(
            task.c.human_loop_id,
            task.c.answer,
            human_loop.c.task_count,
            case((func.length(content) <= LONGEST_INPUT, content)).label("content"),
        ).select_from(task.join(human_loop).join(human_loop_input))
        for first in range(0, len(task_ids), ANSWERS_AT_ONCE):
            page = task_ids[first : first + ANSWERS_AT_ONCE]
            with self._database.read() as connection:
                rows = connection.execute(statement.where(task.c.id.in_(page))).all()
            yield from rows


def _within(connection: Connection, viewer: Session, wanted: Wanted) -> list[ColumnElement[bool]]:
    """Return conditions on ``human_loop``."""
    conditions = [visible_to(viewer, human_loop.c.workteam_id)]
    if wanted.flow_definition:
        seen = visible_to(viewer, flow_definition.c.workteam_id)
        flow_id, name = _found(connection, flow_definition, wanted.flow_definition, "flow-definition", seen)
        if flow_id is None:
            raise NotFoundError(f"The flow definition {name!r} does not exist, or it is of another team.")
        conditions.append(human_loop.c.flow_definition_id == flow_id)
    if wanted.team:
        seen = visible_to(viewer, workteam.c.id)
        team_id, name = _found(connection, workteam, wanted.team, "workteam", seen)
        if team_id is None:
            raise NotFoundError(f"The work team {name!r} does not exist, or it is not yours.")
        conditions.append(human_loop.c.workteam_id == team_id)
    return conditions


def _found(
    connection: Connection, table: Table, arn: str, kind: str, seen: ColumnElement[bool]
) -> tuple[int | None, str]:
    """Return the id of what an ARN names, if the viewer may see it, and its name."""
    scope, name = _parsed(arn, kind)
    statement = select(table.c.id).where(
        table.c.account_id == scope.account_id,
        table.c.region == scope.region,
        table.c.name == name,
        table.c.deleted_at.is_(None),
        seen,
    )
    return connection.execute(statement).scalar_one_or_none(), name


def _parsed(arn: str, kind: str) -> tuple[Scope, str]:
    parts = arn.split(":", 5)
    scope = Scope(parts[4], parts[3]) if len(parts) == 6 else None
    name = scope.name_of(arn, kind) if scope else None
    if scope is None or name is None:
        raise InvalidError(f"{arn!r} is not the ARN of a {kind}.")
    return scope, name


def _newest(
    connection: Connection, within: list[ColumnElement[bool]], since: datetime, most: int
) -> Sequence[Row[Any]]:
    """Return the newest answers without their contents, which would make the sorting slow."""
    newest: Select[Any] = (
        select(task.c.id, task.c.accepted_at, task.c.submitted_at)
        .select_from(task.join(human_loop))
        .where(task.c.state == constant(TaskState.SUBMITTED), task.c.submitted_at >= since, *within)
        .order_by(task.c.submitted_at.desc(), task.c.id.desc())
        .limit(most)
    )
    return connection.execute(newest).all()


def _throughput(
    connection: Connection, within: list[ColumnElement[bool]], since: datetime, now: datetime, step: timedelta
) -> tuple[Throughput, ...]:
    at = type_coerce(task.c.submitted_at, BigInteger)
    # A literal: the database has to see that what is selected is what is grouped by.
    begins = (at - at % literal_column(str(round(step.total_seconds() * 1000)), BigInteger)).label("begins")
    rows = connection.execute(
        select(begins, func.count().label("answers"))
        .select_from(task.join(human_loop))
        .where(task.c.state == constant(TaskState.SUBMITTED), task.c.submitted_at >= since, *within)
        .group_by(begins)
    )
    counted = {row.begins: row.answers for row in rows}
    moments = (since + number * step for number in range((now - since) // step + 1))
    return tuple(Throughput(moment, counted.get(Timestamp.stored(moment), 0)) for moment in moments)


def _backlog(connection: Connection, within: list[ColumnElement[bool]], now: datetime) -> Backlog:
    loops = human_loop.c
    younger = {
        age: func.count().filter(loops.created_at > now - limit) for age, limit in YOUNGER_THAN.items()
    }
    row = connection.execute(
        select(
            func.count().label("loops"),
            func.coalesce(func.sum(loops.task_count - loops.answer_count - loops.active_count), 0).label(
                "tasks"
            ),
            func.min(loops.created_at).label("oldest"),
            *(count.label(age) for age, count in younger.items()),
        ).where(loops.open.is_(True), loops.available_until > now, *within)
    ).one()
    # Each count includes the younger ones.
    upto = [0, *(getattr(row, age) for age in YOUNGER_THAN), row.loops]
    ages = {age: upto[position + 1] - upto[position] for position, age in enumerate(Age)}
    return Backlog(row.loops, int(row.tasks), row.oldest, ages)


def _ends(connection: Connection, within: list[ColumnElement[bool]], since: datetime) -> dict[str, int]:
    """Count the ends that nobody wished for, by action of the log."""
    rows = connection.execute(
        select(task_event.c.action, func.count().label("ends"))
        .join_from(task_event, human_loop)
        .where(
            task_event.c.action.in_(ENDS_COUNTED),
            task_event.c.at >= since,
            or_(
                task_event.c.action != constant(LOOP_FAILED),
                human_loop.c.failure_code == FailureCode.EXPIRED,
            ),
            *within,
        )
        .group_by(task_event.c.action)
    )
    return {row.action: row.ends for row in rows}


def _percentile(ordered: list[float], share: float) -> float | None:
    if not ordered:
        return None
    return ordered[math.ceil(share * len(ordered)) - 1]
