"""Connections on which both sides talk (IMAP IDLE, SMPP, Socket Mode), without IO: bytes in, actions out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeAlias

from omnichannel.model.base import NOTHING


@dataclass(frozen=True, slots=True, kw_only=True)
class Connect:
    """Where to connect, and how the connection is secured."""

    host: str
    port: int
    tls: Literal["implicit", "starttls", "none"] = "implicit"


@dataclass(frozen=True, slots=True)
class Send:
    """Write these bytes."""

    data: bytes


@dataclass(frozen=True, slots=True)
class StartTls:
    """Begin TLS on the open connection now; nothing else is sent before it stands."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Begin:
    """A new item starts: its chunks follow. `id` names it for `Finish` and for the log."""

    id: str
    headers: Mapping[str, str] = NOTHING


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some bytes of the item in progress; the runtime spools them, to the blob store where they are many."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Finish:
    """The item is whole: journal it together with `cursor`, then call `committed(cursor)`."""

    id: str
    cursor: str


@dataclass(frozen=True, slots=True)
class Reset:
    """The place in the stream was lost (UIDVALIDITY changed): store this cursor instead of the old one."""

    cursor: str
    reason: str


@dataclass(frozen=True, slots=True)
class WakeAt:
    """Call `tick` at this time at the latest."""

    at: datetime


@dataclass(frozen=True, slots=True)
class Close:
    """End the connection. `failure` is None for an orderly end; `auth` says that credentials were refused."""

    reason: str
    auth: bool = False


SessionAction: TypeAlias = Send | StartTls | Begin | Chunk | Finish | Reset | WakeAt | Close


class Session(ABC):
    """One connection's protocol state. Made anew for each connection; never shared; raises nothing on bad input
    (it answers with `Close`)."""

    @property
    @abstractmethod
    def connect(self) -> Connect:
        """Where this session wants to talk."""

    @abstractmethod
    def start(self, now: datetime) -> Sequence[SessionAction]:
        """The connection is open (again, after TLS)."""

    @abstractmethod
    def receive(self, data: bytes, now: datetime) -> Sequence[SessionAction]:
        """Bytes came in, in any slices."""

    @abstractmethod
    def tick(self, now: datetime) -> Sequence[SessionAction]:
        """The time asked for by `WakeAt` has come."""

    @abstractmethod
    def committed(self, cursor: str, now: datetime) -> Sequence[SessionAction]:
        """An item and its cursor are on disk: the peer may be told."""
