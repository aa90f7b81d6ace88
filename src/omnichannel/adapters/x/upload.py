"""Uploads: images in one request, video and animated GIF in slices that X then works on.

https://docs.x.com/x-api/media/quickstart/media-upload-chunked. An upload by itself says nothing to anyone, so all of
it may be repeated; what was uploaded lives for a day, and only the account that uploaded it may send it.
"""

from __future__ import annotations

from collections.abc import Generator
from datetime import timedelta
from typing import Any, Protocol

from pydantic import JsonValue

from omnichannel.adapters.x.surfaces import ALT_TEXT, CHUNK_BYTES, MAX_SEGMENTS, PROCESSING_CHECKS
from omnichannel.channel import (
    Failure,
    FilePart,
    Flow,
    HttpRequest,
    HttpResponse,
    Level,
    Multipart,
    Outcome,
    Rejected,
    Repeat,
)
from omnichannel.kit.refusals import invalid
from omnichannel.kit.shapes import member, text_of
from omnichannel.model.content import Media


class Caller(Protocol):
    """What a flow needs of a channel."""

    def call(self, request: HttpRequest) -> Flow[Any]: ...

    def http(self, request: HttpRequest) -> Flow[HttpResponse]: ...

    def require(self, data: Any, *path: str | int) -> str: ...


def upload(caller: Caller, media: Media, surface: str) -> Flow[str]:
    """The media id of an uploaded file."""
    category = category_of(media, surface)
    if category.endswith("_image"):
        media_id = yield from _one_shot(caller, media, category)
    else:
        media_id = yield from _chunked(caller, media, category)
    if media.alt:
        yield from _describe(caller, media_id, media.alt)
    return media_id


def category_of(media: Media, surface: str) -> str:
    """The use that X checks a file against: `dm_image`, `tweet_video`, ..."""
    prefix = "dm" if surface == "dm" else "tweet"
    if media.type == "image/gif":
        return f"{prefix}_gif"
    if media.kind in ("image", "video"):
        return f"{prefix}_{media.kind}"
    raise invalid("unsupported_media", f"X takes images and videos, not {media.type}")


def _one_shot(caller: Caller, media: Media, category: str) -> Flow[str]:
    body = Multipart(fields=(("media_category", category),), files=(FilePart(name="media", media=media),))
    request = HttpRequest(method="POST", url="2/media/upload", body=body, repeat=Repeat.SAFE, limit="upload")
    data = yield from caller.call(request)
    return caller.require(data, "data", "id")


def _chunked(caller: Caller, media: Media, category: str) -> Flow[str]:
    size = media.size
    if size is None or size > CHUNK_BYTES * MAX_SEGMENTS:
        raise invalid("unknown_size", f"a {category} needs its size, and at most {MAX_SEGMENTS} slices")
    start: dict[str, JsonValue] = {"media_category": category, "media_type": media.type, "total_bytes": size}
    data = yield from caller.call(_step("initialize", start))
    media_id = caller.require(data, "data", "id")
    for index, offset in enumerate(range(0, size, CHUNK_BYTES)):
        slice_ = FilePart(name="media", media=media, offset=offset, length=min(CHUNK_BYTES, size - offset))
        body = Multipart(fields=(("segment_index", str(index)),), files=(slice_,))
        yield from caller.call(_step(f"{media_id}/append", body))
    data = yield from caller.call(_step(f"{media_id}/finalize", None))
    yield from _processed(caller, media_id, data)
    return media_id


def _step(path: str, body: JsonValue | Multipart) -> HttpRequest:
    return HttpRequest(method="POST", url=f"2/media/upload/{path}", body=body, repeat=Repeat.SAFE, limit="upload")


def _processed(caller: Caller, media_id: str, data: Any) -> Generator[Any, Any, None]:
    """Looks until X has worked through the file. A flow cannot wait: what takes longer is tried again."""
    wait = 1
    for _ in range(PROCESSING_CHECKS):
        state, wait = _state(data)
        if state is None or state == "succeeded":
            return
        if state == "failed":
            raise invalid("media_failed", "X could not process the file")
        query = (("command", "STATUS"), ("media_id", media_id))
        data = yield from caller.call(
            HttpRequest(method="GET", url="2/media/upload", query=query, repeat=Repeat.SAFE, limit="media_status")
        )
    raise Rejected(
        Failure(
            outcome=Outcome.RETRY,
            level=Level.ATTEMPT,
            code="media_pending",
            message=f"X still works on media {media_id}",
            retry_after=timedelta(seconds=wait),
        )
    )


def _state(data: Any) -> tuple[str | None, int]:
    info = member(member(data, "data"), "processing_info")
    if info is None:
        return None, 1
    wait = member(info, "check_after_secs")
    return text_of(member(info, "state")), max(wait, 1) if isinstance(wait, int) else 1


def _describe(caller: Caller, media_id: str, alt: str) -> Flow[None]:
    """The text for those who cannot see the file. A message is not held back because X refused it."""
    body: JsonValue = {"id": media_id, "metadata": {"alt_text": {"text": alt[:ALT_TEXT]}}}
    yield from caller.http(
        HttpRequest(method="POST", url="2/media/metadata", body=body, repeat=Repeat.SAFE, limit="upload")
    )
