"""Platform credentials that change, with a version for compare-and-swap."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, select, update

from omnichannel.channel.wire import Token
from omnichannel.stores.schema import tokens
from omnichannel.stores.upsert import upsert


def load(connection: Connection, account: str) -> tuple[Token, int] | None:
    """The account's token and its version."""
    row = connection.execute(select(tokens).where(tokens.c.account == account)).first()
    if row is None:
        return None
    return Token(value=row.value, refresh=row.refresh, expires_at=row.expires_at), row.version


def save(connection: Connection, account: str, token: Token, expect: int) -> bool:
    """Writes the next version if the row still is at `expect` (0: there is none)."""
    values: dict[str, Any] = {"value": token.value, "refresh": token.refresh, "expires_at": token.expires_at}
    if expect == 0:
        row = {"account": account, "version": 1} | values
        return upsert(connection, tokens, [row], key=("account",)) == 1
    swap = update(tokens).where(tokens.c.account == account, tokens.c.version == expect)
    return connection.execute(swap.values(version=expect + 1, **values)).rowcount == 1
