"""Runs migrations on the connection that :class:`review_desk.engine.database.Database` opened."""

from alembic import context

from review_desk.engine.tables import metadata

context.configure(
    connection=context.config.attributes["connection"], target_metadata=metadata, render_as_batch=True
)
context.run_migrations()
