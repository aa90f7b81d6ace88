"""A telephone exchange of a few lines, whose calls are answered in the response to its webhook, as TwiML is: the
channel, and the platform."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, ClassVar

from omnichannel.channel import (
    Accept,
    Account,
    Admission,
    Capabilities,
    Channel,
    ChannelEvent,
    Envelope,
    Flow,
    HttpReply,
    HttpRequest,
    Keys,
    MessageReceived,
    Part,
    Receipt,
    Refuse,
    Secrets,
)
from omnichannel.kit.signatures import hmac_matches, hmac_sign
from omnichannel.testing.simulators.base import (
    Request,
    Response,
    Seen,
    SimFile,
    Simulator,
    WebhookRequest,
    json_response,
    route,
)

SECRET = "exchange-secret"
WITHIN = timedelta(seconds=15)
HOLD_THE_LINE = b"one moment"


class LineAccount(Account):
    secret: Secrets = ()
    room: int = 1


class LineChannel(Channel[LineAccount]):
    """What is said on the line goes into the response where it can; else it is played into the call by a request."""

    adapter = "acme_line"
    channel = "line"
    surfaces: ClassVar[Mapping[str, Capabilities]] = {
        "dm": Capabilities(text_limit=40, settle_after=timedelta(minutes=10)),
    }
    webhook_secret: ClassVar[str | None] = "secret"

    def admit(self, envelope: Envelope, now: datetime, keys: Keys) -> Admission:
        if not hmac_matches(self.account.secret, envelope.content, envelope.headers.get("x-signature", "")):
            return Refuse("signature")
        return Accept(HttpReply(200, HOLD_THE_LINE), within=WITHIN, room=self.account.room)

    def answer(self, envelope: Envelope, parts: Sequence[Part]) -> HttpReply:
        said = [part.text for part in parts]
        if any(not text.isascii() for text in said):
            raise ValueError("the exchange speaks ASCII alone")
        return HttpReply(200, json.dumps(said).encode(), "application/json")

    def parse(self, envelope: Envelope) -> Sequence[ChannelEvent]:
        call = json.loads(envelope.content)
        if "text" not in call:
            return []
        return [
            MessageReceived(
                account=self.account.id,
                dedupe=call["id"],
                occurred_at=envelope.received_at,
                sender=call["from"],
                text=call["text"],
                message_id=call["id"],
            )
        ]

    def send(self, part: Part) -> Flow[Receipt]:
        url = "https://exchange.example/play"
        data = yield from self.call(HttpRequest(method="POST", url=url, body={"to": part.to, "text": part.text}))
        return Receipt((self.require(data, "id"),))


def signed(url: str, data: Any) -> WebhookRequest:
    body = json.dumps(data).encode()
    headers = {"x-signature": hmac_sign(SECRET, body), "content-type": "application/json"}
    return WebhookRequest(url=url, headers=headers, body=body)


class Exchange(Simulator):
    """`heard` is what was said in a response, `played` what a request of ours played; `seen` is both."""

    channel = "line"
    adapter = "acme_line"
    hosts = ("exchange.example",)

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.heard: list[str] = []
        self.played: list[str] = []
        self.waited: list[timedelta] = []
        self._asked: dict[bytes, tuple[str, datetime]] = {}

    @route("POST", "/play")
    async def play(self, request: Request) -> Response:
        data = request.json()
        self.played.append(data["text"])
        return json_response({"id": self._shown(data["to"], data["text"])})

    def says(
        self,
        handle: str,
        text: str,
        *,
        attachments: Sequence[SimFile] = (),
        surface: str | None = None,
        reply_to: str | None = None,
        account_id: str | None = None,
    ) -> str:
        account = self.account_for(handle, account_id)
        number = self.new_id("in")
        request = signed(self.webhook_url(account) or "", {"id": number, "from": handle, "text": text})
        self._asked[request.body] = (handle, self.now())
        self.notify(account, request, handle=handle)
        return number

    def picks(self, handle: str, title: str) -> str:
        return self.says(handle, title)

    def responded(self, request: WebhookRequest, status: int, body: bytes) -> None:
        handle, at = self._asked[request.body]
        self.waited.append(self.now() - at)
        if body != HOLD_THE_LINE:
            for text in json.loads(body):
                self.heard.append(text)
                self._shown(handle, text)

    def _shown(self, handle: str, text: str) -> str:
        number, account = self.new_id("out"), next(iter(self.accounts))
        self.show(handle, Seen(account_id=account, message_id=number, text=text, at=self.now()))
        return number
