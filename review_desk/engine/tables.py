"""The database's tables.

Times are whole milliseconds since the epoch in UTC, so that SQLite and PostgreSQL compare and index them alike.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    literal_column,
    text,
)
from sqlalchemy.engine import Dialect


class Timestamp(TypeDecorator[datetime]):
    """An aware datetime in Python, epoch milliseconds in the database."""

    impl = BigInteger
    cache_ok = True

    @staticmethod
    def stored(value: datetime) -> int:
        return round(value.timestamp() * 1000)

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        return None if value is None else self.stored(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        return None if value is None else datetime.fromtimestamp(value / 1000, UTC)


def constant(value: str) -> ColumnElement[str]:
    """Return a constant that is written into the statement, where a planner can match it with a partial index."""
    return literal_column(f"'{value}'", String)


Identity = BigInteger().with_variant(Integer, "sqlite")

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(column_0_N_label)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

access_key = Table(
    "access_key",
    metadata,
    Column("access_key_id", String(32), primary_key=True),
    Column("name", String(128), nullable=False),
    Column("secret_encrypted", Text, nullable=False),
    Column("created_at", Timestamp, nullable=False),
    Column("revoked_at", Timestamp),
)

workteam = Table(
    "workteam",
    metadata,
    Column("id", Identity, primary_key=True),
    Column("account_id", String(12), nullable=False),
    Column("region", String(32), nullable=False),
    Column("name", String(63), nullable=False),
    Column("description", String(200), nullable=False),
    Column("request", JSON, nullable=False),
    Column("created_at", Timestamp, nullable=False),
    Column("updated_at", Timestamp),
    Column("deleted_at", Timestamp),
)

worker = Table(
    "worker",
    metadata,
    Column("id", Identity, primary_key=True),
    Column("sub", String(36), nullable=False, unique=True),
    Column("username", String(128), nullable=False, unique=True),
    Column("password_hash", String(256), nullable=False),
    Column("role", String(16), nullable=False),
    Column("issuer", String(512)),
    Column("subject", String(255)),
    Column("email", String(254)),
    Column("created_at", Timestamp, nullable=False),
    Column("disabled_at", Timestamp),
    Index("uq_worker_identity", "issuer", "subject", unique=True),
)
"""``sub`` is this installation's own id of a person. Who signs in with an OIDC provider has its ``issuer`` and
``subject`` besides, and an empty ``password_hash``."""

workteam_member = Table(
    "workteam_member",
    metadata,
    Column("workteam_id", ForeignKey("workteam.id"), primary_key=True),
    Column("worker_id", ForeignKey("worker.id"), primary_key=True, index=True),
    Column("source", String(16), nullable=False),
)

human_task_ui = Table(
    "human_task_ui",
    metadata,
    Column("id", Identity, primary_key=True),
    Column("account_id", String(12), nullable=False),
    Column("region", String(32), nullable=False),
    Column("name", String(63), nullable=False),
    Column("content", Text, nullable=False),
    Column("content_sha256", String(64), nullable=False),
    Column("created_at", Timestamp, nullable=False),
    Column("deleted_at", Timestamp),
)

flow_definition = Table(
    "flow_definition",
    metadata,
    Column("id", Identity, primary_key=True),
    Column("account_id", String(12), nullable=False),
    Column("region", String(32), nullable=False),
    Column("name", String(63), nullable=False),
    Column("status", String(16), nullable=False),
    Column("failure_reason", String(1024)),
    Column("workteam_id", ForeignKey("workteam.id"), nullable=False, index=True),
    Column("human_task_ui_id", ForeignKey("human_task_ui.id"), nullable=False),
    Column("task_title", String(128), nullable=False),
    Column("task_description", String(255), nullable=False),
    Column("task_count", Integer, nullable=False),
    Column("task_time_limit_in_seconds", Integer, nullable=False),
    Column("task_availability_lifetime_in_seconds", Integer, nullable=False),
    Column("output_path", String(1024), nullable=False),
    Column("request", JSON, nullable=False),
    Column("created_at", Timestamp, nullable=False),
    Column("deleted_at", Timestamp),
)

human_loop = Table(
    "human_loop",
    metadata,
    Column("id", Identity, primary_key=True),
    Column("account_id", String(12), nullable=False),
    Column("region", String(32), nullable=False),
    Column("name", String(63), nullable=False),
    Column("flow_definition_id", ForeignKey("flow_definition.id"), nullable=False),
    Column("workteam_id", ForeignKey("workteam.id"), nullable=False),
    Column("status", String(16), nullable=False),
    Column("failure_code", String(32)),
    Column("failure_reason", String(1024)),
    Column("input_digest", String(64), nullable=False),
    Column("output_uri", String(2048), nullable=False),
    Column("task_count", Integer, nullable=False),
    Column("active_count", Integer, nullable=False),
    Column("answer_count", Integer, nullable=False),
    Column("open", Boolean, nullable=False),
    Column("priority", Integer, nullable=False),
    Column("available_until", Timestamp, nullable=False),
    Column("started_by", String(128)),
    Column("created_at", Timestamp, nullable=False),
    Column("ended_at", Timestamp),
    Column("deleted_at", Timestamp),
)
for _named in (workteam, human_task_ui, flow_definition, human_loop):
    Index(
        f"uq_{_named.name}_name",
        _named.c.account_id,
        _named.c.region,
        _named.c.name,
        unique=True,
        sqlite_where=_named.c.deleted_at.is_(None),
        postgresql_where=_named.c.deleted_at.is_(None),
    )
Index("ix_human_loop_listed", human_loop.c.flow_definition_id, human_loop.c.created_at, human_loop.c.id)
Index(
    "ix_human_loop_open",
    human_loop.c.workteam_id,
    human_loop.c.priority,
    human_loop.c.id,
    sqlite_where=human_loop.c.open.is_(True),
    postgresql_where=human_loop.c.open.is_(True),
)
Index(
    "ix_human_loop_open_in_flow",
    human_loop.c.flow_definition_id,
    human_loop.c.priority,
    human_loop.c.id,
    sqlite_where=human_loop.c.open.is_(True),
    postgresql_where=human_loop.c.open.is_(True),
)
Index(
    "ix_human_loop_unfinished",
    human_loop.c.available_until,
    sqlite_where=text("status IN ('InProgress', 'Stopping')"),
    postgresql_where=text("status IN ('InProgress', 'Stopping')"),
)

human_loop_input = Table(
    "human_loop_input",
    metadata,
    Column("human_loop_id", ForeignKey("human_loop.id"), primary_key=True),
    Column("content", Text, nullable=False),
    Column("data_attributes", JSON),
)

task = Table(
    "task",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("human_loop_id", ForeignKey("human_loop.id"), nullable=False),
    Column("worker_id", ForeignKey("worker.id"), nullable=False),
    Column("state", String(16), nullable=False),
    Column("lease_token", String(64), nullable=False),
    Column("lease_expires_at", Timestamp, nullable=False),
    Column("accepted_at", Timestamp, nullable=False),
    Column("submitted_at", Timestamp),
    Column("answer", JSON),
    Column("draft", JSON),
    Column("draft_version", Integer, nullable=False),
    UniqueConstraint("human_loop_id", "worker_id"),
    Index("ix_task_worker_state", "worker_id", "state"),
)
Index(
    "ix_task_leased",
    task.c.lease_expires_at,
    sqlite_where=text("state = 'working'"),
    postgresql_where=text("state = 'working'"),
)
Index(
    "ix_task_submitted",
    task.c.submitted_at,
    sqlite_where=text("state = 'submitted'"),
    postgresql_where=text("state = 'submitted'"),
)

task_event = Table(
    "task_event",
    metadata,
    Column("id", Identity, primary_key=True),
    Column("at", Timestamp, nullable=False),
    Column("action", String(32), nullable=False),
    Column("human_loop_id", ForeignKey("human_loop.id"), nullable=False, index=True),
    Column("task_id", String(36)),
    Column("worker_id", BigInteger),
    Column("detail", JSON),
)
Index(
    "ix_task_event_unwished",
    task_event.c.at,
    sqlite_where=text("action IN ('expired', 'declined', 'loop-failed')"),
    postgresql_where=text("action IN ('expired', 'declined', 'loop-failed')"),
)

outbox = Table(
    "outbox",
    metadata,
    Column("id", Identity, primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("human_loop_id", ForeignKey("human_loop.id"), nullable=False, index=True),
    Column("created_at", Timestamp, nullable=False),
    Column("next_attempt_at", Timestamp, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("delivered_at", Timestamp),
    Column("delivered_to", JSON),
    Column("dead_at", Timestamp),
    Column("last_error", String(1024)),
)
Index(
    "ix_outbox_due",
    outbox.c.next_attempt_at,
    outbox.c.id,
    sqlite_where=text("delivered_at IS NULL AND dead_at IS NULL"),
    postgresql_where=text("delivered_at IS NULL AND dead_at IS NULL"),
)

tag = Table(
    "tag",
    metadata,
    Column("arn", String(256), primary_key=True),
    Column("key", String(128), primary_key=True),
    Column("value", String(256), nullable=False),
)

portal_session = Table(
    "portal_session",
    metadata,
    Column("token_sha256", String(64), primary_key=True),
    Column("worker_id", ForeignKey("worker.id"), nullable=False, index=True),
    Column("csrf_token", String(64), nullable=False),
    Column("created_at", Timestamp, nullable=False),
    Column("last_active_at", Timestamp, nullable=False),
    Column("expires_at", Timestamp, nullable=False),
)

worker_preferences = Table(
    "worker_preferences",
    metadata,
    Column("worker_id", ForeignKey("worker.id"), primary_key=True),
    Column("notices", Boolean, nullable=False),
    Column("task", JSON, nullable=False),
)

template_preferences = Table(
    "template_preferences",
    metadata,
    Column("worker_id", ForeignKey("worker.id"), primary_key=True),
    Column("flow_definition_id", ForeignKey("flow_definition.id"), primary_key=True),
    Column("preferences", JSON, nullable=False),
    Column("changed_at", Timestamp, nullable=False),
)
"""What a worker prefers in the tasks of one flow definition, as its template has asked to keep it."""

worker_notice = Table(
    "worker_notice",
    metadata,
    Column("worker_id", ForeignKey("worker.id"), primary_key=True),
    Column("channel", String(16), primary_key=True),
    Column("sent_count", Integer, nullable=False),
    Column("not_before", Timestamp, nullable=False),
)
"""When a worker may be told of new work again. A process that tells them moves ``not_before``, so no other does."""

worker_notice_mark = Table(
    "worker_notice_mark",
    metadata,
    Column("worker_id", ForeignKey("worker.id"), primary_key=True),
    Column("channel", String(16), primary_key=True),
    Column("workteam_id", ForeignKey("workteam.id"), primary_key=True),
    Column("human_loop_id", BigInteger, nullable=False),
)
"""The newest human loop of a team that a worker was told of."""

sign_in_failure = Table(
    "sign_in_failure",
    metadata,
    Column("id", Identity, primary_key=True),
    Column("subject", String(256), nullable=False),
    Column("at", Timestamp, nullable=False),
    Index("ix_sign_in_failure_subject", "subject", "at"),
)

audit_event = Table(
    "audit_event",
    metadata,
    Column("id", Identity, primary_key=True),
    Column("at", Timestamp, nullable=False, index=True),
    Column("actor_kind", String(16), nullable=False),
    Column("actor", String(256), nullable=False),
    Column("client", String(64)),
    Column("action", String(32), nullable=False),
    Column("resource_kind", String(32), nullable=False),
    Column("resource", String(256), nullable=False),
    Column("detail", JSON),
)
"""Append-only: triggers of the migration refuse every change."""
