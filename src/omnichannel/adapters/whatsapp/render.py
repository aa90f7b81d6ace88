"""From a part to the body of `POST /{phone_number_id}/messages`."""

from __future__ import annotations

from dataclasses import replace
from typing import assert_never

from pydantic import JsonValue

from omnichannel.adapters.whatsapp import surfaces
from omnichannel.channel import Part
from omnichannel.kit.degrade import with_choices, with_links
from omnichannel.kit.meta_graph import Body, Filled, TemplateSpec
from omnichannel.kit.refusals import invalid
from omnichannel.model.content import Location, Media, QuickReply, Template, Text

_SEND_AS = {"image": "image", "video": "video", "audio": "audio", "file": "document"}


def message(part: Part, content: Body) -> Body:
    """The whole body: to whom, about what, and our key, which comes back with every status."""
    body: Body = {"messaging_product": "whatsapp", "recipient_type": "individual", **recipient(part), **content}
    if part.reply_to:
        body["context"] = {"message_id": part.reply_to}
    if part.key and len(part.key) <= surfaces.CALLBACK_DATA:
        body["biz_opaque_callback_data"] = part.key
    return body


def recipient(part: Part) -> Body:
    """The phone where it is known, because some kinds of message go to no other id; else the business-scoped id.

    https://developers.facebook.com/documentation/business-messaging/whatsapp/business-scoped-user-ids
    """
    known = part.aliases.get("wa_id")
    if known or part.to.startswith("+"):
        return {"to": known or part.to.removeprefix("+")}
    return {"recipient": part.to}


# ---------------------------------------------------------------- text and choices


def text(part: Part, content: Text) -> Body:
    """Text, with buttons, a list or a link button where they fit, else written into the text."""
    words, replies, links = content.text, content.quick_replies, content.buttons
    if not (replies or links):
        return _text(words)
    if not replies and len(links) == 1 and _fits(words, links[0].title, surfaces.BUTTON_TITLE):
        parameters: Body = {"display_text": links[0].title, "url": links[0].url}
        return _interactive("cta_url", words, {"name": "cta_url", "parameters": parameters})
    words = with_links(words, links)
    if 0 < len(replies) <= surfaces.BUTTONS and _distinct(words, replies, surfaces.BUTTON_TITLE, surfaces.BUTTON_ID):
        return _interactive("button", words, {"buttons": [_reply(reply) for reply in replies]})
    if 0 < len(replies) <= surfaces.ROWS and _distinct(words, replies, surfaces.ROW_TITLE, surfaces.ROW_ID):
        rows: list[JsonValue] = [{"id": reply.choice, "title": reply.title} for reply in replies]
        return _interactive("list", words, {"button": opener(part.language), "sections": [{"rows": rows}]})
    return _text(with_choices(words, replies))


def opener(language: str | None) -> str:
    """The label of the button that opens a list."""
    return surfaces.OPENERS.get((language or "").lower().replace("_", "-").partition("-")[0], surfaces.OPENERS["en"])


def _text(words: str) -> Body:
    if len(words) > surfaces.TEXT:
        raise invalid("too_long", f"{len(words)} characters; WhatsApp takes {surfaces.TEXT}")
    if not words.strip():
        raise invalid("empty", "WhatsApp sends no empty text")
    return {"type": "text", "text": {"body": words, "preview_url": False}}


def _interactive(kind: str, words: str, action: Body) -> Body:
    return {"type": "interactive", "interactive": {"type": kind, "body": {"text": words}, "action": action}}


def _reply(reply: QuickReply) -> JsonValue:
    return {"type": "reply", "reply": {"id": reply.choice, "title": reply.title}}


def _fits(words: str, title: str, limit: int) -> bool:
    return 0 < len(words) <= surfaces.INTERACTIVE_BODY and 0 < len(title) <= limit


def _distinct(words: str, replies: tuple[QuickReply, ...], title: int, choice: int) -> bool:
    """Titles and ids are unique, and none is cut: a cut id would come back as another choice."""
    fit = all(_fits(words, reply.title, title) and 0 < len(reply.choice) <= choice for reply in replies)
    return fit and len({one.title for one in replies}) == len({one.choice for one in replies}) == len(replies)


# ---------------------------------------------------------------- media, places, templates


def media_type(content: Media) -> str:
    """How a file is sent: as what it is where WhatsApp takes that type and size, else as a document."""
    limit = surfaces.DM.media[content.kind]
    takes = not limit.types or content.type in limit.types
    small = content.size is None or content.size <= limit.max_bytes
    if takes and small and len(content.caption) <= limit.caption:
        return _SEND_AS[content.kind]
    document = surfaces.DM.media["file"]
    if (content.size or 0) > document.max_bytes:
        raise invalid("too_large", f"{content.size} bytes; WhatsApp takes {document.max_bytes}")
    if len(content.caption) > document.caption:
        raise invalid("too_long", f"a caption of {len(content.caption)} characters; WhatsApp takes {document.caption}")
    return "document"


def media(content: Media, where: Body) -> Body:
    """A file that WhatsApp has (`{"id": ...}`) or fetches (`{"link": ...}`)."""
    kind = media_type(content)
    body: Body = dict(where)
    if content.caption:
        body["caption"] = content.caption
    if kind == "document" and content.name:
        body["filename"] = content.name
    return {"type": kind, kind: body}


def location(content: Location) -> Body:
    """A point on the map."""
    point: Body = {"latitude": content.latitude, "longitude": content.longitude}
    if content.name:
        point["name"] = content.name
    return {"type": "location", "location": point}


def template(part: Part, content: Template, spec: TemplateSpec | None) -> Body:
    """An approved template with its slots in order, written as the customer's language writes them.

    Raises `Rejected` for a template that the account does not know, or a slot that is missing.
    """
    filled = Filled(content, spec, part.language)
    components = filled.start()
    for button in filled.spec.buttons:
        kind = "payload" if button.kind == "quick_reply" else "text"
        parameters: list[JsonValue] = [{"type": kind, kind: filled.slot(button.slot)}]
        one: Body = {"type": "button", "sub_type": button.kind, "index": str(button.index), "parameters": parameters}
        components.append(one)
    return {"type": "template", "template": filled.named({"policy": "deterministic", "code": filled.code}, components)}


def reaction(message_id: str, emoji: str | None) -> Body:
    """An emoji on a message; none takes it away."""
    return {"type": "reaction", "reaction": {"message_id": message_id, "emoji": emoji or ""}}


def read(message_id: str, *, typing: bool) -> Body:
    """Two blue ticks, and that we are writing."""
    body: Body = {"messaging_product": "whatsapp", "status": "read", "message_id": message_id}
    if typing:
        body["typing_indicator"] = {"type": "text"}
    return body


def content_of(part: Part, templates: dict[str, TemplateSpec]) -> Body | Media:
    """The body for what needs no upload; a file is given back. Raises `Rejected`."""
    match part.content:
        case Text() as content if not content.attachments:
            return text(part, content)
        case Text(attachments=(only,), text=words) as content if not (content.quick_replies or content.buttons):
            return replace(only, caption="\n".join(part for part in (words, only.caption) if part))
        case Text():
            raise invalid("not_cut", "text with several files or choices: a part is one of them")
        case Media() as content:
            return content
        case Location() as content:
            return location(content)
        case Template() as content:
            return template(part, content, templates.get(content.name))
        case _:
            assert_never(part.content)
