"""What a worker prefers: whether they are told of new work, and what their tasks' pages remember."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import select, update

from review_desk.engine.database import Database
from review_desk.engine.tables import worker_preferences

Value = str | int | float | bool


@dataclass(frozen=True)
class Preferences:
    """A worker's preferences.

    :param notices: whether they are told of new work.
    :param task: what the page of a task handed back, by name.
    """

    notices: bool
    task: dict[str, Value]


UNTOUCHED = Preferences(notices=True, task={})


class PreferencesStore:
    """The only door to preferences. A worker has none of their own until the first change."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of(self, worker_id: int) -> Preferences:
        """Return a worker's preferences."""
        with self._database.read() as connection:
            row = connection.execute(
                select(worker_preferences).where(worker_preferences.c.worker_id == worker_id)
            ).one_or_none()
        return Preferences(row.notices, row.task) if row else UNTOUCHED

    def change(
        self, worker_id: int, *, notices: bool | None = None, task: dict[str, Value] | None = None
    ) -> Preferences:
        """Change a worker's preferences and return them; ``None`` stays as it is."""
        values: dict[str, Any] = {
            name: value for name, value in (("notices", notices), ("task", task)) if value is not None
        }
        with self._database.write() as connection:
            connection.execute(
                self._database.insert_new(worker_preferences).values(
                    worker_id=worker_id, notices=UNTOUCHED.notices, task=UNTOUCHED.task
                )
            )
            if values:
                connection.execute(
                    update(worker_preferences)
                    .where(worker_preferences.c.worker_id == worker_id)
                    .values(values)
                )
        return self.of(worker_id)
