"""Channels that close, and how conversations go on elsewhere."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

_SEQ = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Creates the tables."""
    op.create_table(
        "omni_withdrawals",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("brand", sa.String(), server_default="default", nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("account", sa.String(), nullable=True),
        sa.Column("data", sa.Text(), nullable=False),
        sa.Column("period", sa.Integer(), nullable=False),
        sa.Column("phase", sa.String(), nullable=True),
        sa.Column("due_at", sa.BigInteger(), nullable=True),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "omni_withdrawal_history",
        sa.Column("seq", _SEQ, autoincrement=True, nullable=False),
        sa.Column("withdrawal_id", sa.String(), nullable=False),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.Column("changed_by", sa.String(), nullable=False),
        sa.Column("what", sa.String(), nullable=False),
        sa.Column("data", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("seq"),
    )
    op.create_index(
        "ix_omni_withdrawal_history_withdrawal_id", "omni_withdrawal_history", ["withdrawal_id"], unique=False
    )
    op.create_table(
        "omni_notices",
        sa.Column("withdrawal_id", sa.String(), nullable=False),
        sa.Column("customer_id", sa.String(), nullable=False),
        sa.Column("period", sa.Integer(), nullable=False),
        sa.Column("delivery_id", sa.String(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("withdrawal_id", "customer_id", "period"),
    )
    op.create_table(
        "omni_references",
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("brand", sa.String(), server_default="default", nullable=False),
        sa.Column("conversation_id", sa.String(), nullable=False),
        sa.Column("customer_id", sa.String(), nullable=False),
        sa.Column("target", sa.String(), nullable=False),
        sa.Column("withdrawal_id", sa.String(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("redeemed_at", sa.BigInteger(), nullable=True),
        sa.Column("redeemed_by", sa.String(), nullable=True),
        sa.Column("assurance", sa.Integer(), server_default="0", nullable=False),
        sa.Column("public", sa.Boolean(), server_default=sa.text("(false)"), nullable=False),
        sa.Column("hidden", sa.Boolean(), server_default=sa.text("(true)"), nullable=False),
        sa.Column("opened_in", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("digest"),
    )
    op.create_index("ix_omni_references_conversation_id", "omni_references", ["conversation_id"], unique=False)
    op.create_table(
        "omni_reference_tries",
        sa.Column("seq", _SEQ, autoincrement=True, nullable=False),
        sa.Column("address_id", sa.String(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("seq"),
    )
    op.create_index("ix_omni_reference_tries_address_id", "omni_reference_tries", ["address_id"], unique=False)
    op.create_table(
        "omni_reply_tokens",
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("conversation_id", sa.String(), nullable=False),
        sa.Column("address_id", sa.String(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("digest"),
    )
    op.create_index("ix_omni_reply_tokens_conversation_id", "omni_reply_tokens", ["conversation_id"], unique=False)
    op.create_table(
        "omni_codes",
        sa.Column("seq", _SEQ, autoincrement=True, nullable=False),
        sa.Column("conversation_id", sa.String(), nullable=False),
        sa.Column("address_id", sa.String(), nullable=False),
        sa.Column("salt", sa.String(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("seq"),
    )
    op.create_index("ix_omni_codes_conversation_id", "omni_codes", ["conversation_id"], unique=False)
    op.create_table(
        "omni_moves",
        sa.Column("seq", _SEQ, autoincrement=True, nullable=False),
        sa.Column("brand", sa.String(), server_default="default", nullable=False),
        sa.Column("conversation_id", sa.String(), nullable=False),
        sa.Column("customer_id", sa.String(), nullable=False),
        sa.Column("withdrawal_id", sa.String(), nullable=True),
        sa.Column("from_channel", sa.String(), nullable=False),
        sa.Column("to_channel", sa.String(), nullable=False),
        sa.Column("from_address", sa.String(), nullable=True),
        sa.Column("address_id", sa.String(), nullable=False),
        sa.Column("assurance", sa.Integer(), nullable=False),
        sa.Column("moved_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("seq"),
    )
    op.create_index("ix_omni_moves_conversation_id", "omni_moves", ["conversation_id"], unique=False)
    op.create_index("ix_omni_moves_customer_id", "omni_moves", ["customer_id"], unique=False)
    op.create_index("ix_omni_moves_from_address", "omni_moves", ["from_address"], unique=False)
    op.create_table(
        "omni_evidence",
        sa.Column("seq", _SEQ, autoincrement=True, nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("surface", sa.String(), nullable=True),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("data", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("seq"),
    )
    op.create_index("omni_evidence_channel", "omni_evidence", ["channel", "at"], unique=False)
    op.create_table(
        "omni_health",
        sa.Column("scope", sa.String(), nullable=False),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.Column("data", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("scope"),
    )
