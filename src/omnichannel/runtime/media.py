"""Media in and out: brought into the blob store, and read from where a reference points. Always a stream."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, ParamSpec, Protocol, TypeAlias, TypeVar

import anyio
from anyio import to_thread

from omnichannel.channel.base import Channel
from omnichannel.channel.wire import Flow, HttpRequest, Repeat
from omnichannel.kit.transfer import TransferEncoding, decoder, transfer_encoding
from omnichannel.model.content import Media, kind_of
from omnichannel.model.exceptions import NotFound
from omnichannel.model.outcome import Failure, Level, Outcome
from omnichannel.runtime.fetch import Fetcher, capped, check_length, unavailable
from omnichannel.runtime.sniff import HEAD, UNKNOWN, sniff
from omnichannel.runtime.transport import MediaUnavailable, TransportError
from omnichannel.stores.base import BlobStore

T = TypeVar("T")
P = ParamSpec("P")
R = TypeVar("R")

CHUNK = 256 * 1024
THREADS = 4


class Runs(Protocol):
    """What of the runner a fetch needs."""

    async def run(self, channel: Channel[Any], flow: Flow[T]) -> T | Failure:
        """Runs a flow."""
        ...

    async def sign(self, channel: Channel[Any], request: HttpRequest) -> HttpRequest | Failure:
        """Puts the credentials in."""
        ...


@dataclass(frozen=True, slots=True)
class Keeper:
    """Brings media into the blob store, hashed and sniffed while it streams."""

    blobs: BlobStore
    fetcher: Fetcher
    runner: Runs

    async def fetch(self, channel: Channel[Any], media: Media) -> Media | Failure:
        """The same media as a `blob:` reference with its true type, size and hash; or why it cannot be had.

        `platform:` references are located by the channel and fetched with its credentials, `https:` without any.
        What is in the stores already is given back.
        """
        kind, _, _ = media.ref.partition(":")
        match kind:
            case "blob" | "journal":
                return media
            case "platform":
                request = await self._located(channel, media)
            case "https" | "http":
                request = HttpRequest(method="GET", url=media.ref, repeat=Repeat.SAFE)
            case _:
                return _no_such(media)
        return request if isinstance(request, Failure) else await self._keep(channel, media, request)

    async def _located(self, channel: Channel[Any], media: Media) -> HttpRequest | Failure:
        request = await self.runner.run(channel, channel.locate(media))
        return request if isinstance(request, Failure) else await self.runner.sign(channel, request)

    async def _keep(self, channel: Channel[Any], media: Media, request: HttpRequest) -> Media | Failure:
        limit = self.fetcher.limit
        try:
            async with self.fetcher.open(request, account=channel.account.id) as response:
                check_length(response, limit)
                head = bytearray()
                blob = await self.blobs.put(_watched(response.chunks, head, limit), limit=limit)
        except TransportError as error:
            return unavailable(error).failure
        except MediaUnavailable as missing:
            return missing.failure
        claimed = media.type if media.type != UNKNOWN else response.headers.get("content-type", "")
        found = sniff(bytes(head), claimed)
        return replace(
            media, ref=f"blob:{blob.sha256}", type=found, kind=kind_of(found), size=blob.size, sha256=blob.sha256
        )


async def _watched(chunks: AsyncIterator[bytes], head: bytearray, limit: int) -> AsyncGenerator[bytes]:
    async with aclosing(capped(chunks, limit)) as pieces:
        async for chunk in pieces:
            if len(head) < HEAD:
                head += chunk[: HEAD - len(head)]
            yield chunk


def _no_such(media: Media) -> Failure:
    kind = media.ref.partition(":")[0] if ":" in media.ref else ""
    why = f"no media reference of the kind {kind!r} comes from outside"
    return Failure(outcome=Outcome.INVALID, level=Level.MESSAGE, code="media_unavailable", message=why)


# ---------------------------------------------------------------- out again


Journal: TypeAlias = Callable[[int], Awaitable[bytes | None]]
"""Reads the bytes of a journal row; None where there is none."""


class MediaReader:
    """The `MediaSource` of transport and mailer: blobs, ranges of stored mails (small ones stand in the journal), files
    of this host, and https."""

    def __init__(self, blobs: BlobStore, fetcher: Fetcher | None = None, journal: Journal | None = None) -> None:
        self._blobs = blobs
        self._fetcher = fetcher
        self._journal = journal
        self._limiter: anyio.CapacityLimiter | None = None

    async def size(self, media: Media) -> int | None:
        """How many bytes there are, or None where only reading tells. Raises `MediaUnavailable`."""
        kind, _, rest = media.ref.partition(":")
        if kind == "path":
            return await self._in_thread(_file_size, rest)
        if kind not in ("blob", "journal"):
            return None
        name, _, where = rest.partition("#")
        span = _range(where)
        if span is None:
            return self._blob_size(name) if kind == "blob" else len(await self._journalled(name))
        return span[1] if span[2] == "identity" else await self._counted(media)

    async def open(self, media: Media, *, offset: int = 0, length: int | None = None) -> AsyncGenerator[bytes]:
        """The decoded bytes, or a slice of them. Raises `MediaUnavailable`."""
        kind, _, rest = media.ref.partition(":")
        match kind:
            case "blob" | "journal":
                chunks = self._stored(kind, rest, offset, length)
            case "path":
                chunks = self._file(rest, offset, length)
            case "https" if self._fetcher is not None:
                chunks = _slice(self._fetcher.stream(media.ref), offset, length)
            case _:
                raise MediaUnavailable(f"a reference of the kind {kind!r} has to be fetched into the blob store first")
        async with aclosing(chunks):
            async for chunk in chunks:
                yield chunk

    def _stored(self, kind: str, rest: str, offset: int, length: int | None) -> AsyncGenerator[bytes]:
        name, _, where = rest.partition("#")
        read = self._blob if kind == "blob" else self._row
        span = _range(where)
        if span is None:
            return read(name, offset, length)
        start, size, encoding = span
        if encoding == "identity":
            whole = max(0, size - offset)
            return read(name, start + offset, whole if length is None else min(length, whole))
        return _slice(_decoded(read(name, start, size), encoding), offset, length)

    async def _blob(self, name: str, offset: int, length: int | None) -> AsyncGenerator[bytes]:
        chunks = self._blobs.stream(name, offset=offset, length=length)
        try:
            async for chunk in chunks:
                yield chunk
        except NotFound as exc:
            raise MediaUnavailable(str(exc)) from None
        finally:
            if isinstance(chunks, AsyncGenerator):
                await chunks.aclose()

    async def _row(self, name: str, offset: int, length: int | None) -> AsyncGenerator[bytes]:
        content = await self._journalled(name)
        if piece := content[offset:] if length is None else content[offset : offset + length]:
            yield piece

    async def _journalled(self, name: str) -> bytes:
        # At most 256 kB: a larger body went to the blob store before its row was written.
        if self._journal is None or not (name.isascii() and name.isdigit() and len(name) < 19):
            raise MediaUnavailable("a reference into a journal that is not here")
        content = await self._journal(int(name))
        if content is None:
            raise MediaUnavailable(f"no journal row {name}")
        return content

    def _blob_size(self, name: str) -> int:
        try:
            return self._blobs.open(name).size
        except NotFound as exc:
            raise MediaUnavailable(str(exc)) from None

    async def _file(self, path: str, offset: int, length: int | None) -> AsyncGenerator[bytes]:
        file = await self._in_thread(_open_file, path, offset)
        try:
            left = length
            while left is None or left > 0:
                chunk = await self._in_thread(file.read, CHUNK if left is None else min(CHUNK, left))
                if not chunk:
                    return
                left = None if left is None else left - len(chunk)
                yield chunk
        finally:
            file.close()

    async def _counted(self, media: Media) -> int:
        # Platforms refuse uploads of unknown length, so an encoded part of a mail is read twice.
        total = 0
        async with aclosing(self.open(media)) as chunks:
            async for chunk in chunks:
                total += len(chunk)
        return total

    async def _in_thread(self, work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        if self._limiter is None:
            self._limiter = anyio.CapacityLimiter(THREADS)
        return await to_thread.run_sync(partial(work, *args, **kwargs), limiter=self._limiter)


def _file_size(path: str) -> int:
    try:
        return Path(path).stat().st_size
    except OSError as exc:
        raise MediaUnavailable(f"the file cannot be read: {exc.strerror}") from None


def _open_file(path: str, offset: int) -> BinaryIO:
    try:
        file = Path(path).open("rb")  # noqa: SIM115 - read in steps, each in a thread; closed by the caller
    except OSError as exc:
        raise MediaUnavailable(f"the file cannot be read: {exc.strerror}") from None
    file.seek(offset)
    return file


async def _decoded(chunks: AsyncGenerator[bytes], encoding: TransferEncoding) -> AsyncGenerator[bytes]:
    one = decoder(encoding)
    async with aclosing(chunks):
        async for chunk in chunks:
            if piece := one.feed(chunk):
                yield piece
    if piece := one.finish():
        yield piece


async def _slice(chunks: AsyncGenerator[bytes], offset: int, length: int | None) -> AsyncGenerator[bytes]:
    skip, left = offset, length
    async with aclosing(chunks):
        async for chunk in chunks:
            if left is not None and left <= 0:
                return
            piece, skip = chunk[skip:], max(0, skip - len(chunk))
            piece = piece if left is None else piece[:left]
            left = None if left is None else left - len(piece)
            if piece:
                yield piece


def _range(where: str) -> tuple[int, int, TransferEncoding] | None:
    """Offset, length and encoding of a `blob:<hash>#<offset>,<length>,<encoding>`, or of a `journal:` reference."""
    if not where:
        return None
    try:
        offset, length, encoding = where.split(",")
        return int(offset), int(length), transfer_encoding(encoding)
    except ValueError:
        raise MediaUnavailable("a broken range in a media reference") from None
