"""`omnichannel worker`: runs the workers of your hub, with your handlers."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import Any

import anyio

from omnichannel.model.exceptions import ConfigurationError


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
    anyio.run(found.work_forever, backend="trio" if trio else "asyncio")


def load(target: str) -> Any:
    """The hub at "module:name", looked for in this folder as well.

    Raises `ConfigurationError` where there is none, or what is there is no hub.
    """
    module_name, separator, name = target.partition(":")
    if not (separator and module_name and name):
        raise ConfigurationError(
            f"{target!r} is not a place of a hub: write it as 'module:name', such as desk.main:hub"
        )
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
    if not callable(getattr(found, "work_forever", None)):
        raise ConfigurationError(f"{target!r} is a {type(found).__name__}, not a hub")
    return found
