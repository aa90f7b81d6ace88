"""The places that are known, as data. Any other is an account with a `url` of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from omnichannel.channel import Capabilities, LinkCapacity


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceFact:
    """A place: the link to a profile there (`{username}` is filled in), and why it is no more than a link."""

    url: str
    why: str
    see: str


SURFACES: Mapping[str, Capabilities] = MappingProxyType({})
"""None: nothing is received and nothing can be sent."""

LINK_CAPACITY = LinkCapacity(chars=64, alphabet="token", editable=False)
"""Of links whose template has a place for the reference. The known places have none."""

PLACES: Mapping[str, PlaceFact] = MappingProxyType(
    {
        "snapchat": PlaceFact(
            url="https://www.snapchat.com/add/{username}",
            why="Snap has no public API for conversations between a business and its customers",
            see="https://developers.snap.com/api/marketing-api/Public-Profile-API/GetStarted",
        ),
        "mewe": PlaceFact(
            url="https://mewe.com/p/{username}",
            why="MeWe's API is a preview for bots in chats and groups, not an inbox of a page",
            see="https://dev.mewe.com/",
        ),
    }
)
