"""`omnichannel demo`: a support desk on simulated platforms, one of which goes away."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from omnichannel.model.exceptions import ConfigurationError


def demo(*arguments: str) -> int:
    """Run the demonstration: simulated platforms and customers, and a channel that is withdrawn.

    Parameters
    ----------
    arguments
        Handed to the demonstration as they are.
    """
    try:
        module: Any = import_module("omnichannel.demo")
    except ModuleNotFoundError as error:
        if error.name != "omnichannel.demo":
            raise
        raise ConfigurationError("the demonstration is not part of this version") from None
    return int(module.main(list(arguments)) or 0)
