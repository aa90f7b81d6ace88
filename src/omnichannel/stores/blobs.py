"""Blobs by their hash: files that are on disk before anything names them, and a store in memory for simulations."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Collection, Iterator, Sequence
from contextlib import aclosing, suppress
from datetime import datetime
from functools import partial
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import BinaryIO, ParamSpec, TypeVar

import anyio
from anyio import to_thread

from omnichannel.channel.wire import Reader
from omnichannel.model.exceptions import NotFound
from omnichannel.stores.base import Blob

P = ParamSpec("P")
R = TypeVar("R")

CHUNK = 256 * 1024
THREADS = 4
SWEEP_BATCH = 500
_HASH = re.compile(r"[0-9a-f]{64}")
Known = Callable[[Sequence[str]], Awaitable[Collection[str]]]
"""Which of these hashes some row still names."""


class FileBlobs:
    """A folder of blobs, `ab/cd/<hash>`: written aside, synced, then renamed, so that a name is always a whole blob.

    Any number of processes may share the folder. File work runs in four threads of its own.
    """

    def __init__(self, root: str | Path) -> None:
        self._root = Path(root)
        self._limiter: anyio.CapacityLimiter | None = None

    async def put(self, chunks: AsyncIterator[bytes], *, limit: int) -> Blob:
        """Stores a stream and returns when it is on disk; of what fails or is too large nothing stays.

        Raises `ValueError` where it exceeds `limit` bytes, and whatever the stream raises.
        """
        draft = await self._in_thread(_Draft, self._root)
        try:
            async with aclosing(_regrouped(chunks, limit)) as pieces:
                async for piece in pieces:
                    await self._in_thread(draft.write, piece)
            return await self._in_thread(draft.keep)
        except BaseException:
            with anyio.CancelScope(shield=True):
                await self._in_thread(draft.discard)
            raise

    def open(self, sha256: str) -> Reader:
        """Random access to a blob; reads block, shortly. Raises `NotFound`."""
        path = self._path(sha256)
        try:
            size = path.stat().st_size
        except OSError:
            raise NotFound(f"no blob {sha256}") from None
        return FileReader(path, size)

    async def stream(self, sha256: str, *, offset: int = 0, length: int | None = None) -> AsyncGenerator[bytes]:
        """The bytes, or a slice of them, in chunks of 256 kB. Raises `NotFound`."""
        reader = await self._in_thread(self.open, sha256)
        end = reader.size if length is None else min(reader.size, offset + length)
        while offset < end:
            chunk = await self._in_thread(reader.read, offset, min(CHUNK, end - offset))
            if not chunk:
                return
            offset += len(chunk)
            yield chunk

    async def sweep(self, known: Known, *, older_than: datetime) -> int:
        """Deletes blobs that no row names and that nobody stored again since `older_than`, and what crashes left
        half-written; returns how many. A row is written after its blob, so the grace must outlast that gap."""
        horizon = older_than.timestamp()
        await self._in_thread(_clear_drafts, self._root, horizon)
        old = iter(await self._in_thread(_older, self._root, horizon))
        gone = 0
        while batch := list(islice(old, SWEEP_BATCH)):
            orphans = set(batch) - set(await known(batch))
            for name in sorted(orphans):
                gone += await self._in_thread(_remove, self._root, self._path(name), horizon)
        return gone

    def _path(self, name: str) -> Path:
        if _HASH.fullmatch(name) is None:
            raise NotFound("a blob is named by 64 lower-case hexadecimal digits")
        return _path(self._root, name)

    async def _in_thread(self, work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        if self._limiter is None:
            self._limiter = anyio.CapacityLimiter(THREADS)
        return await to_thread.run_sync(partial(work, *args, **kwargs), limiter=self._limiter)


class FileReader:
    """Random access to a file; it is open only while it is read."""

    def __init__(self, path: Path, size: int) -> None:
        self._path = path
        self.size = size

    def read(self, offset: int, size: int) -> bytes:
        """Up to `size` bytes from `offset`. Raises `NotFound` where the blob was swept meanwhile."""
        try:
            with self._path.open("rb") as file:
                file.seek(offset)
                return file.read(size)
        except FileNotFoundError:
            raise NotFound(f"no blob {self._path.name}") from None


class MemoryBlobs:
    """The same in memory: for simulations, where nothing has to survive."""

    def __init__(self) -> None:
        self._blobs: dict[str, bytes] = {}

    async def put(self, chunks: AsyncIterator[bytes], *, limit: int) -> Blob:
        """Stores a stream. Raises `ValueError` where it exceeds `limit` bytes."""
        content = b"".join([piece async for piece in _regrouped(chunks, limit)])
        name = sha256(content).hexdigest()
        self._blobs[name] = content
        return Blob(name, len(content))

    def open(self, sha256: str) -> Reader:
        """Random access to a blob. Raises `NotFound`."""
        return MemoryReader(self._content(sha256))

    async def stream(self, sha256: str, *, offset: int = 0, length: int | None = None) -> AsyncGenerator[bytes]:
        """The bytes, or a slice of them, in chunks of 256 kB. Raises `NotFound`."""
        content = self._content(sha256)
        end = len(content) if length is None else min(len(content), offset + length)
        for start in range(offset, end, CHUNK):
            yield content[start : min(end, start + CHUNK)]

    def _content(self, name: str) -> bytes:
        try:
            return self._blobs[name]
        except KeyError:
            raise NotFound(f"no blob {name}") from None


class MemoryReader:
    """Random access to bytes."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self.size = len(content)

    def read(self, offset: int, size: int) -> bytes:
        """Up to `size` bytes from `offset`."""
        return self._content[offset : offset + size]


async def _regrouped(chunks: AsyncIterator[bytes], limit: int) -> AsyncGenerator[bytes]:
    """Pieces worth a thread's start; the stream is closed. Raises `ValueError` before more than `limit` passed."""
    buffer = bytearray()
    total = 0
    try:
        async for chunk in chunks:
            total += len(chunk)
            if total > limit:
                raise ValueError(f"more than {limit} bytes")
            buffer += chunk
            if len(buffer) >= CHUNK:
                yield bytes(buffer)
                buffer.clear()
        if buffer:
            yield bytes(buffer)
    finally:
        if isinstance(chunks, AsyncGenerator):
            await chunks.aclose()


# ---------------------------------------------------------------- files; all of this runs in threads


_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)


class _Draft:
    """A blob being written, under a name that nobody looks for."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._path = _folder(root / "drafts") / secrets.token_hex(16)
        self._file: BinaryIO = os.fdopen(os.open(self._path, _NEW_FILE, 0o600), "wb")
        self._hash = sha256()
        self._size = 0

    def write(self, piece: bytes) -> None:
        self._hash.update(piece)
        self._size += len(piece)
        self._file.write(piece)

    def keep(self) -> Blob:
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        name = self._hash.hexdigest()
        final = _path(self._root, name)
        _folder(final.parent.parent)
        _folder(final.parent)
        # Also over a blob that is there already: its new age keeps a sweep from taking it.
        self._path.replace(final)
        _sync(final.parent)
        return Blob(name, self._size)

    def discard(self) -> None:
        self._file.close()
        self._path.unlink(missing_ok=True)


def _path(root: Path, name: str) -> Path:
    return root / name[:2] / name[2:4] / name


def _folder(path: Path) -> Path:
    if not path.is_dir():
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        _sync(path.parent)
    return path


def _sync(folder: Path) -> None:
    """Puts a folder's entries on disk. Windows cannot open a folder for that, and does it by itself."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _older(root: Path, horizon: float) -> list[str]:
    return [path.name for path in _files(root, "??/??/*") if _HASH.fullmatch(path.name) and _age(path) < horizon]


def _clear_drafts(root: Path, horizon: float) -> None:
    for path in _files(root, "drafts/*"):
        if _age(path) < horizon:
            path.unlink(missing_ok=True)


def _files(root: Path, pattern: str) -> Iterator[Path]:
    return (path for path in root.glob(pattern) if path.is_file())


def _age(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return float("inf")


def _remove(root: Path, path: Path, horizon: float) -> int:
    """Set aside first, then looked at again: if it was stored once more in between, it goes back."""
    aside = _folder(root / "drafts") / f"swept-{path.name}-{secrets.token_hex(4)}"
    with suppress(FileNotFoundError):
        path.rename(aside)
        if aside.stat().st_mtime < horizon:
            aside.unlink()
            return 1
        aside.replace(path)
        _sync(path.parent)
    return 0
