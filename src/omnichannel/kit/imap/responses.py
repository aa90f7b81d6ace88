"""IMAP responses out of a byte stream, in any slices (RFC 9051 section 4). A mail's bytes pass through, never kept."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

__all__ = ["LINE_CAP", "BodyData", "BodyStart", "NotImap", "Piece", "Response", "Responses", "folder_name", "quoted"]

LINE_CAP = 1_048_576
"""Bytes of one response without the mail in it: a SEARCH of a large mailbox is one long line."""
_LITERAL = re.compile(rb"~?\{(\d{1,19})\+?\}$")
_BODY = re.compile(rb"BODY\[\](?:<\d+>)? ~?\{\d+\+?\}$", re.IGNORECASE)


class NotImap(Exception):
    """What came is no IMAP: the session ends with this reason."""


@dataclass(frozen=True, slots=True)
class Response:
    """One response; literals in it are replaced by their bytes, a mail's by nothing."""

    line: bytes


@dataclass(frozen=True, slots=True)
class BodyStart:
    """The literal of a mail's bytes begins; `line` is the response so far."""

    line: bytes
    size: int


@dataclass(frozen=True, slots=True)
class BodyData:
    """Some bytes of a mail."""

    data: bytes


Piece: TypeAlias = Response | BodyStart | BodyData


class Responses:
    """Cuts a stream into responses."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._searched = 0
        self._line = bytearray()
        self._left = 0
        self._streams = False

    @property
    def pending(self) -> bool:
        """Whether bytes came that are not used yet."""
        return bool(self._buffer or self._line or self._left)

    def feed(self, data: bytes) -> Iterator[Piece]:
        """The pieces that are complete now. Raises `NotImap`."""
        self._buffer += data
        while self._buffer or not self._left:
            if self._left:
                yield from self._literal()
                continue
            end = self._buffer.find(b"\n", self._searched)
            if end < 0:
                self._searched = len(self._buffer)
                self._check(len(self._line) + len(self._buffer))
                return
            line = bytes(self._buffer[:end]).rstrip(b"\r")
            del self._buffer[: end + 1]
            self._searched = 0
            yield from self._ended(line)

    def _literal(self) -> Iterator[Piece]:
        taken = bytes(self._buffer[: self._left])
        del self._buffer[: self._left]
        self._left -= len(taken)
        if self._streams:
            yield BodyData(taken)
        else:
            self._line += taken

    def _ended(self, line: bytes) -> Iterator[Piece]:
        self._check(len(self._line) + len(line))
        self._line += line
        literal = _LITERAL.search(line)
        if literal is None:
            whole = bytes(self._line)
            self._line.clear()
            yield Response(whole)
            return
        self._left = int(literal[1])
        self._streams = _BODY.search(line) is not None
        if self._streams:
            so_far = bytes(self._line)
            # Its bytes go by: what comes after them is read as if it were empty.
            self._line[-len(literal[0]) :] = b'""'
            yield BodyStart(so_far, self._left)
            return
        del self._line[-len(literal[0]) :]
        self._check(len(self._line) + self._left)

    def _check(self, size: int) -> None:
        if size > LINE_CAP:
            raise NotImap("a response is too long")


def quoted(text: str) -> bytes | None:
    """A quoted string, or None where IMAP cannot quote it."""
    if not text.isascii() or any(ord(letter) < 32 or ord(letter) == 127 for letter in text):
        return None
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'.encode("ascii")


def folder_name(name: str) -> bytes:
    """A folder's name in IMAP's own UTF-7 (RFC 3501 section 5.1.3), quoted."""
    out: list[str] = []
    run: list[str] = []
    for letter in [*name, ""]:
        if letter and not " " <= letter <= "~":
            run.append(letter)
            continue
        if run:
            coded = "".join(run).encode("utf-16-be", "surrogatepass")
            out.append(f"&{_base64(coded)}-")
            run = []
        out.append("&-" if letter == "&" else letter)
    return quoted("".join(out)) or b'"INBOX"'


def _base64(data: bytes) -> str:

    return b64encode(data).decode("ascii").rstrip("=").replace("/", ",")
