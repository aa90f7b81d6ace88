"""A mail as bytes on the wire: 7-bit, CRLF, every text quoted-printable, every file base64 and streamed."""

from __future__ import annotations

import binascii
import re
import secrets
from base64 import encodebytes
from collections.abc import AsyncIterator, Mapping
from datetime import datetime
from email.header import Header
from email.utils import format_datetime
from urllib.parse import quote

from omnichannel.channel.wire import SmtpMessage
from omnichannel.model.content import Media
from omnichannel.runtime.transport import MediaSource, MediaUnavailable

_LINE = 57
"""Bytes that make one line of 76 base64 characters (RFC 2045)."""
_FOLD = 76
_WITH_ADDRESS = re.compile(r"\s*(.*?)\s*<([^<>]*)>\s*", re.DOTALL)
_TYPE = re.compile(r"[a-z0-9!#$&^_.+-]{1,60}/[a-z0-9!#$&^_.+-]{1,60}", re.IGNORECASE)
_ADDRESS_FIELDS = frozenset({"from", "to", "cc", "reply-to", "sender"})
_SAFE = re.compile(r"[^A-Za-z0-9 ._()+-]")


def has_line_break(message: SmtpMessage) -> bool:
    """Whether somebody tries to smuggle lines into the header or the SMTP dialogue."""
    values = [message.sender, *message.recipients]
    for name, value in message.headers:
        values += [name, value]
    return any(set("\r\n\0") & set(value) for value in values)


async def mail_chunks(message: SmtpMessage, date: datetime, media: MediaSource | None) -> AsyncIterator[bytes]:
    """The whole mail. Raises `MediaUnavailable` where the bytes of an attachment cannot be had."""
    mark = secrets.token_hex(12)
    head = [header_line(name, value) for name, value in message.headers if name.lower() != "date"]
    head.append(header_line("Date", format_datetime(date)))
    yield b"".join(head) + b"MIME-Version: 1.0\r\n"
    if not message.attachments:
        yield _words(message, mark)
        return
    # "=_" can stand neither in base64 nor in quoted-printable.
    yield f'Content-Type: multipart/mixed; boundary="=_m{mark}"\r\n\r\n--=_m{mark}\r\n'.encode()
    yield _words(message, mark)
    for number, file in enumerate(message.attachments, 1):
        yield f"\r\n--=_m{mark}\r\n".encode() + _file_head(file, number)
        async for chunk in _base64(file, media):
            yield chunk
    yield f"\r\n--=_m{mark}--\r\n".encode()


def _words(message: SmtpMessage, mark: str) -> bytes:
    plain = _text("plain", message.text)
    if message.html is None:
        return plain
    start = f'Content-Type: multipart/alternative; boundary="=_a{mark}"\r\n\r\n--=_a{mark}\r\n'.encode()
    between, end = f"\r\n--=_a{mark}\r\n".encode(), f"\r\n--=_a{mark}--\r\n".encode()
    return start + plain + between + _text("html", message.html) + end


def _text(subtype: str, text: str) -> bytes:
    head = f"Content-Type: text/{subtype}; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
    lines = text.replace("\r\n", "\n").replace("\r", "\n").encode("utf-8", "replace")
    coded = binascii.b2a_qp(lines, istext=True).replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    return head.encode() + coded + b"\r\n"


def _file_head(file: Media, number: int) -> bytes:
    kind = file.type.lower()
    if not _TYPE.fullmatch(kind) or kind.startswith(("multipart/", "message/")):
        # RFC 2046 forbids base64 for these two.
        kind = "application/octet-stream"
    name = file.name or f"file-{number}"
    plain = _SAFE.sub("_", name)[:100]
    # RFC 2231, and the plain form for programs that do not know it.
    exact = quote(name[:200].encode("utf-8", "replace"), safe="")
    return (
        f"Content-Type: {kind}\r\nContent-Transfer-Encoding: base64\r\n"
        f"Content-Disposition: attachment; filename*=utf-8''{exact};\r\n filename=\"{plain}\"\r\n\r\n"
    ).encode()


async def _base64(file: Media, media: MediaSource | None) -> AsyncIterator[bytes]:
    if media is None:
        raise MediaUnavailable("no media source is attached to the mailer")
    rest = b""
    async for chunk in media.open(file):
        data = rest + chunk
        whole = len(data) - len(data) % _LINE
        rest = data[whole:]
        for start in range(0, whole, _LINE * 1024):
            yield _lines(data[start : min(start + _LINE * 1024, whole)])
    if rest:
        yield _lines(rest)


def _lines(data: bytes) -> bytes:
    return encodebytes(data).replace(b"\n", b"\r\n")


def header_line(name: str, value: str) -> bytes:
    """One header field, folded. Only words are encoded, never an address or an id."""
    if value.isascii():
        return _folded(f"{name}: {value}")
    if name.lower() in _ADDRESS_FIELDS and (found := _WITH_ADDRESS.fullmatch(value)):
        phrase = found[1].strip('"').replace('\\"', '"').replace("\\\\", "\\")
        return f"{name}: {_encoded(phrase, name)}\r\n <{found[2]}>\r\n".encode()
    return f"{name}: {_encoded(value, name)}\r\n".encode()


def _encoded(text: str, name: str) -> str:
    return Header(text, "utf-8", header_name=name, maxlinelen=_FOLD).encode(linesep="\r\n")


def _folded(line: str) -> bytes:
    """Folds at spaces; what has none stays long, because an id that is cut or encoded is another one."""
    out: list[str] = []
    for word in line.split(" "):
        if out and len(out[-1]) + 1 + len(word) <= _FOLD:
            out[-1] += f" {word}"
        else:
            out.append(word)
    return ("\r\n ".join(out) + "\r\n").encode("ascii")


def features_size(features: Mapping[str, str]) -> int:
    """The size limit that an EHLO answer tells, or 0 for none."""
    text = features.get("size", "").strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0
