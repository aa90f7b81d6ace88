"""What is said."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Creates the tables."""
    op.create_table(
        "omni_conversations",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("brand", sa.String(), server_default="default", nullable=False),
        sa.Column("customer_id", sa.String(), nullable=False),
        sa.Column("address_id", sa.String(), nullable=True),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("adapter", sa.String(), nullable=False),
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("surface", sa.String(), nullable=False),
        sa.Column("visibility", sa.String(), nullable=False),
        sa.Column("thread", sa.String(), nullable=True),
        sa.Column("context", sa.Text(), nullable=True),
        sa.Column("options", sa.Text(), nullable=True),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("waiting", sa.Boolean(), nullable=False),
        sa.Column("waiting_at", sa.BigInteger(), nullable=True),
        sa.Column("queue", sa.String(), nullable=False),
        sa.Column("priority", sa.Integer(), server_default="0", nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=True),
        sa.Column("assignee", sa.String(), nullable=True),
        sa.Column("claimed_until", sa.BigInteger(), nullable=True),
        sa.Column("tags", sa.Text(), nullable=True),
        sa.Column("metadata", sa.Text(), nullable=True),
        sa.Column("language", sa.String(), nullable=True),
        sa.Column("external_id", sa.String(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("lane", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("last_in_at", sa.BigInteger(), nullable=True),
        sa.Column("linked_to", sa.String(), nullable=True),
        sa.Column("moved_at", sa.BigInteger(), nullable=True),
        sa.Column("history_hidden", sa.Boolean(), server_default=sa.text("(false)"), nullable=False),
        sa.Column("unverified", sa.Boolean(), server_default=sa.text("(false)"), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("brand", "external_id"),
    )
    op.create_index("ix_omni_conversations_address_id", "omni_conversations", ["address_id"], unique=False)
    op.create_index("ix_omni_conversations_customer_id", "omni_conversations", ["customer_id"], unique=False)
    op.create_index(
        "omni_conversations_queue", "omni_conversations", ["queue", "status", "waiting", "priority"], unique=False
    )
    op.create_index("omni_conversations_thread", "omni_conversations", ["thread", "account"], unique=False)
    op.create_table(
        "omni_participants",
        sa.Column("conversation_id", sa.String(), nullable=False),
        sa.Column("customer_id", sa.String(), nullable=False),
        sa.Column("address_id", sa.String(), nullable=True),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("joined_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("conversation_id", "customer_id"),
    )
    op.create_table(
        "omni_messages",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("conversation_id", sa.String(), nullable=False),
        sa.Column("customer_id", sa.String(), nullable=False),
        sa.Column("direction", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), server_default="message", nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("adapter", sa.String(), nullable=False),
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("surface", sa.String(), nullable=False),
        sa.Column("visibility", sa.String(), nullable=False),
        sa.Column("address_id", sa.String(), nullable=True),
        sa.Column("sent_at", sa.BigInteger(), nullable=False),
        sa.Column("recorded_at", sa.BigInteger(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("full_text", sa.Text(), nullable=True),
        sa.Column("language", sa.String(), nullable=True),
        sa.Column("choice", sa.String(), nullable=True),
        sa.Column("reply_to", sa.String(), nullable=True),
        sa.Column("platform_id", sa.String(), nullable=True),
        sa.Column("automatic", sa.Boolean(), server_default=sa.text("(false)"), nullable=False),
        sa.Column("imported", sa.Boolean(), server_default=sa.text("(false)"), nullable=False),
        sa.Column("edited_at", sa.BigInteger(), nullable=True),
        sa.Column("deleted_at", sa.BigInteger(), nullable=True),
        sa.Column("delivery_id", sa.String(), nullable=True),
        sa.Column("attachments", sa.Text(), nullable=True),
        sa.Column("agent", sa.String(), nullable=True),
        sa.Column("assurance", sa.Integer(), server_default="0", nullable=False),
        sa.Column("key_id", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_omni_messages_delivery_id", "omni_messages", ["delivery_id"], unique=False)
    op.create_index("omni_messages_conversation", "omni_messages", ["conversation_id", "id"], unique=False)
    op.create_index(
        "omni_messages_in",
        "omni_messages",
        ["conversation_id", "account", "id"],
        unique=False,
        sqlite_where=sa.text("direction = 'in'"),
        postgresql_where=sa.text("direction = 'in'"),
    )
    op.create_index("omni_messages_customer", "omni_messages", ["customer_id", "id"], unique=False)
    op.create_index("omni_messages_platform", "omni_messages", ["platform_id", "account"], unique=False)
    op.create_table(
        "omni_media",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("message_id", sa.String(), nullable=False),
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("type", sa.String(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=True),
        sa.Column("sha256", sa.String(), nullable=True),
        sa.Column("ref", sa.Text(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=True),
        sa.Column("state", sa.String(), server_default="reference", nullable=False),
        sa.Column("why", sa.String(), nullable=True),
        sa.Column("journal_seq", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_omni_media_message_id", "omni_media", ["message_id"], unique=False)
    op.create_index(
        "omni_media_journal",
        "omni_media",
        ["journal_seq"],
        unique=False,
        sqlite_where=sa.text("journal_seq IS NOT NULL"),
        postgresql_where=sa.text("journal_seq IS NOT NULL"),
    )
    op.create_table(
        "omni_blobs",
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=True),
        sa.Column("at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("sha256"),
    )
