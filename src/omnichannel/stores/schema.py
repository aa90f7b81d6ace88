"""The tables. Ours alone: hosts read the `omni_v1_*` views and the event log, never these.

Every table carries the prefix `omni_` (on PostgreSQL they also live in a schema of their own). `brand` stands in
every row and unique key that a brand must not share. Rows with text or raw bytes carry a `key_id`, so that
encryption at rest needs no migration. Ids are made by the caller; `seq` columns are the database's.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from omnichannel.stores.types import Instant, Json, Money, Span

PREFIX = "omni_"
metadata = MetaData()
_SEQ = BigInteger().with_variant(Integer, "sqlite")


def _table(name: str, *columns: Any, **options: Any) -> Table:
    return Table(PREFIX + name, metadata, *columns, **options)


def _seq() -> Column[int]:
    return Column("seq", _SEQ, primary_key=True, autoincrement=True)


def _id() -> Column[str]:
    return Column("id", String, primary_key=True)


def _brand() -> Column[str]:
    return Column("brand", String, nullable=False, server_default="default")


# ---------------------------------------------------------------- who we are

brands = _table("brands", _id(), Column("name", String), Column("languages", Json))
endpoints = _table("endpoints", _id(), Column("adapter", String, nullable=False))
accounts = _table(
    "accounts",
    _id(),
    _brand(),
    Column("channel", String, nullable=False),
    Column("adapter", String, nullable=False),
    Column("endpoint", String, nullable=False),
    Column("label", String, nullable=False, server_default=""),
    Column("seen_at", Instant),
)
tokens = _table(
    "tokens",
    Column("account", String, primary_key=True),
    Column("value", Text, nullable=False),
    Column("refresh", Text),
    Column("expires_at", Instant),
    Column("version", Integer, nullable=False),
    Column("key_id", String),
)
cursors = _table(
    "cursors",
    Column("source", String, primary_key=True),
    Column("cursor", Text, nullable=False),
    Column("updated_at", Instant, nullable=False),
)
leases = _table(
    "leases",
    Column("name", String, primary_key=True),
    Column("owner", String, nullable=False),
    Column("until", Instant, nullable=False),
    Column("fence", Integer, nullable=False),
)

# ---------------------------------------------------------------- customers

customers = _table(
    "customers",
    _id(),
    _brand(),
    Column("external_id", String),
    Column("name", String),
    Column("language", String),
    Column("timezone", String),
    Column("preferred_channel", String),
    Column("tags", Json),
    Column("metadata", Json),
    Column("merged_into", String),
    Column("erased_at", Instant),
    Column("created_at", Instant, nullable=False),
    UniqueConstraint("brand", "external_id"),
)
addresses = _table(
    "addresses",
    _id(),
    _brand(),
    Column("channel", String, nullable=False),
    Column("value", String, nullable=False),
    Column("account", String, nullable=False, server_default=""),
    Column("customer_id", String, nullable=False, index=True),
    Column("assurance", Integer, nullable=False, server_default="0"),
    Column("name", String),
    Column("aliases", Json),
    Column("expires_at", Instant),
    Column("unreachable_at", Instant),
    Column("unreachable_why", String),
    Column("created_at", Instant, nullable=False),
    UniqueConstraint("value", "channel", "brand"),
)
aliases = _table(
    "aliases",
    Column("value", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("channel", String, nullable=False),
    _brand(),
    Column("address_id", String, nullable=False),
    PrimaryKeyConstraint("value", "kind", "channel", "brand"),
)
contacts = _table(
    "contacts",
    Column("address_id", String, nullable=False),
    Column("account", String, nullable=False),
    Column("last_in_at", Instant),
    Column("last_out_at", Instant),
    PrimaryKeyConstraint("address_id", "account"),
)
consents = _table(
    "consents",
    _seq(),
    _brand(),
    Column("customer_id", String, nullable=False, index=True),
    Column("address_id", String),
    Column("purpose", String, nullable=False),
    Column("channel", String),
    Column("granted", Boolean, nullable=False),
    Column("source", String, nullable=False),
    Column("changed_at", Instant, nullable=False),
    Column("text", Text, nullable=False, server_default=""),
    Column("proof", Text, nullable=False, server_default=""),
)
merges = _table(
    "merges",
    _seq(),
    _brand(),
    Column("customer_id", String, nullable=False, index=True),
    Column("into_id", String, nullable=False, index=True),
    Column("address_id", String),
    Column("assurance", Integer, nullable=False),
    Column("evidence", String, nullable=False),
    Column("reason", String, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("undone_at", Instant),
)

# ---------------------------------------------------------------- conversations

conversations = _table(
    "conversations",
    _id(),
    _brand(),
    Column("customer_id", String, nullable=False, index=True),
    Column("address_id", String, index=True),
    Column("channel", String, nullable=False),
    Column("adapter", String, nullable=False),
    Column("account", String, nullable=False),
    Column("surface", String, nullable=False),
    Column("visibility", String, nullable=False),
    Column("thread", String),
    Column("context", Json),
    Column("options", Json),
    Column("status", String, nullable=False),
    Column("waiting", Boolean, nullable=False),
    Column("waiting_at", Instant),
    Column("queue", String, nullable=False),
    Column("priority", Integer, nullable=False, server_default="0"),
    Column("due_at", Instant),
    Column("assignee", String),
    Column("claimed_until", Instant),
    Column("tags", Json),
    Column("metadata", Json),
    Column("language", String),
    Column("external_id", String),
    Column("version", Integer, nullable=False),
    Column("lane", Integer, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("last_in_at", Instant),
    Column("linked_to", String),
    Column("moved_at", Instant),
    Column("history_hidden", Boolean, nullable=False, server_default=text("false")),
    Column("unverified", Boolean, nullable=False, server_default=text("false")),
    UniqueConstraint("brand", "external_id"),
)
Index("omni_conversations_thread", conversations.c.thread, conversations.c.account)
Index(
    "omni_conversations_queue",
    conversations.c.queue,
    conversations.c.status,
    conversations.c.waiting,
    conversations.c.priority,
)
participants = _table(
    "participants",
    Column("conversation_id", String, nullable=False),
    Column("customer_id", String, nullable=False),
    Column("address_id", String),
    Column("role", String, nullable=False),
    Column("joined_at", Instant, nullable=False),
    PrimaryKeyConstraint("conversation_id", "customer_id"),
)
messages = _table(
    "messages",
    _id(),
    Column("conversation_id", String, nullable=False),
    Column("customer_id", String, nullable=False),
    Column("direction", String, nullable=False),
    Column("kind", String, nullable=False, server_default="message"),
    Column("channel", String, nullable=False),
    Column("adapter", String, nullable=False),
    Column("account", String, nullable=False),
    Column("surface", String, nullable=False),
    Column("visibility", String, nullable=False),
    Column("address_id", String),
    Column("sent_at", Instant, nullable=False),
    Column("recorded_at", Instant, nullable=False),
    Column("text", Text, nullable=False),
    Column("full_text", Text),
    Column("language", String),
    Column("choice", String),
    Column("reply_to", String),
    Column("platform_id", String),
    Column("automatic", Boolean, nullable=False, server_default=text("false")),
    Column("imported", Boolean, nullable=False, server_default=text("false")),
    Column("edited_at", Instant),
    Column("deleted_at", Instant),
    Column("delivery_id", String, index=True),
    Column("attachments", Json),
    Column("agent", String),
    Column("assurance", Integer, nullable=False, server_default="0"),
    Column("key_id", String),
)
Index("omni_messages_conversation", messages.c.conversation_id, messages.c.id)
Index(
    "omni_messages_in",
    messages.c.conversation_id,
    messages.c.account,
    messages.c.id,
    sqlite_where=messages.c.direction == "in",
    postgresql_where=messages.c.direction == "in",
)
Index("omni_messages_customer", messages.c.customer_id, messages.c.id)
Index("omni_messages_platform", messages.c.platform_id, messages.c.account)
media = _table(
    "media",
    _id(),
    Column("message_id", String, nullable=False, index=True),
    Column("account", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("name", String, nullable=False),
    Column("type", String, nullable=False),
    Column("size", BigInteger),
    Column("sha256", String),
    Column("ref", Text, nullable=False),
    Column("expires_at", Instant),
    Column("state", String, nullable=False, server_default="reference"),
    Column("why", String),
    Column("journal_seq", BigInteger),
)
Index(
    "omni_media_journal",
    media.c.journal_seq,
    sqlite_where=media.c.journal_seq.isnot(None),
    postgresql_where=media.c.journal_seq.isnot(None),
)
blobs = _table("blobs", Column("sha256", String, primary_key=True), Column("size", BigInteger), Column("at", Instant))

# ---------------------------------------------------------------- inbound

journal = _table(
    "journal",
    _seq(),
    Column("endpoint", String, nullable=False),
    Column("source", String, nullable=False),
    Column("received_at", Instant, nullable=False),
    Column("url", Text, nullable=False),
    Column("headers", Json, nullable=False),
    Column("content", LargeBinary, nullable=False),
    Column("blob", String),
    Column("state", String, nullable=False),
    Column("tries", Integer, nullable=False, server_default="0"),
    Column("error", Text),
    Column("key_id", String),
)
Index(
    "omni_journal_new",
    journal.c.endpoint,
    journal.c.seq,
    sqlite_where=journal.c.state == "new",
    postgresql_where=journal.c.state == "new",
)
events = _table(
    "events",
    _seq(),
    Column("key", String, nullable=False),
    Column("account", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("journal_seq", BigInteger),
    Column("occurred_at", Instant, nullable=False),
    Column("conversation_id", String),
    Column("message_id", String),
    Column("lane", Integer),
    Column("state", String, nullable=False),
    Column("due_at", Instant),
    Column("tries", Integer, nullable=False, server_default="0"),
    Column("error", Text),
    Column("data", Json),
    UniqueConstraint("key", "account", "kind"),
)
Index(
    "omni_events_due",
    events.c.due_at,
    events.c.lane,
    sqlite_where=events.c.state == "new",
    postgresql_where=events.c.state == "new",
)
Index(
    "omni_events_new",
    events.c.conversation_id,
    events.c.seq,
    sqlite_where=events.c.state == "new",
    postgresql_where=events.c.state == "new",
)
Index(
    "omni_events_parked",
    events.c.seq,
    sqlite_where=events.c.state == "parked",
    postgresql_where=events.c.state == "parked",
)
responses = _table(
    "responses",
    Column("journal_seq", BigInteger, primary_key=True, autoincrement=False),
    Column("until", Instant, nullable=False),
)
answerable = _table(
    "answerable",
    Column("message_id", String, primary_key=True),
    Column("journal_seq", BigInteger, nullable=False, index=True),
    Column("conversation_id", String, nullable=False),
)
unmatched = _table(
    "unmatched",
    _seq(),
    Column("account", String, nullable=False),
    Column("receipt", String, nullable=False),
    Column("correlation", String),
    Column("received_at", Instant, nullable=False),
    Column("data", Json, nullable=False),
)
Index("omni_unmatched_receipt", unmatched.c.receipt, unmatched.c.account)
Index("omni_unmatched_correlation", unmatched.c.correlation)

# ---------------------------------------------------------------- outbound

deliveries = _table(
    "deliveries",
    _id(),
    _brand(),
    Column("customer_id", String, nullable=False, index=True),
    Column("conversation_id", String, nullable=False),
    Column("lane", Integer, nullable=False),
    Column("kind", String, nullable=False, server_default="message"),
    Column("content", Json, nullable=False),
    Column("purpose", String, nullable=False),
    Column("visibility", String),
    Column("order", Json),
    Column("state", String, nullable=False),
    Column("reason", Text),
    Column("step", Integer, nullable=False, server_default="0"),
    Column("channel", String),
    Column("due_at", Instant),
    Column("expires_at", Instant),
    Column("agent", String),
    Column("automatic", Boolean, nullable=False, server_default=text("false")),
    Column("in_reply_to", String),
    Column("idempotency_key", String),
    Column("metadata", Json),
    Column("created_at", Instant, nullable=False),
    Column("key_id", String),
    UniqueConstraint("brand", "idempotency_key"),
)
Index(
    "omni_deliveries_due",
    deliveries.c.due_at,
    deliveries.c.lane,
    sqlite_where=deliveries.c.due_at.isnot(None),
    postgresql_where=deliveries.c.due_at.isnot(None),
)
Index("omni_deliveries_conversation", deliveries.c.conversation_id, deliveries.c.id)
Index(
    "omni_deliveries_open",
    deliveries.c.conversation_id,
    deliveries.c.id,
    sqlite_where=deliveries.c.due_at.isnot(None),
    postgresql_where=deliveries.c.due_at.isnot(None),
)
decisions = _table(
    "decisions",
    _seq(),
    Column("delivery_id", String, nullable=False, index=True),
    Column("decided_at", Instant, nullable=False),
    Column("rules_version", String, nullable=False),
    Column("data", Json, nullable=False),
)
steps = _table(
    "steps",
    Column("delivery_id", String, nullable=False),
    Column("n", Integer, nullable=False),
    Column("channel", String, nullable=False),
    Column("adapter", String, nullable=False),
    Column("account", String, nullable=False),
    Column("surface", String, nullable=False),
    Column("address_id", String),
    Column("to", String, nullable=False),
    Column("thread", String),
    Column("success", String, nullable=False),
    Column("wait", Span),
    Column("deadline_at", Instant),
    Column("state", String, nullable=False),
    Column("outcome", String),
    Column("lost", Json),
    Column("cost", Money),
    PrimaryKeyConstraint("delivery_id", "n"),
)
parts = _table(
    "parts",
    Column("key", String, primary_key=True),
    Column("delivery_id", String, nullable=False),
    Column("step", Integer, nullable=False),
    Column("n", Integer, nullable=False),
    Column("content", Json, nullable=False),
    Column("state", String, nullable=False),
    Column("tries", Integer, nullable=False, server_default="0"),
    Column("resent", Boolean, nullable=False, server_default=text("false")),
    Column("due_at", Instant),
    Column("failure", Json),
    Column("response", BigInteger),
)
Index("omni_parts_delivery", parts.c.delivery_id, parts.c.step, parts.c.n)
Index(
    "omni_parts_response",
    parts.c.response,
    sqlite_where=parts.c.response.isnot(None),
    postgresql_where=parts.c.response.isnot(None),
)
attempts = _table(
    "attempts",
    _seq(),
    Column("part", String, nullable=False, index=True),
    Column("delivery_id", String, nullable=False, index=True),
    Column("channel", String, nullable=False),
    Column("account", String, nullable=False),
    Column("started_at", Instant, nullable=False),
    Column("ended_at", Instant),
    Column("state", String, nullable=False),
    Column("outcome", String),
    Column("certain", Boolean, nullable=False, server_default=text("true")),
    Column("was_unknown", Boolean, nullable=False, server_default=text("false")),
    Column("code", String),
    Column("detail", Text, nullable=False, server_default=""),
    Column("cost", Money),
    Column("owner", String, nullable=False),
    Column("n", Integer, nullable=False, server_default="0"),
)
Index("omni_attempts_state", attempts.c.state, attempts.c.account)
receipts = _table(
    "receipts",
    Column("platform_id", String, nullable=False),
    Column("account", String, nullable=False),
    Column("delivery_id", String, nullable=False),
    Column("part", String, nullable=False),
    Column("attempt", BigInteger, nullable=False),
    PrimaryKeyConstraint("platform_id", "account"),
)

# ---------------------------------------------------------------- withdrawal and continuation

withdrawals = _table(
    "withdrawals",
    _id(),
    _brand(),
    Column("channel", String, nullable=False),
    Column("account", String),
    Column("data", Json, nullable=False),
    Column("period", Integer, nullable=False),
    Column("phase", String),
    Column("due_at", Instant),
    Column("updated_at", Instant, nullable=False),
    Column("ended_at", Instant),
)
withdrawal_history = _table(
    "withdrawal_history",
    _seq(),
    Column("withdrawal_id", String, nullable=False, index=True),
    Column("changed_at", Instant, nullable=False),
    Column("changed_by", String, nullable=False),
    Column("what", String, nullable=False),
    Column("data", Json, nullable=False),
)
notices = _table(
    "notices",
    Column("withdrawal_id", String, nullable=False),
    Column("customer_id", String, nullable=False),
    Column("period", Integer, nullable=False),
    Column("delivery_id", String, nullable=False),
    Column("created_at", Instant, nullable=False),
    PrimaryKeyConstraint("withdrawal_id", "customer_id", "period"),
)
references = _table(
    "references",
    Column("digest", String, primary_key=True),
    _brand(),
    Column("conversation_id", String, nullable=False, index=True),
    Column("customer_id", String, nullable=False),
    Column("target", String, nullable=False),
    Column("withdrawal_id", String),
    Column("created_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("redeemed_at", Instant),
    Column("redeemed_by", String),
    Column("assurance", Integer, nullable=False, server_default="0"),
    Column("public", Boolean, nullable=False, server_default=text("false")),
    Column("hidden", Boolean, nullable=False, server_default=text("true")),
    Column("opened_in", String),
)
reply_tokens = _table(
    "reply_tokens",
    Column("digest", String, primary_key=True),
    Column("conversation_id", String, nullable=False, index=True),
    Column("address_id", String, nullable=False),
    Column("created_at", Instant, nullable=False),
)
reference_tries = _table(
    "reference_tries",
    _seq(),
    Column("address_id", String, nullable=False, index=True),
    Column("at", Instant, nullable=False),
)
codes = _table(
    "codes",
    _seq(),
    Column("conversation_id", String, nullable=False, index=True),
    Column("address_id", String, nullable=False),
    Column("salt", String, nullable=False),
    Column("digest", String, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("state", String, nullable=False),
)
moves = _table(
    "moves",
    _seq(),
    _brand(),
    Column("conversation_id", String, nullable=False, index=True),
    Column("customer_id", String, nullable=False, index=True),
    Column("withdrawal_id", String),
    Column("from_channel", String, nullable=False),
    Column("to_channel", String, nullable=False),
    Column("from_address", String, index=True),
    Column("address_id", String, nullable=False),
    Column("assurance", Integer, nullable=False),
    Column("moved_at", Instant, nullable=False),
)
evidence = _table(
    "evidence",
    _seq(),
    Column("channel", String, nullable=False),
    Column("account", String, nullable=False),
    Column("surface", String),
    Column("kind", String, nullable=False),
    Column("at", Instant, nullable=False),
    Column("data", Json, nullable=False),
)
Index("omni_evidence_channel", evidence.c.channel, evidence.c.at)
health = _table(
    "health",
    Column("scope", String, primary_key=True),
    Column("changed_at", Instant, nullable=False),
    Column("data", Json, nullable=False),
)

# ---------------------------------------------------------------- time and the host's side

stream_items = _table(
    "stream_items",
    _seq(),
    Column("stream", String, nullable=False, index=True),
    Column("key", String, nullable=False, unique=True),
    Column("body", Json, nullable=False),
    Column("at", Instant, nullable=False),
    sqlite_autoincrement=True,  # whoever resumes after a number must never see it given twice
)
timers = _table(
    "timers",
    _seq(),
    Column("kind", String, nullable=False),
    Column("key", String, nullable=False),
    Column("due_at", Instant, nullable=False, index=True),
    Column("data", Json),
    UniqueConstraint("kind", "key"),
)
log = _table(
    "log",
    _seq(),
    Column("id", String, nullable=False),
    Column("type", String, nullable=False),
    _brand(),
    Column("occurred_at", Instant, nullable=False),
    Column("data", Json, nullable=False),
    sqlite_autoincrement=True,
)
meta = _table("meta", Column("key", String, primary_key=True), Column("value", String, nullable=False))
