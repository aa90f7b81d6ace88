"""What the Cloud API demands of a send, checked as strictly as Meta does; and how it says no.

https://developers.facebook.com/documentation/business-messaging/whatsapp/reference/whatsapp-business-phone-number/message-api
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, cast

from omnichannel.testing.simulators import meta_graph
from omnichannel.testing.simulators.base import Request
from omnichannel.testing.simulators.meta_graph import is_object

__all__ = [
    "GraphError",
    "body_of",
    "check_file",
    "check_message",
    "error_object",
    "fits_kind",
    "objects",
]

TITLES: Mapping[int, str] = {
    2: "Service temporarily unavailable",
    100: "Invalid parameter",
    190: "Error validating access token",
    368: "Temporarily blocked for policies violations",
    130429: "Rate limit hit",
    130472: "User's number is part of an experiment",
    130497: "Business account is restricted from messaging users in this country",
    131008: "Required parameter is missing",
    131009: "Parameter value is not valid",
    131026: "Message undeliverable",
    131031: "Account has been locked",
    131042: "Business eligibility payment issue",
    131047: "Re-engagement message",
    131049: "This message was not delivered to maintain healthy ecosystem engagement",
    131050: "User has stopped marketing messages from your business",
    131051: "Unsupported message type",
    131053: "Media upload error",
    131056: "Pair rate limit hit",
    131062: "Business-scoped user IDs are not supported for this message",
    132000: "Number of parameters does not match the expected number of params",
    132001: "Template name does not exist in the translation",
    132012: "Template parameter format mismatch",
    132015: "Template is paused",
    132016: "Template is disabled",
    133010: "Phone number not registered",
}
STATUSES: Mapping[int, int] = {
    2: 503,
    10: 403,
    190: 401,
    368: 403,
    130429: 429,
    130497: 403,
    131005: 403,
    131031: 403,
    131042: 402,
    132001: 404,
}
IMAGES = frozenset({"image/jpeg", "image/png"})
VIDEOS = frozenset({"video/mp4", "video/3gpp"})
AUDIOS = frozenset({"audio/aac", "audio/amr", "audio/mpeg", "audio/mp4", "audio/ogg"})
_MB = 1024 * 1024


def error_object(code: int, details: str = "") -> dict[str, Any]:
    """An error as it stands in a status."""
    title = TITLES.get(code, "Error")
    docs = "https://developers.facebook.com/docs/whatsapp/cloud-api/support/error-codes/"
    return {"code": code, "title": title, "message": title, "error_data": {"details": details or title}, "href": docs}


class GraphError(meta_graph.GraphError):
    """A refusal of the Cloud API."""

    titles = TITLES
    statuses = STATUSES
    product = "whatsapp"


# ---------------------------------------------------------------- reading


def body_of(request: Request) -> dict[str, Any]:
    """The JSON object in a request. Raises `GraphError`."""
    return meta_graph.body_of(request, GraphError)


def _object(parent: Mapping[str, Any], name: str) -> dict[str, Any]:
    found: object = parent.get(name)
    if not is_object(found):
        raise GraphError(131008, f"Parameter {name} is required and has to be an object")
    return found


def objects(parent: Mapping[str, Any], name: str, least: int, most: int) -> list[dict[str, Any]]:
    """A list of so many objects. Raises `GraphError`."""
    found: object = parent.get(name)
    items: list[object] = cast(list[object], found) if isinstance(found, list) else []
    if not isinstance(found, list) or not all(is_object(one) for one in items):
        raise GraphError(131008, f"Parameter {name} is required and has to be a list of objects")
    if not least <= len(items) <= most:
        raise GraphError(131009, f"{name} has {len(items)} items; there can be {least} to {most}")
    return cast(list[dict[str, Any]], items)


def _words(parent: Mapping[str, Any], name: str, most: int, *, least: int = 1, code: int = 131009) -> str:
    found = parent.get(name)
    if not isinstance(found, str):
        raise GraphError(131008, f"Parameter {name} is required and has to be a string")
    if not least <= len(found) <= most:
        raise GraphError(code, f"Param {name} must have {least} to {most} characters, and has {len(found)}")
    return found


def _unique(values: list[str], what: str) -> None:
    if len(set(values)) != len(values):
        raise GraphError(131009, f"Duplicated {what} are not allowed")


# ---------------------------------------------------------------- kinds of message


def check_message(body: dict[str, Any]) -> str:
    """The type of a message that is well-formed; what depends on state is looked at by the simulator.

    Raises `GraphError`.
    """
    if body.get("messaging_product") != "whatsapp":
        raise GraphError(100, "The parameter messaging_product is required.")
    if body.get("recipient_type", "individual") != "individual":
        raise GraphError(100, "Param recipient_type must be one of {INDIVIDUAL}")
    _recipient(body)
    if len(str(body.get("biz_opaque_callback_data", ""))) > 512:
        raise GraphError(100, "Param biz_opaque_callback_data must be at most 512 characters long.")
    if "context" in body:
        _words(_object(body, "context"), "message_id", 512)
    kind = str(body.get("type", "text"))
    if kind == "contacts":
        objects(body, "contacts", 1, 5)
    elif kind in _CHECKS:
        _CHECKS[kind](_object(body, kind))
    else:
        raise GraphError(100, f"Param type must be one of {{{', '.join(sorted(_CHECKS)).upper()}, CONTACTS}}")
    return kind


def _recipient(body: dict[str, Any]) -> None:
    to, recipient = body.get("to"), body.get("recipient")
    if to is None and recipient is None:
        raise GraphError(100, "The parameter to is required.")
    if to is not None and (not isinstance(to, str) or not re.fullmatch(r"\+?[0-9 ()-]{5,20}", to)):
        raise GraphError(131009, "Param to is not a phone number")
    pattern = r"[A-Z]{2}(\.ENT)?\.[0-9A-Za-z]{1,128}"
    if to is None and (not isinstance(recipient, str) or not re.fullmatch(pattern, recipient)):
        raise GraphError(131009, "Param recipient is not a business-scoped user id")


def _text(text: dict[str, Any]) -> None:
    _words(text, "body", 4096, code=100)
    if not isinstance(text.get("preview_url", False), bool):
        raise GraphError(100, "Param preview_url must be a boolean")


def _media(*, captioned: bool, named: bool = False) -> Callable[[dict[str, Any]], None]:
    def check(media: dict[str, Any]) -> None:
        if ("id" in media) == ("link" in media):
            raise GraphError(131008, "One of id and link is required")
        if "link" in media and not re.match(r"https?://", str(media["link"])):
            raise GraphError(131009, "Param link is not a URL")
        allowed = {"id", "link", *(["caption"] if captioned else []), *(["filename"] if named else [])}
        if not set(media) <= allowed:
            raise GraphError(100, f"Unexpected key {min(set(media) - allowed)}")
        if "caption" in media:
            _words(media, "caption", 1024)

    return check


def _location(location: dict[str, Any]) -> None:
    for name in ("latitude", "longitude"):
        try:
            float(location[name])
        except (KeyError, TypeError, ValueError):
            raise GraphError(131009, f"Param {name} is not a number") from None


def _reaction(reaction: dict[str, Any]) -> None:
    _words(reaction, "message_id", 512)
    _words(reaction, "emoji", 32, least=0)


def _interactive(interactive: dict[str, Any]) -> None:
    _words(_object(interactive, "body"), "text", 1024)
    if "footer" in interactive:
        _words(_object(interactive, "footer"), "text", 60)
    if "header" in interactive and _object(interactive, "header").get("type") == "text":
        _words(interactive["header"], "text", 60)
    action = _object(interactive, "action")
    match interactive.get("type"):
        case "button":
            _buttons(action)
        case "list":
            _rows(action)
        case "cta_url":
            parameters = _object(action, "parameters")
            _words(parameters, "display_text", 20)
            if action.get("name") != "cta_url" or not re.match(r"https?://", _words(parameters, "url", 2000)):
                raise GraphError(131009, "A cta_url button has the name cta_url and a URL")
        case other:
            raise GraphError(131009, f"Param interactive type {other} is not one of BUTTON, LIST, CTA_URL")


def _buttons(action: dict[str, Any]) -> None:
    buttons = objects(action, "buttons", 1, 3)
    replies = [_object(one, "reply") for one in buttons if one.get("type") == "reply"]
    if len(replies) != len(buttons):
        raise GraphError(131009, "A button has the type reply")
    _unique([_words(one, "title", 20) for one in replies], "button titles")
    ids = [_words(one, "id", 256) for one in replies]
    if any(one != one.strip() for one in ids):
        raise GraphError(131009, "A button id has no spaces around it")
    _unique(ids, "button ids")


def _rows(action: dict[str, Any]) -> None:
    _words(action, "button", 20)
    sections = objects(action, "sections", 1, 10)
    rows = [row for section in sections for row in objects(section, "rows", 1, 10)]
    if len(rows) > 10:
        raise GraphError(131009, f"A list has at most 10 rows in all, and this has {len(rows)}")
    for section in sections:
        if len(sections) > 1 or "title" in section:
            _words(section, "title", 24)
    for row in rows:
        _words(row, "title", 24)
        _words(row, "description", 72, least=0) if "description" in row else None
    _unique([_words(row, "id", 200) for row in rows], "row ids")


def _lower(parent: dict[str, Any], *names: str) -> None:
    """Graph takes the values of a choice in any case (`BODY`, `body`)."""
    parent |= {name: str(parent[name]).lower() for name in names if name in parent}


def _template(template: dict[str, Any]) -> None:
    _words(template, "name", 512)
    _words(_object(template, "language"), "code", 15)
    for component in objects(template, "components", 0, 12) if "components" in template else ():
        _lower(component, "type", "sub_type")
        if component.get("type") not in ("header", "body", "button"):
            raise GraphError(132012, f"A component has no type {component.get('type')}")
        for parameter in objects(component, "parameters", 1, 100):
            _lower(parameter, "type")
            if parameter.get("type") == "text" and re.search(r"[\n\t]| {5,}", str(parameter.get("text"))):
                raise GraphError(132012, "Param text cannot have new-line/tab characters or more than 4 spaces")


_CHECKS: Mapping[str, Callable[[dict[str, Any]], None]] = {
    "text": _text,
    "image": _media(captioned=True),
    "video": _media(captioned=True),
    "audio": _media(captioned=False),
    "document": _media(captioned=True, named=True),
    "sticker": _media(captioned=False),
    "location": _location,
    "reaction": _reaction,
    "interactive": _interactive,
    "template": _template,
}


# ---------------------------------------------------------------- files


def check_file(media_type: str, size: int) -> None:
    """Whether WhatsApp takes a file of this type and size. Raises `GraphError`."""
    kind = media_type.partition(";")[0].strip().lower()
    limit = 100 * _MB
    if kind in IMAGES:
        limit = 5 * _MB
    elif kind in VIDEOS | AUDIOS:
        limit = 16 * _MB
    elif kind == "image/webp":
        limit = 500 * 1024
    if size > limit:
        raise GraphError(131053, f"The file has {size} bytes; of {kind} there can be {limit}")


def fits_kind(kind: str, media_type: str) -> bool:
    """Whether a file of this type can go as an image, a video ..."""
    types = {"image": IMAGES, "video": VIDEOS, "audio": AUDIOS, "sticker": frozenset({"image/webp"})}.get(kind)
    return types is None or media_type.partition(";")[0].strip().lower() in types
