"""Uploads to simulated X: what a file may be used for, how large it may be, and how long it lives."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from omnichannel.testing.simulators.base import Request, Response, json_response, route
from omnichannel.testing.simulators.x_access import XAccess
from omnichannel.testing.simulators.x_state import Access, SimMedia, invalid, not_found, problem

MEDIA_LIFE = timedelta(hours=24)
_MB = 1024 * 1024
SIZES: Mapping[str, int] = {"image": 5 * _MB, "gif": 15 * _MB, "video": 512 * _MB}
ONE_SHOT = frozenset({"tweet_image", "dm_image", "subtitles"})
CATEGORIES = frozenset({"tweet_image", "tweet_gif", "tweet_video", "dm_image", "dm_gif", "dm_video", "amplify_video"})
TYPES: Mapping[str, tuple[str, ...]] = {
    "image": ("image/jpeg", "image/png", "image/webp", "image/bmp", "image/pjpeg", "image/tiff", "image/gif"),
    "gif": ("image/gif",),
    "video": ("video/mp4", "video/webm", "video/mp2t", "video/quicktime"),
}


class XMedia(XAccess):
    """Files. `processing_checks` is how often X says "not yet" about a video."""

    processing_checks = 1

    @route("POST", "/2/media/upload")
    async def upload(self, request: Request) -> Response:
        """A small file in one request."""
        access = self.enter(request, "upload", scopes="media.write")
        content, fields, kind = self._uploaded(request)
        category = fields.get("media_category", "")
        if category not in ONE_SHOT:
            raise invalid("$.media_category: does not have a value in the enumeration", media_category=[category])
        media = self._new(access, category, kind or "image/jpeg", len(content))
        media.content, media.ready = content, True
        self._checked(media)
        return self._shown(access, media)

    @route("POST", "/2/media/upload/initialize")
    async def initialize(self, request: Request) -> Response:
        """The beginning of an upload in slices."""
        access = self.enter(request, "upload", scopes="media.write")
        data = self.body(request, "media_category", "media_type", "total_bytes", "shared", "additional_owners")
        category, size = str(data.get("media_category", "")), data.get("total_bytes")
        if category not in CATEGORIES:
            raise invalid("$.media_category: does not have a value in the enumeration", media_category=[category])
        if not isinstance(size, int) or isinstance(size, bool) or size <= 0:
            raise invalid("$.total_bytes: is missing", total_bytes=[str(size)])
        media = self._new(access, category, str(data.get("media_type", "")), size)
        self._checked(media)
        return self._shown(access, media)

    @route("POST", "/2/media/upload/{id}/append")
    async def append(self, request: Request) -> Response:
        """One slice."""
        access = self.enter(request, "upload", scopes="media.write")
        media = self._owned(access, request.path_params["id"])
        content, fields, _ = self._uploaded(request)
        index = fields.get("segment_index", "")
        if not index.isdigit() or int(index) > 999:
            raise invalid("$.segment_index: must be 0 to 999", segment_index=[index])
        media.segments[int(index)] = content
        expires = int(media.expires_at.timestamp())
        return json_response({"data": {"expires_at": expires}, "meta": {}}, 200, access.headers)

    @route("POST", "/2/media/upload/{id}/finalize")
    async def finalize(self, request: Request) -> Response:
        """The end of an upload in slices: all must be there."""
        access = self.enter(request, "upload", scopes="media.write")
        media = self._owned(access, request.path_params["id"])
        content = b"".join(media.segments[index] for index in sorted(media.segments))
        gaps = sorted(media.segments) != list(range(len(media.segments)))
        if gaps or len(content) != media.size:
            raise invalid(f"Segments do not add up to provided total file size: {len(content)} of {media.size}")
        media.content = content
        media.segments.clear()
        media.checks_left = self.processing_checks if media.category.endswith(("_video", "_gif")) else 0
        media.ready = media.checks_left == 0
        return self._shown(access, media)

    @route("GET", "/2/media/upload")
    async def status(self, request: Request) -> Response:
        """How far X is with a video."""
        access = self.enter(request, "media_status", scopes="media.write")
        media = self._owned(access, request.param("media_id"))
        media.checks_left = max(media.checks_left - 1, 0)
        media.ready = media.checks_left == 0 and bool(media.content)
        return self._shown(access, media, processing=True)

    @route("POST", "/2/media/metadata")
    async def metadata(self, request: Request) -> Response:
        """The text for those who cannot see a file."""
        access = self.enter(request, "upload", scopes="media.write")
        data = self.body(request, "id", "metadata")
        media = self._owned(access, str(data.get("id", "")))
        text = data.get("metadata", {}).get("alt_text", {}).get("text", "")
        if not isinstance(text, str) or len(text) > 1000:
            raise invalid("$.metadata.alt_text.text: is too long")
        media.alt = text
        self.charge("media metadata", "0.005")
        shown = {"id": media.id, "associated_metadata": data.get("metadata")}
        return json_response({"data": shown}, 200, access.headers)

    @route("GET", "/2/dm_conversations/media/{dm_id}/{media_id}/{resource_id}")
    async def download(self, request: Request) -> Response:
        """A file of a DM, for those in it, with an OAuth 2.0 token."""
        access = self.enter(request, "media", scopes="dm.read tweet.read users.read")
        if access.grant.kind != "oauth2":
            raise problem(403, "This endpoint takes OAuth 2.0 user context.", slug="unsupported-authentication")
        media = self.files.get(request.path_params["media_id"])
        if media is None:
            raise not_found("media")
        return Response(200, media.content, {"content-type": media.type})

    def sendable(self, access: Access, media_id: object, surface: str) -> SimMedia:
        """A file that may be sent by this user on this surface. Raises `Refused`."""
        media = self.files.get(media_id) if isinstance(media_id, str) else None
        prefix = "dm_" if surface == "dm" else "tweet_"
        if media is None or media.owner != access.grant.user_id or media.expires_at <= self.now():
            raise invalid("Your media IDs are invalid.", media_ids=[str(media_id)])
        if not media.ready or not media.category.startswith(prefix):
            raise invalid("Your media IDs are invalid: not processed, or for another use.", media_ids=[media.id])
        return media

    def put(self, owner: str, content: bytes, kind: str, category: str) -> SimMedia:
        """A file that somebody put up with the app."""
        media = SimMedia(
            id=self.snowflake(),
            owner=owner,
            category=category,
            type=kind,
            size=len(content),
            expires_at=self.now() + timedelta(days=3650),
            content=content,
            ready=True,
        )
        self.files[media.id] = media
        return media

    def _new(self, access: Access, category: str, kind: str, size: int) -> SimMedia:
        media = SimMedia(
            id=self.snowflake(),
            owner=access.grant.user_id,
            category=category,
            type=kind,
            size=size,
            expires_at=self.now() + MEDIA_LIFE,
        )
        self.files[media.id] = media
        return media

    def _checked(self, media: SimMedia) -> None:
        sort = "video" if media.category.endswith("_video") else "gif" if media.category.endswith("_gif") else "image"
        if media.type not in TYPES[sort]:
            raise invalid(f"media type {media.type} unrecognized for {media.category}")
        if media.size > SIZES[sort]:
            raise invalid(f"File size exceeds {SIZES[sort]} bytes.")

    def _owned(self, access: Access, media_id: str) -> SimMedia:
        media = self.files.get(media_id)
        if media is None or media.owner != access.grant.user_id or media.expires_at <= self.now():
            raise not_found("media")
        return media

    def _uploaded(self, request: Request) -> tuple[bytes, dict[str, str], str]:
        """The bytes, the other fields and the type, from a form or from JSON."""
        if request.media_type == "application/json":
            data = self.body(request, "media", "media_category", "media_type", "segment_index", "shared")
            fields = {str(name): str(value) for name, value in data.items() if name != "media"}
            return _decoded(data.get("media")), fields, fields.get("media_type", "")
        form = request.multipart()
        file = form.files.get("media")
        if file is None:
            raise invalid("$.media: is missing but it is required")
        return file.content, dict(form.fields), file.type

    def _shown(self, access: Access, media: SimMedia, *, processing: bool = False) -> Response:
        life = int((media.expires_at - self.now()).total_seconds())
        shown: dict[str, Any] = {"id": media.id, "media_key": media.key, "expires_after_secs": life, "size": media.size}
        if media.content and (processing or not media.ready):
            state = "succeeded" if media.ready else "in_progress" if processing else "pending"
            shown["processing_info"] = {"state": state, "check_after_secs": 1}
        return json_response({"data": shown, "meta": {}}, 200, access.headers)


def _decoded(media: object) -> bytes:
    """The bytes of a file in JSON. Raises `Refused`."""
    try:
        return base64.b64decode(str(media or ""), validate=True)
    except ValueError:
        raise invalid("$.media: is not base64", media=[str(media)]) from None
