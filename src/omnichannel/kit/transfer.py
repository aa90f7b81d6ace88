"""MIME transfer encodings (RFC 2045), decoded piece by piece: a file inside a mail is never whole in memory."""

from __future__ import annotations

import binascii
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from typing import Literal, Protocol, TypeAlias, assert_never

__all__ = ["Decoder", "TransferEncoding", "decode", "decode_all", "decoder", "transfer_encoding"]

TransferEncoding: TypeAlias = Literal["identity", "base64", "quoted-printable", "uuencode"]
_NAMES: dict[str, TransferEncoding] = {
    "base64": "base64",
    "quoted-printable": "quoted-printable",
    "x-uuencode": "uuencode",
    "x-uue": "uuencode",
    "uuencode": "uuencode",
}
_BASE64 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/="
_NOT_BASE64 = bytes(set(range(256)) - set(_BASE64))
_LINE = 8192
"""A line longer than this is decoded in pieces."""


def transfer_encoding(raw: str) -> TransferEncoding:
    """The encoding that a `Content-Transfer-Encoding` value means; what is unknown is taken as it is."""
    return _NAMES.get(raw.partition(";")[0].strip().lower(), "identity")


class Decoder(Protocol):
    """Decodes a stream. Never raises: what cannot be decoded is left out."""

    def feed(self, data: bytes) -> bytes:
        """What can be decoded so far."""
        ...

    def finish(self) -> bytes:
        """What is left at the end."""
        ...


def decoder(encoding: TransferEncoding) -> Decoder:
    """A new decoder."""
    match encoding:
        case "base64":
            return _Base64()
        case "quoted-printable":
            return _QuotedPrintable()
        case "uuencode":
            return _Uuencode()
        case "identity":
            return _Identity()
        case _:
            assert_never(encoding)


def decode(chunks: Iterable[bytes], encoding: TransferEncoding) -> Iterator[bytes]:
    """The decoded bytes of a stream, in pieces."""
    one = decoder(encoding)
    for chunk in chunks:
        if piece := one.feed(chunk):
            yield piece
    if piece := one.finish():
        yield piece


def decode_all(data: bytes, encoding: TransferEncoding) -> bytes:
    """The decoded bytes of something small."""
    return b"".join(decode((data,), encoding))


class _Identity:
    def feed(self, data: bytes) -> bytes:
        return data

    def finish(self) -> bytes:
        return b""


class _Base64:
    def __init__(self) -> None:
        self._rest = b""
        self._ended = False

    def feed(self, data: bytes) -> bytes:
        if self._ended:
            return b""
        letters = self._rest + data.translate(None, _NOT_BASE64)
        # Padding ends the data; what list servers append after it is not part of the file.
        letters, padding, _ = letters.partition(b"=")
        self._ended = bool(padding)
        whole = len(letters) - len(letters) % 4
        self._rest = letters[whole:]
        return binascii.a2b_base64(letters[:whole])

    def finish(self) -> bytes:
        rest, self._rest = self._rest, b""
        return binascii.a2b_base64(rest + b"=" * (-len(rest) % 4)) if len(rest) > 1 else b""


class _Lines(ABC):
    """Cuts a stream into whole lines; a line that never ends is cut where that does no harm."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> bytes:
        data = self._rest + data
        end = data.rfind(b"\n") + 1
        if not end and len(data) > _LINE:
            end = self.cut(data)
        self._rest = data[end:]
        return self.lines(data[:end])

    def finish(self) -> bytes:
        rest, self._rest = self._rest, b""
        return self.lines(rest)

    def cut(self, data: bytes) -> int:
        return len(data)

    @abstractmethod
    def lines(self, data: bytes) -> bytes:
        """Decodes whole lines."""


class _QuotedPrintable(_Lines):
    def cut(self, data: bytes) -> int:
        escape = data.rfind(b"=", len(data) - 3)
        return len(data) if escape < 0 else escape

    def lines(self, data: bytes) -> bytes:
        return binascii.a2b_qp(data)


class _Uuencode(_Lines):
    def __init__(self) -> None:
        super().__init__()
        self._open = False

    def lines(self, data: bytes) -> bytes:
        return b"".join(map(self._line, data.splitlines()))

    def _line(self, line: bytes) -> bytes:
        if not self._open:
            self._open = line.startswith(b"begin ")
            return b""
        if line.strip() in (b"end", b"`", b""):
            self._open = line.strip() != b"end"
            return b""
        try:
            return binascii.a2b_uu(line)
        except binascii.Error:
            return _lenient_uu(line)


def _lenient_uu(line: bytes) -> bytes:
    # Some encoders write more characters than the length says (cpython Lib/uu.py works round the same).
    needed = (((line[0] - 32) & 63) * 4 + 5) // 3
    try:
        return binascii.a2b_uu(line[:needed])
    except binascii.Error:
        return b""
