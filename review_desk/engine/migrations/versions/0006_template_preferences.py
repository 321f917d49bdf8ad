"""What workers prefer in the tasks of one flow definition."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    identity = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "template_preferences",
        sa.Column("worker_id", identity, nullable=False),
        sa.Column("flow_definition_id", identity, nullable=False),
        sa.Column("preferences", sa.JSON(), nullable=False),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["worker_id"], ["worker.id"], name=op.f("fk_template_preferences_worker_id_worker")
        ),
        sa.ForeignKeyConstraint(
            ["flow_definition_id"],
            ["flow_definition.id"],
            name=op.f("fk_template_preferences_flow_definition_id_flow_definition"),
        ),
        sa.PrimaryKeyConstraint("worker_id", "flow_definition_id", name=op.f("pk_template_preferences")),
    )


def downgrade() -> None:
    op.drop_table("template_preferences")
