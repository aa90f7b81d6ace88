"""The WhatsApp channel: admission, flows, links."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar
from urllib.parse import quote

from omnichannel.adapters.whatsapp import render
from omnichannel.adapters.whatsapp.account import WhatsAppAccount
from omnichannel.adapters.whatsapp.errors import ERRORS, NUMBER_STATES, SEE
from omnichannel.adapters.whatsapp.notices import Numbers
from omnichannel.adapters.whatsapp.parse import parse
from omnichannel.adapters.whatsapp.surfaces import LIFECYCLE, LINK_CAPACITY, PRICES, SURFACES
from omnichannel.channel import (
    Capabilities,
    ChannelEvent,
    Envelope,
    ErrorTable,
    Failure,
    Flow,
    HttpRequest,
    Lifecycle,
    Link,
    LinkCapacity,
    Part,
    PriceFact,
    Receipt,
    Rejected,
    Repeat,
)
from omnichannel.kit.meta_graph import Body, GraphChannel, upload_request
from omnichannel.kit.urls import with_reference
from omnichannel.model.content import Media

_NOT_YET = ("held_for_quality_assessment", "paused")


class WhatsAppChannel(GraphChannel[WhatsAppAccount]):
    """One WhatsApp Business number on Meta's Cloud API."""

    adapter: ClassVar[str] = "whatsapp"
    channel: ClassVar[str] = "whatsapp"
    surfaces: ClassVar[Mapping[str, Capabilities]] = SURFACES
    errors: ClassVar[ErrorTable] = ERRORS
    lifecycle: ClassVar[Lifecycle] = LIFECYCLE
    prices: ClassVar[Sequence[PriceFact]] = PRICES
    link_capacity: ClassVar[LinkCapacity | None] = LINK_CAPACITY

    def __init__(self, account: WhatsAppAccount, accounts: Sequence[WhatsAppAccount] = ()) -> None:
        super().__init__(account, accounts)
        self._numbers = Numbers.of(account, self.accounts)

    # -- inbound

    def parse(self, envelope: Envelope) -> Sequence[ChannelEvent]:
        """Messages, statuses, echoes, consents and changes, of every number behind the endpoint."""
        return parse(self._numbers, envelope)

    # -- outbound

    def send(self, part: Part) -> Flow[Receipt]:
        """One message; a file of ours is uploaded first."""
        content = render.content_of(part, self.account.templates)
        if isinstance(content, Media):
            render.media_type(content)  # refuses what is too large before it is uploaded
            fields = (("messaging_product", "whatsapp"), ("type", content.type))
            request = upload_request(f"{self.account.phone_number_id}/media", content, fields)
            content = render.media(content, (yield from self.placed(content, request, "link", "id")))
        answer = yield from self._post(render.message(part, content))
        message_id = self.require(answer, "messages", 0, "id")
        return Receipt((message_id,), pending=answer["messages"][0].get("message_status") in _NOT_YET)

    def react(self, message_id: str, part: Part, emoji: str | None) -> Flow[None]:
        """An emoji on the customer's message, or none."""
        content = render.reaction(message_id, emoji)
        yield from self._post(render.message(replace(part, reply_to=None), content))

    def mark_read(self, message_id: str, part: Part, *, typing: bool = False) -> Flow[None]:
        """Blue ticks for the message and all before it; the typing sign ends after 25 s or with our message."""
        yield from self._post(render.read(message_id, typing=typing), repeat=Repeat.KEYED)

    def _post(self, body: Body, repeat: Repeat = Repeat.UNSAFE) -> Flow[Any]:
        return self.messages(self.account.phone_number_id, body, repeat)

    # -- health

    def probe(self) -> Flow[Failure | None]:
        """Reads the number: its token, and whether Meta has banned, moved or unlinked it."""
        fields = "id,display_phone_number,status,quality_rating"
        try:
            status = yield from self.told(self.account.phone_number_id, "status", fields=fields)
        except Rejected as refusal:
            return refusal.failure
        if status not in NUMBER_STATES:
            return None
        outcome, level = NUMBER_STATES[status]
        return Failure(outcome=outcome, level=level, code=status, message=f"the number is {status}", see=SEE)

    # -- fetching and links

    def locate(self, media: Media) -> Flow[HttpRequest]:
        """The URL of a file is asked for first; it lives some minutes and wants the token as well.

        https://developers.facebook.com/documentation/business-messaging/whatsapp/business-phone-numbers/media
        """
        url = media.ref
        if url.startswith("platform:"):
            media_id = quote(url.removeprefix("platform:"), safe="")
            url = yield from self.told(media_id, "url", "media", phone_number_id=self.account.phone_number_id)
        headers = {"accept-encoding": "identity"}
        return HttpRequest(method="GET", url=url, headers=headers, repeat=Repeat.SAFE, limit="media")

    def link(self, ref: str, text: str) -> Link | None:
        """A wa.me link with the reference in the text that it fills in, where the customer may edit it away."""
        digits = "".join(filter(str.isdigit, self.account.display_number or ""))
        if not digits:
            return None
        return Link(f"https://wa.me/{digits}?text={quote(with_reference(text, ref), safe='')}")
