"""What we fetch ourselves: polls, streams and sessions, each leased, so that one process does it."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

import anyio

from omnichannel.channel.base import Channel, SourceKind
from omnichannel.channel.wire import Batch, Envelope
from omnichannel.hub.core import Core
from omnichannel.model.exceptions import StoreError
from omnichannel.model.outcome import Failure
from omnichannel.routing.health import Called
from omnichannel.runtime.sessions import run_session
from omnichannel.runtime.sources import Commit, poll_once, run_listen, run_poll
from omnichannel.stores import journal, leases

_log = logging.getLogger("omnichannel.sources")
AGAIN = 60.0


def kinds_of(channel: Channel[Any]) -> list[SourceKind]:
    """How an account is read: what was asked for, of what its channel can."""
    wanted = channel.account.sources
    return [name for name in (channel.default_sources if wanted is None else wanted) if _can(channel, name)]


def _can(channel: Channel[Any], name: SourceKind) -> bool:
    own: object = getattr(type(channel), name)
    inherited: object = getattr(Channel, name)
    return own is not inherited


async def run_sources(core: Core) -> None:
    """Reads every account that has to be read, until cancelled."""
    async with anyio.create_task_group() as group:
        for channel in core.doors.channels.values():
            for kind in kinds_of(channel):
                group.start_soon(_keep_reading, core, channel, kind)


async def _keep_reading(core: Core, channel: Channel[Any], kind: SourceKind) -> None:
    source = f"{kind}:{channel.account.id}"
    while True:
        try:
            if await _lease(core, source):
                await _read_while_leased(core, channel, kind, source)
        except StoreError as error:
            _log.warning("%s waits for the store: %s", source, error)
        await core.ports.clock.sleep(_renew(core))


def _renew(core: Core) -> float:
    return core.ports.lease_ttl.total_seconds() / 3


async def _lease(core: Core, source: str) -> bool:
    now = core.ports.clock.now()
    held = await core.store.write(lambda c: leases.acquire(c, [source], core.worker.owner, now, core.ports.lease_ttl))
    return source in held


async def _read_while_leased(core: Core, channel: Channel[Any], kind: SourceKind, source: str) -> None:
    """Reads, and stops where the lease went to another process."""
    async with anyio.create_task_group() as group:
        group.start_soon(_read_on, core, channel, kind, group.cancel_scope)
        while True:
            await core.ports.clock.sleep(_renew(core))
            if not await _lease(core, source):
                group.cancel_scope.cancel()
                return


async def _read_on(core: Core, channel: Channel[Any], kind: SourceKind, scope: anyio.CancelScope) -> None:
    await read(core, channel, kind)
    scope.cancel()


async def read(core: Core, channel: Channel[Any], kind: SourceKind) -> None:
    """Reads an account from where it was left, until that fails; returns a little later."""
    source = f"{kind}:{channel.account.id}"
    cursor, commit = await _place(core, channel, source)
    failure = await _run(core, channel, kind, cursor, commit)
    _log.warning("%s cannot be read: %s", source, failure.message)
    await core.board.learn(channel.account.id, Called(failure=failure), channel.account.brand)
    await core.ports.clock.sleep(AGAIN)


async def poll(core: Core, channel: Channel[Any]) -> Batch | Failure:
    """Polls an account once from where it was left."""
    cursor, commit = await _place(core, channel, f"poll:{channel.account.id}")
    return await poll_once(channel, cursor, runner=core.runner, commit=commit)


async def _place(core: Core, channel: Channel[Any], source: str) -> tuple[str | None, Commit]:
    """How far a source was read, and how to say that it was read further."""
    endpoint = core.doors.infos[channel.account.id].endpoint

    async def commit(envelopes: Sequence[Envelope], newer: str | None) -> None:
        await core.commit(source, endpoint, envelopes, newer)

    return await core.store.read(lambda c: journal.cursor(c, source)), commit


async def _run(core: Core, channel: Channel[Any], kind: SourceKind, cursor: str | None, commit: Commit) -> Failure:
    clock = core.ports.clock
    if kind == "session":
        connect = core.ports.connect
        return await run_session(channel, cursor, commit=commit, clock=clock, blobs=core.blobs, connect=connect)
    if kind == "listen":
        transport = core.transport
        return await run_listen(channel, cursor, runner=core.runner, transport=transport, commit=commit, clock=clock)
    return await run_poll(channel, cursor, runner=core.runner, commit=commit, clock=clock)
