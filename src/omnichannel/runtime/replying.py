"""The reply token of a conversation, for channels whose answers bring one back."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from omnichannel.channel.base import Channel
from omnichannel.continuation.replies import new_reply_token
from omnichannel.model.ids import IdSource
from omnichannel.runtime.clock import Clock
from omnichannel.stores import reply_tokens
from omnichannel.stores.base import Store
from omnichannel.stores.reply_tokens import ReplyTo

MOST = 10_000
"""Tokens that are remembered in clear."""


@dataclass(slots=True)
class ReplyTokens:
    """Makes one token for each conversation and address, and remembers it for the next mail.

    The store keeps hashes, so a process that starts anew makes another one; all of them stay good.
    """

    store: Store
    clock: Clock
    ids: IdSource
    _made: dict[ReplyTo, str] = field(default_factory=dict[ReplyTo, str])

    async def context(self, channel: Channel[Any], conversation_id: str, address_id: str | None) -> dict[str, str]:
        """What a part's context has to carry; nothing where the channel's answers bring no token back."""
        if not channel.reply_tokens or address_id is None:
            return {}
        reply_to = ReplyTo(conversation_id, address_id)
        token = self._made.get(reply_to)
        if token is None:
            token, now = new_reply_token(self.ids.token(128)), self.clock.now()
            await self.store.write(lambda c: reply_tokens.remember(c, token, reply_to, now))
            while len(self._made) >= MOST:
                del self._made[next(iter(self._made))]
            self._made[reply_to] = token
        return {"reply_token": token}
