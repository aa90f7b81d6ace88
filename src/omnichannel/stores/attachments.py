"""Attachments as rows. What stands in the journalled bytes themselves is named by its journal row, which is kept."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from omnichannel.model.content import Media

INLINE = "inline:"
JOURNAL = "journal:"
_SHOWN = ("id", "kind", "name", "type", "size", "sha256", "ref", "expires_at")


def row_of(media_id: str, message_id: str, journal_seq: int, account: str, item: Media) -> dict[str, Any]:
    """The row of an attachment: an adapter's `inline:<range>` becomes `journal:<seq>#<range>`."""
    inline = item.ref.startswith(INLINE)
    return {
        "id": media_id,
        "message_id": message_id,
        "account": account,
        "kind": item.kind,
        "name": item.name,
        "type": item.type,
        "size": item.size,
        "sha256": item.sha256,
        "ref": f"{JOURNAL}{journal_seq}#{item.ref.removeprefix(INLINE)}" if inline else item.ref,
        "expires_at": item.expires_at,
        "journal_seq": journal_seq if inline else None,
    }


def shown(row: Mapping[str, Any], item: Media) -> dict[str, Any]:
    """What a message says of its attachment."""
    return {name: row[name] for name in _SHOWN} | {"caption": item.caption, "alt": item.alt}
