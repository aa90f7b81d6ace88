"""Simulated Messenger: Meta's Send API and webhooks as the platform itself behaves, in process or on loopback."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, ClassVar, TypeVar

from omnichannel.channel.base import Account
from omnichannel.testing.simulators.accounts import made_up
from omnichannel.testing.simulators.base import (
    Request,
    Response,
    SimCustomer,
    WebhookRequest,
    file_response,
    fill,
    json_response,
    route,
)
from omnichannel.testing.simulators.messenger_hooks import FIELDS, OUR_APP, File, Page, ms, payload_of, shown
from omnichannel.testing.simulators.messenger_people import MessengerPeople
from omnichannel.testing.simulators.messenger_rules import (
    LARGEST,
    MEDIA,
    check_message,
    check_right,
    check_template,
    object_in,
    person_of,
)
from omnichannel.testing.simulators.meta_graph import GraphError, body_of, handshake_request, is_object, template_news

__all__ = ["MessengerSimulator"]

AccountT = TypeVar("AccountT", bound=Account)

WINDOW = timedelta(hours=24)
AGENT_WINDOW = timedelta(days=7)
ACTIONS = ("mark_seen", "typing_on", "typing_off", "react", "unreact")
_ECHO, _DELIVERED, _READ = timedelta(milliseconds=500), timedelta(seconds=1), timedelta(seconds=30)


class MessengerSimulator(MessengerPeople):
    """The Graph API for Messenger, the customers' phones, and Meta's webhooks.

    Each message of the Page is echoed, delivered and, with `read_receipts`, read: deliveries name it, reads give only
    a watermark.
    """

    channel: ClassVar[str] = "messenger"
    adapter: ClassVar[str] = "messenger"
    hosts: ClassVar[tuple[str, ...]] = ("graph.facebook.com", "scontent.xx.fbcdn.net")
    links: ClassVar[tuple[str, ...]] = ("https://m.me/",)

    def __init__(
        self,
        *,
        now: Callable[[], datetime],
        seed: int = 0,
        sleep: Callable[[float], Awaitable[None]] | None = None,
        read_receipts: bool = True,
    ) -> None:
        super().__init__(now=now, seed=seed, sleep=sleep)
        self.pages: dict[str, Page] = {}
        self.files: dict[str, File] = {}
        self.quick: dict[str, set[str]] = {}
        self.tapped: set[str] = set()
        self.home = f"https://{self.hosts[1]}"
        self.read_receipts = read_receipts
        self.actions: list[tuple[str, str]] = []
        """What the Page did besides writing, and to whom: `mark_seen`, `typing_on`, `react` ..."""

    # -- our accounts

    def adopt(self, account: AccountT) -> AccountT:
        """Registers a Page, with its templates as approved. All Pages are those of one app, so one secret signs."""
        values = {
            "app_secret": self.app_secret,
            "verify_token": self.verify_token,
            "token": made_up("token", self.random),
        }
        filled = fill(account, values, self.random)
        self.accounts[account.id] = filled
        self.pages[account.id] = Page.of(filled)
        return filled

    def set_trouble(self, account_id: str, code: int | None, subcode: int | None = None) -> None:
        """From now on every send of this Page is refused with a code (368, 190, 10 ...); None: no more."""
        self.pages[account_id].trouble = None if code is None else (code, subcode)

    def enforce(self, account_id: str, action: str, reason: str = "") -> None:
        """Meta warns or blocks the Page, or takes that back, and says so."""
        page = self.pages[account_id]
        self.set_trouble(account_id, 368 if action == "block" else None)
        enforcement = {"action": action, **({"reason": reason} if reason else {})}
        item = {"recipient": {"id": page.page_id}, "timestamp": ms(self.now()), "policy_enforcement": enforcement}
        self.post(page, payload_of(page, self.now(), messaging=[item]))

    def set_template(self, account_id: str, name: str, status: str) -> None:
        """Meta pauses, disables or approves a template, and says so."""
        page = self.pages[account_id]
        page.templates[name] = replace(page.templates[name], status=status)
        change = template_news(name, page.templates[name].languages, status)
        self.post(page, payload_of(page, self.now(), changes=[change]))

    def handshake(self, account_id: str, challenge: str = "1158201444") -> WebhookRequest:
        """The GET that Meta makes when a webhook URL is entered."""
        return handshake_request(self.pages[account_id].verify_token, self.webhook_url(account_id) or "", challenge)

    # -- HTTP

    def nodes(self) -> Iterable[str]:
        """The Pages."""
        return ("me", *(one.page_id for one in self.pages.values()))

    def country_of(self, request: Request) -> str | None:
        """The country of whoever a send is for."""
        if not request.path.endswith("/messages"):
            return None
        psid = body_of(request).get("recipient", {}).get("id")
        found = (self.find_person(psid, page) for page in self.pages.values())
        return next((person.country for person in found if person is not None), None)

    def rate_limited(self, request: Request) -> Response:
        """Too many calls of the Page."""
        return GraphError(613, headers={"retry-after": str(self.random.randint(1, 5))}).response

    def _page_of(self, request: Request) -> Page:
        """The Page that a request is about, if its token may use it. Raises `GraphError`."""
        node = request.path_params["id"]
        token = self.check_caller(request, (one.token for one in self.pages.values()))
        if request.host not in self.hosts:
            self.home = f"{request.scheme}://{request.host}"
        for page in self.pages.values():
            if page.token == token and node in (page.page_id, "me"):
                return page
        raise self.missing(node)

    @route("POST", "/{version}/{id}/messages")
    async def messages(self, request: Request) -> Response:
        """Send, or do something: seen, typing, react."""
        page, body = self._page_of(request), body_of(request)
        psid = person_of(body)
        if ("message" in body) == ("sender_action" in body):
            raise GraphError(100, "A request has one of message and sender_action")
        if "sender_action" in body:
            return self._act(page, body, psid)
        right = check_right(body, self.now().date())
        message = object_in(body, "message")
        kind = check_message(message, right)
        person = self._reachable(page, psid)
        if not page.takes(kind, self.now()):
            raise GraphError(613, subcode=2534040)
        self._check_state(page, person, body, message, kind)
        return self._deliver(page, person, body, message)

    def _reachable(self, page: Page, psid: str) -> SimCustomer:
        """Who the recipient is, if the Page may write to them at all. Raises `GraphError`."""
        if page.trouble is not None:
            raise GraphError(page.trouble[0], subcode=page.trouble[1])
        person = self.find_person(psid, page)
        if person is None or person.handle not in page.threads:
            raise GraphError(100, "No matching user found", subcode=2018001)
        if person.blocked:
            raise GraphError(551, "This person isn't available right now.", subcode=1545041)
        if person.handle in page.owners:
            raise GraphError(10, "Another app is controlling this thread now.", subcode=2018300)
        return person

    def _check_state(
        self, page: Page, person: SimCustomer, body: Mapping[str, Any], message: dict[str, Any], kind: str
    ) -> None:
        """What a well-formed message still needs: the window, its file, its template. Raises `GraphError`."""
        right, now = body["messaging_type"], self.now()
        if right == "MESSAGE_TAG" and body["tag"] == "HUMAN_AGENT" and not page.human_agent:
            raise GraphError(200, "The app is not approved for the Human Agent feature")
        length = AGENT_WINDOW if right == "MESSAGE_TAG" else WINDOW
        if right != "UTILITY" and not page.is_open(person.handle, now, length):
            raise GraphError(10, "This message is sent outside of allowed window.", subcode=2018278)
        if kind == "template":
            template = object_in(message, "template")
            known = page.templates.get(str(template.get("name")))
            if known is None or known.status != "APPROVED":
                raise GraphError(100, f"The template {template.get('name')} does not exist or is not approved")
            check_template(template, body=known.body, languages=known.languages, buttons=known.buttons)
        attachment_id = message.get("attachment", {}).get("payload", {}).get("attachment_id")
        if attachment_id is not None:
            found = self.files.get(str(attachment_id))
            if found is None or found.page_id != page.page_id or found.kind != kind:
                raise GraphError(100, f"No {kind} of the Page has the attachment id", subcode=2018074)
        if "reply_to" in body and not isinstance(object_in(body, "reply_to").get("mid"), str):
            raise GraphError(100, "Param reply_to[mid] must be the id of a message")

    def _deliver(self, page: Page, person: SimCustomer, body: Mapping[str, Any], message: dict[str, Any]) -> Response:
        mid, psid, handle = self.new_mid(), self.psid(person.handle, page), person.handle
        seen = shown(page, message, mid, self.now(), body.get("reply_to", {}).get("mid"))
        self.show(handle, seen)
        if "quick_replies" in message:
            self.quick[mid] = {one["payload"] for one in message["quick_replies"]}
        self.accept(handle, seen.text, message.get("metadata", ""))
        told = {"mid": mid, "app_id": int(OUR_APP), **self._echoed(message)}
        self.echo(page, handle, told, after=_ECHO)
        delivered = {"mids": [mid], "watermark": ms(self.now() + _DELIVERED)}
        self.tell(page, "message_deliveries", handle, {"delivery": delivered}, after=_DELIVERED)
        if self.read_receipts:
            read = {"watermark": ms(self.now() + _READ)}
            self.tell(page, "message_reads", handle, {"read": read}, after=_READ)
        answer = {"recipient_id": psid, "message_id": mid}
        attachment_id = message.get("attachment", {}).get("payload", {}).get("attachment_id")
        return json_response(answer | ({"attachment_id": attachment_id} if attachment_id else {}))

    def _echoed(self, message: Mapping[str, Any]) -> dict[str, Any]:
        """A message of the Page in its echo: files by their URL, whatever id they were sent by."""
        told = {name: message[name] for name in ("metadata", "text") if name in message}
        attachment = message.get("attachment")
        if attachment is not None:
            payload: Mapping[str, Any] = attachment["payload"]
            if "attachment_id" in payload:
                file_id = str(payload["attachment_id"])
                payload = {"url": self.url_of(file_id, self.files[file_id].file)}
            told["attachments"] = [{"type": attachment["type"], "payload": payload}]
        return told

    def _act(self, page: Page, body: Mapping[str, Any], psid: str) -> Response:
        person = self._reachable(page, psid)
        name = body["sender_action"]
        if name not in ACTIONS:
            raise GraphError(100, f"Param sender_action must be one of {{{', '.join(ACTIONS).upper()}}}")
        if name in ("react", "unreact"):
            payload = object_in(body, "payload")
            if not isinstance(payload.get("message_id"), str) or (name == "react") != bool(payload.get("reaction")):
                raise GraphError(100, "Param payload has a message_id, and a reaction to react with")
        self.actions.append((name, person.handle))
        return json_response({"recipient_id": psid})

    # -- files

    @route("POST", "/{version}/{id}/message_attachments")
    async def upload(self, request: Request) -> Response:
        """A file to send, as multipart: the description in `message`, the bytes in `filedata`."""
        page, form = self._page_of(request), request.multipart()
        try:
            found: object = json.loads(form.get("message"))
        except ValueError:
            found = None
        if not is_object(found):
            raise GraphError(100, "The parameter message is required and has to be an object")
        kind = str(object_in(found, "attachment").get("type"))
        file = form.files.get("filedata")
        if file is None or kind not in MEDIA:
            raise GraphError(100, "The upload has no file, or no type of one", subcode=2018047)
        if len(file.content) > LARGEST:
            raise GraphError(100, "The attachment is too large", subcode=2018109)
        attachment_id = self.new_id(start=1_857_000_000_000_000)
        self.files[attachment_id] = File(file=file, kind=kind, page_id=page.page_id)
        return json_response({"attachment_id": attachment_id})

    @route("GET", "/v/t1.15752-9/{file}/{name}")
    async def download(self, request: Request) -> Response:
        """The bytes of what a customer sent; the URL itself is the right to them."""
        found = self.files.get(request.path_params["file"])
        return Response(404) if found is None else file_response(found.file)

    # -- the Page

    @route("GET", "/{version}/{id}")
    async def node(self, request: Request) -> Response:
        """The Page."""
        page = self._page_of(request)
        return json_response({"id": page.page_id, "name": page.name})

    @route("POST", "/{version}/{id}/subscribed_apps")
    async def subscribe(self, request: Request) -> Response:
        """Events of the Page go to the app, by field."""
        page = self._page_of(request)
        given = dict(request.query) | (body_of(request) if request.content else {})
        wanted: Any = given.get("subscribed_fields", "")
        fields = set(wanted.split(",") if isinstance(wanted, str) else map(str, wanted))
        if not fields or not fields <= FIELDS:
            raise GraphError(100, f"Param subscribed_fields must be of {{{', '.join(sorted(FIELDS))}}}")
        page.subscribed = fields
        return json_response({"success": True})

    @route("DELETE", "/{version}/{id}/subscribed_apps")
    async def unsubscribe(self, request: Request) -> Response:
        """No more webhooks."""
        self._page_of(request).subscribed = set()
        return json_response({"success": True})

    @route("POST", "/{version}/{id}/messenger_profile")
    async def profile(self, request: Request) -> Response:
        """The Get Started button, of what a profile holds."""
        page = self._page_of(request)
        if not isinstance(object_in(body_of(request), "get_started").get("payload"), str):
            raise GraphError(100, "Param get_started[payload] is required")
        page.get_started = True
        return json_response({"result": "success"})

    @route("POST", "/{version}/{id}/take_thread_control")
    async def take_thread(self, request: Request) -> Response:
        """Our app takes a thread from another one."""
        page, psid = self._page_of(request), person_of(body_of(request))
        person = self.find_person(psid, page)
        if person is None:
            raise GraphError(100, "No matching user found", subcode=2018001)
        page.owners.pop(person.handle, None)
        return json_response({"success": True})
