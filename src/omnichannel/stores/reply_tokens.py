"""Reply tokens as rows: only their hashes, and which conversation and address each was made for."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select

from omnichannel.continuation.replies import token_digest
from omnichannel.stores.schema import reply_tokens
from omnichannel.stores.upsert import among, upsert


@dataclass(frozen=True, slots=True)
class ReplyTo:
    """What a token was made for: the conversation, and the address that the mail went to."""

    conversation_id: str
    address_id: str


def remember(connection: Connection, token: str, reply_to: ReplyTo, now: datetime) -> None:
    """Keeps a token's hash. It is on disk before the token is in any mail."""
    row = {
        "digest": token_digest(token),
        "conversation_id": reply_to.conversation_id,
        "address_id": reply_to.address_id,
        "created_at": now,
    }
    upsert(connection, reply_tokens, [row], key=("digest",))


def find(connection: Connection, tokens: Iterable[str]) -> dict[str, ReplyTo]:
    """What these tokens were made for, of those that we made."""
    digests = {token_digest(token): token for token in tokens}
    if not digests:
        return {}
    rows = connection.execute(select(reply_tokens).where(among(reply_tokens.c.digest, list(digests))))
    return {digests[row.digest]: ReplyTo(row.conversation_id, row.address_id) for row in rows}
