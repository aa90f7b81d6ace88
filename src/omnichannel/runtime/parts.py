"""A part as its channel gets it, from the rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from omnichannel.channel.base import Channel
from omnichannel.model.content import load_block
from omnichannel.model.message import Part
from omnichannel.runtime.policy import Advisor
from omnichannel.runtime.replying import ReplyTokens
from omnichannel.stores.outgoing import Outgoing
from omnichannel.stores.types import AnyRow


@dataclass(frozen=True, slots=True)
class PartWriter:
    """Puts together what a channel needs to know of a part, however it goes out."""

    advisor: Advisor
    replies: ReplyTokens

    async def part(self, channel: Channel[Any], out: Outgoing, step: AnyRow, part: AnyRow) -> Part:
        """The part of a row; a reply token in it is on disk before this returns."""
        back = await self.replies.context(channel, out.conversation.id, step.address_id)
        place = out.conversation
        here = (place.account, place.surface) == (step.account, step.surface)
        address = next((a for a in out.customer.addresses if a.id == step.address_id), None)
        content = load_block(part.content)
        return Part(
            key=part.key,
            to=step.to,
            content=content,
            surface=step.surface,
            aliases=address.aliases if address else {},
            thread=place.thread if here else None,
            reply_to=out.reply_to if place.account == step.account else None,
            context={**out.context, **back} if here else back,
            language=place.language or out.customer.language,
            automatic=out.delivery.automatic,
            late=self.advisor.is_late(out, step, content),
            purpose=out.delivery.purpose,
        )
