"""`omnichannel simulate`: a platform on loopback, for clients in any language."""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from datetime import UTC, datetime
from importlib import import_module
from pkgutil import iter_modules

from omnichannel.model.exceptions import UnknownChannel
from omnichannel.registry import nearest
from omnichannel.testing import simulators
from omnichannel.testing.simulators.base import Simulator


def simulate(platform: str, /, *, port: int = 9001, seed: int = 0) -> None:
    """Serve a simulated platform on 127.0.0.1.

    Parameters
    ----------
    platform
        A channel or an adapter, such as whatsapp.
    port
        Where to listen; 0 takes a free one.
    seed
        What its chance is drawn from.
    """
    import uvicorn

    simulator = find(platform)(now=lambda: datetime.now(UTC), seed=seed)  # noqa: TID251 - served in real time
    print(f"{platform} is simulated on http://127.0.0.1:{port}; it stands for {', '.join(simulator.hosts)}")
    uvicorn.run(simulator, host="127.0.0.1", port=port, log_level="info")


def find(platform: str) -> type[Simulator]:
    """The simulator of a channel or an adapter. Raises `UnknownChannel`, naming the nearest."""
    modules = [module.name for module in iter_modules(simulators.__path__)]
    # What others need is not imported where the name says which it is.
    known = _platforms([platform]) if platform in modules else {}
    known = known if platform in known else _platforms(modules)
    if platform in known:
        return known[platform]
    guess = nearest(platform, known)
    hint = f"did you mean {guess!r}?" if guess else f"there are: {', '.join(sorted(known)) or 'none'}"
    raise UnknownChannel(f"no simulator of {platform!r}; {hint}")


def _platforms(modules: Iterable[str]) -> dict[str, type[Simulator]]:
    """The simulators in these modules, by channel and by adapter."""
    found: dict[str, type[Simulator]] = {}
    for module in modules:
        for one in vars(import_module(f"{simulators.__name__}.{module}")).values():
            if isinstance(one, type) and issubclass(one, Simulator) and not inspect.isabstract(one):
                names = {vars(one).get("channel"), vars(one).get("adapter")}
                found |= {name: one for name in names if isinstance(name, str)}
    return found
