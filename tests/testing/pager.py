"""A small channel of a third party, whole; the tests of the contract break it in one place at a time."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any, ClassVar

from pydantic import JsonValue

from omnichannel.channel import (
    Accept,
    Account,
    Admission,
    Capabilities,
    Channel,
    ChannelEvent,
    Envelope,
    ErrorTable,
    Flow,
    HttpRequest,
    Keys,
    Link,
    LinkCapacity,
    MessageEchoed,
    MessageReceived,
    Outcome,
    Part,
    Receipt,
    Refuse,
    Rule,
    Secrets,
    Support,
    Unrecognized,
)
from omnichannel.kit.signatures import hmac_matches, hmac_sign, is_fresh
from omnichannel.testing.contract import ChannelContract

NOW = ChannelContract.NOW


class PagerAccount(Account):
    secret: Secrets = ()


class PagerChannel(Channel[PagerAccount]):
    adapter = "acme_pager"
    channel = "pager"
    surfaces: ClassVar[Mapping[str, Capabilities]] = {
        "dm": Capabilities(text_limit=240, features={"edit": Support.FULL}),
        "wall": Capabilities(text_limit=100, visibility="public"),
        "book": Capabilities(text_limit=1_000_000),
    }
    errors = ErrorTable(rules=(Rule(outcome=Outcome.UNREACHABLE, status=404),))
    webhook_secret: ClassVar[str | None] = "secret"
    link_capacity: ClassVar[LinkCapacity | None] = LinkCapacity(chars=100)

    def admit(self, envelope: Envelope, now: datetime, keys: Keys) -> Admission:
        sent_at = envelope.headers.get("x-sent-at", "")
        if not sent_at.isdecimal() or not sent_at.isascii():
            return Refuse("no time")
        if not is_fresh(datetime.fromtimestamp(int(sent_at), UTC), now):
            return Refuse("stale")
        message = sent_at.encode() + envelope.content
        given = envelope.headers.get("x-signature", "")
        return Accept() if hmac_matches(self.account.secret, message, given) else Refuse("signature")

    def parse(self, envelope: Envelope) -> Sequence[ChannelEvent]:
        try:
            pages = json.loads(envelope.content)["pages"]
            return [self.event(page, envelope) for page in pages]
        except (ValueError, LookupError, TypeError, AttributeError):
            return [
                Unrecognized(
                    account=self.account.id,
                    dedupe=f"bytes:{sha256(envelope.content).hexdigest()}",
                    occurred_at=envelope.received_at,
                    what="body",
                    reason="not pages",
                )
            ]

    def event(self, page: Mapping[str, JsonValue], envelope: Envelope) -> ChannelEvent:
        number, text, sender = f"no-{page['id']}", str(page["text"]), str(page["from"])
        account, at = self.account.id, envelope.received_at
        if sender == "us":
            to = str(page["to"])
            return MessageEchoed(
                account=account, dedupe=number, occurred_at=at, recipient=to, text=text, message_id=number
            )
        return MessageReceived(account=account, dedupe=number, occurred_at=at, sender=sender, text=text)

    def send(self, part: Part) -> Flow[Receipt]:
        data = yield from self.call(HttpRequest(method="POST", url="pages", body={"to": part.to, "text": part.text}))
        return Receipt((self.require(data, "id"),))

    def edit(self, message_id: str, part: Part) -> Flow[Receipt]:
        yield from self.call(HttpRequest(method="PUT", url=f"pages/{message_id}", body={"text": part.text}))
        return Receipt((message_id,))

    def link(self, ref: str, text: str) -> Link | None:
        return Link(f"https://pager.example/new?ref={ref}")


ACCOUNT = PagerAccount.model_validate({"id": "pager", "secret": ["current-secret", "older-secret"]})


class PagerContract(ChannelContract):
    """The contract as its author would fill it in; not collected, because its name does not begin with Test."""

    channel = PagerChannel(ACCOUNT)
    own_addresses = ("us",)
    stale_after = timedelta(minutes=5)
    mutations = 10

    def signed(self, body: bytes) -> Envelope | None:
        sent_at = str(int(NOW.timestamp()))
        signature = hmac_sign("current-secret", sent_at.encode() + body)
        return Envelope(content=body, headers={"x-sent-at": sent_at, "x-signature": signature}, received_at=NOW)


def write_fixtures(folder: Path) -> None:
    """Cases that the whole channel passes."""
    pages = {"pages": [{"id": 1, "from": "7", "text": "hi"}, {"id": 2, "from": "us", "to": "7", "text": "hello"}]}
    inbound = {
        "envelope": {"json": pages},
        "events": [
            {"kind": "message_received", "dedupe": "no-1", "sender": "7", "text": "hi"},
            {"kind": "message_echoed", "dedupe": "no-2", "recipient": "7", "text": "hello"},
        ],
    }
    request = {"method": "POST", "url": "pages", "body": {"to": "7", "text": "hello"}}
    outbound = [
        {
            "part": {"to": "7", "text": "hello"},
            "exchange": [{"request": request, "answer": {"status": 201, "json": {"id": 9}}}],
            "receipt": {"ids": ["9"]},
        },
        {
            "call": "edit",
            "args": ["9"],
            "part": {"to": "7", "text": "hello!"},
            "exchange": [{"request": {"method": "PUT", "url": "pages/9"}, "answer": {"status": 404}}],
            "failure": {"outcome": "unreachable", "level": "address", "certain": True},
        },
    ]
    errors: list[Any] = [
        {"name": "gone", "answer": {"status": 404, "text": "no such page"}, "failure": {"outcome": "unreachable"}},
        {"name": "fine", "answer": {"status": 200, "json": []}, "failure": None},
        {"name": "told later", "facts": {"status": 429, "retry_after": 30}, "failure": {"retry_after": 30}},
    ]
    for kind, cases in (("inbound", inbound), ("outbound", outbound), ("errors", {"cases": errors})):
        (folder / kind).mkdir(parents=True)
        (folder / kind / "all.json").write_text(json.dumps(cases), "utf-8")
