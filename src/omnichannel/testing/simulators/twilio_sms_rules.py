"""What Twilio refuses, and how it says so: https://www.twilio.com/docs/api/errors"""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from omnichannel.testing.simulators.base import BadRequest, Request, json_response

__all__ = ["WORDS", "Refused", "fields_of", "is_e164", "opt_out_word"]

WORDS: Mapping[int, str] = {
    20003: "Authenticate",
    20005: "Account not active",
    20404: "The requested resource was not found",
    20409: "Conflict: the resource is not in a state in which this can be done",
    20410: "This API has been discontinued",
    20429: "Too Many Requests",
    20503: "Service unavailable",
    21211: "Invalid 'To' Phone Number",
    21212: "Invalid 'From' Phone Number",
    21408: "Permission to send an SMS has not been enabled for the region indicated by the 'To' number",
    21602: "Message body is required",
    21603: "A 'From' phone number is required",
    21604: "A 'To' phone number is required",
    21606: "The 'From' phone number is not a valid, SMS-capable Twilio phone number",
    21608: "The number is unverified. Trial accounts cannot send messages to unverified numbers",
    21609: "The 'StatusCallback' URL is not a valid URL",
    21610: "Attempt to send to unsubscribed recipient",
    21611: "This 'From' number has exceeded the maximum number of queued messages",
    21612: "Message cannot be sent with the current combination of 'To' and/or 'From' parameters",
    21614: "'To' number is not a valid mobile number",
    21617: "The concatenated message body exceeds the 1600 character limit",
    21620: "Invalid media URL(s)",
    21623: "Number of media files exceeds allowed limit",
    21701: "The Messaging Service does not exist",
    21704: "The Messaging Service contains no phone numbers",
    30001: "Queue overflow",
    30003: "Unreachable destination handset",
    30004: "Message blocked",
    30005: "Unknown destination handset",
    30006: "Landline or unreachable carrier",
    30007: "Message filtered",
    30008: "Unknown error",
    30011: "MMS not supported by the receiving phone number in this region",
    30036: "Validity Period Expired",
}
_STATUS = {20003: 401, 20005: 403, 20404: 404, 20409: 409, 20410: 410, 20429: 429, 20503: 503}

TEXT = 1600
MEDIA = 10
LONGEST_VALIDITY = 36000
_E164 = re.compile(r"\+[1-9]\d{6,14}")
_STOP = frozenset({"STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "REVOKE", "OPTOUT"})
_START = frozenset({"START", "YES", "UNSTOP"})
_HELP = frozenset({"HELP", "INFO"})


class Refused(BadRequest):
    """An error of the API, in its own shape."""

    def __init__(self, code: int, words: str | None = None, *, status: int | None = None) -> None:
        found = status or _STATUS.get(code, 400)
        said = words or WORDS.get(code, "Error")
        more = f"https://www.twilio.com/docs/errors/{code}"
        body = {"code": code, "message": said, "more_info": more, "status": found}
        super().__init__(said, json_response(body, found))


def opt_out_word(body: str) -> str | None:
    """STOP, START or HELP, where the whole message is one of the words for it.

    https://help.twilio.com/articles/223134027
    """
    word = body.strip().upper()
    return "STOP" if word in _STOP else "START" if word in _START else "HELP" if word in _HELP else None


def is_e164(number: str) -> bool:
    """Whether a number is written with its country."""
    return _E164.fullmatch(number) is not None


def fields_of(request: Request) -> dict[str, list[str]]:
    """The fields of a form. Raises `Refused`: the API reads nothing else, JSON included."""
    if request.content and request.media_type != "application/x-www-form-urlencoded":
        raise Refused(20001, "The body is not a form", status=415)
    fields: dict[str, list[str]] = {}
    for name, value in request.form():
        fields.setdefault(name, []).append(value)
    return fields


def check_content(fields: Mapping[str, list[str]]) -> None:
    """What can be told of a message without knowing anybody. Raises `Refused`."""
    if not _first(fields, "To"):
        raise Refused(21604)
    if not (_first(fields, "From") or _first(fields, "MessagingServiceSid")):
        raise Refused(21603)
    body, media = _first(fields, "Body"), fields.get("MediaUrl", [])
    if not body and not media and not _first(fields, "ContentSid"):
        raise Refused(21602)
    if len(body) > TEXT:
        raise Refused(21617)
    if len(media) > MEDIA:
        raise Refused(21623)
    if any(urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname for url in media):
        raise Refused(21620)
    callback = _first(fields, "StatusCallback")
    host = urlsplit(callback).hostname or ""
    if callback and (urlsplit(callback).scheme not in ("http", "https") or not host or "_" in host):
        raise Refused(21609)
    validity = _first(fields, "ValidityPeriod")
    if validity and not (validity.isdigit() and 1 <= int(validity) <= LONGEST_VALIDITY):
        raise Refused(21600, "ValidityPeriod is between 1 and 36000 seconds")


def _first(fields: Mapping[str, list[str]], name: str) -> str:
    return fields.get(name, [""])[0]
