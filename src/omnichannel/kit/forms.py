"""Bodies of `application/x-www-form-urlencoded` as platforms post them, read strictly and within bounds."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import unquote_to_bytes

__all__ = ["MOST_FIELDS", "FormPairs", "form_fields", "form_pairs"]

FormPairs = list[tuple[bytes, bytes]]

MOST_FIELDS = 500


def form_pairs(body: bytes, most: int = MOST_FIELDS) -> FormPairs | None:
    """The names and values of a form in their order, blank ones included; None for what is none. Never raises.

    They are the decoded bytes, because that is what platforms sign, and not everybody's bytes are UTF-8. Each pair has
    exactly one `=`, as whoever escapes properly writes it: a form that can be read in two ways can be signed as one
    and read as the other. More than `most` pairs are none either.
    """
    if not body:
        return []
    if body.count(b"&") >= most or b" " in body:
        return None
    pairs: FormPairs = []
    plain = b"%" not in body and b"+" not in body
    for piece in body.split(b"&"):
        name, equals, value = piece.partition(b"=")
        if not equals or b"=" in value:
            return None
        pairs.append((name, value) if plain else (_decoded(name), _decoded(value)))
    return pairs


def _decoded(raw: bytes) -> bytes:
    if b"+" in raw:
        raw = raw.replace(b"+", b" ")
    return unquote_to_bytes(raw) if b"%" in raw else raw


def form_fields(pairs: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """The pairs as text; the first of a name counts. Bytes that are not UTF-8 are replaced, and NUL, which no
    database takes, is left out."""
    fields: dict[str, str] = {}
    for name, value in pairs:
        text = value.decode("utf-8", "replace")
        fields.setdefault(name.decode("utf-8", "replace"), text.replace("\0", "") if "\0" in text else text)
    return fields
