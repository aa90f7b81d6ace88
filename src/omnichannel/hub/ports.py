"""What a hub needs from the world: given by the machine in earnest, by a simulation in a test."""

from __future__ import annotations

import os
import random
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omnichannel.engines.base import Engine
from omnichannel.engines.in_process import InProcess
from omnichannel.model.exceptions import ConfigurationError
from omnichannel.model.ids import IdSource
from omnichannel.runtime.clock import Clock, SystemClock
from omnichannel.runtime.ids import RandomIds
from omnichannel.stores.units import LEASE_TTL

if TYPE_CHECKING:
    from omnichannel.channel.session import Connect
    from omnichannel.runtime.transport import Mailer, MediaSource, Transport
    from omnichannel.stores.base import BlobStore
    from omnichannel.stores.sql import SqlStore


@dataclass(slots=True, kw_only=True)
class Ports:
    """Everything that is not pure. What is None is made when the hub opens."""

    clock: Clock = field(default_factory=SystemClock)
    ids: IdSource | None = None
    engine: Engine = field(default_factory=InProcess)
    lease_ttl: timedelta = LEASE_TTL
    """How long a lease lasts by `clock`; a clock that runs fast wants longer ones."""
    store: SqlStore | None = None
    blobs: BlobStore | None = None
    transport: Callable[[MediaSource], Transport] | None = None
    mailer: Callable[[MediaSource], Mailer] | None = None
    connect: Callable[[Connect], Awaitable[Any]] | None = None
    allow: Collection[str] = ()
    """Origins that files are fetched from without a look at their address: those of simulated platforms."""
    environ: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    random: random.Random = field(default_factory=lambda: random.Random())  # noqa: S311 - jitter, not secrets
    read_file: Callable[[str], str] = field(default=lambda path: Path(path).read_text("utf-8"))
    crash: Callable[[str], None] = field(default=lambda step: None)
    rest: Callable[[float], Awaitable[None]] | None = None
    """Lets so many seconds pass while a webhook waits for an answer; by `clock` where it is None."""

    def id_source(self) -> IdSource:
        """The ids of this hub."""
        return self.ids or RandomIds(self.clock)


def reveal_url(url: str, ports: Ports) -> str:
    """The store's URL; `env:NAME` and `file:/path` are read. Raises `ConfigurationError`."""
    kind, _, rest = url.partition(":")
    if kind == "env":
        found = ports.environ.get(rest)
        if not found:
            raise ConfigurationError(f"store.url: the environment has no {rest}; set it, to sqlite:///desk.db for one")
        return found
    if kind == "file":
        try:
            return ports.read_file(rest).strip()
        except OSError as error:
            raise ConfigurationError(f"store.url: {rest} cannot be read ({error.strerror})") from error
    return url
