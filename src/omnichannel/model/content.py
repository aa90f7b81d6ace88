"""What can be said: one tagged union of frozen values. No IO, no platform."""

from __future__ import annotations

import mimetypes
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

from omnichannel.model import late
from omnichannel.model.base import dump

if TYPE_CHECKING:
    from pydantic import JsonValue, TypeAdapter

MediaKind: TypeAlias = Literal["image", "video", "audio", "file"]
Slot: TypeAlias = str | int | Decimal | date | datetime


def kind_of(media_type: str) -> MediaKind:
    """The coarse kind of a MIME type: what a platform's limits are stated for."""
    match media_type.partition("/")[0]:
        case "image":
            return "image"
        case "video":
            return "video"
        case "audio":
            return "audio"
        case _:
            return "file"


@dataclass(frozen=True, slots=True, kw_only=True)
class Media:
    """A file by reference; its bytes stream in and out and are never part of a record.

    `ref` says where the bytes are: `blob:<sha256>` in the blob store, `blob:<sha256>#<offset>,<length>,<encoding>`
    a range of a stored mail, `journal:<row>#<offset>,<length>,<encoding>` a range of one that is small enough to stand
    in the journal (adapters, who do not know its row, say `inline:<offset>,<length>,<encoding>`), `path:<file>` on this
    host, `platform:<id>` at the platform (fetched by the adapter's `locate`), or `https://...`. `size` is in bytes,
    `sha256` lower-case hex of the decoded bytes where known.
    """

    id: str = ""
    kind: MediaKind = "file"
    name: str = ""
    type: str = "application/octet-stream"
    size: int | None = None
    sha256: str | None = None
    expires_at: datetime | None = None
    ref: str = ""
    alt: str | None = None
    caption: str = ""
    type_: Literal["media"] = "media"

    @classmethod
    def from_path(cls, path: str | Path, *, name: str | None = None, alt: str | None = None) -> Media:
        """A local file to send. Nothing is read now; a missing file is refused when the message is handed over."""
        file = Path(path)
        guessed = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
        return cls(name=name or file.name, type=guessed, kind=kind_of(guessed), ref=f"path:{file}", alt=alt)


@dataclass(frozen=True, slots=True)
class QuickReply:
    """One answer to tap. `id` comes back as `message.choice`, whether it was tapped or typed."""

    title: str
    id: str | None = field(default=None, kw_only=True)

    @property
    def choice(self) -> str:
        """The id that comes back: the given one, else the title."""
        return self.id if self.id is not None else self.title


@dataclass(frozen=True, slots=True)
class LinkButton:
    """A button that opens a URL."""

    title: str
    url: str


@dataclass(frozen=True, slots=True)
class Text:
    """Text, with what hangs on it. What a channel cannot show is degraded by rule, never dropped silently."""

    text: str
    quick_replies: tuple[QuickReply, ...] = field(default=(), kw_only=True)
    buttons: tuple[LinkButton, ...] = field(default=(), kw_only=True)
    attachments: tuple[Media, ...] = field(default=(), kw_only=True)
    type_: Literal["text"] = field(default="text", kw_only=True)

    def __init__(
        self,
        text: str,
        *,
        quick_replies: Sequence[QuickReply] = (),
        buttons: Sequence[LinkButton] = (),
        attachments: Sequence[Media] = (),
        type_: Literal["text"] = "text",
    ) -> None:
        object.__setattr__(self, "text", text)
        object.__setattr__(self, "quick_replies", tuple(quick_replies))
        object.__setattr__(self, "buttons", tuple(buttons))
        object.__setattr__(self, "attachments", tuple(attachments))
        object.__setattr__(self, "type_", type_)


@dataclass(frozen=True, slots=True)
class Template:
    """A message that the platform approved beforehand, by name, with its slots filled."""

    name: str
    slots: Mapping[str, Slot] = field(default_factory=dict[str, Slot])
    type_: Literal["template"] = field(default="template", kw_only=True)

    def __init__(
        self,
        name: str,
        slots: Mapping[str, Slot] | None = None,
        *,
        type_: Literal["template"] = "template",
        **named: Slot,
    ) -> None:
        object.__setattr__(self, "name", name)
        object.__setattr__(self, "slots", {**(slots or {}), **named})
        object.__setattr__(self, "type_", type_)


@dataclass(frozen=True, slots=True)
class Location:
    """A point on the map, in degrees (WGS 84)."""

    latitude: float
    longitude: float
    name: str | None = None
    type_: Literal["location"] = field(default="location", kw_only=True)


Block: TypeAlias = Text | Media | Template | Location
Content: TypeAlias = str | Text | Media | Template | Location


@dataclass(frozen=True, slots=True)
class Localized:
    """One content per BCP 47 language; the customer's language is chosen, then `default`.

    Raises `ValueError` where `default` has no content: a text that nobody might be able to read is a mistake.
    """

    by_language: Mapping[str, Content]
    default: str = field(default="en", kw_only=True)

    def __post_init__(self) -> None:
        if self.default not in self.by_language:
            known = ", ".join(sorted(self.by_language)) or "none"
            raise ValueError(f"Localized has no content for its default language {self.default!r} (it has: {known})")

    def pick(self, language: str | None) -> Content:
        """The content for a language tag: exact, then its primary subtag, then the default."""
        if language:
            lowered = {tag.lower(): content for tag, content in self.by_language.items()}
            tag = language.lower().replace("_", "-")
            while tag:
                if tag in lowered:
                    return lowered[tag]
                tag = tag.rpartition("-")[0]
        return self.by_language[self.default]


Sendable: TypeAlias = Content | Localized


def as_content(content: Content) -> Block:
    """A plain string is a Text."""
    return Text(content) if isinstance(content, str) else content


def text_of(content: Content) -> str:
    """The words of a content, as a list or a log shows them."""
    match content:
        case str():
            return content
        case Text():
            return content.text
        case Media():
            return content.caption
        case Template():
            return ""
        case Location():
            return content.name or ""


_ADAPTER: TypeAdapter[Block] = late.adapter(Block)
_MANY: TypeAdapter[dict[str, Block]] = late.adapter(dict[str, Block])


def dump_sendable(content: Sendable) -> JsonValue:
    """A JSON value that `load_sendable` turns back into an equal content."""
    if isinstance(content, Localized):
        return {
            "default": content.default,
            "by_language": _MANY.dump_python(
                {k: as_content(v) for k, v in content.by_language.items()}, mode="json", fallback=dict
            ),
        }
    dumped: JsonValue = dump(_ADAPTER, as_content(content))
    return dumped


def load_block(data: JsonValue) -> Block:
    """One content, of those that `dump_sendable` wrote; not a `Localized`."""
    return _ADAPTER.validate_python(data)


def load_sendable(data: JsonValue) -> Block | Localized:
    """The content that `dump_sendable` wrote."""
    if isinstance(data, dict) and "by_language" in data:
        return Localized(_MANY.validate_python(data["by_language"]), default=str(data["default"]))
    return _ADAPTER.validate_python(data)
