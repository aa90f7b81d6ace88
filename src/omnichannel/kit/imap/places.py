"""How far each folder was read: the cursor of an IMAP session."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote, unquote

__all__ = ["Place", "read_places", "write_places"]


@dataclass(frozen=True, slots=True)
class Place:
    """The last mail that was taken from a folder. UIDs mean something only together with the UIDVALIDITY."""

    validity: int
    uid: int


def read_places(cursor: str | None, folders: tuple[str, ...]) -> dict[str, Place]:
    """The places in a cursor: `7:45` for the first folder, `;Junk=3:12` for the others. Unreadable ones are left out,
    so their folders begin anew."""
    found: dict[str, Place] = {}
    for item in (cursor or "").split(";"):
        name, named, numbers = item.rpartition("=")
        validity, _, uid = numbers.partition(":")
        folder = unquote(name) if named else folders[0]
        if folder in folders and _is_number(validity) and _is_number(uid):
            found[folder] = Place(int(validity), int(uid))
    return found


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 19


def write_places(places: dict[str, Place], folders: tuple[str, ...]) -> str:
    """The cursor for these places."""
    items: list[str] = []
    for folder in folders:
        if place := places.get(folder):
            numbers = f"{place.validity}:{place.uid}"
            items.append(numbers if folder == folders[0] else f"{quote(folder, safe='')}={numbers}")
    return ";".join(items)
