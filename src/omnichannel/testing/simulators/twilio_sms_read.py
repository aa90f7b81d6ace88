"""What simulated Twilio can be asked for: messages and their files, numbers, Messaging Services, the account."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from omnichannel.testing.simulators.base import Request, Response, WebhookRequest, file_response, json_response, route
from omnichannel.testing.simulators.twilio_sms_people import TwilioSmsPeople
from omnichannel.testing.simulators.twilio_sms_rules import Refused, fields_of
from omnichannel.testing.simulators.twilio_sms_state import API, Account, File, Message, Step, media_shape, paged

__all__ = ["TwilioSmsRead"]

_MESSAGE = API + "/Accounts/{account}/Messages/{message}"
_FILTERS = ("To", "From", "DateSent", "DateSent<", "DateSent>", "PhoneNumber", "FriendlyName")
_FINAL = frozenset({"delivered", "undelivered", "failed", "canceled", "received", "read"})
STORAGE = "https://mms.twiliocdn.com"


class TwilioSmsRead(TwilioSmsPeople):
    """The reading half of the API."""

    protected_media: bool
    """Whether files want credentials ("HTTP basic authentication for media access")."""

    def __init__(self, *, now: Callable[[], datetime], **more: Any) -> None:
        super().__init__(now=now, **more)
        self.lost: list[tuple[WebhookRequest, int]] = []
        """Webhooks that we answered with an error: they never come again."""

    @abstractmethod
    def check_access(self, request: Request, sid: str | None) -> Account:
        """The account that a request is about. Raises `Refused`."""

    def _page(self, request: Request, name: str, items: Sequence[Any]) -> Response:
        query = dict(request.query)
        try:
            size, page = int(query.get("PageSize", "50")), int(query.get("Page", "0"))
        except ValueError:
            raise Refused(20001, "Page and PageSize are numbers") from None
        if not 1 <= size <= 1000 or page < 0:
            raise Refused(20001, "PageSize is between 1 and 1000")
        asked = urlencode([(key, query[key]) for key in _FILTERS if key in query])
        return json_response(paged(name, items, request.path, asked, page, size))

    # -- the account and its numbers

    @route("GET", API + "/Accounts/{account}.json")
    async def account(self, request: Request) -> Response:
        """The account itself, suspended or not."""
        return json_response(self.check_access(request, request.path_params["account"]).shape())

    @route("GET", API + "/Accounts/{account}/IncomingPhoneNumbers.json")
    async def numbers(self, request: Request) -> Response:
        """The numbers that were bought; `PhoneNumber` finds by a part of one."""
        here = self.check_access(request, request.path_params["account"])
        wanted = request.param("PhoneNumber")
        found = [
            line.shape(self.webhook_url(line.account_id))
            for line in self.lines.values()
            if line.account_sid == here.sid and line.number.startswith("+") and wanted in line.number
        ]
        return self._page(request, "incoming_phone_numbers", found)

    @route("GET", API + "/Accounts/{account}/IncomingPhoneNumbers/{number}.json")
    async def number(self, request: Request) -> Response:
        """One number by its id."""
        here = self.check_access(request, request.path_params["account"])
        for line in self.lines.values():
            if line.sid == request.path_params["number"] and line.account_sid == here.sid:
                return json_response(line.shape(self.webhook_url(line.account_id)))
        raise Refused(20404)

    @route("POST", API + "/Accounts/{account}/IncomingPhoneNumbers/{number}.json")
    async def set_number(self, request: Request) -> Response:
        """Says where the webhooks of a number go."""
        here = self.check_access(request, request.path_params["account"])
        url = fields_of(request).get("SmsUrl", [""])[0]
        for line in self.lines.values():
            if line.sid == request.path_params["number"] and line.account_sid == here.sid:
                if url:
                    self.connect(line.account_id, url)
                return json_response(line.shape(self.webhook_url(line.account_id)))
        raise Refused(20404)

    @route("GET", "/v1/Services/{service}")
    async def service(self, request: Request) -> Response:
        """A Messaging Service (messaging.twilio.com)."""
        here = self.check_access(request, None)
        found = self.services.get(request.path_params["service"])
        if found is None or found.account_sid != here.sid:
            raise Refused(20404)
        return json_response(found.shape(self.webhook_url(found.account_id)))

    # -- messages

    def _message(self, request: Request) -> Message:
        here = self.check_access(request, request.path_params["account"])
        found = self.messages.get(request.path_params["message"])
        if found is None or found.account_sid != here.sid:
            raise Refused(20404, f"The requested resource {request.path} was not found")
        return found

    @route("GET", API + "/Accounts/{account}/Messages.json")
    async def listed(self, request: Request) -> Response:
        """All messages, the newest first, in pages."""
        here = self.check_access(request, request.path_params["account"])
        query = dict(request.query)
        low, high = _moment(query.get("DateSent>")), _moment(query.get("DateSent<"))
        day = query.get("DateSent", "")[:10]
        now, dated = self.now(), low is not None or high is not None or bool(day)

        def is_meant(one: Message) -> bool:
            at = one.listed_at()
            return (
                one.account_sid == here.sid
                and query.get("To", one.to) == one.to
                and query.get("From", one.sender) == one.sender
                and (not dated or (one.sent_at is not None and one.sent_at <= now))
                and (low is None or at >= low)
                and (high is None or at <= high)
                and (not day or f"{at:%Y-%m-%d}" == day)
            )

        found = [one for one in self.messages.values() if is_meant(one)]
        found.sort(key=lambda one: (one.listed_at(), one.sid[2:]), reverse=True)
        return self._page(request, "messages", [one.shape(now) for one in found])

    @route("GET", _MESSAGE + ".json")
    async def fetch(self, request: Request) -> Response:
        """One message, as it stands now."""
        return json_response(self._message(request).shape(self.now()))

    @route("POST", _MESSAGE + ".json")
    async def update(self, request: Request) -> Response:
        """Takes the text away (`Body=`), or cancels what waits (`Status=canceled`)."""
        message, fields = self._message(request), fields_of(request)
        if fields.get("Status") == ["canceled"]:
            if message.step(self.now()).status != "scheduled":
                raise Refused(30409, "Message is not in a state that can be canceled", status=409)
            message.steps.append(Step(self.now(), "canceled"))
        elif fields.get("Body") == [""]:
            if message.step(self.now()).status not in _FINAL:
                raise Refused(20009, "Cannot redact a message that is not final", status=409)
            message.body = ""
        else:
            raise Refused(20001, "Only an empty Body or the Status canceled can be set")
        return json_response(message.shape(self.now()))

    @route("DELETE", _MESSAGE + ".json")
    async def remove(self, request: Request) -> Response:
        """Takes a message out of the list, with its files; nobody's phone changes."""
        message = self._message(request)
        if message.step(self.now()).status not in _FINAL:
            raise Refused(20009, "Cannot delete a message that is not final", status=409)
        del self.messages[message.sid]
        for sid in message.media:
            self.files.pop(sid, None)
        return Response(204)

    # -- files

    @route("GET", _MESSAGE + "/Media.json")
    async def media(self, request: Request) -> Response:
        """The files of a message."""
        message = self._message(request)
        found = [media_shape(self.files[sid]) for sid in message.media if sid in self.files]
        return self._page(request, "media_list", found)

    def _file(self, request: Request, sid: str) -> File:
        found = self.files.get(sid)
        if found is None or found.message_sid != request.path_params["message"]:
            raise Refused(20404)
        return found

    @route("GET", _MESSAGE + "/Media/{media}.json")
    async def media_resource(self, request: Request) -> Response:
        """What a file is."""
        self._message(request)
        return json_response(media_shape(self._file(request, request.path_params["media"])))

    @route("DELETE", _MESSAGE + "/Media/{media}.json")
    async def remove_media(self, request: Request) -> Response:
        """Takes a file away."""
        message = self._message(request)
        file = self._file(request, request.path_params["media"])
        message.media.remove(file.sid)
        del self.files[file.sid]
        return Response(204)

    @route("GET", _MESSAGE + "/Media/{media}")
    async def content(self, request: Request) -> Response:
        """The bytes: leads on to where they are stored. Public, unless the account wants credentials."""
        if self.protected_media:
            self.check_access(request, request.path_params["account"])
        file = self._file(request, request.path_params["media"])
        until = int((self.now() + timedelta(hours=4)).timestamp())
        where = f"{STORAGE}/{file.account_sid}/{file.sid}?Expires={until}"
        return Response(307, b"", {"location": where})

    @route("GET", "/{account}/{media}")
    async def stored(self, request: Request) -> Response:
        """The store, which knows no credentials of ours, and is given none."""
        file = self.files.get(request.path_params["media"])
        if file is None or int(request.param("Expires", "0")) < self.now().timestamp():
            return Response(403)
        if "authorization" in request.headers:
            return Response(400, b"only one way to authenticate is allowed")
        return file_response(file.file)


def _moment(written: str | None) -> datetime | None:
    """A bound of the list: a day, or a time in UTC. Raises `Refused`."""
    if written is None:
        return None
    for form in ("%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%d"):
        try:
            return datetime.strptime(written, form).replace(tzinfo=UTC)
        except ValueError:
            continue
    raise Refused(20001, f"{written} is not a date in GMT")
