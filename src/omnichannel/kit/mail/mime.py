"""The parts of a mail, found without loading it: a scanner over random access that knows only boundaries and headers.

Caps: headers 64 kB a part, 20 levels, 100 parts, 256 kB of text. Never raises on bad input.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from omnichannel.channel.wire import Reader
from omnichannel.kit.mail.charset import decode_text
from omnichannel.kit.mail.headers import BLOCK_CAP, Fields, one_line, parameters, read_fields, words
from omnichannel.kit.transfer import TransferEncoding, decode, transfer_encoding

__all__ = [
    "DEPTH_CAP",
    "ENTITIES_CAP",
    "PARTS_CAP",
    "TEXT_CAP",
    "BytesReader",
    "Leaf",
    "Mail",
    "default_name",
    "safe_name",
    "scan",
]

DEPTH_CAP = 20
PARTS_CAP = 100
ENTITIES_CAP = 250
"""Leaves and multiparts together."""
TEXT_CAP = 262_144
"""Bytes of one text part that are read."""
_WINDOW = 65_536
_BOUNDARY_CAP = 200
_OVERLAP = 280
"""More than the longest boundary line, so that none is cut at the end of a window."""
_LINE_END = rb"(--)?[ \t]{0,60}\r?(?=\n|\Z)"
_BLANK_LINE = re.compile(rb"\n\r?\n")
_BAD_IN_NAME = re.compile(r"[\x00-\x1f\x7f-\x9f/\\:*?\"<>|\u200e\u200f\u202a-\u202e\u2066-\u2069]+")
_EXTENSIONS = {
    "application/pdf": ".pdf",
    "image/gif": ".gif",
    "image/jpeg": ".jpg",
    "image/png": ".png",
    "message/rfc822": ".eml",
    "text/calendar": ".ics",
    "text/html": ".html",
    "text/plain": ".txt",
}


class BytesReader:
    """A mail that is in memory, read as one on disk."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    @property
    def size(self) -> int:
        """How many bytes there are."""
        return len(self._content)

    def read(self, offset: int, size: int) -> bytes:
        """Some of them."""
        return self._content[offset : offset + size]


@dataclass(frozen=True)
class Leaf:
    """A part that holds no others: its headers, and where its body is. `group` is its outermost
    multipart/alternative, `within` the subtypes of the multiparts around it, outermost first."""

    fields: Fields
    offset: int
    length: int
    within: tuple[str, ...] = ()
    group: int | None = None

    @cached_property
    def declared(self) -> tuple[str, dict[str, str]]:
        """Content type and its parameters; plain text where there is none that can be read."""
        kind, params = parameters(self.fields.get("content-type"))
        if re.fullmatch(r"[a-z0-9.+_-]+/[a-z0-9.+_-]+", kind) is None:
            kind = "message/rfc822" if self.within[-1:] == ("digest",) else "text/plain"
        return kind, params

    @property
    def type(self) -> str:
        """The content type in lower case."""
        return self.declared[0]

    @property
    def encoding(self) -> TransferEncoding:
        """How its bytes are encoded."""
        return transfer_encoding(self.fields.get("content-transfer-encoding"))

    @cached_property
    def file_name(self) -> str:
        """The name that the sender gave it, or an empty string."""
        disposition = parameters(self.fields.get("content-disposition"))[1]
        return safe_name(words(disposition.get("filename") or self.declared[1].get("name") or ""))

    @property
    def attached(self) -> bool:
        """Whether it is a file, not a piece of the text."""
        disposition = parameters(self.fields.get("content-disposition"))[0]
        readable = self.type in ("text/plain", "text/html")
        return not readable or disposition == "attachment" or bool(self.file_name)


@dataclass(frozen=True)
class Mail:
    """A scanned mail. `cut` says that a cap was met and the rest was not looked at."""

    reader: Reader
    fields: Fields
    leaves: tuple[Leaf, ...]
    type: str = "text/plain"
    cut: bool = False

    def text(self, leaf: Leaf, limit: int = TEXT_CAP) -> tuple[str, bool]:
        """The text of a part, and whether it was longer than the limit."""
        pieces, size = list[bytes](), 0
        for piece in decode(self._raw(leaf), leaf.encoding):
            pieces.append(piece)
            size += len(piece)
            if size > limit:
                break
        raw = b"".join(pieces)
        cut = len(raw) > limit
        text = decode_text(raw[:limit], leaf.declared[1].get("charset"), cut=cut)
        return text.replace("\r\n", "\n").replace("\x00", ""), cut

    def blocks(self, leaf: Leaf, limit: int = BLOCK_CAP) -> tuple[Fields, ...]:
        """The groups of fields in a machine-readable part of a report, at most `PARTS_CAP`."""
        raw = b"".join(decode([self.reader.read(leaf.offset, min(leaf.length, limit))], leaf.encoding))
        found = (read_fields(block.strip(b"\r\n")) for block in re.split(rb"\r?\n[ \t]*\r?\n", raw)[:PARTS_CAP])
        return tuple(fields for fields in found if fields.items)

    def _raw(self, leaf: Leaf) -> Iterator[bytes]:
        for start in range(0, leaf.length, _WINDOW):
            yield self.reader.read(leaf.offset + start, min(_WINDOW, leaf.length - start))


def safe_name(name: str) -> str:
    """A file name that is only a name: no path, no control or direction characters, not hidden, not endless."""
    bare = _BAD_IN_NAME.sub("_", one_line(name.replace("\\", "/").rpartition("/")[2])).strip(". _")
    if len(bare) <= 120:
        return bare
    stem, dot, extension = bare.rpartition(".")
    return f"{stem[:100]}.{extension}" if dot and len(extension) <= 10 else bare[:120]


def default_name(leaf: Leaf, number: int) -> str:
    """A name for a part that has none."""
    stem = "message" if leaf.type == "message/rfc822" else leaf.type.partition("/")[0]
    return f"{stem}-{number}{_EXTENSIONS.get(leaf.type, '.bin')}"


def scan(reader: Reader) -> Mail:
    """Finds the parts of a mail."""
    return _Scanner(reader).run()


@dataclass(slots=True)
class _Open:
    boundary: bytes
    subtype: str
    group: int | None


class _Scanner:
    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._size = reader.size
        self._open: list[_Open] = []
        self._leaves: list[Leaf] = []
        self._pattern: re.Pattern[bytes] | None = None
        self._entities = 0
        self._groups = 0
        self._cut = False

    def run(self) -> Mail:
        root, body = self._header(0)
        leaf: tuple[Fields, int] | None = self._enter(root, body)
        self._walk(leaf, body)
        if not self._leaves:
            # A multipart whose boundary never comes: what is there is text.
            self._add(Fields(), body, self._size)
        return Mail(self._reader, root, tuple(self._leaves), Leaf(root, 0, 0).type, self._cut)

    def _walk(self, leaf: tuple[Fields, int] | None, position: int) -> None:
        while self._open:
            found = self._next(position)
            if leaf is not None:
                self._add(*leaf, found.start if found else self._size)
                leaf = None
            if found is None:
                return
            position = found.end
            del self._open[found.level + (0 if found.closes else 1) :]
            self._pattern = None
            if found.closes:
                continue
            self._entities += 1
            if len(self._leaves) >= PARTS_CAP or self._entities > ENTITIES_CAP:
                self._cut = True
                return
            fields, position = self._header(position)
            leaf = self._enter(fields, position)
        if leaf is not None:
            self._add(*leaf, self._size)

    def _enter(self, fields: Fields, body: int) -> tuple[Fields, int] | None:
        """Opens a multipart, or gives the leaf that begins here."""
        kind, params = Leaf(fields, 0, 0).declared
        boundary = params.get("boundary", "").rstrip()
        if not kind.startswith("multipart/") or not boundary:
            return fields, body
        if len(self._open) >= DEPTH_CAP or len(boundary) > _BOUNDARY_CAP:
            self._cut = True
            return fields, body
        subtype = kind.partition("/")[2]
        group = self._open[-1].group if self._open else None
        if group is None and subtype == "alternative":
            self._groups += 1
            group = self._groups
        self._open.append(_Open(boundary.encode("utf-8", "replace"), subtype, group))
        self._pattern = None
        return None

    def _add(self, fields: Fields, start: int, end: int) -> None:
        if end > start and self._reader.read(end - 1, 1) == b"\r":
            end -= 1
        within = tuple(one.subtype for one in self._open)
        group = self._open[-1].group if self._open else None
        self._leaves.append(Leaf(fields, start, max(0, end - start), within, group))

    def _header(self, offset: int) -> tuple[Fields, int]:
        """The fields that begin here, and where the body does."""
        window = self._reader.read(offset, BLOCK_CAP)
        if blank := re.match(rb"\r?\n", window):
            return Fields(), offset + blank.end()
        end = _BLANK_LINE.search(window)
        block = window[: end.start()] if end else window
        # A part whose headers run into the next boundary has no body.
        if self._open and (match := self._compiled().search(b"\n" + block)):
            return read_fields(block[: max(0, match.start() - 1)]), offset + max(0, match.start() - 1)
        if end is not None:
            return read_fields(block), offset + end.end()
        if offset + len(window) >= self._size:
            return read_fields(block), self._size
        self._cut = True
        return read_fields(block), self._skip_header(offset + len(window) - 3)

    def _skip_header(self, offset: int) -> int:
        while True:
            window = self._reader.read(offset, _WINDOW)
            if end := _BLANK_LINE.search(window):
                return offset + end.end()
            if len(window) < _WINDOW:
                return self._size
            offset += _WINDOW - 3

    def _compiled(self) -> re.Pattern[bytes]:
        if self._pattern is None:
            boundaries = sorted({one.boundary for one in self._open}, key=len, reverse=True)
            self._pattern = re.compile(rb"\n--(" + b"|".join(map(re.escape, boundaries)) + rb")" + _LINE_END)
        return self._pattern

    def _next(self, position: int) -> _Found | None:
        """The next boundary line at or after a position."""
        # One byte earlier, to see the line break before it.
        offset = max(0, position - 1)
        while True:
            window = self._reader.read(offset, _WINDOW + _OVERLAP)
            match = self._compiled().search(window)
            at_end = offset + len(window) >= self._size
            if match and (match.start() < _WINDOW or at_end):
                return self._found(match, offset)
            if at_end:
                return None
            offset += _WINDOW

    def _found(self, match: re.Match[bytes], base: int) -> _Found:
        level = max(index for index, one in enumerate(self._open) if one.boundary == match[1])
        # `end` is after the line break; the body before ends where the match starts.
        return _Found(base + match.start(), base + match.end() + 1, level, match[2] is not None)


@dataclass(frozen=True, slots=True)
class _Found:
    start: int
    end: int
    level: int
    closes: bool
