"""Header fields of a mail: reading a block, encoded words, parameters and message ids. Total and bounded."""

from __future__ import annotations

import binascii
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import unquote_to_bytes

from omnichannel.kit.mail.charset import decode_text

__all__ = [
    "BLOCK_CAP",
    "FIELDS_CAP",
    "FIELD_CAP",
    "Fields",
    "date_of",
    "message_id",
    "message_ids",
    "one_line",
    "parameters",
    "read_fields",
    "words",
]

BLOCK_CAP = 65_536
"""Bytes of one header block that are read."""
FIELD_CAP = 16_384
"""Characters of one field that are read: long lists of recipients and encoded words cost no time."""
FIELDS_CAP = 1_000

_FIELD = re.compile(rb"([!-9;-~]{1,100})[ \t]*:")
_WORD = re.compile(r"=\?([A-Za-z0-9_.:+-]{1,60})(?:\*[A-Za-z0-9-]*)?\?([bBqQ])\?([^?\n]*)\?=")
_ID = re.compile(r"<([^<>\s]{1,900})>")
_BROKEN_ID = re.compile(r"<([^<>]{1,900})>")
_COMMENT = re.compile(r"\([^()]*\)")
_CONTROLS = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]+")


@dataclass(frozen=True, slots=True)
class Fields:
    """Header fields in order. Names are lower-case, values unfolded and otherwise as they came."""

    items: tuple[tuple[str, str], ...] = ()

    def get(self, name: str) -> str:
        """The first field of that name, or an empty string."""
        return next((value for key, value in self.items if key == name), "")

    def all(self, name: str) -> tuple[str, ...]:
        """Every field of that name."""
        return tuple(value for key, value in self.items if key == name)

    def has(self, name: str) -> bool:
        """Whether there is such a field, be it empty."""
        return any(key == name for key, _ in self.items)


def read_fields(block: bytes) -> Fields:
    """The fields of a header block. What is no field is skipped, as is the `From ` line of a mail folder."""
    found: list[tuple[str, bytearray]] = []
    for line in block[:BLOCK_CAP].split(b"\n"):
        line = line.rstrip(b"\r")
        if line[:1] in (b" ", b"\t"):
            if found and len(found[-1][1]) < FIELD_CAP:
                found[-1][1].extend(line)
        elif match := _FIELD.match(line):
            if len(found) >= FIELDS_CAP:
                break
            found.append((match[1].decode("ascii").lower(), bytearray(line[match.end() :])))
    return Fields(tuple((name, _text(bytes(value[:FIELD_CAP]))) for name, value in found))


def _text(raw: bytes) -> str:
    return decode_text(raw, None, guess=False).strip()


def one_line(text: str) -> str:
    """Text without line breaks and other control characters: what may stand in a header or a list."""
    return _CONTROLS.sub(" ", text).strip()


def words(value: str) -> str:
    """A field's text with its encoded words decoded (RFC 2047). Never raises; what cannot be read stays as it is."""
    if "=?" not in value:
        return one_line(value)
    out: list[str] = []
    end = 0
    pending: tuple[str, bytes] | None = None
    for match in _WORD.finditer(value):
        between = value[end : match.start()]
        charset, raw = match[1].lower(), _word_bytes(match[2], match[3])
        joins = pending is not None and not between.strip()
        if pending is not None and joins and pending[0] == charset:
            # Some mailers cut a character in two, one half in each word: decode them together.
            pending = (charset, pending[1] + raw)
        else:
            if pending is not None:
                out.append(decode_text(pending[1], pending[0], guess=False))
            if not joins:
                out.append(between)
            pending = (charset, raw)
        end = match.end()
    if pending is not None:
        out.append(decode_text(pending[1], pending[0], guess=False))
    out.append(value[end:])
    return one_line("".join(out))


def _word_bytes(encoding: str, text: str) -> bytes:
    raw = text.encode("utf-8", "replace")
    if encoding in "qQ":
        return binascii.a2b_qp(raw.replace(b" ", b"_"), header=True)
    try:
        return binascii.a2b_base64(raw + b"=" * (-len(raw) % 4))
    except binascii.Error:
        return raw


def parameters(value: str) -> tuple[str, dict[str, str]]:
    """`text/plain; charset=utf-8` as its first word in lower case and its parameters, RFC 2231 forms joined."""
    pieces = _split(value)
    plain: dict[str, str] = {}
    extended: dict[str, dict[int, tuple[bool, str]]] = {}
    for piece in pieces[1:50]:
        name, _, text = piece.partition("=")
        name, text = name.strip().lower(), _unquote(text.strip())
        base, star, rest = name.partition("*")
        if not star:
            plain.setdefault(name, text)
            continue
        digits, coded = rest.rstrip("*"), rest.endswith("*") or not rest
        number = int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 4 else 0
        extended.setdefault(base, {})[number] = (coded, text)
    plain.update({name: _join(sections) for name, sections in extended.items()})
    return pieces[0].strip().lower(), plain


def _split(value: str) -> list[str]:
    pieces = list[str]()
    start, quoted, escaped = 0, False, False
    for index, letter in enumerate(value):
        if escaped:
            escaped = False
        elif letter == "\\" and quoted:
            escaped = True
        elif letter == '"':
            quoted = not quoted
        elif letter == ";" and not quoted:
            pieces.append(value[start:index])
            start = index + 1
    return [*pieces, value[start:]]


def _unquote(text: str) -> str:
    if text.startswith('"'):
        end = text.rfind('"')
        text = text[1:end] if end > 0 else text[1:]
        return re.sub(r"\\(.)", r"\1", text)
    return text


def _join(sections: dict[int, tuple[bool, str]]) -> str:
    ordered = [sections[number] for number in sorted(sections)]
    charset = ""
    raw = b""
    for index, (coded, text) in enumerate(ordered):
        if index == 0 and coded and text.count("'") >= 2:
            charset, _, text = text.split("'", 2)
        raw += unquote_to_bytes(text) if coded else text.encode("utf-8", "replace")
    return decode_text(raw, charset or None, guess=False)


def message_ids(value: str, limit: int = 200) -> tuple[str, ...]:
    """The message ids in a field, without angle brackets: `References` may hold tabs, commas and broken ids."""
    return tuple(match[1] for match, _ in zip(_ID.finditer(value), range(limit), strict=False))


def message_id(value: str) -> str:
    """The id of a `Message-ID` field, without angle brackets. Obsolete forms with spaces and comments are read too."""
    if found := _ID.search(value):
        return found[1]
    if found := _BROKEN_ID.search(_COMMENT.sub("", value)):
        return re.sub(r"\s", "", found[1])
    return re.sub(r"\s", "", one_line(value))[:900] if "@" in value else ""


def date_of(value: str) -> datetime | None:
    """The time in a `Date` field in UTC, or None where it cannot be read."""
    cleaned = value[:200]
    for text in (cleaned, re.sub(r"\s*:\s*", ":", _COMMENT.sub("", cleaned))):
        try:
            found = parsedate_to_datetime(text)
            return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
        except (ValueError, TypeError, IndexError, OverflowError, AttributeError):
            continue
    return None
