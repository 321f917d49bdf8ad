"""Connections to the database, and its migrations."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Insert, Table, create_engine, event, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, DisconnectionError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.pool import ConnectionPoolEntry

LOCK_TIMEOUT_IN_SECONDS = 30
MIGRATION_LOCK = 0x7265766965776465
"""Number of the advisory lock that a migration holds on PostgreSQL."""

PASSING_STATES = ("08", "40", "53", "57")
"""Classes of PostgreSQL's errors: connection, rollback, resources, operator."""

IDLE_SECONDS = 2.0
RETURNED_AT = "review_desk_returned_at"
AUTOCOMMIT = {"isolation_level": "AUTOCOMMIT"}


class DatabaseError(Exception):
    """The database cannot be used as it is; the message says what to do."""


class Database:
    """One connection pool. Reads and writes are short transactions opened by :meth:`read` and :meth:`write`.

    A write on SQLite takes the write lock at its start (``BEGIN IMMEDIATE``), so what it reads cannot change
    before it writes. On PostgreSQL the statements lock the rows they are about to change.
    """

    def __init__(self, url: str) -> None:
        self.url = make_url(url)
        self._write_turn: AbstractContextManager[object]
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        if self.is_sqlite:
            # Within a process writers take turns here, where the next one goes on at once; SQLite's own lock is polled.
            self._write_turn = threading.Lock()
            self.engine = create_engine(
                self.url,
                connect_args={"timeout": LOCK_TIMEOUT_IN_SECONDS},
                pool_size=20,
                max_overflow=60,
                hide_parameters=True,
            )
            event.listen(self.engine, "connect", _prepare_sqlite)
            event.listen(self.engine, "begin", _begin_sqlite)
        else:
            self._write_turn = nullcontext()
            self.engine = create_engine(self.url, pool_size=20, max_overflow=30, hide_parameters=True)
            event.listen(self.engine, "connect", _prepare_postgresql)
            event.listen(self.engine, "checkin", _note_return)
            event.listen(self.engine, "checkout", self._check_if_idle)
        self._at_once = self.engine.execution_options(**AUTOCOMMIT)
        self._reading = self.engine if self.is_sqlite else self._at_once

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Open a connection that only reads.

        On SQLite all that is read is of one moment. On PostgreSQL each statement is of its own, as it would be in a
        transaction there (READ COMMITTED), so none is begun and each statement is one exchange with the server.
        """
        with self._reading.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Open a transaction that writes; it commits at the end of the block or leaves nothing behind."""
        with self._write_turn, self.engine.connect() as connection:
            connection.execution_options(writes=True)
            with connection.begin():
                yield connection

    @contextmanager
    def write_by_one_statement(self) -> Iterator[Connection]:
        """Open a connection for one statement that writes; on PostgreSQL it commits in the same exchange."""
        if self.is_sqlite:
            with self.write() as connection:
                yield connection
        else:
            with self._at_once.connect() as connection, connection.begin():
                yield connection

    def insert_new(self, table: Table) -> Insert:
        """Return an insert that passes over rows which a unique index does not admit."""
        if self.is_sqlite:
            return sqlite.insert(table).on_conflict_do_nothing()
        return postgresql.insert(table).on_conflict_do_nothing()

    def migrate(self) -> None:
        """Bring the schema up to date; of several processes at once one does it, and the others wait for it."""
        if self.is_sqlite and self.url.database:
            Path(self.url.database).parent.mkdir(parents=True, exist_ok=True)
        config = alembic_config()
        with self.engine.connect().execution_options(writes=True) as connection, connection.begin():
            if not self.is_sqlite:
                connection.execute(select(func.pg_advisory_xact_lock(MIGRATION_LOCK)))
            config.attributes["connection"] = connection
            command.upgrade(config, "head")

    def copy_to(self, file: Path) -> None:
        """Write a consistent copy of a SQLite database to a new file, while others use it.

        :raises DatabaseError: the database is of another kind.
        """
        if not self.is_sqlite:
            raise DatabaseError("Only SQLite is copied here: use pg_dump for PostgreSQL.")
        connection = self.engine.raw_connection()
        try:
            connection.cursor().execute("VACUUM INTO ?", (str(file),))
        finally:
            connection.close()

    def check(self) -> None:
        """Fail unless the database answers and its schema is the one this version was written for.

        :raises DatabaseError: with the command to run.
        """
        head = ScriptDirectory.from_config(alembic_config()).get_current_head()
        try:
            with self.read() as connection:
                present = MigrationContext.configure(connection).get_current_revision()
        except OperationalError as error:
            reason = unavailability(error) or error.orig
            raise DatabaseError(f"The database {self.safe_url()} does not answer: {reason}") from error
        if present != head:
            raise DatabaseError(
                f"The database {self.safe_url()} is at revision {present or 'none'}, this version needs {head}: "
                "run `review-desk migrate`."
            )

    def _check_if_idle(self, connection: Any, record: ConnectionPoolEntry, _proxy: Any) -> None:
        """Replace a connection that broke while nobody used it; one that was used a moment ago is not asked."""
        returned_at = record.info.get(RETURNED_AT)
        if returned_at is None or time.monotonic() - returned_at < IDLE_SECONDS:
            return
        try:
            self.engine.dialect.do_ping(connection)
        except Exception as error:
            raise DisconnectionError from error

    def safe_url(self) -> str:
        """The URL without its password, for messages."""
        return self.url.render_as_string(hide_password=True)


def unavailability(error: BaseException) -> str | None:
    """Return in one line why the database could not serve just now, or ``None`` if an error is of another kind.

    It was restarted, had no connection left, or broke a ring of transactions that waited for each other. Whoever
    asked may ask again.
    """
    if isinstance(error, PoolTimeoutError):
        return "all its connections are in use"
    if not isinstance(error, DBAPIError):
        return None
    cause = error.orig
    if isinstance(cause, sqlite3.Error):
        passing = getattr(cause, "sqlite_errorcode", None) == sqlite3.SQLITE_BUSY
    else:
        state = getattr(cause, "sqlstate", None)
        lost = isinstance(error, OperationalError) and state is None
        passing = lost or error.connection_invalidated or str(state)[:2] in PASSING_STATES
    return " ".join(str(cause).split()) if passing else None


def alembic_config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    return config


def _note_return(_connection: Any, record: ConnectionPoolEntry) -> None:
    record.info[RETURNED_AT] = time.monotonic()


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()


def _prepare_postgresql(connection: Any, _record: Any) -> None:
    """Keep plans to the indexes' order whatever the statistics say.

    They are of a minute ago, when a batch had not begun: a claim would then sort all that is open.
    """
    was_autocommit = connection.autocommit
    connection.autocommit = True
    connection.execute("SET enable_bitmapscan = off")
    connection.execute("SET jit = off")
    connection.autocommit = was_autocommit


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get("writes")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
