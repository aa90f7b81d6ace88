"""A desk on simulated X: our channel, the simulator, and a clock between them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar
from urllib.parse import parse_qsl

from omnichannel.adapters.x import XAccount, XChannel
from omnichannel.channel import (
    Accept,
    Answer,
    ChannelEvent,
    Envelope,
    Failure,
    Flow,
    HttpRequest,
    HttpResponse,
    Keys,
    Level,
    MessageReceived,
    Outcome,
    Part,
    Receipt,
    Rejected,
    Token,
)
from omnichannel.model.content import Block, Media, Text
from omnichannel.runtime.transport import TransportError
from omnichannel.testing.asgi import InProcessTransport
from omnichannel.testing.simulators.webhooks import WebhookRequest
from omnichannel.testing.simulators.x import XSimulator

T = TypeVar("T")
START = datetime(2027, 1, 4, 9, 0, tzinfo=UTC)
URL = "https://desk.example/hooks/x-main"


class Files:
    """The bytes behind references, for multipart bodies."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self.files = files

    async def size(self, media: Media) -> int | None:
        return len(self.files[media.ref])

    async def open(self, media: Media, *, offset: int = 0, length: int | None = None) -> AsyncIterator[bytes]:
        content = self.files[media.ref]
        yield content[offset : len(content) if length is None else offset + length]


class Desk:
    """Runs flows as the runtime does, only simpler: sign, send, give the answer back."""

    def __init__(self, *, seed: int = 0, rate_limits: bool = True, **settings: Any) -> None:
        self.time = START
        self.sim = XSimulator(now=lambda: self.time, seed=seed, rate_limits=rate_limits)
        given = {"id": "x-main", "consumer_secret": "env:X_SECRET", "token": "file:/run/x", **settings}
        self.account = self.sim.adopt(XAccount.model_validate(given))
        self.channel = XChannel(self.account)
        self.files: dict[str, bytes] = {}
        self.transport = InProcessTransport([self.sim], media=Files(self.files))
        self.token: Token | None = None
        self.nonces = 0
        self.events: list[ChannelEvent] = []
        self.broken = False
        self.sim.caller = self.called

    @property
    def me(self) -> str:
        assert self.account.user_id is not None
        return self.account.user_id

    def passes(self, **span: float) -> None:
        self.time += timedelta(**span)

    def signed(self, request: HttpRequest) -> HttpRequest:
        self.nonces += 1
        return self.channel.sign(request, self.token, self.time, f"nonce-{self.nonces}")

    async def run(self, flow: Flow[T]) -> T | Failure:
        try:
            wire = next(flow)
            while True:
                assert isinstance(wire, HttpRequest)
                wire = flow.send(await self.transport.send(self.signed(wire), account=self.account.id))
        except StopIteration as done:
            result: T = done.value
            return result
        except Rejected as refusal:
            return refusal.failure
        except TransportError as error:
            code, certain = f"transport_{error.kind}", not error.maybe_sent
            return Failure(outcome=Outcome.RETRY, level=Level.ATTEMPT, code=code, certain=certain)

    async def send(self, to: str, content: str | Block, **more: Any) -> Receipt | Failure:
        block = Text(content) if isinstance(content, str) else content
        return await self.run(self.channel.send(Part(key="part-1", to=to, content=block, **more)))

    async def reply(self, event: ChannelEvent, text: str) -> Receipt | Failure:
        assert isinstance(event, MessageReceived)
        return await self.send(
            event.sender,
            text,
            surface=event.surface,
            thread=event.thread,
            reply_to=event.message_id if event.surface == "mention" else None,
            context=event.context,
        )

    # -- webhooks

    def envelope(self, request: WebhookRequest) -> Envelope:
        url, _, query = request.url.partition("?")
        pairs = dict(parse_qsl(query))
        return Envelope(
            method=request.method,
            url=url,
            query=pairs,
            headers=request.headers,
            content=request.body,
            received_at=self.time,
        )

    async def called(self, request: WebhookRequest) -> tuple[int, bytes]:
        """Our webhook: the challenge is answered, an event that is admitted is parsed."""
        if self.broken:
            return 500, b""
        envelope = self.envelope(request)
        match self.channel.admit(envelope, self.time, Keys()):
            case Answer(reply):
                return reply.status, reply.content
            case Accept():
                self.events += self.channel.parse(envelope)
                return 200, b""
            case _:
                return 401, b""

    async def post(self, request: WebhookRequest) -> int:
        status, _ = await self.called(request)
        return status

    async def hears(self) -> list[ChannelEvent]:
        """What came by the webhook since the last time."""
        await self.sim.deliver_due(self.post)
        heard, self.events = self.events, []
        return heard


def desk_with_ann(**settings: Any) -> Desk:
    """A desk whose webhook is set up, and a customer."""
    desk = Desk(**settings)
    desk.sim.connect("x-main", URL)
    desk.sim.customer("Ann K.", "@ann_k", country="FR")
    return desk


def ann_of(desk: Desk) -> str:
    return desk.sim.customers["@ann_k"].ids["user_id"]


def received(events: list[ChannelEvent]) -> list[MessageReceived]:
    return [event for event in events if isinstance(event, MessageReceived)]


def failed(result: object) -> Failure:
    assert isinstance(result, Failure), result
    return result


def sent(result: object) -> Receipt:
    assert isinstance(result, Receipt), result
    return result


def fresh() -> Desk:
    desk = Desk()
    desk.sim.customer("Ann K.", "@ann_k")
    return desk


async def call(desk: Desk, method: Any, path: str, body: Any = None, **more: Any) -> HttpResponse:
    request = HttpRequest(method=method, url=path, body=body, **more)
    return await desk.transport.send(desk.signed(request), account="x-main")


async def renewed(desk: Desk) -> None:
    token = await desk.run(desk.channel.refresh(desk.token))
    assert isinstance(token, Token)
    desk.token = token
