"""Our presence at a place to which we can only link."""

from __future__ import annotations

import re
from typing import Self
from urllib.parse import urlsplit

from pydantic import Field, model_validator

from omnichannel.adapters.link_only.surfaces import PLACES
from omnichannel.channel import Account

SLOTS = ("username", "ref", "text")
_SLOT = re.compile(r"\{([^{}]*)\}")


class LinkOnlyAccount(Account):
    """`place` is the channel's name: a known one (`snapchat`, `mewe`), which needs our `username` there, or any other,
    which needs a `url`. In a `url`, `{username}`, `{text}` and `{ref}` are filled in; with `{ref}` the link carries
    the reference of the conversation, and whoever reads it there can hand it back to us."""

    place: str = Field(pattern=r"^[a-z0-9][a-z0-9_]{0,39}$")
    username: str | None = Field(default=None, pattern=r"^[^\s/?#{}]{1,100}$")
    url: str | None = None

    @model_validator(mode="after")
    def _can_be_linked(self) -> Self:
        known = PLACES.get(self.place)
        if known is None and self.url is None:
            raise ValueError(f"{self.place!r} is not a known place ({', '.join(PLACES)}): say its `url`")
        wrong = [name for name in _SLOT.findall(self.template) if name not in SLOTS]
        if wrong:
            raise ValueError(f"url: {{{wrong[0]}}} is not filled in; there are {', '.join(SLOTS)}")
        if "{username}" in self.template and self.username is None:
            raise ValueError(f"{self.place} needs our `username` there")
        if urlsplit(self.template).scheme != "https" or _SLOT.search(urlsplit(self.template).netloc):
            raise ValueError("url: begins with https:// and the name of a host")
        return self

    @property
    def template(self) -> str:
        """The link with its slots."""
        known = PLACES.get(self.place)
        return self.url or (known.url if known is not None else "")

    @property
    def carries(self) -> bool:
        """Whether a link can carry a reference."""
        return "{ref}" in self.template
