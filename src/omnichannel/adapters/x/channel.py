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
from omnichannel.adapters.x.errors import ERRORS, answered_at
from omnichannel.adapters.x.notices import Accounts
from omnichannel.adapters.x.parse import parse
from omnichannel.adapters.x.poll import Cursor, poll
from omnichannel.adapters.x.render import USER_ID, dm_request, files_of, reply_request
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
    Level,
    Lifecycle,
    Link,
    LinkCapacity,
    Listen,
    Outcome,
    Part,
    PriceFact,
    Receipt,
    Rejected,
    Repeat,
    Token,
)
from omnichannel.kit.oauth import refresh_request, token_from
from omnichannel.kit.refusals import invalid
from omnichannel.kit.shapes import member, text_of
from omnichannel.kit.urls import with_reference
from omnichannel.model.base import EPOCH
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

    def surface(self, name: str) -> Capabilities | None:
        """The surface for this account: pay-per-use replies in public only where it was summoned, and a post without
        a paid subscription is short."""
        found = self.surfaces.get(name)
        if found is None or found.visibility == "private":
            return found
        if self.account.tier != "enterprise":
            found = replace(found, initiation=Initiation.SUMMONED)
        return found if self.account.premium else _short(found, facts.POST_TEXT)

    # -- inbound

    def admit(self, envelope: Envelope, now: datetime, keys: Keys) -> Admission:
        """The challenge is answered at once; events are taken with the app's signature over their raw bytes."""
        return admit(self.account, self.accounts, envelope)

    def parse(self, envelope: Envelope) -> Sequence[ChannelEvent]:
        """Events of webhook, stream, poll and replay: the same message has the same key in all of them."""
        return parse(Accounts(self.account, self.accounts), envelope)

    def listen(self, cursor: str | None) -> Listen:
        """The activity stream: two connections an app. The last minutes are asked for again, where X grants that:
        an enterprise always, others once they have read from it. Polls close larger gaps."""
        again = cursor is not None or self.account.tier == "enterprise"
        query = (("backfill_minutes", str(facts.BACKFILL_MINUTES)),) if again else ()
        request = HttpRequest(method="GET", url="2/activity/stream", query=query, repeat=Repeat.SAFE, limit="stream")
        return Listen(request=request, framing="lines", idle=facts.STREAM_IDLE)

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
        media_ids: list[str] = []
        for media in self._files(part):
            media_id = yield from upload(self, media, part.surface)
            media_ids.append(media_id)
        if part.surface == "dm":
            data = yield from self.call(dm_request(part, media_ids))
            event_id = self.require(data, "data", "dm_event_id")
            return Receipt((event_id,), thread=self.require(data, "data", "dm_conversation_id"))
        data = yield from self.call(reply_request(part, media_ids))
        return Receipt((self.require(data, "data", "id"),), thread=part.thread)

    def _files(self, part: Part) -> tuple[Media, ...]:
        """The files, looked at before any is uploaded: a refused message costs no upload."""
        if part.surface not in self.surfaces:
            raise invalid("no_surface", f"X has no surface {part.surface!r}")
        files = files_of(part)
        placeholder = ["0"] * len(files)
        _ = dm_request(part, placeholder) if part.surface == "dm" else reply_request(part, placeholder)
        return files

    def delete(self, message_id: str, part: Part) -> Flow[None]:
        """Takes a post of ours back; a DM goes from our own view only."""
        if not USER_ID.fullmatch(message_id):
            raise invalid("bad_id", "an id of X is a number")
        url, limit = (
            (f"2/dm_events/{message_id}", "dm_delete") if part.surface == "dm" else (f"2/tweets/{message_id}", "delete")
        )
        yield from self.call(HttpRequest(method="DELETE", url=url, repeat=Repeat.SAFE, limit=limit))

    # -- credentials and health

    def sign(self, request: HttpRequest, token: Token | None, now: datetime, nonce: str) -> HttpRequest:
        """The URL completed and the credentials put in, for X's own hosts alone."""
        return sign(self.account, request, token, now, nonce)

    def refresh(self, token: Token | None) -> Flow[Token]:
        """A new token. X gives a new refresh token with it, and the old one is spent."""
        known = (token.refresh if token else None) or self.account.refresh_token
        if self.account.uses_oauth1 or not known:
            what = "an OAuth 1.0a token is not renewed" if self.account.uses_oauth1 else "there is no refresh token"
            raise Rejected(
                Failure(outcome=Outcome.AUTH, level=Level.ACCOUNT, code="no_refresh", message=f"{what}: connect again")
            )
        public = None if self.account.client_secret else self.account.client_id
        response = yield from self.http(refresh_request("2/oauth2/token", "", public))
        failure = self.errors.failure_of(response)
        if failure is not None:
            raise Rejected(failure)
        now = answered_at(response)
        renewed = token_from(response.json(), now or EPOCH, token)
        return renewed if now else replace(renewed, expires_at=None)

    def identify(self) -> Flow[tuple[str, str]]:
        """Whose token it is: numeric user id and handle."""
        request = HttpRequest(method="GET", url="2/users/me", repeat=Repeat.SAFE, limit="me")
        data = yield from self.call(request)
        name = text_of(member(member(data, "data"), "username"))
        return self.require(data, "data", "id"), name or ""

    def probe(self) -> Flow[Failure | None]:
        """Asks who we are: whether the token works, and is the token of this account."""
        try:
            found, username = yield from self.identify()
        except Rejected as refusal:
            return refusal.failure
        expected = self.account.own_id
        if expected in (None, found):
            return None
        message = f"the token is that of @{username} ({found}), not of {expected}"
        return Failure(outcome=Outcome.AUTH, level=Level.ACCOUNT, code="other_account", message=message)

    # -- media and links

    def locate(self, media: Media) -> Flow[HttpRequest]:
        """The download of a file. Those of DMs are given to a participant's token only."""
        yield from ()
        url = download_url(media.ref, oauth1=self.account.uses_oauth1)
        if url is None:
            raise invalid("no_file", f"{media.ref!r} is no file of X")
        return HttpRequest(method="GET", url=url, repeat=Repeat.SAFE, limit="media")

    def link(self, ref: str, text: str) -> Link | None:
        """A DM to us with the text and `#ref` filled in, which the customer may change; None while our numeric id is
        not known."""
        recipient = self.account.own_id
        if recipient is None:
            return None
        query = urlencode({"recipient_id": recipient, "text": with_reference(text, ref)}, quote_via=quote)
        return Link(f"{facts.COMPOSE_URL}?{query}")


def _short(surface: Capabilities, limit: int) -> Capabilities:
    media = {kind: replace(one, caption=min(one.caption, limit)) for kind, one in surface.media.items()}
    return replace(surface, text_limit=limit, media=media)
