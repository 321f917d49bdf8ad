"""Notices of new work: whom to tell of what, and when.

A worker is told of human loops that wait for their teams and of which they were not told before, at most once in some
minutes, and not while they are at work anyway. What was told is kept for each worker, channel and team as the newest
loop, so a restart tells nothing again. Processes share the work: whoever moves ``not_before`` of a worker tells them.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, and_, case, exists, func, insert, or_, select, update

from review_desk.engine.arns import Scope
from review_desk.engine.clock import Clock
from review_desk.engine.database import Database
from review_desk.engine.lifecycle import RECLAIMABLE, TaskState
from review_desk.engine.tables import (
    constant,
    flow_definition,
    human_loop,
    portal_session,
    task,
    worker,
    worker_notice,
    worker_notice_mark,
    worker_preferences,
    workteam_member,
)
from review_desk.notice_channels import Channel, ChannelDownError, NewWork, Notice, RefusedAddressError

GATHERED_FOR = timedelta(minutes=1)
"""How long the oldest new loop waits for more to come, so that a batch is told as one."""

SETTLED_AFTER = timedelta(seconds=10)
"""When a loop counts: by then every loop with a lower id is committed, whichever process began it."""

HELD_FOR = timedelta(minutes=2)
"""For how long a process has a worker for itself: longer than a mail server may take."""

FIRST_RETRY_IN_SECONDS = 15.0
LONGEST_RETRY_IN_SECONDS = 600.0

NOTICE_IDS = uuid.UUID("0d1c2b0e-3c86-4b51-8d0f-8f4a5c0f6c1d")
"""Namespace of notice ids: an id follows from the worker, the channel and the number of notices before it."""

log = logging.getLogger(__name__)


@dataclass
class _Rest:
    """For how long a channel is left alone after failures."""

    failures: int = 0
    until: datetime | None = None


@dataclass(frozen=True)
class _Waiting:
    """New work of one worker, and the newest loop of each team among it."""

    work: tuple[NewWork, ...]
    newest: dict[int, int]


class Notices:
    """Tells workers of new work.

    :param portal: its address.
    :param pause: the least time between two notices to one worker; who did something within it is at work.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        channels: Sequence[Channel],
        portal: str,
        pause: timedelta,
    ) -> None:
        self._database = database
        self._clock = clock
        self._channels = channels
        self._portal = portal
        self._pause = pause
        self._rests = {channel.name: _Rest() for channel in channels}

    def channels_of(self, worker_id: int) -> list[str]:
        """Return the names of the channels by which a worker can be told."""
        if not self._channels:
            return []
        with self._database.read() as connection:
            email = connection.execute(select(worker.c.email).where(worker.c.id == worker_id)).scalar_one()
        return [channel.name for channel in self._channels if email or not channel.needs_address]

    def tell_due(self) -> int:
        """Tell everybody who is to be told now; return how many notices were sent."""
        return sum(self._tell_by(channel) for channel in self._channels)

    def _tell_by(self, channel: Channel) -> int:
        rest = self._rests[channel.name]
        if rest.until and self._clock.now() < rest.until:
            return 0
        sent = 0
        for worker_id in self._due(channel):
            try:
                sent += self._tell(channel, worker_id)
            except ChannelDownError as error:
                rest.failures += 1
                delay = min(
                    FIRST_RETRY_IN_SECONDS * 2.0 ** min(rest.failures - 1, 10), LONGEST_RETRY_IN_SECONDS
                )
                rest.until = self._clock.now() + timedelta(seconds=delay)
                log.warning("notices of new work wait: %s; next try in %.0f s", error, delay)
                return sent
            rest.failures, rest.until = 0, None
        return sent

    def _due(self, channel: Channel) -> list[int]:
        """Return the workers whose teams have loops that they were not told of, and who are not at work."""
        now = self._clock.now()
        mark, state = worker_notice_mark.c, worker_notice.c
        with self._database.read() as connection:
            newest = _newest_by_team(connection, now)
            rows = connection.execute(
                select(worker.c.id, workteam_member.c.workteam_id, func.coalesce(mark.human_loop_id, 0))
                .select_from(
                    worker.join(workteam_member)
                    .outerjoin(
                        worker_notice_mark,
                        and_(
                            mark.worker_id == worker.c.id,
                            mark.channel == channel.name,
                            mark.workteam_id == workteam_member.c.workteam_id,
                        ),
                    )
                    .outerjoin(
                        worker_notice, and_(state.worker_id == worker.c.id, state.channel == channel.name)
                    )
                    .outerjoin(worker_preferences)
                )
                .where(
                    workteam_member.c.workteam_id.in_(newest),
                    worker.c.disabled_at.is_(None),
                    or_(worker_preferences.c.notices.is_(None), worker_preferences.c.notices.is_(True)),
                    or_(state.not_before.is_(None), state.not_before <= now),
                    *([worker.c.email.is_not(None)] if channel.needs_address else []),
                    ~_is_at_work(now, now - self._pause),
                )
                .order_by(worker.c.id)
            ).all()
        # A worker may be in several teams, and is named once.
        return list(dict.fromkeys(found for found, team, told in rows if newest[team] > told))

    def _tell(self, channel: Channel, worker_id: int) -> bool:
        """Tell one worker, unless another process does; return whether a notice went out."""
        now = self._clock.now()
        with self._database.write() as connection:
            sent_count = self._hold(connection, channel, worker_id, now)
            if sent_count is None:
                return False
            waiting = self._waiting(connection, channel, worker_id, now)
            person = connection.execute(select(worker).where(worker.c.id == worker_id)).one()
        if not waiting.work:
            # All that is new is this worker's own already.
            self._note(channel, worker_id, waiting.newest, not_before=now)
            return False
        notice = Notice(
            id=str(uuid.uuid5(NOTICE_IDS, f"{person.sub}/{channel.name}/{sent_count}")),
            username=person.username,
            email=person.email,
            work=waiting.work,
            portal=self._portal,
        )
        try:
            channel.send(notice)
        except ChannelDownError:
            self._note(channel, worker_id, {}, not_before=now)
            raise
        except RefusedAddressError as error:
            told = waiting.newest if error.for_good else {}
            self._note(channel, worker_id, told, not_before=now + self._pause)
            log.warning("%s: a notice of new work was not sent", error, extra={"worker_id": worker_id})
            return False
        self._note(
            channel, worker_id, waiting.newest, not_before=now + self._pause, sent_count=sent_count + 1
        )
        return True

    def _hold(self, connection: Connection, channel: Channel, worker_id: int, now: datetime) -> int | None:
        """Keep other processes from telling a worker; return how often they were told, or ``None`` if one does."""
        own = {"worker_id": worker_id, "channel": channel.name}
        connection.execute(
            self._database.insert_new(worker_notice).values(**own, sent_count=0, not_before=now)
        )
        return connection.execute(
            update(worker_notice)
            .where(*_is(worker_notice, own), worker_notice.c.not_before <= now)
            .values(not_before=now + HELD_FOR)
            .returning(worker_notice.c.sent_count)
        ).scalar_one_or_none()

    def _waiting(self, connection: Connection, channel: Channel, worker_id: int, now: datetime) -> _Waiting:
        """Return what is new for a worker. A loop that they answered, declined or hold counts as known."""
        mark, own = worker_notice_mark.c, task.alias("own")
        is_theirs = or_(own.c.id.is_(None), own.c.state.in_(RECLAIMABLE))
        rows = connection.execute(
            select(
                flow_definition.c.account_id,
                flow_definition.c.region,
                flow_definition.c.name,
                flow_definition.c.task_title,
                human_loop.c.workteam_id,
                func.max(human_loop.c.id).label("newest"),
                func.sum(case((is_theirs, 1), else_=0)).label("new_tasks"),
            )
            .select_from(
                human_loop.join(flow_definition, flow_definition.c.id == human_loop.c.flow_definition_id)
                .join(workteam_member, workteam_member.c.workteam_id == human_loop.c.workteam_id)
                .outerjoin(
                    worker_notice_mark,
                    and_(
                        mark.worker_id == worker_id,
                        mark.channel == channel.name,
                        mark.workteam_id == human_loop.c.workteam_id,
                    ),
                )
                .outerjoin(own, and_(own.c.human_loop_id == human_loop.c.id, own.c.worker_id == worker_id))
            )
            .where(
                workteam_member.c.worker_id == worker_id,
                human_loop.c.open.is_(True),
                human_loop.c.available_until > now,
                human_loop.c.created_at <= now - SETTLED_AFTER,
                human_loop.c.id > func.coalesce(mark.human_loop_id, 0),
            )
            .group_by(flow_definition.c.id, human_loop.c.workteam_id)
            .order_by(flow_definition.c.created_at, flow_definition.c.id)
        ).all()
        newest: dict[int, int] = {}
        for row in rows:
            newest[row.workteam_id] = max(row.newest, newest.get(row.workteam_id, 0))
        return _Waiting(tuple(_work(row) for row in rows if row.new_tasks), newest)

    def _note(
        self,
        channel: Channel,
        worker_id: int,
        newest: dict[int, int],
        *,
        not_before: datetime,
        sent_count: int | None = None,
    ) -> None:
        """Write down what a worker was told of, and when they may be told again."""
        own = {"worker_id": worker_id, "channel": channel.name}
        with self._database.write() as connection:
            values: dict[str, Any] = {"not_before": not_before}
            if sent_count is not None:
                values["sent_count"] = sent_count
            connection.execute(update(worker_notice).where(*_is(worker_notice, own)).values(values))
            for team, loop in newest.items():
                place = {**own, "workteam_id": team}
                moved = connection.execute(
                    update(worker_notice_mark)
                    .where(*_is(worker_notice_mark, place))
                    .values(human_loop_id=loop)
                ).rowcount
                if not moved:
                    connection.execute(insert(worker_notice_mark).values(**place, human_loop_id=loop))


def _newest_by_team(connection: Connection, now: datetime) -> dict[int, int]:
    """Return the newest waiting loop of each team, among those that have waited for others to join them."""
    return {
        row.workteam_id: row.newest
        for row in connection.execute(
            select(human_loop.c.workteam_id, func.max(human_loop.c.id).label("newest"))
            .where(
                human_loop.c.open.is_(True),
                human_loop.c.available_until > now,
                human_loop.c.created_at <= now - GATHERED_FOR,
            )
            .group_by(human_loop.c.workteam_id)
        )
    }


def _is(table: Any, values: dict[str, Any]) -> list[Any]:
    return [table.c[name] == value for name, value in values.items()]


def _work(row: Any) -> NewWork:
    arn = Scope(row.account_id, row.region).arn("flow-definition", row.name)
    return NewWork(arn, row.task_title, int(row.new_tasks))


def _is_at_work(now: datetime, since: datetime) -> Any:
    """Whether a worker holds a task, or has done anything since a moment."""
    return or_(
        exists().where(
            task.c.worker_id == worker.c.id,
            task.c.state == constant(TaskState.WORKING),
            task.c.lease_expires_at > now,
        ),
        exists().where(portal_session.c.worker_id == worker.c.id, portal_session.c.last_active_at > since),
        # Whoever signed out has no session any more.
        exists().where(
            task.c.worker_id == worker.c.id,
            task.c.state == constant(TaskState.SUBMITTED),
            task.c.submitted_at > since,
        ),
    )
