"""Files that a platform takes in slices and works on before it sends them.

An upload by itself says nothing to anyone, so that all of it may be repeated.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from omnichannel.channel.errors import Rejected
from omnichannel.channel.wire import FilePart, Flow
from omnichannel.kit.refusals import invalid
from omnichannel.model.content import Media
from omnichannel.model.outcome import Failure, Level, Outcome

__all__ = ["Progress", "slices", "wait_for"]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a platform is with a file, and when to look again."""

    state: Literal["ready", "working", "failed"]
    again_after: timedelta


def slices(media: Media, length: int, most: int, name: str) -> Iterator[FilePart]:
    """The file in slices of `length` bytes, the last one shorter. Raises `Rejected` before the first where the size is
    not known or there would be more than `most`."""
    size = media.size
    if size is None or size > length * most:
        raise invalid("unknown_size", f"a {media.kind} in slices needs its size, and at most {most} slices")
    return (
        FilePart(name=name, media=media, offset=offset, length=min(length, size - offset))
        for offset in range(0, size, length)
    )


def wait_for(what: str, now: Progress, look: Callable[[], Flow[Progress]], checks: int) -> Flow[None]:
    """Looks, at the most `checks` times, until the platform has worked through a file. Raises `Rejected` where it
    could not, and where it still works: a flow cannot wait, so what takes longer is tried again."""
    for _ in range(checks):
        if now.state != "working":
            break
        now = yield from look()
    if now.state == "failed":
        raise invalid("media_failed", f"the platform could not process {what}")
    if now.state == "working":
        message = f"the platform still works on {what}"
        raise Rejected(
            Failure(
                outcome=Outcome.RETRY,
                level=Level.ATTEMPT,
                code="media_pending",
                message=message,
                retry_after=now.again_after,
            )
        )
