"""A signed channel, and a client that calls an ASGI app as a server would."""

from __future__ import annotations

from collections.abc import Callable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, ClassVar

import anyio
import anyio.lowlevel
from pydantic import SecretStr

from omnichannel.channel import (
    Accept,
    Account,
    Admission,
    Answer,
    Capabilities,
    Channel,
    ChannelEvent,
    Confirm,
    Envelope,
    Flow,
    HttpReply,
    HttpRequest,
    Keys,
    NeedKey,
    Part,
    Receipt,
    Refuse,
    Secrets,
)
from omnichannel.channel.errors import unsupported
from omnichannel.kit.signatures import hmac_matches, hmac_sign, is_fresh
from omnichannel.model.exceptions import StoreError
from omnichannel.testing.clock import START, FakeClock
from omnichannel.webhooks.app import Doors, WebhookApp

SECRET = "s3cret"
PUBLIC = "https://desk.example/hooks"


class SignedAccount(Account):
    app_secret: Secrets = (SecretStr(SECRET),)


class SignedChannel(Channel[SignedAccount]):
    """Signs `time.body`; speaks all the admissions by a `mode` header."""

    adapter = "signed_hooks"
    channel = "signed"
    surfaces: ClassVar[Mapping[str, Capabilities]] = {"dm": Capabilities(text_limit=10)}
    body_limit = 10_000
    webhook_secret = "app_secret"

    def admit(self, envelope: Envelope, now: datetime, keys: Keys) -> Admission:
        mode = envelope.headers.get("x-mode", "")
        match mode:
            case "crash":
                raise ValueError("the body said canary")
            case "confirm":
                return Confirm(HttpRequest(method="GET", url="https://sns.example/confirm"))
            case "key" | "always-key":
                url = envelope.headers["x-key-url"]
                key = keys.get(url)
                if key is None or mode == "always-key":
                    return NeedKey(url)
                return Accept() if key == b"good" else Refuse("bad key")
            case _:
                pass
        if envelope.method == "GET":
            challenge = envelope.query.get("challenge")
            return (
                Refuse("no challenge", status=403) if challenge is None else Answer(HttpReply(200, challenge.encode()))
            )
        stamp = envelope.headers.get("x-time", "")
        if not stamp.isascii() or not stamp.isdigit() or len(stamp) > 12:
            return Refuse("no time")
        if not is_fresh(datetime.fromtimestamp(int(stamp), now.tzinfo), now):
            return Refuse("stale")
        message = stamp.encode() + b"." + envelope.content
        if not hmac_matches(self.account.app_secret, message, envelope.headers.get("x-signature", "")):
            return Refuse("bad signature")
        within = timedelta(seconds=3) if mode == "within" else None
        return Accept(HttpReply(200, b"taken", headers={"X-Reply": "1"}), within=within)

    def answer(self, envelope: Envelope, parts: Sequence[Part]) -> HttpReply:
        return HttpReply(200, parts[0].text.encode(), "application/xml")

    def parse(self, envelope: Envelope) -> Sequence[ChannelEvent]:
        return ()

    def send(self, part: Part) -> Flow[Receipt]:
        return unsupported("send", self.adapter)


def signed_headers(body: bytes, at: datetime = START, secret: str = SECRET, **more: str) -> dict[str, str]:
    stamp = str(int(at.timestamp()))
    signature = hmac_sign(secret, stamp.encode() + b"." + body)
    return {
        "x-time": stamp,
        "x-signature": signature,
        **{name.replace("_", "-"): value for name, value in more.items()},
    }


@dataclass
class Host:
    """What the hub would hand in, and what became of it."""

    kept: list[tuple[str, Envelope]] = field(default_factory=list[tuple[str, Envelope]])
    fail: Exception | None = None
    keys: dict[str, bytes] = field(default_factory=dict[str, bytes])
    fetched: list[str] = field(default_factory=list[str])
    confirmed: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    clock: FakeClock = field(default_factory=FakeClock)

    async def journal(self, endpoint: str, envelope: Envelope, /) -> None:
        if self.fail is not None:
            raise self.fail
        self.kept.append((endpoint, envelope))

    async def fetch_key(self, url: str, /) -> bytes | None:
        self.fetched.append(url)
        if url.endswith("/broken"):
            raise StoreError("network")
        return self.keys.get(url)

    async def confirm(self, endpoint: str, request: HttpRequest, /) -> None:
        if self.fail is not None:
            raise self.fail
        self.confirmed.append((endpoint, request.url))

    def app(self, doors: Doors | None = None, **settings: Any) -> WebhookApp:
        doors = doors if doors is not None else {"shop": SignedChannel(SignedAccount(id="shop"))}
        return WebhookApp(
            doors,
            self.journal,
            self.clock,
            fetch_key=self.fetch_key,
            confirm=self.confirm,
            public_url=PUBLIC,
            **settings,
        )


@dataclass(frozen=True)
class Answered:
    status: int
    headers: dict[str, str]
    body: bytes


async def call(
    app: WebhookApp,
    body: bytes | Sequence[bytes] = b"",
    *,
    path: str = "/shop",
    method: str = "POST",
    headers: dict[str, str] | Sequence[tuple[str, str]] = (),
    query: str = "",
    scope: dict[str, Any] | None = None,
    disconnect: bool = False,
    stays: bool = False,
    sending: Callable[[], None] = lambda: None,
) -> Answered | None:
    """One request, its body in the given pieces; None where the app said nothing. The client has gone when it has said
    everything, unless it `stays`; `sending` happens while the app sends."""
    pieces = [body] if isinstance(body, bytes) else list(body)
    pairs = list(headers.items()) if isinstance(headers, dict) else headers
    whole: dict[str, Any] = {
        "type": "http",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": query.encode("latin-1"),
        "headers": [(name.encode("latin-1"), value.encode("latin-1")) for name, value in pairs],
        **(scope or {}),
    }
    sent: list[MutableMapping[str, Any]] = []

    async def receive() -> MutableMapping[str, Any]:
        if not pieces:
            if stays:
                await anyio.sleep_forever()
            return {"type": "http.disconnect"}
        piece = pieces.pop(0)
        return {"type": "http.request", "body": piece, "more_body": bool(pieces) or disconnect}

    async def send(event: MutableMapping[str, Any]) -> None:
        sending()
        await anyio.lowlevel.checkpoint()
        sent.append(event)

    await app(whole, receive, send)
    if not sent:
        return None
    start, *bodies = sent
    found = {name.decode(): value.decode() for name, value in start["headers"]}
    return Answered(start["status"], found, b"".join(event["body"] for event in bodies))
