"""What comes along with an item: people, files, authors of posts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import TypeAdapter, ValidationError

from omnichannel.adapters.x.messages import Around
from omnichannel.adapters.x.wire import MEDIA, USER, MediaObject, User
from omnichannel.kit.shapes import is_object, member, text_of, values_of

Json = Mapping[str, Any]


def inner(value: object) -> object:
    """Some lists hold `{"data": {...}}` in the place of the object."""
    return found if is_object(found := member(value, "data")) else value


def valid(adapter: TypeAdapter[Any], items: Iterable[object]) -> list[Any]:
    """The items of that shape; others are passed over."""
    found: list[Any] = []
    for item in items:
        try:
            found.append(adapter.validate_python(item))
        except ValidationError:
            continue
    return found


def surroundings(data: Json, around: Around) -> Around:
    """The people, files and authors that came along: in `includes`, or in the maps of the older bodies."""
    includes = data.get("includes")
    named = [*values_of(data.get("users")), *values_of(member(includes, "users"))]
    users: dict[str, User] = {one["id"]: one for one in valid(USER, [_modern(inner(one)) for one in named])}
    files = valid(MEDIA, values_of(member(includes, "media")))
    media: dict[str, MediaObject] = {one["media_key"]: one for one in files}
    posts = [*values_of(member(includes, "tweets")), *values_of(member(includes, "posts"))]
    authors = {text_of(member(one, "id")) or "": text_of(member(one, "author_id")) or "" for one in posts}
    return Around(received_at=around.received_at, users=users, media=media, authors=authors)


def _modern(user: object) -> object:
    """A user of API v1.1 has its handle as `screen_name`."""
    if is_object(user) and "screen_name" in user:
        return {**user, "username": user["screen_name"], "id": user.get("id_str") or user.get("id")}
    return user
