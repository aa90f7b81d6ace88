"""From a part to what the terminal shows."""

from __future__ import annotations

from typing import assert_never

from pydantic import JsonValue

from omnichannel.channel import Part
from omnichannel.model.content import Location, Media, Template, Text


def render(part: Part) -> dict[str, JsonValue]:
    """The body of an append: `key`, `text` and, where there are any, `choices`, `links` and `media`."""
    body: dict[str, JsonValue] = {"key": part.key, "text": _text(part)}
    content = part.content
    if isinstance(content, Text):
        choices: list[JsonValue] = [
            {"number": number, "title": reply.title, "id": reply.choice}
            for number, reply in enumerate(content.quick_replies, 1)
        ]
        links: list[JsonValue] = [{"title": button.title, "url": button.url} for button in content.buttons]
        media: list[JsonValue] = [_media(one) for one in content.attachments]
        body |= {name: many for name, many in (("choices", choices), ("links", links), ("media", media)) if many}
    if isinstance(content, Media):
        body["media"] = [_media(content)]
    return body


def _text(part: Part) -> str:
    match part.content:
        case Text() | Media():
            return part.text
        case Template(name=name, slots=slots):
            return " ".join([f"[{name}]", *(f"{slot}={value}" for slot, value in slots.items())])
        case Location(latitude=latitude, longitude=longitude, name=name):
            return f"{name or 'Location'} ({latitude:.5f}, {longitude:.5f})"
        case _:
            assert_never(part.content)


def _media(media: Media) -> str:
    return media.name or media.kind
