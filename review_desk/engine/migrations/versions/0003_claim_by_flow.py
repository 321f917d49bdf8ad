"""Let a claim find the next open loop of one flow definition by an index."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "ix_human_loop_open_in_flow",
        "human_loop",
        ["flow_definition_id", "priority", "id"],
        unique=False,
        sqlite_where=sa.text("open IS 1"),
        postgresql_where=sa.text("open IS true"),
    )
