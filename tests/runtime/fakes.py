"""A channel, a transport and token rows to test the runtime with."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import ClassVar, TypeAlias

import anyio.lowlevel
from pydantic import SecretStr

from omnichannel.channel import (
    Account,
    Capabilities,
    Channel,
    ChannelEvent,
    Envelope,
    ErrorTable,
    Flow,
    HttpRequest,
    HttpResponse,
    Part,
    Receipt,
    Repeat,
    Rule,
    Secrets,
    Token,
)
from omnichannel.channel.capabilities import RateLimit
from omnichannel.model.content import Text
from omnichannel.model.outcome import Level, Outcome
from omnichannel.runtime.limits import Limiter
from omnichannel.runtime.runner import Runner
from omnichannel.runtime.tokens import StoredToken, TokenVault
from omnichannel.runtime.transport import Appender, Mailer, StreamedResponse, TransportError
from omnichannel.testing.clock import FakeClock
from omnichannel.testing.ids import SeededIds

PART = Part(key="k1", to="+33612345678", content=Text("hello"))


class PlainAccount(Account):
    token: SecretStr = SecretStr("")
    app_secret: Secrets = ()


class PlainChannel(Channel[PlainAccount]):
    adapter = "plain"
    channel = "plain"
    surfaces: ClassVar[Mapping[str, Capabilities]] = {
        "dm": Capabilities(
            text_limit=1000,
            rates=(
                RateLimit(level="account", count=5, per=timedelta(seconds=1)),
                RateLimit(level="pair", count=1, per=timedelta(seconds=6)),
            ),
        )
    }
    errors = ErrorTable(rules=(Rule(outcome=Outcome.RETRY, status=429, level=Level.ACCOUNT),))

    def parse(self, envelope: Envelope) -> Sequence[ChannelEvent]:
        return ()

    def send(self, part: Part) -> Flow[Receipt]:
        data = yield from self.call(
            HttpRequest(method="POST", url="https://api.example/send", body={"text": part.text})
        )
        return Receipt((self.require(data, "id"),))

    def sign(self, request: HttpRequest, token: Token | None, now: datetime, nonce: str) -> HttpRequest:
        secret = token.value if token is not None else self.account.token.get_secret_value()
        return replace(request, headers={**request.headers, "authorization": f"Bearer {secret}"})


class RefreshingChannel(PlainChannel):
    adapter = "refreshing"

    def refresh(self, token: Token | None) -> Flow[Token]:
        request = HttpRequest(method="POST", url="https://api.example/token", repeat=Repeat.UNSAFE)
        data = yield from self.call(request)
        return Token(value=self.require(data, "access"), refresh=self.require(data, "refresh"))


def plain(kind: type[PlainChannel] = PlainChannel, **settings: str) -> PlainChannel:
    return kind(PlainAccount.model_validate({"id": "plain-main", "token": "t-secret", **settings}))


Reaction: TypeAlias = HttpResponse | Exception | Callable[[HttpRequest], HttpResponse]


Script: TypeAlias = tuple[int, dict[str, str], list[bytes | Exception]] | TransportError


def streamed(status: int, *chunks: bytes | Exception, **headers: str) -> Script:
    """An answer that comes in chunks, and may break."""
    return status, {name.replace("_", "-"): value for name, value in headers.items()}, list(chunks)


def ok(content: str = '{"id": "m1"}') -> HttpResponse:
    return HttpResponse(200, {}, content.encode())


@dataclass
class FakeTransport:
    """Answers from a list, in order, and keeps what was asked; streams what `streams` holds."""

    reactions: list[Reaction] = field(default_factory=list[Reaction])
    streams: list[Script] = field(default_factory=list["Script"])
    sent: list[HttpRequest] = field(default_factory=list[HttpRequest])

    async def send(self, request: HttpRequest, *, account: str) -> HttpResponse:
        self.sent.append(request)
        reaction = self.reactions.pop(0)
        if isinstance(reaction, Exception):
            raise reaction
        return reaction if isinstance(reaction, HttpResponse) else reaction(request)

    @asynccontextmanager
    async def stream(self, request: HttpRequest, *, account: str) -> AsyncGenerator[StreamedResponse]:
        self.sent.append(request)
        reaction = self.streams.pop(0)
        if isinstance(reaction, TransportError):
            raise reaction
        status, headers, chunks = reaction

        async def pieces() -> AsyncGenerator[bytes]:
            for chunk in chunks:
                if isinstance(chunk, Exception):
                    raise chunk
                yield chunk

        async with aclosing(pieces()) as body:
            yield StreamedResponse(status, headers, body)

    async def aclose(self) -> None: ...


async def settled(turns: int = 300) -> None:
    """Lets every task go as far as it can (without threads and sockets): quicker than anyio's own wait on asyncio."""
    for _ in range(turns):
        await anyio.lowlevel.checkpoint()


class MemoryRows:
    """Token rows; `before_save` lets a test step in between a refresh and its commit."""

    def __init__(self, stored: StoredToken | None = None) -> None:
        self.stored = stored
        self.before_save: Callable[[], None] = lambda: None
        self.saved: list[Token] = []

    async def load(self, account: str) -> StoredToken | None:
        return self.stored

    async def save(self, account: str, token: Token, *, expect: int) -> bool:
        self.before_save()
        if expect != (0 if self.stored is None else self.stored.version):
            return False
        self.stored = StoredToken(token, expect + 1)
        self.saved.append(token)
        return True


def make_runner(
    transport: FakeTransport,
    clock: FakeClock,
    *,
    rows: MemoryRows | None = None,
    mailer: Mailer | None = None,
    appender: Appender | None = None,
) -> Runner:
    return Runner(
        transport=transport,
        clock=clock,
        limiter=Limiter(clock),
        tokens=TokenVault(rows or MemoryRows(), clock),
        ids=SeededIds(1, clock),
        mailer=mailer,
        appender=appender,
    )
