"""The Messenger channel: flows, the Page's state, links."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar
from urllib.parse import quote

from omnichannel.adapters.messenger import render
from omnichannel.adapters.messenger.account import MessengerAccount
from omnichannel.adapters.messenger.errors import ERRORS
from omnichannel.adapters.messenger.parse import parse
from omnichannel.adapters.messenger.surfaces import (
    LIFECYCLE,
    LINK_CAPACITY,
    PRICES,
    SURFACES,
    WITHOUT_HUMAN_AGENT,
)
from omnichannel.channel import (
    Capabilities,
    ChannelEvent,
    Envelope,
    ErrorTable,
    Failure,
    Flow,
    Lifecycle,
    Link,
    LinkCapacity,
    Part,
    PriceFact,
    Receipt,
    Rejected,
    Repeat,
)
from omnichannel.kit.meta_graph import GraphChannel, upload_request
from omnichannel.kit.urls import with_reference
from omnichannel.model.content import Media


class MessengerChannel(GraphChannel[MessengerAccount]):
    """One Facebook Page on the Messenger Platform."""

    adapter: ClassVar[str] = "messenger"
    channel: ClassVar[str] = "messenger"
    surfaces: ClassVar[Mapping[str, Capabilities]] = SURFACES
    errors: ClassVar[ErrorTable] = ERRORS
    lifecycle: ClassVar[Lifecycle] = LIFECYCLE
    prices: ClassVar[Sequence[PriceFact]] = PRICES
    link_capacity: ClassVar[LinkCapacity | None] = LINK_CAPACITY

    def __init__(self, account: MessengerAccount, accounts: Sequence[MessengerAccount] = ()) -> None:
        super().__init__(account, accounts)
        self._pages = {one.page_id: one.id for one in self.accounts}

    def surface(self, name: str) -> Capabilities | None:
        """Without the Human Agent feature nobody answers after 24 hours."""
        found = super().surface(name)
        return found if found is None or self.account.human_agent else WITHOUT_HUMAN_AGENT

    def parse(self, envelope: Envelope) -> Sequence[ChannelEvent]:
        """Messages, taps, echoes, receipts, consents and news, of every Page behind the endpoint."""
        return parse(self.account.id, self._pages, envelope)

    # -- outbound

    def send(self, part: Part) -> Flow[Receipt]:
        """One message; a file of ours is uploaded first."""
        content, limit = render.content_of(part, self.account.templates), "send"
        if isinstance(content, Media):
            limit = "media" if content.kind in ("audio", "video") else "send"
            request = upload_request(
                f"{self.account.page_id}/message_attachments", content, render.upload_fields(content), name="filedata"
            )
            where = yield from self.placed(content, request, "url", "attachment_id")
            content = render.attachment(content, where)
        answer = yield from self.messages(self.account.page_id, render.envelope(part, content), limit=limit)
        return Receipt((self.require(answer, "message_id"),))

    def react(self, message_id: str, part: Part, emoji: str | None) -> Flow[None]:
        """An emoji on the customer's message, or none."""
        what = {"message_id": message_id} | ({} if emoji is None else {"reaction": emoji})
        yield from self.messages(
            self.account.page_id, render.action(part, "react" if emoji else "unreact", **what), Repeat.KEYED
        )

    def mark_read(self, message_id: str, part: Part, *, typing: bool = False) -> Flow[None]:
        """Shows the whole thread as seen; the typing sign ends after 20 s or with our message."""
        yield from self.messages(self.account.page_id, render.action(part, "mark_seen"), Repeat.KEYED)
        if typing:
            yield from self.messages(self.account.page_id, render.action(part, "typing_on"), Repeat.KEYED)

    # -- health and links

    def probe(self) -> Flow[Failure | None]:
        """Asks for the Page by its token; costs nothing and tells nobody."""
        try:
            yield from self.told(self.account.page_id, "id", fields="id,name")
        except Rejected as refusal:
            return refusal.failure
        return None

    def link(self, ref: str, text: str) -> Link | None:
        """An m.me link. The reference is out of the customer's reach, and comes back when the thread is opened or Get
        Started is tapped; without that button it stands in the text as well."""
        page = quote(self.account.page_name or self.account.page_id, safe="")
        url = f"https://m.me/{page}?ref={quote(ref.removeprefix('#'), safe='')}"
        if not self.account.get_started:
            url = f"{url}&text={quote(with_reference(text, ref), safe='')}"
        return Link(url)
