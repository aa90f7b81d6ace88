"""Uploads. An upload by itself says nothing to anyone, so it may be repeated; unused files are deleted by the server.

https://docs.joinmastodon.org/methods/media/#v2
"""

from __future__ import annotations

from typing import Protocol

from omnichannel.adapters.mastodon.surfaces import DESCRIPTION, MEDIA_AGAIN, MEDIA_CHECKS
from omnichannel.channel import FilePart, Flow, HttpRequest, HttpResponse, Multipart
from omnichannel.kit import flows
from omnichannel.kit.flows import read, repeatable
from omnichannel.kit.refusals import invalid
from omnichannel.kit.uploads import Progress, wait_for
from omnichannel.model.content import Media


class Caller(flows.Caller, Protocol):
    """What a flow needs of a channel."""

    def checked(self, request: HttpRequest) -> Flow[HttpResponse]: ...


def upload(caller: Caller, media: Media) -> Flow[str]:
    """The id of an uploaded file that the server has worked through. A flow cannot wait: what takes longer is tried
    again, from the upload."""
    if media.kind not in ("image", "video", "audio"):
        raise invalid("unsupported_media", f"Mastodon takes images, videos and sounds, not {media.type}")
    fields = (("description", media.alt[:DESCRIPTION]),) if media.alt else ()
    body = Multipart(fields=fields, files=(FilePart(name="file", media=media),))
    response = yield from caller.checked(repeatable("POST", "api/v2/media", "media", body))
    media_id = caller.require(response.json(), "id")

    def look() -> Flow[Progress]:
        return _progress((yield from caller.checked(read(f"api/v1/media/{media_id}", "media_status"))))

    yield from wait_for(f"media {media_id}", _progress(response), look, MEDIA_CHECKS)
    return media_id


def _progress(response: HttpResponse) -> Progress:
    return Progress("ready" if response.status == 200 else "working", MEDIA_AGAIN)
