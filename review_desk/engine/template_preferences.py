"""What worker task templates keep for a worker beyond one task: keys, views.

Templates are other people's scripts, so what they keep is little and simple, and only ever handed back to the tasks of
the same flow definition.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Select, bindparam, delete, select, update

from review_desk.engine.arns import Scope
from review_desk.engine.clock import Clock
from review_desk.engine.database import Database
from review_desk.engine.errors import InvalidError, NotFoundError
from review_desk.engine.preferences import Value
from review_desk.engine.tables import flow_definition, template_preferences
from review_desk.engine.tasks import TEAMS

NAME = re.compile(r"[A-Za-z][A-Za-z0-9._-]{0,53}")
MOST_NAMES = 50
LARGEST = 4 * 1024
"""Bytes of a flow definition's preferences, as JSON in ASCII."""
LONGEST_TEXT = 200
LARGEST_NUMBER = 1e15
MOST_FLOW_DEFINITIONS = 50
"""Of a worker: the ones that were changed last."""

Changes = Mapping[str, Value | None]

IN_REACH: Select[Any] = select(
    flow_definition.c.id, flow_definition.c.account_id, flow_definition.c.region, flow_definition.c.name
).where(flow_definition.c.workteam_id.in_(TEAMS), flow_definition.c.deleted_at.is_(None))
NAMED = IN_REACH.where(
    flow_definition.c.account_id == bindparam("account_id"),
    flow_definition.c.region == bindparam("region"),
    flow_definition.c.name == bindparam("name"),
)
KEPT = (
    IN_REACH.add_columns(template_preferences.c.preferences)
    .join(template_preferences, template_preferences.c.flow_definition_id == flow_definition.c.id)
    .where(template_preferences.c.worker_id == bindparam("worker_id"))
)


class TemplatePreferencesStore:
    """The only door to what templates keep."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def of(self, worker_id: int) -> dict[str, dict[str, Value]]:
        """Return what is kept for a worker, by the ARN of a flow definition of their teams."""
        with self._database.read() as connection:
            rows = connection.execute(KEPT, {"worker_id": worker_id}).all()
        return {
            Scope(row.account_id, row.region).arn("flow-definition", row.name): row.preferences
            for row in rows
            if row.preferences
        }

    def change(self, worker_id: int, flow_definition_arn: str, changes: Changes) -> dict[str, Value]:
        """Keep values of a flow definition's template, and return all that are kept of it now.

        :param changes: values by name; ``None`` forgets one.
        :raises NotFoundError: no such flow definition in the worker's teams.
        :raises InvalidError: a name or a value is not acceptable, or there are too many.
        """
        for name, value in changes.items():
            check(name, value)
        with self._database.write() as connection:
            flow_id = _flow_id(connection, worker_id, flow_definition_arn)
            key = {"worker_id": worker_id, "flow_definition_id": flow_id}
            now = self._clock.now()
            connection.execute(
                self._database.insert_new(template_preferences).values(**key, preferences={}, changed_at=now)
            )
            own = [template_preferences.c[column] == value for column, value in key.items()]
            before = connection.execute(
                select(template_preferences.c.preferences).where(*own).with_for_update()
            ).scalar_one()
            merged = {**before, **changes}
            kept = {name: value for name, value in merged.items() if value is not None}
            check_size(kept)
            connection.execute(
                update(template_preferences).where(*own).values(preferences=kept, changed_at=now)
            )
            _forget_oldest(connection, worker_id)
        return kept

    def forget(self, worker_id: int) -> None:
        """Forget all that templates keep for a worker."""
        with self._database.write() as connection:
            connection.execute(
                delete(template_preferences).where(template_preferences.c.worker_id == worker_id)
            )


def check(name: str, value: Value | None) -> None:
    """Refuse what no template may keep.

    :raises InvalidError: the name or the value is not acceptable.
    """
    if not NAME.fullmatch(name):
        raise InvalidError(
            "A preference's name has 1 to 54 ASCII letters, digits, dots, hyphens and underscores, a letter first."
        )
    if isinstance(value, str) and (len(value) > LONGEST_TEXT or "\x00" in value):
        raise InvalidError(
            f"The preference {name!r} is too long, or has U+0000: keep at most {LONGEST_TEXT} characters."
        )
    if isinstance(value, int | float) and not abs(value) <= LARGEST_NUMBER:
        raise InvalidError(f"The preference {name!r} is too large a number: keep one up to 1e15.")


def check_size(kept: Mapping[str, Value]) -> None:
    """Refuse more than a flow definition's template may keep.

    :raises InvalidError: too many names, or too many bytes.
    """
    if len(kept) > MOST_NAMES:
        raise InvalidError(f"A template keeps at most {MOST_NAMES} preferences: forget others first.")
    if len(json.dumps(kept)) > LARGEST:
        raise InvalidError(f"A template keeps at most {LARGEST} bytes of preferences: forget others first.")


def _flow_id(connection: Connection, worker_id: int, arn: str) -> int:
    parts = arn.split(":", 5)
    if len(parts) == 6:
        scope, name = Scope(parts[4], parts[3]), parts[5].removeprefix("flow-definition/")
        if arn == scope.arn("flow-definition", name):
            values = {"account_id": scope.account_id, "region": scope.region, "name": name}
            row = connection.execute(NAMED, {"worker_id": worker_id, **values}).one_or_none()
            if row is not None:
                flow_id: int = row.id
                return flow_id
    raise NotFoundError("There is no such flow definition in your work teams.")


def _forget_oldest(connection: Connection, worker_id: int) -> None:
    columns = template_preferences.c
    newest = (
        select(columns.flow_definition_id)
        .where(columns.worker_id == worker_id)
        .order_by(columns.changed_at.desc(), columns.flow_definition_id.desc())
        .limit(MOST_FLOW_DEFINITIONS)
    )
    connection.execute(
        delete(template_preferences).where(
            columns.worker_id == worker_id, columns.flow_definition_id.not_in(newest)
        )
    )
