"""Files that a platform tells us about: what they are, what they are called, how their digests are written."""

from __future__ import annotations

import binascii
from base64 import b64decode

from omnichannel.kit.urls import path_of
from omnichannel.model.content import Media, MediaKind

__all__ = ["file_at", "hex_digest"]

# https://www.iana.org/assignments/media-types/. Not `mimetypes`, which reads the files of the machine it runs on.
_TYPES = {
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "png": "image/png",
    "gif": "image/gif",
    "webp": "image/webp",
    "avif": "image/avif",
    "mp4": "video/mp4",
    "webm": "video/webm",
    "mov": "video/quicktime",
    "mp3": "audio/mpeg",
    "ogg": "audio/ogg",
    "wav": "audio/wav",
    "flac": "audio/flac",
}


def file_at(
    url: str, kind: MediaKind, otherwise: str, *, id: str = "", ref: str | None = None, alt: str | None = None
) -> Media:
    """A file by its URL: its name is the end of the path, its type that of its suffix, or `otherwise`. `ref` is where
    its bytes are where that is another place. Never raises."""
    name = path_of(url).rpartition("/")[2]
    type_ = _TYPES.get(name.rpartition(".")[2].lower(), otherwise)
    return Media(id=id, kind=kind, name=name, type=type_, ref=url if ref is None else ref, alt=alt or None)


def hex_digest(written: str) -> str | None:
    """A SHA-256 digest in base64 as lower-case hex; None for anything else. Never raises."""
    try:
        raw = b64decode(written, validate=True)
    except (binascii.Error, ValueError):
        return None
    return raw.hex() if len(raw) == 32 else None
