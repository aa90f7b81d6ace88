"""Streams, timers and the event log; the views that hosts read."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

_SEQ = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

VIEWS = {
    "omni_v1_customers": """
        SELECT id, brand, external_id, name, language, timezone, merged_into, erased_at, created_at
        FROM omni_customers
    """,
    "omni_v1_conversations": """
        SELECT id, brand, customer_id, channel, account, surface, visibility, status, waiting, queue, assignee,
               language, external_id, version, created_at, last_in_at, moved_at, linked_to,
               unverified
        FROM omni_conversations
    """,
    "omni_v1_messages": """
        SELECT id, conversation_id, customer_id, direction, kind, channel, adapter, account, surface, visibility,
               sent_at, text, language, choice, reply_to, edited_at, deleted_at, delivery_id, imported, agent
        FROM omni_messages
    """,
    "omni_v1_deliveries": """
        SELECT id, brand, customer_id, conversation_id, kind, purpose, state, reason, channel, agent, created_at,
               expires_at
        FROM omni_deliveries
    """,
}


def upgrade() -> None:
    """Creates the tables and the views."""
    op.create_table(
        "omni_stream_items",
        sa.Column("seq", _SEQ, autoincrement=True, nullable=False),
        sa.Column("stream", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("seq"),
        sa.UniqueConstraint("key"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_omni_stream_items_stream", "omni_stream_items", ["stream"], unique=False)
    op.create_table(
        "omni_timers",
        sa.Column("seq", _SEQ, autoincrement=True, nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("data", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("seq"),
        sa.UniqueConstraint("kind", "key"),
    )
    op.create_index("ix_omni_timers_due_at", "omni_timers", ["due_at"], unique=False)
    op.create_table(
        "omni_log",
        sa.Column("seq", _SEQ, autoincrement=True, nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("type", sa.String(), nullable=False),
        sa.Column("brand", sa.String(), server_default="default", nullable=False),
        sa.Column("occurred_at", sa.BigInteger(), nullable=False),
        sa.Column("data", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("seq"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "omni_meta",
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("value", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("key"),
    )
    for name, query in VIEWS.items():
        op.execute(f"CREATE VIEW {name} AS {query}")
