"""Files of posts and DMs as references, and where their bytes are."""

from __future__ import annotations

import re

from omnichannel.adapters.x.wire import MediaObject, Variant
from omnichannel.kit.files import file_at
from omnichannel.kit.urls import host_of, path_of
from omnichannel.model.content import Media

PRIVATE_HOSTS = frozenset({"ton.twitter.com", "ton.x.com"})
"""Files of DMs: only for a participant's token (https://docs.x.com/x-api/direct-messages/media/introduction)."""
PUBLIC_HOSTS = frozenset({"pbs.twimg.com", "video.twimg.com"})
_PLATFORM = "platform:"
_DM_FILE = re.compile(r"/1\.1/ton/data/dm/([0-9]{1,19})/([0-9]{1,19})/([A-Za-z0-9_-]+\.[A-Za-z0-9]+)")


def media_of(media: MediaObject) -> Media:
    """A file of `includes.media`. An animated GIF is a silent video on X."""
    photo = media.get("type") == "photo"
    url = media.get("url") or _best(media.get("variants") or []) or media.get("preview_image_url") or ""
    ref, alt = reference_of(url, media["media_key"]), media.get("alt_text")
    otherwise = "image/jpeg" if photo else "video/mp4"
    return file_at(url, "image" if photo else "video", otherwise, id=media["media_key"], ref=ref, alt=alt)


def _best(variants: list[Variant]) -> str | None:
    """The URL of the best MP4: a playlist is no file."""
    files = [one for one in variants if (one.get("content_type") or "video/mp4") == "video/mp4"]
    best = max(files, key=lambda one: one.get("bit_rate") or one.get("bitrate") or 0, default=None)
    return best["url"] if best else None


def reference_of(url: str, media_id: str) -> str:
    """A public file is its URL; one that needs our token, or has no URL yet, is the platform's."""
    public = url and host_of(url) in PUBLIC_HOSTS and not path_of(url).startswith("/dm_")
    return url if public else f"{_PLATFORM}{url or media_id}"


def download_url(ref: str, *, oauth1: bool) -> str | None:
    """Where the bytes of a `platform:` reference are; None where it is no file of X that we may ask for.

    OAuth 2.0 has an endpoint of its own; OAuth 1.0a asks for the address that stands in the message.
    """
    url = ref.removeprefix(_PLATFORM)
    host = host_of(url)
    if not ref.startswith(_PLATFORM) or not url.startswith("https://") or host not in PRIVATE_HOSTS | PUBLIC_HOSTS:
        return None
    if host in PUBLIC_HOSTS or oauth1:
        return url
    named = _DM_FILE.fullmatch(path_of(url))
    return f"2/dm_conversations/media/{named[1]}/{named[2]}/{named[3]}" if named else None
