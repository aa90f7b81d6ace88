"""Parts: a step's, before they are rows; and each as its channel gets it, from the rows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, cast

from omnichannel.channel.base import Channel
from omnichannel.model.content import load_block
from omnichannel.model.message import Part, Step
from omnichannel.routing.checks import Option, fitted
from omnichannel.routing.facts import Facts, Request
from omnichannel.routing.plan import option_of
from omnichannel.runtime.policy import Advisor
from omnichannel.runtime.replying import ReplyTokens
from omnichannel.stores.deciding import NewStep
from omnichannel.stores.outgoing import Outgoing
from omnichannel.stores.types import AnyRow


def begin(out: Outgoing, step: Step, request: Request, facts: Facts, now: datetime) -> NewStep:
    """A step as it is written, with its parts: where the conversation takes place elsewhere, without a thread."""
    option = cast(Option, option_of(step.account, step.surface, step.address, request, facts))
    parts = fitted(option, request, facts, now).parts
    here = (out.conversation.account, out.conversation.surface) == (step.account, step.surface)
    if not here:
        step = replace(step, thread=None)
    found = (a for a in out.customer.addresses if (a.channel, a.value) == (step.channel, step.address))
    address = next(found, None)
    deadline = now + step.wait if step.wait is not None and step.success != "accepted" else None
    return NewStep(step, address.id if address else None, parts, deadline)


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
