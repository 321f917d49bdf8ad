"""Addresses of workers, what they were told of new work, and what they prefer."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("worker", sa.Column("email", sa.String(254)))
    op.create_table(
        "worker_preferences",
        sa.Column("worker_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("notices", sa.Boolean(), nullable=False),
        sa.Column("task", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["worker_id"], ["worker.id"], name=op.f("fk_worker_preferences_worker_id_worker")
        ),
        sa.PrimaryKeyConstraint("worker_id", name=op.f("pk_worker_preferences")),
    )
    op.create_table(
        "worker_notice",
        sa.Column("worker_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("channel", sa.String(16), nullable=False),
        sa.Column("sent_count", sa.Integer(), nullable=False),
        sa.Column("not_before", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["worker_id"], ["worker.id"], name=op.f("fk_worker_notice_worker_id_worker")),
        sa.PrimaryKeyConstraint("worker_id", "channel", name=op.f("pk_worker_notice")),
    )
    op.create_table(
        "worker_notice_mark",
        sa.Column("worker_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("channel", sa.String(16), nullable=False),
        sa.Column("workteam_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("human_loop_id", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["worker_id"], ["worker.id"], name=op.f("fk_worker_notice_mark_worker_id_worker")
        ),
        sa.ForeignKeyConstraint(
            ["workteam_id"], ["workteam.id"], name=op.f("fk_worker_notice_mark_workteam_id_workteam")
        ),
        sa.PrimaryKeyConstraint("worker_id", "channel", "workteam_id", name=op.f("pk_worker_notice_mark")),
    )


def downgrade() -> None:
    op.drop_table("worker_notice_mark")
    op.drop_table("worker_notice")
    op.drop_table("worker_preferences")
    op.drop_column("worker", "email")
