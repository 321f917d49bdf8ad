"""Roles in place of the lead flag, identities of OIDC providers, idle sessions, and the audit log."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

IDENTITY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
UNCHANGEABLE = "audit_event is append-only"


def upgrade() -> None:
    # Columns are added and dropped in place: rebuilding `worker` on SQLite would break the foreign keys to it.
    op.add_column("worker", sa.Column("role", sa.String(16), nullable=False, server_default="worker"))
    op.execute("UPDATE worker SET role = 'lead' WHERE lead")
    op.drop_column("worker", "lead")
    op.add_column("worker", sa.Column("issuer", sa.String(512)))
    op.add_column("worker", sa.Column("subject", sa.String(255)))
    op.create_index("uq_worker_identity", "worker", ["issuer", "subject"], unique=True)
    op.add_column(
        "workteam_member", sa.Column("source", sa.String(16), nullable=False, server_default="local")
    )
    op.add_column("human_loop", sa.Column("started_by", sa.String(128)))
    op.create_index(
        "ix_task_submitted",
        "task",
        ["submitted_at"],
        sqlite_where=sa.text("state = 'submitted'"),
        postgresql_where=sa.text("state = 'submitted'"),
    )
    op.add_column(
        "portal_session", sa.Column("last_active_at", sa.BigInteger(), nullable=False, server_default="0")
    )
    op.execute("UPDATE portal_session SET last_active_at = created_at")
    op.create_table(
        "audit_event",
        sa.Column("id", IDENTITY, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("actor_kind", sa.String(16), nullable=False),
        sa.Column("actor", sa.String(256), nullable=False),
        sa.Column("client", sa.String(64)),
        sa.Column("action", sa.String(32), nullable=False),
        sa.Column("resource_kind", sa.String(32), nullable=False),
        sa.Column("resource", sa.String(256), nullable=False),
        sa.Column("detail", sa.JSON()),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_event")),
    )
    op.create_index("ix_audit_event_at", "audit_event", ["at"])
    _refuse_changes()


def _refuse_changes() -> None:
    if op.get_bind().dialect.name == "sqlite":
        for change in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER audit_event_{change.lower()} BEFORE {change} ON audit_event "
                f"BEGIN SELECT RAISE(ABORT, '{UNCHANGEABLE}'); END"
            )
        return
    op.execute(
        "CREATE FUNCTION audit_event_is_append_only() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION '{UNCHANGEABLE}'; END $$"
    )
    op.execute(
        "CREATE TRIGGER audit_event_unchangeable BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_event "
        "FOR EACH STATEMENT EXECUTE FUNCTION audit_event_is_append_only()"
    )


def downgrade() -> None:
    op.drop_table("audit_event")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION audit_event_is_append_only()")
    op.drop_column("portal_session", "last_active_at")
    op.drop_index("ix_task_submitted", "task")
    op.drop_column("human_loop", "started_by")
    op.drop_column("workteam_member", "source")
    op.drop_index("uq_worker_identity", "worker")
    op.drop_column("worker", "subject")
    op.drop_column("worker", "issuer")
    op.add_column("worker", sa.Column("lead", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.execute("UPDATE worker SET lead = (role <> 'worker')")
    op.drop_column("worker", "role")
