"""An index of the log's few entries that reports count over all human loops."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

ENDS = "action IN ('expired', 'declined', 'loop-failed')"


def upgrade() -> None:
    op.create_index(
        "ix_task_event_unwished",
        "task_event",
        ["at"],
        unique=False,
        sqlite_where=sa.text(ENDS),
        postgresql_where=sa.text(ENDS),
    )


def downgrade() -> None:
    op.drop_index("ix_task_event_unwished", table_name="task_event")
