"""`omnichannel worker`: runs the workers of your hub, with your handlers."""

from __future__ import annotations

import os
import signal
import sys
from importlib import import_module

import anyio
from anyio import CancelScope
from anyio.abc import TaskStatus

from omnichannel.hub import Hub
from omnichannel.model.exceptions import ConfigurationError
from omnichannel.runtime.process import collect_seldom, loop_options


def worker(hub: str, /, *, trio: bool = False) -> None:
    """Run the workers of a hub until they are told to stop.

    Parameters
    ----------
    hub
        Where your hub is, as "module:name", such as desk.main:hub.
    trio
        Run on trio instead of asyncio.
    """
    found = load(hub)
    found.work = True
    collect_seldom()
    try:
        if trio:
            anyio.run(run, found, backend="trio")
        else:
            anyio.run(run, found, backend_options=loop_options())
    except BaseExceptionGroup as group:
        raise _first(group) from group


async def run(hub: Hub) -> None:
    """Serves a hub until it ends, or until the process is told to stop: what is in hand is finished first."""
    async with anyio.create_task_group() as tasks:
        await tasks.start(_stop_when_told, tasks.cancel_scope)
        await hub.serve()
        tasks.cancel_scope.cancel()


async def _stop_when_told(scope: CancelScope, *, task_status: TaskStatus[None]) -> None:
    # Windows has no such signals for event loops: there, an interrupt ends the process.
    if sys.platform == "win32":
        task_status.started()
        return
    with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        task_status.started()
        async for _ in signals:
            scope.cancel()
            return


def _first(error: BaseException) -> BaseException:
    """The error itself: task groups put every error into a group."""
    inside: tuple[BaseException, ...] = getattr(error, "exceptions", ())
    return _first(inside[0]) if inside else error


def load(target: str) -> Hub:
    """The hub at "module:name", looked for in this folder as well.

    Raises `ConfigurationError` where there is none, or what is there is no hub.
    """
    module_name, separator, name = target.partition(":")
    if not (separator and module_name and name):
        raise ConfigurationError(f"{target!r} names no hub: write it as 'module:name', such as desk.main:hub")
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    try:
        module = import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name is not None and f"{module_name}.".startswith(f"{error.name}."):
            raise ConfigurationError(f"{target!r}: no module {error.name!r} here or on the path") from None
        raise
    found = getattr(module, name, None)
    if found is None:
        raise ConfigurationError(f"{target!r}: module {module_name!r} has no {name!r}")
    if not isinstance(found, Hub):
        raise ConfigurationError(f"{target!r} is of type {type(found).__name__}, not a hub")
    return found
