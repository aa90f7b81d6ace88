"""The console account in a terminal: lines typed are messages, answers are printed."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from functools import partial
from typing import Any

import anyio
import anyio.to_thread
from sqlalchemy import select

from omnichannel.channel.base import Channel
from omnichannel.channel.wire import Envelope
from omnichannel.hub.core import Core
from omnichannel.runtime.console import answer_text, chat
from omnichannel.stores import streams
from omnichannel.stores.schema import deliveries, events, journal

ANSWER_WITHIN = 5.0


async def talk(core: Core, channel: Channel[Any]) -> None:
    """Until the input ends. After each line it waits until the message was handled and its answers are out."""
    shown = await core.store.read(streams.last)
    run = core.ids.new("run")

    async def deliver(frame: bytes) -> None:
        nonlocal shown
        envelope = Envelope(source="console", content=frame, received_at=core.ports.clock.now())
        await core.journal(channel.account.id, envelope)
        with anyio.move_on_after(ANSWER_WITHIN):
            await _quiet(core)
        fresh = partial(streams.after, prefix=f"{channel.account.id}:", seq=shown)
        for item in await core.store.read(fresh):
            shown = item.seq
            _show(answer_text(item.body))

    await chat(_typed(), deliver, _show, run=run)


async def _quiet(core: Core) -> None:
    """Returns when nothing is due any more."""
    while await core.store.read(_busy):
        await core.ports.engine.wait(0.02)


def _busy(connection: Any) -> bool:
    waiting = (
        select(journal.c.seq).where(journal.c.state == "new"),
        select(events.c.seq).where(events.c.state == "new"),
        select(deliveries.c.id).where(deliveries.c.state == "queued"),
    )
    return any(connection.execute(query.limit(1)).first() is not None for query in waiting)


async def _typed() -> AsyncIterator[str]:
    while line := await anyio.to_thread.run_sync(sys.stdin.readline, abandon_on_cancel=True):
        yield line


def _show(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()
