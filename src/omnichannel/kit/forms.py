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
    others = body.count(b"&")
    if others >= most or body.count(b"=") != others + 1 or b" " in body:
        return None
    pairs: FormPairs = []
    for piece in body.replace(b"+", b" ").split(b"&"):
        name, equals, value = piece.partition(b"=")
        if not equals:
            return None
        if b"%" in piece:
            name, value = unquote_to_bytes(name), unquote_to_bytes(value)
        pairs.append((name, value))
    return pairs


def form_fields(pairs: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """The pairs as text; the first of a name counts. Bytes that are not UTF-8 are replaced, and NUL, which no
    database takes, is left out."""
    fields: dict[str, str] = {}
    for name, value in pairs:
        text = value.decode("utf-8", "replace")
        fields.setdefault(name.decode("utf-8", "replace"), text.replace("\0", "") if "\0" in text else text)
    return fields
