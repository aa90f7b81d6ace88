"""Servers on loopback that misbehave on purpose."""

from __future__ import annotations

import ssl
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import TypeAlias

import anyio
from anyio.abc import Listener, SocketAttribute, SocketStream
from anyio.streams.tls import TLSListener, TLSStream

Stream: TypeAlias = SocketStream | TLSStream
Behaviour: TypeAlias = Callable[[Stream, bytes], Awaitable[bool]]


def response(body: bytes = b"{}", status: str = "200 OK", headers: str = "") -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{headers}\r\n".encode() + body


def answers(reply: bytes) -> Behaviour:
    """Writes this to each request, and keeps the connection."""

    async def behave(stream: Stream, request: bytes) -> bool:
        await stream.send(reply)
        return True

    return behave


def answers_and_closes(reply: bytes) -> Behaviour:
    """Writes this, then closes: a cut answer, or none."""

    async def behave(stream: Stream, request: bytes) -> bool:
        if reply:
            await stream.send(reply)
        return False

    return behave


async def is_silent(stream: Stream, request: bytes) -> bool:
    """Reads the request and never says a word."""
    await anyio.sleep_forever()
    return False


def port_of(listener: Listener[SocketStream]) -> int:
    """The port that a listener was given."""
    return listener.extra(SocketAttribute.local_port)  # noqa: S610 - anyio's, not Django's


@dataclass
class Server:
    port: int
    requests: list[bytes] = field(default_factory=list[bytes])
    connections: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@asynccontextmanager
async def serve(behaviour: Behaviour, tls: ssl.SSLContext | None = None) -> AsyncGenerator[Server]:
    """Serves on a free port of loopback until the block ends."""
    tcp = await anyio.create_tcp_listener(local_host="127.0.0.1")
    server = Server(port_of(tcp))
    listener = tcp if tls is None else TLSListener(tcp, tls, standard_compatible=False)

    async def handle(stream: Stream) -> None:
        server.connections += 1
        async with stream:
            with suppress(anyio.EndOfStream, anyio.BrokenResourceError, anyio.ClosedResourceError):
                await _requests(stream, behaviour, server)

    async with tcp, anyio.create_task_group() as tasks:
        tasks.start_soon(listener.serve, handle)
        yield server
        tasks.cancel_scope.cancel()


async def _requests(stream: Stream, behaviour: Behaviour, server: Server) -> None:
    buffer = b""
    while True:
        while b"\r\n\r\n" not in buffer:
            buffer += await stream.receive()
        head, _, buffer = buffer.partition(b"\r\n\r\n")
        lower = head.lower()
        body = b""
        if b"content-length: " in lower:
            length = int(lower.split(b"content-length: ")[1].split(b"\r\n")[0])
            while len(buffer) < length:
                buffer += await stream.receive()
            body, buffer = buffer[:length], buffer[length:]
        elif b"transfer-encoding: chunked" in lower:
            while not buffer.endswith(b"0\r\n\r\n"):
                buffer += await stream.receive()
            body, buffer = buffer, b""
        server.requests.append(head + b"\r\n\r\n" + body)
        if not await behaviour(stream, server.requests[-1]):
            return
