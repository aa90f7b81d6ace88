"""Files of posts and DMs as references, and where their bytes are."""

from __future__ import annotations

import re
from collections.abc import Sequence
from urllib.parse import urlsplit

from omnichannel.adapters.x.wire import LegacyMedia, MediaObject, Variant
from omnichannel.model.content import Media, MediaKind

PRIVATE_HOSTS = frozenset({"ton.twitter.com", "ton.x.com"})
"""Files of DMs: only for a participant's token (https://docs.x.com/x-api/direct-messages/media/introduction)."""
PUBLIC_HOSTS = frozenset({"pbs.twimg.com", "video.twimg.com"})
_PLATFORM = "platform:"
_DM_FILE = re.compile(r"/1\.1/ton/data/dm/([0-9]{1,19})/([0-9]{1,19})/([A-Za-z0-9_-]+\.[A-Za-z0-9]+)")
_TYPES = {
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "png": "image/png",
    "gif": "image/gif",
    "webp": "image/webp",
    "mp4": "video/mp4",
    "mov": "video/quicktime",
}


def post_media(media: MediaObject) -> Media:
    """A file of `includes.media`. An animated GIF is a silent video on X."""
    kind: MediaKind = "image" if media.get("type") == "photo" else "video"
    url = media.get("url") or _best(media.get("variants")) or media.get("preview_image_url") or ""
    return _media(media["media_key"], kind, url, media.get("alt_text"))


def legacy_media(media: LegacyMedia) -> Media:
    """A file in the words of API v1.1, as DMs of webhooks have it."""
    kind: MediaKind = "image" if media.get("type") in ("photo", None) else "video"
    best = _best((media.get("video_info") or {}).get("variants"))
    return _media(
        media.get("id_str") or "", kind, best or media.get("media_url_https") or "", media.get("ext_alt_text")
    )


def _best(variants: Sequence[Variant] | None) -> str | None:
    """The URL of the best MP4: a playlist is no file."""
    files = [one for one in variants or () if (one.get("content_type") or "video/mp4") == "video/mp4"]
    best = max(files, key=lambda one: one.get("bit_rate") or one.get("bitrate") or 0, default=None)
    return best["url"] if best else None


def _media(media_id: str, kind: MediaKind, url: str, alt: str | None) -> Media:
    default = "image/jpeg" if kind == "image" else "video/mp4"
    path = _path(url)
    return Media(
        id=media_id,
        kind=kind,
        name=path.rpartition("/")[2],
        type=_TYPES.get(path.rpartition(".")[2].lower(), default),
        ref=reference_of(url, media_id),
        alt=alt or None,
    )


def reference_of(url: str, media_id: str) -> str:
    """A public file is its URL; one that needs our token, or has no URL yet, is the platform's."""
    if url and _host(url) in PUBLIC_HOSTS and not _path(url).startswith("/dm_"):
        return url
    return f"{_PLATFORM}{url or media_id}"


def download_url(ref: str, *, oauth1: bool) -> str | None:
    """Where the bytes of a `platform:` reference are; None where it is no file of X that we may ask for.

    OAuth 2.0 has an endpoint of its own; OAuth 1.0a asks for the address that stands in the message.
    """
    url = ref.removeprefix(_PLATFORM)
    host = _host(url)
    if not ref.startswith(_PLATFORM) or not url.startswith("https://") or host not in PRIVATE_HOSTS | PUBLIC_HOSTS:
        return None
    if host in PUBLIC_HOSTS or oauth1:
        return url
    named = _DM_FILE.fullmatch(_path(url))
    return f"2/dm_conversations/media/{named[1]}/{named[2]}/{named[3]}" if named else None


def _host(url: str) -> str:
    try:
        return (urlsplit(url).hostname or "").lower()
    except ValueError:
        return ""


def _path(url: str) -> str:
    try:
        return urlsplit(url).path
    except ValueError:
        return ""
