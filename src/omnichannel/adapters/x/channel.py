"""X: DMs and public replies, by API v2 and the X Activity API."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import ClassVar
from urllib.parse import quote, urlencode

from omnichannel.adapters.x import surfaces as facts
from omnichannel.adapters.x.account import XAccount
from omnichannel.adapters.x.admit import admit
from omnichannel.adapters.x.attachments import download_url
from omnichannel.adapters.x.auth import sign
from omnichannel.adapters.x.errors import ERRORS
from omnichannel.adapters.x.parse import parse
from omnichannel.adapters.x.poll import poll
from omnichannel.adapters.x.render import USER_ID, dm_request, reply_request
from omnichannel.adapters.x.upload import upload
from omnichannel.channel import (
    Admission,
    Batch,
    Capabilities,
    Channel,
    ChannelEvent,
    Envelope,
    ErrorTable,
    Failure,
    Flow,
    HttpRequest,
    Initiation,
    Keys,
    Lifecycle,
    Link,
    LinkCapacity,
    Listen,
    Part,
    PriceFact,
    Receipt,
    Rejected,
    Token,
)
from omnichannel.kit.degrade import shortened
from omnichannel.kit.flows import asked, probed, read
from omnichannel.kit.oauth import refresh_request, renewed
from omnichannel.kit.owners import Owner, Owners
from omnichannel.kit.parts import files_of
from omnichannel.kit.polling import Cursor
from omnichannel.kit.refusals import connect_again, invalid
from omnichannel.kit.shapes import at, text_of
from omnichannel.kit.urls import with_reference
from omnichannel.model.content import Media


class XChannel(Channel[XAccount]):
    """X by API v2. `dm` is the legacy, readable message system; XChat is encrypted, and only noticed.

    `mention` is where we are named, quoted or answered in public; there we only reply. Posts keep the handles that
    they begin with in `full_text`, and lose them in `text`.
    """

    adapter = "x"
    channel = "x"
    vendor = "x"
    surfaces: ClassVar[Mapping[str, Capabilities]] = facts.SURFACES
    errors: ClassVar[ErrorTable] = ERRORS
    lifecycle: ClassVar[Lifecycle] = facts.LIFECYCLE
    prices: ClassVar[Sequence[PriceFact]] = facts.PRICES
    link_capacity: ClassVar[LinkCapacity | None] = facts.LINK_CAPACITY
    body_limit: ClassVar[int] = facts.BODY_LIMIT
    webhook_secret: ClassVar[str | None] = facts.SIGNED_WITH

    def __init__(self, account: XAccount, accounts: Sequence[XAccount] = ()) -> None:
        super().__init__(account, accounts)
        ours = (Owner(account=one.id, user_id=one.own_id, username=one.username) for one in self.accounts)
        self._owners = Owners(account.id, ours)

    def surface(self, name: str) -> Capabilities | None:
        """The surface for this account: pay-per-use replies in public only where it was summoned, and a post without
        a paid subscription is short."""
        found = self.surfaces.get(name)
        if found is None or found.visibility == "private":
            return found
        if self.account.tier != "enterprise":
            found = replace(found, initiation=Initiation.SUMMONED)
        return found if self.account.premium else shortened(found, facts.POST_TEXT)

    # -- inbound

    def admit(self, envelope: Envelope, now: datetime, keys: Keys) -> Admission:
        """The challenge is answered at once; events are taken with the app's signature over their raw bytes."""
        return admit(self.account, self.accounts, envelope)

    def parse(self, envelope: Envelope) -> Sequence[ChannelEvent]:
        """Events of webhook, stream, poll and replay: the same message has the same key in all of them."""
        return parse(self._owners, envelope)

    def listen(self, cursor: str | None) -> Listen:
        """The activity stream: two connections an app. The last minutes are asked for again, where X grants that:
        an enterprise always, others once they have read from it. Polls close larger gaps."""
        again = cursor is not None or self.account.tier == "enterprise"
        query = (("backfill_minutes", str(facts.BACKFILL_MINUTES)),) if again else ()
        return Listen(request=read("2/activity/stream", "stream", query), framing="lines", idle=facts.STREAM_IDLE)

    def poll(self, cursor: str | None) -> Flow[Batch]:
        """Mentions and DMs newer than the cursor, oldest first."""
        place = Cursor.load(cursor)
        me = self.account.own_id or place.me
        if me is None:
            me, _ = yield from self.identify()
        return (yield from poll(self, me, place))

    # -- outbound

    def send(self, part: Part) -> Flow[Receipt]:
        """A DM, or a public reply; files are uploaded first."""
        if part.surface not in self.surfaces:
            raise invalid("no_surface", f"X has no surface {part.surface!r}")
        request_of = dm_request if part.surface == "dm" else reply_request
        files, media_ids = files_of(part), list[str]()
        request_of(part, ["0"] * len(files))  # refused before anything is uploaded, which costs
        for media in files:
            media_ids += [(yield from upload(self, media, part.surface))]
        data = yield from self.call(request_of(part, media_ids))
        if part.surface == "dm":
            event_id = self.require(data, "data", "dm_event_id")
            return Receipt((event_id,), thread=self.require(data, "data", "dm_conversation_id"))
        return Receipt((self.require(data, "data", "id"),), thread=part.thread)

    def delete(self, message_id: str, part: Part) -> Flow[None]:
        """Takes a post of ours back; a DM goes from our own view only."""
        if not USER_ID.fullmatch(message_id):
            raise invalid("bad_id", "an id of X is a number")
        url, limit = ("2/dm_events", "dm_delete") if part.surface == "dm" else ("2/tweets", "delete")
        yield from asked(self, "DELETE", f"{url}/{message_id}", limit)

    # -- credentials and health

    def sign(self, request: HttpRequest, token: Token | None, now: datetime, nonce: str) -> HttpRequest:
        """The URL completed and the credentials put in, for X's own hosts alone."""
        return sign(self.account, request, token, now, nonce)

    def refresh(self, token: Token | None) -> Flow[Token]:
        """A new token. X gives a new refresh token with it, and the old one is spent."""
        known = (token.refresh if token else None) or self.account.refresh_token
        if self.account.uses_oauth1 or not known:
            what = "an OAuth 1.0a token is not renewed" if self.account.uses_oauth1 else "there is no refresh token"
            raise Rejected(connect_again("no_refresh", f"{what}: connect again"))
        public = None if self.account.client_secret else self.account.client_id
        return (yield from renewed(self, self.errors, refresh_request("2/oauth2/token", "", public), token))

    def identify(self) -> Flow[tuple[str, str]]:
        """Whose token it is: numeric user id and handle."""
        data = yield from self.call(read("2/users/me", "me"))
        return self.require(data, "data", "id"), text_of(at(data, "data.username")) or ""

    def probe(self) -> Flow[Failure | None]:
        """Asks who we are: whether the token works, and is the token of this account."""
        expected = self.account.own_id

        def wrong(found: str, username: str) -> str | None:
            other = expected not in (None, found)
            return f"the token is that of @{username} ({found}), not of {expected}" if other else None

        return (yield from probed(self.identify(), wrong))

    # -- media and links

    def locate(self, media: Media) -> Flow[HttpRequest]:
        """The download of a file. Those of DMs are given to a participant's token only."""
        yield from ()
        url = download_url(media.ref, oauth1=self.account.uses_oauth1)
        if url is None:
            raise invalid("no_file", f"{media.ref!r} is no file of X")
        return read(url, "media")

    def link(self, ref: str, text: str) -> Link | None:
        """A DM to us with the text and `#ref` filled in, which the customer may change; None while our numeric id is
        not known."""
        recipient = self.account.own_id
        if recipient is None:
            return None
        query = urlencode({"recipient_id": recipient, "text": with_reference(text, ref)}, quote_via=quote)
        return Link(f"{facts.COMPOSE_URL}?{query}")
