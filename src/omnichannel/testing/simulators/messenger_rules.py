"""What the Send API demands of a message, checked as strictly as Messenger does.

https://developers.facebook.com/documentation/business-messaging/messenger-platform/send-messages
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from typing import Any, cast

from omnichannel.testing.simulators.meta_graph import GraphError, is_object

__all__ = ["LARGEST", "check_message", "check_right", "check_template", "object_in", "person_of"]

LARGEST = 25 * 1024 * 1024
TAGS_END = date(2026, 4, 27)
OLD_TAGS = ("CONFIRMED_EVENT_UPDATE", "POST_PURCHASE_UPDATE", "ACCOUNT_UPDATE")
MEDIA = ("image", "video", "audio", "file")
_TYPES = ("RESPONSE", "UPDATE", "MESSAGE_TAG", "UTILITY")
_RECIPIENTS = ("id", "user_ref", "comment_id", "post_id", "notification_messages_token")
_URL = re.compile(r"https?://[^\s/]+\.?[^\s]*")


def object_in(parent: Mapping[str, Any], name: str) -> dict[str, Any]:
    """An object that has to be there. Raises `GraphError`."""
    found: object = parent.get(name)
    if not is_object(found):
        raise GraphError(100, f"The parameter {name} is required and has to be an object")
    return found


def _objects(parent: Mapping[str, Any], name: str, most: int) -> list[dict[str, Any]]:
    found: object = parent.get(name)
    items = cast(list[object], found) if isinstance(found, list) else []
    if not 1 <= len(items) <= most or not all(is_object(one) for one in items):
        raise GraphError(100, f"Param {name} has to be a list of 1 to {most} objects")
    return cast(list[dict[str, Any]], items)


def _words(parent: Mapping[str, Any], name: str, most: int) -> str:
    found = parent.get(name)
    if not isinstance(found, str) or not found.strip():
        raise GraphError(100, f"Param {name} must be a non-empty UTF-8 encoded string")
    if len(found) > most:
        raise GraphError(100, f"Length of param {name} must be less than or equal to {most}")
    return found


def person_of(body: Mapping[str, Any]) -> str:
    """The page-scoped id of the recipient. Raises `GraphError`."""
    recipient = object_in(body, "recipient")
    given = [name for name in _RECIPIENTS if name in recipient]
    if given != ["id"]:
        raise GraphError(100, f"Param recipient must be one of: {', '.join(_RECIPIENTS)}; here it is an id")
    if not isinstance(recipient["id"], str) or not recipient["id"].isdigit():
        raise GraphError(100, 'Param recipient[id] must be a valid ID string (e.g., "123")')
    return recipient["id"]


def check_right(body: Mapping[str, Any], today: date) -> str:
    """The messaging type, which says by what right the Page writes; the only tag is an agent's. Raises `GraphError`."""
    kind, tag = str(body.get("messaging_type")), body.get("tag")
    if kind not in _TYPES:
        raise GraphError(100, f"Param messaging_type must be one of {{{', '.join(_TYPES)}}}")
    if kind != "MESSAGE_TAG":
        if tag is not None:
            raise GraphError(100, "Param tag is for the messaging_type MESSAGE_TAG")
        return kind
    allowed = ("HUMAN_AGENT", *(OLD_TAGS if today < TAGS_END else ()))
    if tag not in allowed:
        raise GraphError(100, f"Param tag must be one of {{{', '.join(allowed)}}}")
    return kind


def check_message(message: dict[str, Any], kind: str) -> str:
    """What a well-formed message is: text, template, or the type of its attachment. Raises `GraphError`."""
    given = [name for name in ("text", "attachment", "template") if name in message]
    if len(given) != 1:
        raise GraphError(100, "A message has one of text, attachment and template", subcode=2018014)
    if (kind == "UTILITY") != (given == ["template"]):
        raise GraphError(100, "The messaging_type UTILITY and a template belong together")
    if "metadata" in message:
        _words(message, "metadata", 1000)
    if "quick_replies" in message:
        _quick_replies(message)
    match given[0]:
        case "text":
            _words(message, "text", 2000)
            return "text"
        case "template":
            return "template"
        case _:
            return _attachment(object_in(message, "attachment"))


def _quick_replies(message: Mapping[str, Any]) -> None:
    for one in _objects(message, "quick_replies", 13):
        if one.get("content_type") != "text":
            raise GraphError(100, "Param content_type must be one of {TEXT, USER_PHONE_NUMBER, USER_EMAIL}")
        _words(one, "title", 20)
        _words(one, "payload", 1000)


def _attachment(attachment: dict[str, Any]) -> str:
    kind, payload = attachment.get("type"), object_in(attachment, "payload")
    if kind in MEDIA:
        if ("url" in payload) == ("attachment_id" in payload):
            raise GraphError(100, "One of url and attachment_id is required", subcode=2018047)
        if "url" in payload and not _URL.fullmatch(str(payload["url"])):
            raise GraphError(100, "Param url is not a URL", subcode=2018008)
        return str(kind)
    if kind != "template":
        raise GraphError(100, "Param attachment[type] must be one of {AUDIO, FILE, IMAGE, TEMPLATE, VIDEO}")
    match payload.get("template_type"):
        case "button":
            _words(payload, "text", 640)
            _buttons(payload)
        case "generic":
            for element in _objects(payload, "elements", 10):
                _words(element, "title", 80)
                _buttons(element) if "buttons" in element else None
        case _:
            raise GraphError(100, "Param template_type must be one of {BUTTON, GENERIC}")
    return "template_message"


def _buttons(parent: Mapping[str, Any]) -> None:
    for one in _objects(parent, "buttons", 3):
        _words(one, "title", 20)
        match one.get("type"):
            case "web_url":
                if not _URL.fullmatch(_words(one, "url", 4000)):
                    raise GraphError(100, "Param url is not a URL")
            case "postback":
                _words(one, "payload", 1000)
            case _:
                raise GraphError(100, "Param type of a button must be one of {WEB_URL, POSTBACK}")


def check_template(template: dict[str, Any], *, body: int, languages: frozenset[str], buttons: tuple[str, ...]) -> None:
    """Whether a utility template is filled as it was approved. Raises `GraphError`."""
    if object_in(template, "language").get("code") not in languages:
        raise GraphError(100, "The template does not exist in this language")
    components = {str(one.get("type")): one for one in template.get("components", ())}
    texts = components.get("body", {}).get("parameters", ())
    if len(texts) != body or not all(one.get("type") == "text" and one.get("text") for one in texts):
        raise GraphError(100, f"The body of the template takes {body} parameters of text")
    pressed = tuple(one.get("type") for one in components.get("buttons", {}).get("parameters", ()))
    if pressed != buttons:
        raise GraphError(100, f"The template has the buttons {list(buttons)}")
