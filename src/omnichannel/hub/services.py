"""What a turn can do at once: show that we write, and read an attachment."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass

from omnichannel.channel.capabilities import Support
from omnichannel.model.content import Media, Text
from omnichannel.model.message import Part
from omnichannel.model.outcome import Failure
from omnichannel.runtime.doors import Doors
from omnichannel.runtime.media import Keeper, MediaReader
from omnichannel.runtime.runner import Runner
from omnichannel.runtime.transport import MediaUnavailable
from omnichannel.stores.units import DueTurn


@dataclass(slots=True)
class TurnServices:
    """Uses the platform on behalf of a handler. What it cannot do is left undone, except reading media."""

    doors: Doors
    runner: Runner
    keeper: Keeper
    reader: MediaReader

    def typing(self, turn: DueTurn) -> AbstractAsyncContextManager[None]:
        """Shows that somebody writes; platforms end it by themselves."""
        return self._typing(turn)

    @asynccontextmanager
    async def _typing(self, turn: DueTurn) -> AsyncGenerator[None]:
        message = turn.message
        channel = self.doors.channels.get(message.account)
        surface = channel.surface(message.surface) if channel is not None else None
        if channel is not None and surface is not None and surface.supports("typing") is not Support.NONE:
            author = message.author
            where = Part(
                key=message.id,
                to=author.value if author else "",
                content=Text(""),
                surface=message.surface,
                aliases=author.aliases if author else {},
            )
            await self.runner.run(channel, channel.mark_read(message.platform_id or "", where, typing=True))
        yield

    def open_media(self, media: Media, account: str) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        """Brings the media into the blob store, and streams it from there."""
        return self._open_media(media, account)

    @asynccontextmanager
    async def _open_media(self, media: Media, account: str) -> AsyncGenerator[AsyncIterator[bytes]]:
        kept: Media | Failure = media
        if media.ref.partition(":")[0] in ("platform", "https"):
            kept = await self.keeper.fetch(self.doors.channels[account], media)
        if isinstance(kept, Failure):
            raise MediaUnavailable(kept.message, outcome=kept.outcome, status=kept.status)
        yield self.reader.open(kept)
