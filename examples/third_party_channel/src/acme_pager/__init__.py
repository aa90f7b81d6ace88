"""Pagers as a channel: the whole adapter. Pure: no IO, no clock, no randomness; the runtime brings those."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from hashlib import sha256
from types import MappingProxyType
from typing import Annotated, ClassVar

from pydantic import Field, JsonValue, SecretStr, TypeAdapter, ValidationError
from typing_extensions import TypedDict

from omnichannel.channel import (
    Accept,
    Account,
    Admission,
    Capabilities,
    Channel,
    ChannelEvent,
    Envelope,
    ErrorFacts,
    ErrorTable,
    Flow,
    HttpRequest,
    HttpResponse,
    Keys,
    Link,
    LinkCapacity,
    MessageReceived,
    Outcome,
    Part,
    RateLimit,
    Receipt,
    Refuse,
    Repeat,
    Rule,
    Secrets,
    Token,
    Unrecognized,
)
from omnichannel.kit.signatures import hmac_matches

__all__ = ["PagerAccount", "PagerChannel"]

DOCS = "https://api.pager.example/docs"


class PagerAccount(Account):
    """Our pager number. `secret` verifies webhooks, `token` is for sending."""

    secret: Secrets = ()
    token: SecretStr = SecretStr("")
    base_url: str = "https://api.pager.example"


class Page(TypedDict):
    """The fields of a page that are read; others are ignored."""

    id: Annotated[str, Field(min_length=1)]
    sender: Annotated[str, Field(min_length=1)]
    text: str


class Pages(TypedDict):
    """A webhook's body. One bad item never spoils its batch, so items are validated one by one."""

    pages: list[object]


_PAGES: TypeAdapter[Pages] = TypeAdapter(Pages)
_PAGE: TypeAdapter[Page] = TypeAdapter(Page)


def read_error(response: HttpResponse) -> ErrorFacts | None:
    """The platform's own error body: `{"error": {"code": "...", "message": "..."}}`."""
    if response.ok:
        return None
    body = response.json()
    error = body.get("error") if isinstance(body, dict) else None
    known = error if isinstance(error, dict) else {}
    return ErrorFacts(
        status=response.status, code=str(known.get("code") or "") or None, message=str(known.get("message", ""))
    )


class PagerChannel(Channel[PagerAccount]):
    """Declarations first: tables, routing and degradation are made from them."""

    adapter = "acme_pager"
    channel = "pager"
    webhook_secret: ClassVar[str | None] = "secret"  # noqa: S105 - the name of a field
    link_capacity: ClassVar[LinkCapacity | None] = LinkCapacity(chars=64, alphabet="token", editable=False)
    surfaces: ClassVar[Mapping[str, Capabilities]] = MappingProxyType(
        {
            "dm": Capabilities(
                text_limit=240,
                repeat=Repeat.KEYED,
                rates=(RateLimit(level="account", count=10, per=timedelta(seconds=1), see=DOCS),),
                see=DOCS,
            )
        }
    )
    errors = ErrorTable(
        read=read_error,
        rules=(
            Rule(outcome=Outcome.UNREACHABLE, code="no_such_pager", see=DOCS),
            Rule(outcome=Outcome.OPTED_OUT, code="muted", see=DOCS),
        ),
    )

    def admit(self, envelope: Envelope, now: datetime, keys: Keys) -> Admission:
        """Signed over the raw body; a signature is compared in constant time, against every secret in rotation."""
        given = envelope.headers.get("x-pager-signature", "")
        return Accept() if hmac_matches(self.account.secret, envelope.content, given) else Refuse("signature")

    def parse(self, envelope: Envelope) -> Sequence[ChannelEvent]:
        """The same events for the same bytes, for ever; what is not understood is kept as `Unrecognized`."""
        try:
            found = _PAGES.validate_json(envelope.content)["pages"]
        except ValidationError:
            return [self._unknown(envelope, envelope.content, "no list of pages")]
        return [self._event(envelope, item) for item in found]

    def _event(self, envelope: Envelope, item: object) -> ChannelEvent:
        try:
            page = _PAGE.validate_python(item)
        except ValidationError:
            return self._unknown(envelope, repr(item).encode("utf-8", "replace"), "not a page")
        return MessageReceived(
            account=self.account.id,
            dedupe=page["id"],
            occurred_at=envelope.received_at,
            sender=page["sender"],
            text=page["text"],
        )

    def _unknown(self, envelope: Envelope, content: bytes, reason: str) -> Unrecognized:
        return Unrecognized(
            account=self.account.id,
            dedupe=f"page:{sha256(content).hexdigest()}",
            occurred_at=envelope.received_at,
            what="page",
            reason=reason,
            content=content.decode("utf-8", "replace"),
        )

    def send(self, part: Part) -> Flow[Receipt]:
        """A generator: it yields requests and is sent their answers. `part.key` stays the same over retries."""
        body: JsonValue = {"to": part.to, "text": part.text, "key": part.key}
        data = yield from self.call(HttpRequest(method="POST", url="/pages", body=body, repeat=Repeat.KEYED))
        return Receipt((self.require(data, "id"),))

    def sign(self, request: HttpRequest, token: Token | None, now: datetime, nonce: str) -> HttpRequest:
        """The only place where secrets enter a request."""
        authorization = {"authorization": f"Bearer {self.account.token.get_secret_value()}"}
        url = request.url if request.url.startswith("https://") else f"{self.account.base_url}{request.url}"
        return replace(request, url=url, headers={**request.headers, **authorization})

    def link(self, ref: str, text: str) -> Link | None:
        """Brings a customer here; the reference comes back as the text of their first page."""
        return Link(f"https://pager.example/new?to={self.account.id}&ref={ref}")
