"""The reading views `omni_v1_*`: public, stable, additive. Times are microseconds since 1970, UTC.

Migrations create them; a test holds the two together.
"""

from __future__ import annotations

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
