"""Request bodies on the wire: JSON, forms, raw bytes, and multipart streamed from media references."""

from __future__ import annotations

import secrets
import zlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from dataclasses import dataclass
from urllib.parse import urlencode

from pydantic import JsonValue
from pydantic_core import to_json

from omnichannel.channel.wire import FilePart, Form, Multipart, RawBody
from omnichannel.runtime.transport import MediaSource, MediaUnavailable, TransportError


@dataclass(frozen=True, slots=True)
class Encoded:
    """A body with its headers' values. `chunks` makes the stream where `content` does not hold it all.

    `length` is None where only streaming tells it: then the transfer is chunked.
    """

    media_type: str | None
    length: int | None
    content: bytes = b""
    chunks: Callable[[], AsyncIterator[bytes]] | None = None


NO_BODY = Encoded(None, 0)


async def encode(body: JsonValue | Form | Multipart | RawBody, media: MediaSource | None) -> Encoded:
    """The body of a request. Raises `MediaUnavailable` where a file of a multipart body cannot be had."""
    match body:
        case None:
            return NO_BODY
        case Form(fields):
            return _whole("application/x-www-form-urlencoded", urlencode(fields).encode("ascii"))
        case RawBody(content=content, media_type=media_type):
            return _whole(media_type, content)
        case Multipart():
            return await _multipart(body, media)
        case _:
            return _whole("application/json", to_json(body))


def _whole(media_type: str, content: bytes) -> Encoded:
    return Encoded(media_type, len(content), content)


async def _multipart(body: Multipart, media: MediaSource | None) -> Encoded:
    # https://www.rfc-editor.org/rfc/rfc7578
    boundary = secrets.token_hex(16)
    opening = b"".join(_field(boundary, name, value) for name, value in body.fields)
    closing = f"--{boundary}--\r\n".encode()
    heads = [_file_head(boundary, part) for part in body.files]
    sizes = [await _size(part, media) for part in body.files]

    async def chunks() -> AsyncIterator[bytes]:
        yield opening
        for part, head, size in zip(body.files, heads, sizes, strict=True):
            yield head
            async for chunk in _exactly(part, size, media):
                yield chunk
            yield b"\r\n"
        yield closing

    known = [size for size in sizes if size is not None]
    length = None
    if len(known) == len(sizes):
        length = len(opening) + len(closing) + sum(map(len, heads)) + sum(known) + 2 * len(heads)
    return Encoded(f"multipart/form-data; boundary={boundary}", length, chunks=chunks)


def _field(boundary: str, name: str, value: str) -> bytes:
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="{_quoted(name)}"\r\n\r\n'
    return f"{head}{value}\r\n".encode()


def _file_head(boundary: str, part: FilePart) -> bytes:
    media_type = "".join(char for char in part.media.type if char.isprintable()) or "application/octet-stream"
    name = _quoted(part.media.name or "file")
    disposition = f'Content-Disposition: form-data; name="{_quoted(part.name)}"; filename="{name}"'
    return f"--{boundary}\r\n{disposition}\r\nContent-Type: {media_type}\r\n\r\n".encode()


def _quoted(name: str) -> str:
    # As browsers do it: https://html.spec.whatwg.org/multipage/form-control-infrastructure.html#multipart-form-data
    return name.replace("\r", "%0D").replace("\n", "%0A").replace('"', "%22")


def _source(media: MediaSource | None) -> MediaSource:
    if media is None:
        raise MediaUnavailable("no media source is attached to this transport")
    return media


async def _size(part: FilePart, media: MediaSource | None) -> int | None:
    whole = await _source(media).size(part.media)
    if whole is None:
        return None
    rest = max(0, whole - part.offset)
    return rest if part.length is None else min(part.length, rest)


async def _exactly(part: FilePart, size: int | None, media: MediaSource | None) -> AsyncIterator[bytes]:
    """The slice, never more than announced; raises rather than let a file that shrank pass for a whole one."""
    left = size
    async for chunk in _source(media).open(part.media, offset=part.offset, length=part.length):
        if left is not None:
            chunk = chunk[:left]
            left -= len(chunk)
        if chunk:
            yield chunk
    if left:
        raise MediaUnavailable("the file is shorter than it was said to be")


# ---------------------------------------------------------------- the other way

_STEP = 256 * 1024


async def unpacked(raw: AsyncIterator[bytes]) -> AsyncGenerator[bytes]:
    """A gzip or deflate body, in steps of at most 256 kB: a megabyte may hold a gigabyte. Raises `TransportError`."""
    # 32: tells zlib and gzip apart by itself.
    unpack = zlib.decompressobj(zlib.MAX_WBITS | 32)
    broken = began = False
    async for chunk in raw:
        began = began or bool(chunk)
        while chunk and not broken:
            try:
                step = unpack.decompress(chunk, _STEP)
            except zlib.error:
                broken = True
                break
            chunk = unpack.unconsumed_tail
            if step:
                yield step
    if broken or (began and not unpack.eof):
        raise TransportError("protocol", maybe_sent=True, why="broken compression")
