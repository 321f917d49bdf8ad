"""Troubles that a running Review Desk is put into."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager

from support import ReviewDesk


@contextmanager
def without_loops(desk: ReviewDesk) -> Iterator[None]:
    """Take the table of human loops away from under a service."""
    with closing(sqlite3.connect(desk.directory / "review_desk.db", timeout=30)) as connection:
        connection.execute("ALTER TABLE human_loop RENAME TO gone")
        try:
            yield
        finally:
            connection.execute("ALTER TABLE gone RENAME TO human_loop")


@contextmanager
def restarted_with(desk: ReviewDesk, **settings: str) -> Iterator[None]:
    """Run a service with other settings, then as before."""
    before = desk.settings
    try:
        _restart(desk, {**before, **settings})
        yield
    finally:
        _restart(desk, before)


def _restart(desk: ReviewDesk, settings: dict[str, str]) -> None:
    desk.stop()
    desk.settings = settings
    desk.start()
