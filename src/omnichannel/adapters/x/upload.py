"""Uploads: images in one request, video and animated GIF in slices that X then works on.

https://docs.x.com/x-api/media/quickstart/media-upload-chunked. What was uploaded lives for a day, and only the account
that uploaded it may send it.
"""

from __future__ import annotations

from datetime import timedelta

from pydantic import JsonValue

from omnichannel.adapters.x.surfaces import ALT_TEXT, CHUNK_BYTES, MAX_SEGMENTS, PROCESSING_CHECKS
from omnichannel.channel import FilePart, Flow, Multipart
from omnichannel.kit.flows import Caller, asked, read, repeatable
from omnichannel.kit.refusals import invalid
from omnichannel.kit.shapes import at
from omnichannel.kit.uploads import Progress, slices, wait_for
from omnichannel.model.content import Media

URL = "2/media/upload"


def upload(caller: Caller, media: Media, surface: str) -> Flow[str]:
    """The media id of an uploaded file."""
    category = category_of(media, surface)
    if category.endswith("_image"):
        body = Multipart(fields=(("media_category", category),), files=(FilePart(name="media", media=media),))
        data = yield from asked(caller, "POST", URL, "upload", body)
        media_id = caller.require(data, "data", "id")
    else:
        media_id = yield from _chunked(caller, media, category)
    if media.alt:
        # For those who cannot see the file. A message is not held back because X refused it.
        text: JsonValue = {"id": media_id, "metadata": {"alt_text": {"text": media.alt[:ALT_TEXT]}}}
        yield from caller.http(repeatable("POST", "2/media/metadata", "upload", text))
    return media_id


def category_of(media: Media, surface: str) -> str:
    """The use that X checks a file against: `dm_image`, `tweet_video`, ..."""
    prefix = "dm" if surface == "dm" else "tweet"
    if media.type == "image/gif":
        return f"{prefix}_gif"
    if media.kind in ("image", "video"):
        return f"{prefix}_{media.kind}"
    raise invalid("unsupported_media", f"X takes images and videos, not {media.type}")


def _chunked(caller: Caller, media: Media, category: str) -> Flow[str]:
    pieces = slices(media, CHUNK_BYTES, MAX_SEGMENTS, "media")
    start: JsonValue = {"media_category": category, "media_type": media.type, "total_bytes": media.size}
    data = yield from asked(caller, "POST", f"{URL}/initialize", "upload", start)
    media_id = caller.require(data, "data", "id")
    for index, piece in enumerate(pieces):
        body = Multipart(fields=(("segment_index", str(index)),), files=(piece,))
        yield from asked(caller, "POST", f"{URL}/{media_id}/append", "upload", body)
    data = yield from asked(caller, "POST", f"{URL}/{media_id}/finalize", "upload")

    def look() -> Flow[Progress]:
        query = (("command", "STATUS"), ("media_id", media_id))
        return _progress((yield from caller.call(read(URL, "media_status", query))))

    yield from wait_for(f"media {media_id}", _progress(data), look, PROCESSING_CHECKS)
    return media_id


def _progress(data: object) -> Progress:
    state, wait = (at(data, f"data.processing_info.{name}") for name in ("state", "check_after_secs"))
    again = timedelta(seconds=max(wait, 1) if isinstance(wait, int) else 1)
    if state in (None, "succeeded"):
        return Progress("ready", again)
    return Progress("failed" if state == "failed" else "working", again)
