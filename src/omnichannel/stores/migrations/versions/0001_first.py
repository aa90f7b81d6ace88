"""The first schema."""

from __future__ import annotations

from alembic import op

from omnichannel.stores.schema import metadata
from omnichannel.stores.views import create_views

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Creates everything."""
    connection = op.get_bind()
    metadata.create_all(connection)
    create_views(connection)
