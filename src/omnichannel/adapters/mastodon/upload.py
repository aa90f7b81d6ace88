"""Uploads. An upload by itself says nothing to anyone, so it may be repeated; unused files are deleted by the server.

https://docs.joinmastodon.org/methods/media/#v2
"""

from __future__ import annotations

from typing import Any, Protocol

from omnichannel.adapters.mastodon.surfaces import DESCRIPTION, MEDIA_AGAIN, MEDIA_CHECKS
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
from omnichannel.model.content import Media


class Caller(Protocol):
    """What a flow needs of a channel."""

    def call(self, request: HttpRequest) -> Flow[Any]: ...

    def checked(self, request: HttpRequest) -> Flow[HttpResponse]: ...

    def require(self, data: Any, *path: str | int) -> str: ...


def upload(caller: Caller, media: Media) -> Flow[str]:
    """The id of an uploaded file that the server has worked through. A flow cannot wait: what takes longer is tried
    again, from the upload."""
    if media.kind not in ("image", "video", "audio"):
        raise invalid("unsupported_media", f"Mastodon takes images, videos and sounds, not {media.type}")
    fields = (("description", media.alt[:DESCRIPTION]),) if media.alt else ()
    body = Multipart(fields=fields, files=(FilePart(name="file", media=media),))
    request = HttpRequest(method="POST", url="api/v2/media", body=body, repeat=Repeat.SAFE, limit="media")
    response = yield from caller.checked(request)
    media_id = caller.require(response.json(), "id")
    for _ in range(MEDIA_CHECKS):
        if response.status == 200:
            return media_id
        look = HttpRequest(method="GET", url=f"api/v1/media/{media_id}", repeat=Repeat.SAFE, limit="media_status")
        response = yield from caller.checked(look)
    if response.status == 200:
        return media_id
    raise Rejected(
        Failure(
            outcome=Outcome.RETRY,
            level=Level.ATTEMPT,
            code="media_pending",
            message=f"the server still works on media {media_id}",
            retry_after=MEDIA_AGAIN,
        )
    )
