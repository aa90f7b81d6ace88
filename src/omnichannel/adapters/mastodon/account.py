"""An account of ours on one Mastodon server."""

from __future__ import annotations

import re
from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr

from omnichannel.adapters.mastodon import surfaces as facts
from omnichannel.channel import Account

_ORIGIN = r"^https?://[^/?#@\s]+/?$"
_HANDLE = re.compile(r"@?([^@\s]+)(?:@([^@\s]+))?")


class MastodonAccount(Account):
    """One handle on one server; each server is an account of its own.

    `base_url` is the server, `username` our name there, `token` the access token of an application, which does not
    expire. `domain` is what stands in handles where it is not the server's host (`@us@example.com` on
    `social.example.com`). `streaming_url` is the streaming server where it has a host of its own (`GET
    /api/v2/instance` tells it). `share_on` is the server on which links open a composer: that of most customers.

    Servers choose their limits: `max_characters`, `max_media`, `image_bytes` and `video_bytes` are those of this one;
    `setup.limits` reads them. `replies` is how a public answer to a public post is listed.
    """

    base_url: str = Field(pattern=_ORIGIN)
    username: str = Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}$")
    token: SecretStr = SecretStr("")
    domain: str | None = Field(default=None, pattern=r"^[^/?#@\s]+$")
    streaming_url: str | None = Field(default=None, pattern=_ORIGIN)
    share_on: str | None = Field(default=None, pattern=_ORIGIN)
    replies: Literal["unlisted", "public"] = "unlisted"
    max_characters: int = Field(default=facts.CHARACTERS, ge=100, le=facts.MOST_CHARACTERS)
    max_media: int = Field(default=facts.MEDIA_COUNT, ge=1, le=facts.MEDIA_COUNT)
    image_bytes: int = Field(default=facts.IMAGE_BYTES, ge=1, le=facts.IMAGE_BYTES)
    video_bytes: int = Field(default=facts.VIDEO_BYTES, ge=1, le=facts.VIDEO_BYTES)

    @property
    def host(self) -> str:
        """What stands behind the second @ of handles on this server."""
        return (self.domain or urlsplit(self.base_url).netloc).lower()

    @property
    def handle(self) -> str:
        """Our whole handle, without the first @."""
        return f"{self.username}@{self.host}".lower()

    def whole(self, acct: str) -> str:
        """A handle with its host, in lower case: the server leaves out its own (`ann`, `bob@elsewhere.example`)."""
        found = _HANDLE.fullmatch(acct.strip())
        if found is None:
            return acct.strip().lower()
        return f"{found[1]}@{found[2] or self.host}".lower()
