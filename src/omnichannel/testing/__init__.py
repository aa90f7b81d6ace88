"""What a test suite needs to talk with customers without a platform."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from omnichannel.testing.clock import FakeClock
    from omnichannel.testing.mounting import mount_respx
    from omnichannel.testing.people import Device, Person
    from omnichannel.testing.world import World

__all__ = ["Device", "FakeClock", "Person", "World", "mount_respx"]

# Loaded when asked for: pytest loads the plugin in this package in every run of whoever has it installed.
_WHERE = {"Device": "people", "FakeClock": "clock", "Person": "people", "World": "world", "mount_respx": "mounting"}


def __getattr__(name: str) -> object:
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found: object = getattr(import_module(f"{__name__}.{_WHERE[name]}"), name)
    return found
