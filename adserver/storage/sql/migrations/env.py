"""Runs migrations on the connection that ``adserver.storage.sql.migrate`` hands over, in its transaction."""

from alembic import context

from adserver.storage.sql.tables import Base

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=Base.metadata,
    render_as_batch=connection.dialect.name == "sqlite",  # SQLite alters a table by copying it
)
with context.begin_transaction():
    context.run_migrations()
