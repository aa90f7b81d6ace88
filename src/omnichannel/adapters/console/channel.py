"""The console as a channel: frames come in, answers are appended to a stream that the terminal shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from omnichannel.adapters.console.account import ConsoleAccount
from omnichannel.adapters.console.errors import ERRORS
from omnichannel.adapters.console.parse import parse_frame
from omnichannel.adapters.console.render import render
from omnichannel.channel import (
    Append,
    Appended,
    Capabilities,
    Channel,
    ChannelEvent,
    Choices,
    Envelope,
    Flow,
    MediaLimit,
    Part,
    Receipt,
    Repeat,
    Support,
)

_ANY = MediaLimit(max_bytes=1_000_000_000, per_message=10, caption=10_000)
# A terminal shows names of files, not the files; everything else it shows as it is.
_SURFACE = Capabilities(
    text_limit=10_000,
    media={"image": _ANY, "video": _ANY, "audio": _ANY, "file": _ANY},
    choices=Choices(count=20, title=80),
    features={
        "attachments": Support.LOSSY,
        "quick_replies": Support.FULL,
        "buttons": Support.FULL,
        "location": Support.FULL,
        "templates": Support.FULL,
    },
    repeat=Repeat.KEYED,
)


class ConsoleChannel(Channel[ConsoleAccount]):
    """An owned channel without a platform: what is sent is in the store, and cannot be lost or refused."""

    adapter = "console"
    channel = "console"
    surfaces: ClassVar[Mapping[str, Capabilities]] = {"dm": _SURFACE}
    errors = ERRORS

    def parse(self, envelope: Envelope) -> Sequence[ChannelEvent]:
        """One frame, one message."""
        return [parse_frame(envelope, self.account.id)]

    def send(self, part: Part) -> Flow[Receipt]:
        """Appends to the stream of the person at the terminal."""
        answer = yield Append(stream=f"{self.account.id}:{part.to}", body=render(part))
        number = answer.seq if isinstance(answer, Appended) else 0
        return Receipt((str(number),), thread=part.to)
