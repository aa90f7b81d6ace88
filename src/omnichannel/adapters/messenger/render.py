"""From a part to the body of `POST /{page_id}/messages`."""

from __future__ import annotations

from typing import assert_never

from pydantic import JsonValue
from pydantic_core import to_json

from omnichannel.adapters.messenger import surfaces
from omnichannel.adapters.messenger.items import MADE_UP
from omnichannel.channel import Part
from omnichannel.kit.degrade import with_choices, with_links
from omnichannel.kit.meta_graph import Body, Filled, TemplateSpec
from omnichannel.kit.refusals import invalid
from omnichannel.model.content import LinkButton, Location, Media, QuickReply, Template, Text


def envelope(part: Part, message: Body) -> Body:
    """The whole body: to whom, in which right, about what; our key comes back with the echo."""
    if part.key and len(part.key) <= surfaces.METADATA:
        message = {**message, "metadata": part.key}
    body: Body = {**recipient(part), **right(part), "message": message}
    if part.reply_to and not part.reply_to.startswith(MADE_UP):
        body["reply_to"] = {"mid": part.reply_to}
    return body


def recipient(part: Part) -> Body:
    """The person, by page-scoped id."""
    return {"recipient": {"id": part.to}}


def right(part: Part) -> Body:
    """By which right we write: a template, the 24 hours, or, for a person's answer alone, the 7 days of an agent.

    https://developers.facebook.com/documentation/business-messaging/messenger-platform/send-messages
    """
    if isinstance(part.content, Template):
        return {"messaging_type": "UTILITY"}
    if part.late and not part.automatic:
        return {"messaging_type": "MESSAGE_TAG", "tag": surfaces.HUMAN_AGENT}
    return {"messaging_type": "RESPONSE" if part.purpose == "service" else "UPDATE"}


# ---------------------------------------------------------------- text and choices


def text(content: Text) -> Body:
    """Text, with quick replies and buttons where they fit, else written into the text."""
    words, replies, links = content.text, content.quick_replies, content.buttons
    if links and not _pressable(words, links):
        words, links = with_links(words, links), ()
    if replies and not _tappable(replies):
        words, replies = with_choices(words, replies), ()
        links = links if _pressable(words, links) else ()
    if links:
        return _template(words, links, replies)
    if len(words) > surfaces.TEXT:
        raise invalid("too_long", f"{len(words)} characters; Messenger takes {surfaces.TEXT}")
    if not words.strip():
        raise invalid("empty", "Messenger sends no empty text")
    return {"text": words, **_quick(replies)}


def _pressable(words: str, links: tuple[LinkButton, ...]) -> bool:
    titled = all(0 < len(one.title) <= surfaces.TITLE for one in links)
    return titled and len(links) <= surfaces.BUTTONS and 0 < len(words) <= surfaces.BUTTON_TEXT


def _tappable(replies: tuple[QuickReply, ...]) -> bool:
    """None is cut: a cut id would come back as another choice."""
    fit = all(0 < len(one.title) <= surfaces.TITLE and 0 < len(one.choice) <= surfaces.PAYLOAD for one in replies)
    return fit and len(replies) <= surfaces.QUICK_REPLY_COUNT


def _template(words: str, links: tuple[LinkButton, ...], replies: tuple[QuickReply, ...]) -> Body:
    """A button template. Quick replies are buttons of it as long as there is room, because those stay to be tapped."""
    buttons: list[JsonValue] = [{"type": "web_url", "title": one.title, "url": one.url} for one in links]
    if len(links) + len(replies) <= surfaces.BUTTONS:
        buttons.extend({"type": "postback", "title": one.title, "payload": one.choice} for one in replies)
        replies = ()
    payload: Body = {"template_type": "button", "text": words, "buttons": buttons}
    return {"attachment": {"type": "template", "payload": payload}, **_quick(replies)}


def _quick(replies: tuple[QuickReply, ...]) -> Body:
    if not replies:
        return {}
    return {"quick_replies": [{"content_type": "text", "title": one.title, "payload": one.choice} for one in replies]}


# ---------------------------------------------------------------- files, templates, actions


def attachment(content: Media, where: Body) -> Body:
    """A file that Messenger has (`{"attachment_id": ...}`) or fetches (`{"url": ...}`)."""
    once: Body = {"is_reusable": False} if "url" in where else {}
    return {"attachment": {"type": content.kind, "payload": {**where, **once}}}


def upload_fields(content: Media) -> tuple[tuple[str, str], ...]:
    """What stands beside the bytes of an upload."""
    message: Body = {"attachment": {"type": content.kind, "payload": {"is_reusable": True}}}
    return (("message", to_json(message).decode()), ("type", content.type))


def check(content: Media) -> Media:
    """Refuses what is too large before it is uploaded."""
    limit = surfaces.DM.media[content.kind].max_bytes
    if (content.size or 0) > limit:
        raise invalid("too_large", f"{content.size} bytes; Messenger takes {limit}")
    if content.caption:
        raise invalid("not_cut", "a file with a caption: Messenger has none, the text is a part of its own")
    return content


def template(part: Part, content: Template, spec: TemplateSpec | None) -> Body:
    """A utility template with its slots in order, written as the customer's language writes them. Raises `Rejected`."""
    filled = Filled(content, spec, part.language)
    if filled.spec.category != "utility":
        raise invalid("not_utility", f"template {content.name!r} is {filled.spec.category}; Messenger has utility ones")
    components = filled.start()
    buttons: list[JsonValue] = [
        {"type": "URL", "url": filled.slot(one.slot)}
        if one.kind == "url"
        else {"type": "POSTBACK", "payload": filled.slot(one.slot)}
        for one in sorted(filled.spec.buttons, key=lambda one: one.index)
    ]
    if buttons:
        components.append({"type": "buttons", "parameters": buttons})
    return {"template": filled.named({"code": filled.code}, components)}


def action(part: Part, name: str, **payload: str) -> Body:
    """A sender action: seen, typing, a reaction."""
    body: Body = {**recipient(part), "sender_action": name}
    if payload:
        body["payload"] = dict(payload)
    return body


def content_of(part: Part, templates: dict[str, TemplateSpec]) -> Body | Media:
    """The message for what needs no upload; a file is given back. Raises `Rejected`."""
    match part.content:
        case Text() as content if not content.attachments:
            return text(content)
        case Text(attachments=(only,), text="") as content if not (content.quick_replies or content.buttons):
            return check(only)
        case Text():
            raise invalid("not_cut", "text with files: a part is one of them")
        case Media() as content:
            return check(content)
        case Location():
            raise invalid("not_cut", "Messenger sends no places: they go as text")
        case Template() as content:
            return template(part, content, templates.get(content.name))
        case _:
            assert_never(part.content)
