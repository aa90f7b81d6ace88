"""What a message says: words, files, and what Messenger itself does not hand over."""

from __future__ import annotations

import mimetypes
from pathlib import PurePosixPath
from typing import NamedTuple
from urllib.parse import unquote

from omnichannel.adapters.messenger.wire import Attachment, AttachmentPayload, Message
from omnichannel.kit.lines import place_lines
from omnichannel.kit.urls import path_of
from omnichannel.model.content import Media, MediaKind

_KINDS: dict[str, MediaKind] = {"image": "image", "video": "video", "audio": "audio", "file": "file"}
_TYPES: dict[MediaKind, str] = {"image": "image/*", "video": "video/*", "audio": "audio/*"}


class Said(NamedTuple):
    """`lost` says what Messenger did not hand over."""

    text: str
    attachments: tuple[Media, ...] = ()
    lost: str | None = None


def said(message: Message) -> Said:
    """The content of a message, ours or a customer's. Never raises."""
    text, given = message.get("text") or "", message.get("attachments")
    if not given:
        return Said(text, lost=None if text else "a message without text and attachments")
    files: list[Media] = []
    lines: list[str] = [text] if text else []
    lost: list[str] = []
    for one in given:
        payload = one.get("payload") or AttachmentPayload()
        url = payload.get("url") or one.get("url") or ""
        kind = _KINDS.get(one["type"])
        if kind is not None and url:
            files.append(_file(kind, url))
            continue
        shown = [line for line in _lines(one, payload, url) if line and line not in text]
        lines += shown
        if not shown and not text:
            lost.append(one["type"])
    return Said("\n".join(lines), tuple(files), ", ".join(lost) or None)


def _file(kind: MediaKind, url: str) -> Media:
    """A file on Meta's servers, whose URL needs no token and does not live for ever."""
    name = PurePosixPath(unquote(path_of(url))).name
    guessed = mimetypes.guess_type(name)[0]
    return Media(
        kind=kind,
        name=name,
        type=guessed if guessed is not None and guessed.startswith(f"{kind}/") else _unknown(kind, guessed),
        ref=url,
    )


def _unknown(kind: MediaKind, guessed: str | None) -> str:
    """A type that says no more than is known; its bytes tell the rest once they are fetched."""
    return guessed or "application/octet-stream" if kind == "file" else _TYPES.get(kind, "application/octet-stream")


def _lines(one: Attachment, payload: AttachmentPayload, url: str) -> list[str]:
    """What is no file, as lines: a place, a shared link, what is written in a template."""
    place = payload.get("coordinates")
    if place is not None:
        return place_lines(place["lat"], place["long"], one.get("title")).splitlines()
    elements = payload.get("elements") or []
    cards = [line for card in elements for line in (card.get("title") or "", card.get("subtitle") or "")]
    return [payload.get("text") or "", one.get("title") or payload.get("title") or "", *cards, url]
