"""Runs the migrations on the connection that the store handed in."""

from __future__ import annotations

from alembic import context

from omnichannel.stores.migrate import VERSION_TABLE
from omnichannel.stores.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table=VERSION_TABLE,
    render_as_batch=True,
)
context.run_migrations()
