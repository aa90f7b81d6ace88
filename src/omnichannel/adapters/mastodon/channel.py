"""Mastodon: direct statuses and public answers, on one server for each account."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, ClassVar, cast
from urllib.parse import quote, urlencode

from omnichannel.adapters.mastodon import surfaces as facts
from omnichannel.adapters.mastodon.account import MastodonAccount
from omnichannel.adapters.mastodon.errors import ERRORS
from omnichannel.adapters.mastodon.parse import parse
from omnichannel.adapters.mastodon.poll import load, poll
from omnichannel.adapters.mastodon.render import ID, edit_request, status_request
from omnichannel.adapters.mastodon.upload import upload
from omnichannel.channel import (
    Batch,
    Capabilities,
    Channel,
    ChannelEvent,
    Envelope,
    ErrorTable,
    Failure,
    Flow,
    HttpRequest,
    HttpResponse,
    Level,
    Lifecycle,
    Link,
    LinkCapacity,
    Listen,
    Outcome,
    Part,
    Receipt,
    Rejected,
    Repeat,
    Token,
)
from omnichannel.channel.base import SourceKind
from omnichannel.kit.flows import asked, probed, read
from omnichannel.kit.oauth import authorized
from omnichannel.kit.parts import files_of
from omnichannel.kit.refusals import invalid
from omnichannel.kit.shapes import member, text_of, values_of
from omnichannel.kit.urls import same_origin, whole_url, with_reference


class MastodonChannel(Channel[MastodonAccount]):
    """Mastodon. `dm` is a status of visibility `direct`: private, not encrypted, and for whomever it names, so that
    what we send names nobody but the customer. `mention` is where we are named or quoted; there we only answer."""

    adapter = "mastodon"
    channel = "mastodon"
    vendor = "mastodon"
    surfaces: ClassVar[Mapping[str, Capabilities]] = facts.SURFACES
    errors: ClassVar[ErrorTable] = ERRORS
    lifecycle: ClassVar[Lifecycle] = facts.LIFECYCLE
    link_capacity: ClassVar[LinkCapacity | None] = facts.LINK_CAPACITY
    default_sources: ClassVar[tuple[SourceKind, ...]] = ("listen", "poll")
    """Both: nothing is sent to us by webhook, and the stream has no replay."""

    def surface(self, name: str) -> Capabilities | None:
        """The surface within the limits of this account's server."""
        found, account = self.surfaces.get(name), self.account
        if found is None:
            return None
        limit = account.max_characters - facts.MENTION_ROOM
        media = facts.media_limits(limit, account.max_media, account.image_bytes, account.video_bytes)
        return replace(found, text_limit=limit, media=media)

    # -- inbound

    def parse(self, envelope: Envelope) -> Sequence[ChannelEvent]:
        """Events of stream and poll: the same message has the same key in both."""
        return parse(self.account, envelope)

    def listen(self, cursor: str | None) -> Listen:
        """The user's stream: notifications, our own statuses, edits and deletions. Polls close its gaps."""
        base = (self.account.streaming_url or self.account.base_url).rstrip("/")
        return Listen(request=read(f"{base}/api/v1/streaming/user", "stream"), framing="sse", idle=facts.STREAM_IDLE)

    def poll(self, cursor: str | None) -> Flow[Batch]:
        """What is newer than the cursor in notifications, direct conversations and our own statuses."""
        place = load(cursor)
        me = place.get("me", "")
        if not ID.fullmatch(me):
            me, _ = yield from self.identify()
        return (yield from poll(self, me, place))

    # -- outbound

    def send(self, part: Part) -> Flow[Receipt]:
        """A status that names the customer; files are uploaded first. The key holds for an hour.

        A server takes a handle that it cannot find for mere text: a direct status which then reaches nobody is taken
        back, and the customer is unreachable."""
        if part.surface not in self.surfaces:
            raise invalid("no_surface", f"Mastodon has no surface {part.surface!r}")
        files = files_of(part)
        status_request(self.account, part, ["0"] * len(files))  # refused before anything is uploaded
        media_ids: list[str] = []
        for media in files:
            media_id = yield from upload(self, media)
            media_ids.append(media_id)
        data = yield from self._post(status_request(self.account, part, media_ids))
        status_id = self.require(data, "id")
        if part.surface == "dm" and not self._names(data, part.to):
            yield from self.delete(status_id, part)
            why = f"{self.account.host} does not know @{part.to}: nobody could have read it"
            raise Rejected(Failure(outcome=Outcome.UNREACHABLE, level=Level.ADDRESS, code="not_addressed", message=why))
        return Receipt((status_id,), thread=part.thread)

    def _post(self, request: HttpRequest) -> Flow[Any]:
        """A new status. What it answers may be gone, or its author may have blocked us: the server says neither, and
        says it in the language of the account's settings."""
        try:
            return (yield from self.call(request))
        except Rejected as refusal:
            if refusal.failure.status != 404 or "in_reply_to_id" not in cast(Mapping[str, object], request.body):
                raise
            failure = replace(refusal.failure, outcome=Outcome.UNREACHABLE, level=Level.ADDRESS)
            raise Rejected(failure) from refusal

    def _names(self, status: object, handle: str) -> bool:
        """Whether a status says that it names this person; one that does not list whom it names is believed."""
        named = member(status, "mentions")
        if named is None:
            return True
        handles = {self.account.whole(text_of(member(one, "acct")) or "") for one in values_of(named)}
        return handle.lower() in handles

    def edit(self, message_id: str, part: Part) -> Flow[Receipt]:
        """New words for a status of ours. Its files stay: an edit that does not name them would drop them."""
        url = f"api/v1/statuses/{_checked_id(message_id)}"
        data = yield from self.call(read(url, "read"))
        files = [text_of(member(one, "id")) for one in values_of(member(data, "media_attachments"))]
        kept = [one for one in files if one]
        data = yield from self.call(edit_request(self.account, message_id, part, kept))
        return Receipt((self.require(data, "id"),), thread=part.thread)

    def delete(self, message_id: str, part: Part) -> Flow[None]:
        """Takes a status of ours back, here and, where they comply, on other servers."""
        url = f"api/v1/statuses/{_checked_id(message_id)}"
        yield from asked(self, "DELETE", url, "delete")

    def react(self, message_id: str, part: Part, emoji: str | None) -> Flow[None]:
        """A favourite, whatever the emoji; None takes it away."""
        verb = "favourite" if emoji is not None else "unfavourite"
        url = f"api/v1/statuses/{_checked_id(message_id)}/{verb}"
        yield from asked(self, "POST", url, "react")

    # -- credentials and health

    def sign(self, request: HttpRequest, token: Token | None, now: datetime, nonce: str) -> HttpRequest:
        """The URL completed and the token put in, for our server and its streaming host alone."""
        base = self.account.base_url.rstrip("/")
        completed = replace(request, url=whole_url(request.url, base))
        homes = (base, self.account.streaming_url or base)
        if not any(same_origin(completed.url, home.rstrip("/")) for home in homes):
            return completed
        return authorized(completed, f"Bearer {self.account.token.get_secret_value()}")

    def identify(self) -> Flow[tuple[str, str]]:
        """Whose token it is: the account's id on its server, and its name."""
        url = "api/v1/accounts/verify_credentials"
        data = yield from self.call(read(url, "read"))
        return self.require(data, "id"), text_of(member(data, "acct")) or ""

    def probe(self) -> Flow[Failure | None]:
        """Asks who we are: whether the token works, and is the token of this account."""
        ours, whole = self.account, self.account.whole

        def wrong(_: str, name: str) -> str | None:
            if whole(name) == ours.handle:
                return None
            return f"the token is that of @{name}, not of @{ours.username}: create one as @{ours.handle}"

        return (yield from probed(self.identify(), wrong))

    def checked(self, request: HttpRequest) -> Flow[HttpResponse]:
        """An answer whose status or headers say something. Raises `Rejected` for what is an error."""
        response = yield from self.http(request)
        failure = self.errors.failure_of(response)
        if failure is not None:
            raise Rejected(replace(failure, certain=failure.certain or request.repeat is not Repeat.UNSAFE))
        return response

    # -- links

    def link(self, ref: str, text: str) -> Link | None:
        """A composer on the customers' server, filled in with our handle, the text and `#ref`, for us alone to read.
        The customer may change all of it, and has to be signed in there."""
        words = with_reference(f"@{self.account.handle} {text}".strip(), ref)
        query = urlencode({"text": words, "visibility": "direct"}, quote_via=quote)
        server = (self.account.share_on or self.account.base_url).rstrip("/")
        return Link(f"{server}/share?{query}")


def _checked_id(message_id: str) -> str:
    if not ID.fullmatch(message_id):
        raise invalid("bad_id", f"{message_id[:100]!r} is no id of a status")
    return message_id
