"""A byte stream to a simulated server in the same process: what a client would get from a socket."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from typing import Any

import anyio
import anyio.lowlevel
from anyio.abc import ByteStream

from omnichannel.testing.simulators.mail_imap import ImapServer


class MemoryStream(ByteStream):
    """The client's end. `chance` cuts what comes into slices, as a network does; `cut_after` loses the connection
    once that many bytes have come."""

    def __init__(
        self, server: ImapServer, *, chance: random.Random | None = None, cut_after: int | None = None
    ) -> None:
        self.server = server
        self._chance = chance
        self._left = cut_after
        self._closed = False
        self._news = anyio.Event()
        server.wake = self._wake

    def _wake(self) -> None:
        self._news.set()

    async def receive(self, max_bytes: int = 65_536) -> bytes:
        """Some bytes. Raises `EndOfStream` where the server closed, `BrokenResourceError` where it was cut."""
        await anyio.lowlevel.checkpoint()
        while not self.server.output:
            if self._closed:
                raise anyio.ClosedResourceError
            if self.server.closed:
                raise anyio.EndOfStream
            self._news = anyio.Event()
            await self._news.wait()
        size = max_bytes if self._chance is None else self._chance.randint(1, max_bytes)
        data = bytes(self.server.output[:size])
        if self._left is not None:
            self._left -= len(data)
            if self._left < 0:
                self.server.close()
                raise anyio.BrokenResourceError
        del self.server.output[: len(data)]
        return data

    async def send(self, item: bytes) -> None:
        """Bytes to the server."""
        await anyio.lowlevel.checkpoint()
        if self._closed:
            raise anyio.ClosedResourceError
        if self.server.closed:
            raise anyio.BrokenResourceError
        self.server.feed(item)

    async def send_eof(self) -> None:
        """The client will send no more."""
        await self.aclose()

    async def aclose(self) -> None:
        """Hangs up."""
        self._closed = True
        self.server.close()
        await anyio.lowlevel.checkpoint()

    @property
    def extra_attributes(self) -> Mapping[Any, Callable[[], Any]]:
        """None: it is no socket."""
        return {}
