"""Create the tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

IDENTITY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "access_key",
        sa.Column("access_key_id", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=128), nullable=False),
        sa.Column("secret_encrypted", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("revoked_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("access_key_id", name=op.f("pk_access_key")),
    )
    op.create_table(
        "human_task_ui",
        sa.Column("id", IDENTITY, nullable=False),
        sa.Column("account_id", sa.String(length=12), nullable=False),
        sa.Column("region", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=63), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("content_sha256", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("deleted_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_human_task_ui")),
    )
    op.create_index(
        "uq_human_task_ui_name",
        "human_task_ui",
        ["account_id", "region", "name"],
        unique=True,
        sqlite_where=sa.text("deleted_at IS NULL"),
        postgresql_where=sa.text("deleted_at IS NULL"),
    )

    op.create_table(
        "sign_in_failure",
        sa.Column("id", IDENTITY, nullable=False),
        sa.Column("subject", sa.String(length=256), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sign_in_failure")),
    )
    op.create_index("ix_sign_in_failure_subject", "sign_in_failure", ["subject", "at"], unique=False)

    op.create_table(
        "tag",
        sa.Column("arn", sa.String(length=256), nullable=False),
        sa.Column("key", sa.String(length=128), nullable=False),
        sa.Column("value", sa.String(length=256), nullable=False),
        sa.PrimaryKeyConstraint("arn", "key", name=op.f("pk_tag")),
    )
    op.create_table(
        "worker",
        sa.Column("id", IDENTITY, nullable=False),
        sa.Column("sub", sa.String(length=36), nullable=False),
        sa.Column("username", sa.String(length=128), nullable=False),
        sa.Column("password_hash", sa.String(length=256), nullable=False),
        sa.Column("lead", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("disabled_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_worker")),
        sa.UniqueConstraint("sub", name=op.f("uq_worker_sub")),
        sa.UniqueConstraint("username", name=op.f("uq_worker_username")),
    )
    op.create_table(
        "workteam",
        sa.Column("id", IDENTITY, nullable=False),
        sa.Column("account_id", sa.String(length=12), nullable=False),
        sa.Column("region", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=63), nullable=False),
        sa.Column("description", sa.String(length=200), nullable=False),
        sa.Column("request", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=True),
        sa.Column("deleted_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_workteam")),
    )
    op.create_index(
        "uq_workteam_name",
        "workteam",
        ["account_id", "region", "name"],
        unique=True,
        sqlite_where=sa.text("deleted_at IS NULL"),
        postgresql_where=sa.text("deleted_at IS NULL"),
    )

    op.create_table(
        "flow_definition",
        sa.Column("id", IDENTITY, nullable=False),
        sa.Column("account_id", sa.String(length=12), nullable=False),
        sa.Column("region", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=63), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("failure_reason", sa.String(length=1024), nullable=True),
        sa.Column("workteam_id", IDENTITY, nullable=False),
        sa.Column("human_task_ui_id", IDENTITY, nullable=False),
        sa.Column("task_title", sa.String(length=128), nullable=False),
        sa.Column("task_description", sa.String(length=255), nullable=False),
        sa.Column("task_count", sa.Integer(), nullable=False),
        sa.Column("task_time_limit_in_seconds", sa.Integer(), nullable=False),
        sa.Column("task_availability_lifetime_in_seconds", sa.Integer(), nullable=False),
        sa.Column("output_path", sa.String(length=1024), nullable=False),
        sa.Column("request", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("deleted_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["human_task_ui_id"],
            ["human_task_ui.id"],
            name=op.f("fk_flow_definition_human_task_ui_id_human_task_ui"),
        ),
        sa.ForeignKeyConstraint(
            ["workteam_id"], ["workteam.id"], name=op.f("fk_flow_definition_workteam_id_workteam")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_flow_definition")),
    )
    op.create_index("ix_flow_definition_workteam_id", "flow_definition", ["workteam_id"], unique=False)
    op.create_index(
        "uq_flow_definition_name",
        "flow_definition",
        ["account_id", "region", "name"],
        unique=True,
        sqlite_where=sa.text("deleted_at IS NULL"),
        postgresql_where=sa.text("deleted_at IS NULL"),
    )

    op.create_table(
        "portal_session",
        sa.Column("token_sha256", sa.String(length=64), nullable=False),
        sa.Column("worker_id", IDENTITY, nullable=False),
        sa.Column("csrf_token", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["worker_id"], ["worker.id"], name=op.f("fk_portal_session_worker_id_worker")
        ),
        sa.PrimaryKeyConstraint("token_sha256", name=op.f("pk_portal_session")),
    )
    op.create_index("ix_portal_session_worker_id", "portal_session", ["worker_id"], unique=False)

    op.create_table(
        "workteam_member",
        sa.Column("workteam_id", IDENTITY, nullable=False),
        sa.Column("worker_id", IDENTITY, nullable=False),
        sa.ForeignKeyConstraint(
            ["worker_id"], ["worker.id"], name=op.f("fk_workteam_member_worker_id_worker")
        ),
        sa.ForeignKeyConstraint(
            ["workteam_id"], ["workteam.id"], name=op.f("fk_workteam_member_workteam_id_workteam")
        ),
        sa.PrimaryKeyConstraint("workteam_id", "worker_id", name=op.f("pk_workteam_member")),
    )
    op.create_index("ix_workteam_member_worker_id", "workteam_member", ["worker_id"], unique=False)

    op.create_table(
        "human_loop",
        sa.Column("id", IDENTITY, nullable=False),
        sa.Column("account_id", sa.String(length=12), nullable=False),
        sa.Column("region", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=63), nullable=False),
        sa.Column("flow_definition_id", IDENTITY, nullable=False),
        sa.Column("workteam_id", IDENTITY, nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("failure_code", sa.String(length=32), nullable=True),
        sa.Column("failure_reason", sa.String(length=1024), nullable=True),
        sa.Column("input_digest", sa.String(length=64), nullable=False),
        sa.Column("output_uri", sa.String(length=2048), nullable=False),
        sa.Column("task_count", sa.Integer(), nullable=False),
        sa.Column("active_count", sa.Integer(), nullable=False),
        sa.Column("answer_count", sa.Integer(), nullable=False),
        sa.Column("open", sa.Boolean(), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("available_until", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.Column("deleted_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["flow_definition_id"],
            ["flow_definition.id"],
            name=op.f("fk_human_loop_flow_definition_id_flow_definition"),
        ),
        sa.ForeignKeyConstraint(
            ["workteam_id"], ["workteam.id"], name=op.f("fk_human_loop_workteam_id_workteam")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_human_loop")),
    )
    op.create_index(
        "ix_human_loop_listed", "human_loop", ["flow_definition_id", "created_at", "id"], unique=False
    )
    op.create_index(
        "ix_human_loop_open",
        "human_loop",
        ["workteam_id", "priority", "id"],
        unique=False,
        sqlite_where=sa.text("open IS 1"),
        postgresql_where=sa.text("open IS true"),
    )
    op.create_index(
        "ix_human_loop_unfinished",
        "human_loop",
        ["available_until"],
        unique=False,
        sqlite_where=sa.text("status IN ('InProgress', 'Stopping')"),
        postgresql_where=sa.text("status IN ('InProgress', 'Stopping')"),
    )
    op.create_index(
        "uq_human_loop_name",
        "human_loop",
        ["account_id", "region", "name"],
        unique=True,
        sqlite_where=sa.text("deleted_at IS NULL"),
        postgresql_where=sa.text("deleted_at IS NULL"),
    )

    op.create_table(
        "human_loop_input",
        sa.Column("human_loop_id", IDENTITY, nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("data_attributes", sa.JSON(), nullable=True),
        sa.ForeignKeyConstraint(
            ["human_loop_id"], ["human_loop.id"], name=op.f("fk_human_loop_input_human_loop_id_human_loop")
        ),
        sa.PrimaryKeyConstraint("human_loop_id", name=op.f("pk_human_loop_input")),
    )
    op.create_table(
        "outbox",
        sa.Column("id", IDENTITY, nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("human_loop_id", IDENTITY, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("next_attempt_at", sa.BigInteger(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("delivered_at", sa.BigInteger(), nullable=True),
        sa.Column("delivered_to", sa.JSON(), nullable=True),
        sa.Column("dead_at", sa.BigInteger(), nullable=True),
        sa.Column("last_error", sa.String(length=1024), nullable=True),
        sa.ForeignKeyConstraint(
            ["human_loop_id"], ["human_loop.id"], name=op.f("fk_outbox_human_loop_id_human_loop")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox")),
    )
    op.create_index(
        "ix_outbox_due",
        "outbox",
        ["next_attempt_at"],
        unique=False,
        sqlite_where=sa.text("delivered_at IS NULL AND dead_at IS NULL"),
        postgresql_where=sa.text("delivered_at IS NULL AND dead_at IS NULL"),
    )
    op.create_index("ix_outbox_human_loop_id", "outbox", ["human_loop_id"], unique=False)

    op.create_table(
        "task",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("human_loop_id", IDENTITY, nullable=False),
        sa.Column("worker_id", IDENTITY, nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("lease_token", sa.String(length=64), nullable=False),
        sa.Column("lease_expires_at", sa.BigInteger(), nullable=False),
        sa.Column("accepted_at", sa.BigInteger(), nullable=False),
        sa.Column("submitted_at", sa.BigInteger(), nullable=True),
        sa.Column("answer", sa.JSON(), nullable=True),
        sa.Column("draft", sa.JSON(), nullable=True),
        sa.Column("draft_version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["human_loop_id"], ["human_loop.id"], name=op.f("fk_task_human_loop_id_human_loop")
        ),
        sa.ForeignKeyConstraint(["worker_id"], ["worker.id"], name=op.f("fk_task_worker_id_worker")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_task")),
        sa.UniqueConstraint("human_loop_id", "worker_id", name=op.f("uq_task_human_loop_id_worker_id")),
    )
    op.create_index(
        "ix_task_leased",
        "task",
        ["lease_expires_at"],
        unique=False,
        sqlite_where=sa.text("state = 'working'"),
        postgresql_where=sa.text("state = 'working'"),
    )
    op.create_index("ix_task_worker_state", "task", ["worker_id", "state"], unique=False)

    op.create_table(
        "task_event",
        sa.Column("id", IDENTITY, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("action", sa.String(length=32), nullable=False),
        sa.Column("human_loop_id", IDENTITY, nullable=False),
        sa.Column("task_id", sa.String(length=36), nullable=True),
        sa.Column("worker_id", sa.BigInteger(), nullable=True),
        sa.Column("detail", sa.JSON(), nullable=True),
        sa.ForeignKeyConstraint(
            ["human_loop_id"], ["human_loop.id"], name=op.f("fk_task_event_human_loop_id_human_loop")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_task_event")),
    )
    op.create_index("ix_task_event_human_loop_id", "task_event", ["human_loop_id"], unique=False)


def downgrade() -> None:
    op.drop_table("task_event")
    op.drop_table("task")
    op.drop_table("outbox")
    op.drop_table("human_loop_input")
    op.drop_table("human_loop")
    op.drop_table("workteam_member")
    op.drop_table("portal_session")
    op.drop_table("flow_definition")
    op.drop_table("workteam")
    op.drop_table("worker")
    op.drop_table("tag")
    op.drop_table("sign_in_failure")
    op.drop_table("human_task_ui")
    op.drop_table("access_key")
