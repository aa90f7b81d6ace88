"""What single IMAP responses say (RFC 9051 section 7). Pure readers; what does not fit is None."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import assert_never

from omnichannel.channel.session import Begin, Chunk, SessionAction
from omnichannel.kit.imap.responses import BodyData, BodyStart, Piece, Response

__all__ = [
    "CHUNK",
    "CODE",
    "COUNT",
    "TAGGED",
    "BodySink",
    "Listed",
    "capabilities_in",
    "listed_in",
    "search_in",
    "shown",
    "uid_in",
]

CHUNK = 65_536
"""Bytes of a mail that are asked for at a time."""

TAGGED = re.compile(rb"(a\d+) (OK|NO|BAD)\b ?(.*)", re.DOTALL | re.IGNORECASE)
COUNT = re.compile(rb"\* (\d{1,10}) (EXISTS|EXPUNGE)\b", re.IGNORECASE)
CODE = re.compile(rb"\[(UIDVALIDITY|UIDNEXT) (\d{1,19})\]", re.IGNORECASE)
_CAPABILITY = re.compile(rb"(?:\*|(?:\*|a\d+) (?:OK|PREAUTH) \[)\s?CAPABILITY ([^\]\r\n]*)", re.IGNORECASE)
_FETCH = re.compile(rb"\* \d+ FETCH ", re.IGNORECASE)
_UID = re.compile(rb"\bUID (\d{1,19})", re.IGNORECASE)
_SIZE = re.compile(rb"\bRFC822\.SIZE (\d{1,19})", re.IGNORECASE)
_DATE = re.compile(rb'\bINTERNALDATE "([^"]{10,40})"', re.IGNORECASE)
_PARTIAL = re.compile(rb"BODY\[\]<\d+> ~?\{\d+\+?\}$", re.IGNORECASE)
_QUOTED_BODY = re.compile(rb'BODY\[\](?:<\d+>)? "((?:[^"\\]|\\.)*)"', re.IGNORECASE)
_SEARCH = re.compile(rb"\* SEARCH((?: \d{1,19})*)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Listed:
    """A mail in a folder. `date` is the server's, in ISO 8601 or empty."""

    uid: int
    size: int
    date: str


def shown(raw: bytes) -> str:
    """Words of the server, for people."""
    return raw[:200].decode("utf-8", "replace").strip()


def capabilities_in(line: bytes) -> frozenset[str] | None:
    """The capabilities that a response tells, or None."""
    found = _CAPABILITY.match(line)
    return None if found is None else frozenset(found[1].decode("ascii", "replace").upper().split())


def uid_in(piece: Piece) -> int | None:
    """The UID in a FETCH response."""
    if isinstance(piece, Response) and _FETCH.match(piece.line) and (found := _UID.search(piece.line)):
        return int(found[1])
    return None


def listed_in(piece: Piece) -> Listed | None:
    """UID, size and date in a FETCH response."""
    uid = uid_in(piece)
    if uid is None or not isinstance(piece, Response):
        return None
    size, date = _SIZE.search(piece.line), _DATE.search(piece.line)
    return Listed(uid, int(size[1]), _iso(date[1]) if date else "") if size else None


def search_in(piece: Piece) -> list[int]:
    """The numbers in a SEARCH response."""
    found = _SEARCH.match(piece.line) if isinstance(piece, Response) else None
    return list(map(int, found[1].split())) if found else []


def _iso(raw: bytes) -> str:
    try:
        return datetime.strptime(raw.decode("ascii").strip(), "%d-%b-%Y %H:%M:%S %z").isoformat()
    except ValueError:
        return ""


class BodySink:
    """Turns the pieces of one mail into actions, at most `limit` bytes of it."""

    def __init__(
        self, emit: Callable[[SessionAction], None], item: str, headers: Mapping[str, str], limit: int
    ) -> None:
        self._emit = emit
        self._item = item
        self._headers = headers
        self._left = limit
        self.begun = False
        self._got = 0
        self._whole = False

    def expect(self) -> None:
        """The next piece of the mail is asked for."""
        self._got, self._whole = 0, False

    @property
    def done(self) -> bool:
        """Whether the last piece was the last one: shorter than asked for, or all that we want."""
        return self._whole or self._got != CHUNK or not self._left

    def note(self, piece: Piece) -> None:
        """A piece of the answer."""
        match piece:
            case BodyStart(line, _):
                self._begin()
                # A server that does not know of pieces sends the whole mail.
                self._whole = _PARTIAL.search(line) is None
            case BodyData(data):
                self._add(data)
            case Response(line):
                if _FETCH.match(line) and (found := _QUOTED_BODY.search(line)):
                    self._begin()
                    self._add(re.sub(rb"\\(.)", rb"\1", found[1], flags=re.DOTALL))
            case _:
                assert_never(piece)

    def _begin(self) -> None:
        if not self.begun:
            self.begun = True
            self._emit(Begin(id=self._item, headers=self._headers))

    def _add(self, data: bytes) -> None:
        self._got += len(data)
        kept = data[: self._left]
        self._left -= len(kept)
        if kept and self.begun:
            self._emit(Chunk(kept))
