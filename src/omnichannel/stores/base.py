"""The store as the workers see it: units of work, committed in groups; and the blob store beside it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from sqlalchemy import Connection

from omnichannel.channel.wire import Reader

T = TypeVar("T")
Item = TypeVar("Item")


class Store(Protocol):
    """Runs units of work. A unit is a plain function of a connection: it may read and write, and must not commit."""

    async def write(self, unit: Callable[[Connection], T]) -> T:
        """Runs the unit, commits it together with others, and returns after the commit.

        Raises what the unit raised (its own writes are undone, the others' are kept), or `StoreError` where the
        database failed: then nothing of the unit is on disk, unless the error says that nobody can say.
        """
        ...

    async def write_side_by_side(self, units: Sequence[Callable[[Connection], T]]) -> list[T | Exception]:
        """Like `write`, for units that have nothing to do with each other; gives what each returned or raised."""
        ...

    async def batch(self, bulk: Callable[[Connection, Sequence[Item]], Sequence[T]], item: Item) -> T:
        """Like `write`, for one item of an operation that handles many: what waits for it together shares a call."""
        ...

    async def read(self, unit: Callable[[Connection], T]) -> T:
        """Runs a reading unit on a connection of its own."""
        ...


@dataclass(frozen=True, slots=True)
class Blob:
    """What the blob store keeps: lower-case hex SHA-256 of the bytes, and how many there are."""

    sha256: str
    size: int


class BlobStore(Protocol):
    """Content over 256 kB, addressed by its hash. Written and synced before the row that names it."""

    async def put(self, chunks: AsyncIterator[bytes], *, limit: int) -> Blob:
        """Stores a stream; never holds more than a chunk. Raises `ValueError` where it exceeds `limit` bytes."""
        ...

    def open(self, sha256: str) -> Reader:
        """Random access to a stored blob. Raises `NotFound`."""
        ...

    def stream(self, sha256: str, *, offset: int = 0, length: int | None = None) -> AsyncIterator[bytes]:
        """The bytes in chunks."""
        ...
