"""What a message says, whatever its type: words, attachments, a choice."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import NamedTuple, cast

from omnichannel.adapters.whatsapp.surfaces import WEBHOOK_MEDIA_LIFE
from omnichannel.adapters.whatsapp.wire import MEDIA_KINDS, Body, Card, Error, MediaBody
from omnichannel.kit.files import hex_digest
from omnichannel.kit.lines import answer_lines, card_line, place_lines
from omnichannel.kit.meta_graph import Unclear
from omnichannel.model.content import Media


class Said(NamedTuple):
    """`lost` says what WhatsApp itself does not hand over."""

    text: str
    attachments: tuple[Media, ...] = ()
    choice: str | None = None
    full_text: str | None = None
    lost: str | None = None


NO_MORE = Said("")
"""What a plain text says beside its text."""


def said(body: Body, at: datetime, errors: list[Error] | None = None) -> Said:
    """The content of a message. `errors` are those that stand beside it. Raises `Unclear`."""
    kind = body["type"]
    read = _READERS.get(kind)
    if read is None:
        raise Unclear(f"message type {kind}")
    found = read(body, at)
    if found is not None:
        return found
    errors = body.get("errors") or errors
    if not errors:
        raise Unclear(f"a message of type {kind} without its {kind}")
    return Said("", lost=f"{kind}: {_detail(errors[0])}")


def _detail(error: Error) -> str:
    data = error.get("error_data")
    return (data.get("details") if data else None) or error.get("message") or error.get("title") or "no reason given"


def _text(body: Body, at: datetime) -> Said | None:
    text = body.get("text")
    return None if text is None else Said(text["body"])


def _media(body: Body, at: datetime) -> Said | None:
    kind = body["type"]
    found = cast(MediaBody | None, body.get(kind))
    if found is None:
        return None
    media = Media(
        id=found["id"],
        kind=MEDIA_KINDS[kind],
        name=found.get("filename") or "",
        type=(found.get("mime_type") or "application/octet-stream").partition(";")[0].strip(),
        sha256=hex_digest(found.get("sha256") or ""),
        expires_at=at + WEBHOOK_MEDIA_LIFE,
        ref=f"platform:{found['id']}",
    )
    return Said(found.get("caption") or "", (media,))


def _location(body: Body, at: datetime) -> Said | None:
    place = body.get("location")
    if place is None:
        return None
    return Said(place_lines(place["latitude"], place["longitude"], place.get("name"), place.get("address")))


def _contacts(body: Body, at: datetime) -> Said | None:
    cards = body.get("contacts")
    return None if cards is None else Said("\n".join(map(_card, cards)))


def _card(card: Card) -> str:
    name = (card.get("name") or {}).get("formatted_name")
    phones = [one.get("phone") or one.get("wa_id") for one in card.get("phones") or ()]
    emails = [one.get("email") for one in card.get("emails") or ()]
    return card_line(name, phones, emails)


def _order(body: Body, at: datetime) -> Said | None:
    order = body.get("order")
    if order is None:
        return None
    lines = [order.get("text") or ""]
    for item in order["product_items"]:
        price = item.get("item_price")
        cost = "" if price is None else f", {price:g} {item.get('currency') or ''}".rstrip()
        lines.append(f"{item.get('quantity') or 1} x {item['product_retailer_id']}{cost}")
    return Said("\n".join(line for line in lines if line))


def _button(body: Body, at: datetime) -> Said | None:
    button = body.get("button")
    if button is None:
        return None
    text = button.get("text") or ""
    return Said(text, choice=button.get("payload") or text)


def _interactive(body: Body, at: datetime) -> Said | None:
    found = body.get("interactive")
    if found is None:
        return None
    reply = found.get("button_reply") or found.get("list_reply")
    if reply is not None:
        return Said(reply.get("title") or "", choice=reply["id"])
    flow = found.get("nfm_reply")
    if flow is None:
        raise Unclear("an interactive answer of another kind")
    answers = flow.get("response_json")
    lines = answer_lines(answers or "", without=("flow_token",))
    return Said(lines or flow.get("body") or "", full_text=answers)


def _withheld(body: Body, at: datetime) -> Said | None:
    return Said("", lost=f"{body['type']}: {_detail((body.get('errors') or [{}])[0])}")


_READERS: Mapping[str, Callable[[Body, datetime], Said | None]] = {
    "text": _text,
    **dict.fromkeys(MEDIA_KINDS, _media),
    "location": _location,
    "contacts": _contacts,
    "order": _order,
    "button": _button,
    "interactive": _interactive,
    "unsupported": _withheld,
    "unknown": _withheld,
}
