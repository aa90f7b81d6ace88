"""Simulated WhatsApp: Meta's Cloud API as the platform itself behaves, in process or on loopback."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, ClassVar, TypeVar
from urllib.parse import urlencode

from omnichannel.channel.base import Account
from omnichannel.testing.simulators import meta_graph
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
from omnichannel.testing.simulators.meta_graph import handshake_request, template_news
from omnichannel.testing.simulators.whatsapp_hooks import Known, Number, envelope, shown
from omnichannel.testing.simulators.whatsapp_people import WhatsAppPeople
from omnichannel.testing.simulators.whatsapp_rules import (
    GraphError,
    body_of,
    check_file,
    check_message,
    error_object,
    fits_kind,
    objects,
)

__all__ = ["WhatsAppSimulator"]

AccountT = TypeVar("AccountT", bound=Account)

WINDOW = timedelta(hours=24)
URL_LIFE = timedelta(minutes=5)
UPLOAD_LIFE = timedelta(days=30)
_STEPS = (("sent", timedelta(seconds=1)), ("delivered", timedelta(seconds=2)), ("read", timedelta(seconds=30)))


class WhatsAppSimulator(WhatsAppPeople):
    """The Graph API for WhatsApp, the customers' phones, and Meta's webhooks.

    What the real platform tells only later (no WhatsApp, blocked, window closed, marketing stopped, country) is a
    200 here too, and a failed status afterwards.
    """

    channel: ClassVar[str] = "whatsapp"
    adapter: ClassVar[str] = "whatsapp"
    hosts: ClassVar[tuple[str, ...]] = ("graph.facebook.com", "lookaside.fbsbx.com")
    error: ClassVar[type[meta_graph.GraphError]] = GraphError
    links: ClassVar[tuple[str, ...]] = ("https://wa.me/", "https://api.whatsapp.com/")

    def __init__(
        self,
        *,
        now: Callable[[], datetime],
        seed: int = 0,
        sleep: Callable[[float], Awaitable[None]] | None = None,
        read_receipts: bool = True,
    ) -> None:
        super().__init__(now=now, seed=seed, sleep=sleep)
        self.numbers: dict[str, Number] = {}
        self.media: dict[str, Known] = {}
        self.read_receipts = read_receipts
        self.banned_countries: set[str] = set()
        self.late: dict[str, int] = {}
        """Handles whose messages fail later, with this code."""
        self.marked_read: list[str] = []
        self.typing: list[str] = []

    # -- our accounts

    def adopt(self, account: AccountT) -> AccountT:
        """Registers a number, with its templates as approved. All numbers are those of one app, so one secret signs."""
        values = {
            "waba_id": "102290129340398",
            "display_number": f"+1555{self.random.randint(10**6, 10**7 - 1)}",
            "app_secret": self.app_secret,
            "verify_token": self.verify_token,
            "token": made_up("token", self.random),
        }
        filled = fill(account, values, self.random)
        self.accounts[account.id] = filled
        self.numbers[account.id] = Number.of(filled)
        return filled

    def set_trouble(self, account_id: str, code: int | None) -> None:
        """From now on every send of this number is refused with a code (368, 131042, 133010 ...); None: no more."""
        self.numbers[account_id].trouble = code

    def restrict(self, account_id: str, event: str = "ACCOUNT_RESTRICTION", **more: Any) -> None:
        """Meta restricts the business account, or says something else about it."""
        number = self.numbers[account_id]
        payload = envelope(number, {"value": {"event": event, **more}, "field": "account_update"}, time=self.now())
        self.post(number, payload)

    def set_template(self, account_id: str, name: str, status: str) -> None:
        """Meta pauses, disables or approves a template, and says so."""
        number = self.numbers[account_id]
        number.templates[name] = replace(number.templates[name], status=status)
        change = template_news(name, number.templates[name].languages, status)
        self.post(number, envelope(number, change, time=self.now()))

    def handshake(self, account_id: str, challenge: str = "1158201444") -> WebhookRequest:
        """The GET that Meta makes when a webhook URL is entered."""
        return handshake_request(self.numbers[account_id].verify_token, self.webhook_url(account_id) or "", challenge)

    # -- HTTP

    def country_of(self, request: Request) -> str | None:
        """The country of whoever a send is for."""
        if not request.path.endswith("/messages"):
            return None
        try:
            body = body_of(request)
        except GraphError:
            return None
        person = self.find_person(body.get("to"), body.get("recipient"))
        return person.country if person else None

    def rate_limited(self, request: Request) -> Response:
        """Throughput of the number."""
        return GraphError(130429, headers={"retry-after": str(self.random.randint(1, 5))}).response

    def nodes(self) -> Iterable[str]:
        """Numbers, business accounts and files."""
        known = (node for one in self.numbers.values() for node in (one.phone_number_id, one.waba_id))
        return (*known, *self.media)

    def _number(self, request: Request, node: str) -> Number:
        """The number that a request is about, if its token may use it. Raises `GraphError`."""
        token = self.check_caller(request, (one.token for one in self.numbers.values()))
        for number in self.numbers.values():
            if node in (number.phone_number_id, number.waba_id) and number.token == token:
                return number
        raise self.missing(node)

    @route("POST", "/{version}/{id}/messages")
    async def messages(self, request: Request) -> Response:
        """Send, react, mark read."""
        number = self._number(request, request.path_params["id"])
        body = body_of(request)
        if "status" in body:
            return self._mark_read(body)
        kind = check_message(body)
        if number.trouble is not None:
            raise GraphError(number.trouble)
        if not number.takes(self.now()):
            raise GraphError(130429, "The number sends too many messages")
        person = self.find_person(body.get("to"), body.get("recipient"))
        input_id: str = body.get("to") or body["recipient"]
        if not number.takes_pair(input_id, self.now()):
            raise GraphError(131056, "Too many messages to this one user")
        category = self._check_state(number, body, kind)
        message_id = self.new_wamid(person) if person else f"wamid.{self.new_id()}"
        self._deliver(number, person, body, kind, category, message_id)
        contact = {"input": input_id}
        contact |= {"wa_id": "".join(filter(str.isdigit, body["to"]))} if "to" in body else {"user_id": input_id}
        return json_response({"messaging_product": "whatsapp", "contacts": [contact], "messages": [{"id": message_id}]})

    def _mark_read(self, body: dict[str, Any]) -> Response:
        if body.get("messaging_product") != "whatsapp" or body.get("status") != "read":
            raise GraphError(100, "The parameters messaging_product and status are required.")
        message_id = body.get("message_id")
        if not isinstance(message_id, str) or not message_id.startswith("wamid."):
            raise GraphError(131009, "Param message_id is not the id of a message")
        self.marked_read.append(message_id)
        if "typing_indicator" in body:
            if body["typing_indicator"] != {"type": "text"}:
                raise GraphError(131009, "Param typing_indicator has the type text")
            self.typing.append(message_id)
        return json_response({"success": True})

    def _check_state(self, number: Number, body: dict[str, Any], kind: str) -> str:
        """What a well-formed message still needs: its file, its template. Gives its price category."""
        if kind == "template":
            return self._check_template(number, body)
        media_id = body[kind].get("id") if kind in ("image", "video", "audio", "document", "sticker") else None
        if media_id is not None:
            known = self.media.get(str(media_id))
            if known is None or known.until <= self.now():
                raise GraphError(100, f"No media with the ID {media_id}")
            if not fits_kind(kind, known.file.type):
                raise GraphError(131053, f"{known.file.type} cannot be sent as {kind}")
        return "service"

    def _check_template(self, number: Number, body: dict[str, Any]) -> str:
        template = body["template"]
        known = number.templates.get(template["name"])
        if known is None or template["language"]["code"] not in known.languages:
            raise GraphError(132001, f"template name ({template['name']}) does not exist in this language")
        if known.status in ("PAUSED", "DISABLED"):
            raise GraphError(132015 if known.status == "PAUSED" else 132016)
        components: list[dict[str, Any]] = template.get("components", [])
        bodies = [one for one in components if one["type"] == "body"]
        given = len(bodies[0]["parameters"]) if bodies else 0
        if given != known.body:
            raise GraphError(132000, f"body: number of localizable_params ({given}) is not {known.body}")
        headers = [one["parameters"][0]["type"] for one in components if one["type"] == "header"]
        buttons = {int(one["index"]): one["sub_type"] for one in components if one["type"] == "button"}
        if headers != ([known.header] if known.header else []) or buttons != dict(known.buttons):
            raise GraphError(132012, "header or buttons are not those of the template")
        if known.category == "authentication" and "to" not in body:
            raise GraphError(131062, "An authentication template goes to a phone number")
        return known.category

    # -- what becomes of it

    def _deliver(
        self,
        number: Number,
        person: SimCustomer | None,
        body: dict[str, Any],
        kind: str,
        category: str,
        message_id: str,
    ) -> None:
        code = self._obstacle(number, person, kind, category)
        status = {"id": message_id}
        if "biz_opaque_callback_data" in body:
            status["biz_opaque_callback_data"] = body["biz_opaque_callback_data"]
        if person is None or code is not None:
            self._tell_failure(number, person, body, status, code or 131026)
            return
        seen = shown(number, body, kind, message_id, self.now())
        if kind != "reaction":
            self.show(person.handle, seen)
        self.accept(person.handle, seen.text, status.get("biz_opaque_callback_data", ""))
        self._tell_statuses(number, person, status, category)

    def _tell_failure(
        self,
        number: Number,
        person: SimCustomer | None,
        body: Mapping[str, Any],
        status: Mapping[str, str],
        code: int,
    ) -> None:
        """Of somebody who cannot be reached, Meta says no more than what it was given.

        https://github.com/david-lev/pywa/issues/227
        """
        failed: dict[str, Any] = {**status, "status": "failed", "timestamp": self.stamp_of()}
        failed["errors"] = [error_object(code)]
        digits = "".join(filter(str.isdigit, str(body.get("to", ""))))
        contact = {"wa_id": digits} if digits else {"user_id": str(body["recipient"])}
        failed |= {"recipient_id": digits} if digits else {"recipient_user_id": body["recipient"]}
        if person is not None and code != 131026:
            contact = self.ids_of(person)
        value = {"contacts": [contact], "statuses": [failed]}
        self.tell(number, "messages", value, after=_STEPS[0][1], handle=person.handle if person else "")

    def _tell_statuses(self, number: Number, person: SimCustomer, status: Mapping[str, str], category: str) -> None:
        pricing = {"billable": True, "pricing_model": "PMP", "category": category, "type": "regular"}
        who = {} if self.is_hidden(person) else {"recipient_id": person.ids["wa_id"]}
        for name, after in _STEPS if self.read_receipts else _STEPS[:2]:
            at = {"status": name, "timestamp": str(int((self.now() + after).timestamp()))}
            told = {**status, **at, **who, "recipient_user_id": person.ids["bsuid"], "pricing": pricing}
            value = {"contacts": [self.ids_of(person)], "statuses": [told]}
            self.tell(number, "messages", value, after=after, handle=person.handle)

    def _obstacle(self, number: Number, person: SimCustomer | None, kind: str, category: str) -> int | None:
        """Why it will not arrive; None where it will."""
        if person is None or person.blocked:
            return 131026
        if person.country in self.banned_countries:
            return 130497
        if person.handle in self.late:
            return self.late[person.handle]
        if category == "marketing" and person.handle in number.no_marketing:
            return 131050
        last = number.last_in.get(person.handle)
        if kind != "template" and (last is None or self.now() - last > WINDOW):
            return 131047
        return None

    # -- files

    @route("POST", "/{version}/{id}/media")
    async def upload(self, request: Request) -> Response:
        """A file, as multipart."""
        number = self._number(request, request.path_params["id"])
        form = request.multipart()
        if form.get("messaging_product") != "whatsapp":
            raise GraphError(100, "The parameter messaging_product is required.")
        file = form.files.get("file")
        if file is None:
            raise GraphError(100, "The parameter file is required.")
        file = replace(file, type=form.get("type") or file.type)
        check_file(file.type, len(file.content))
        media_id = self.new_id(start=90_000_000)
        self.media[media_id] = Known(file=file, until=self.now() + UPLOAD_LIFE, account_id=number.account_id)
        return json_response({"id": media_id})

    @route("GET", "/{version}/{id}")
    async def node(self, request: Request) -> Response:
        """A number or a file."""
        node = request.path_params["id"]
        known = self.media.get(node)
        number = self._number(request, self.numbers[known.account_id].phone_number_id if known else node)
        if known is None:
            status = {"id": number.phone_number_id, "display_phone_number": f"+{number.display}"}
            return json_response({**status, "status": number.status, "quality_rating": "GREEN"})
        if known.until <= self.now():
            raise GraphError(100, f"No media with the ID {node}", subcode=33)
        home = "https://lookaside.fbsbx.com" if request.host in self.hosts else f"{request.scheme}://{request.host}"
        query = urlencode({"mid": node, "ext": int((self.now() + URL_LIFE).timestamp()), "hash": known.sha256[:16]})
        about: dict[str, Any] = {"url": f"{home}/whatsapp_business/attachments/?{query}", "mime_type": known.file.type}
        about |= {"sha256": known.sha256, "file_size": len(known.file.content), "id": node}
        return json_response({**about, "messaging_product": "whatsapp"})

    @route("DELETE", "/{version}/{id}")
    async def delete_media(self, request: Request) -> Response:
        """A file goes; with `phone_number_id`, only if it is that number's."""
        node = request.path_params["id"]
        known = self.media.get(node)
        if known is None:
            self.check_caller(request, (one.token for one in self.numbers.values()))
            raise self.missing(node)
        number = self._number(request, self.numbers[known.account_id].phone_number_id)
        if request.param("phone_number_id", number.phone_number_id) != number.phone_number_id:
            raise self.missing(node)
        del self.media[node]
        return json_response({"success": True})

    @route("GET", "/whatsapp_business/attachments/")
    async def download(self, request: Request) -> Response:
        """The bytes, for whoever has the token, while the URL lives."""
        known = self.media.get(request.param("mid"))
        if known is None or int(request.param("ext", "0")) < self.now().timestamp():
            return Response(404)
        if request.bearer != self.numbers[known.account_id].token:
            return Response(401)
        return file_response(known.file)

    # -- the app and its blocks

    @route("POST", "/{version}/{id}/subscribed_apps")
    async def subscribe(self, request: Request) -> Response:
        """Webhooks of the business account go to the app."""
        return self._subscribed(request, True)

    @route("DELETE", "/{version}/{id}/subscribed_apps")
    async def unsubscribe(self, request: Request) -> Response:
        """No more webhooks."""
        return self._subscribed(request, False)

    def _subscribed(self, request: Request, wanted: bool) -> Response:
        number = self._number(request, request.path_params["id"])
        for one in self.numbers.values():
            if one.waba_id == number.waba_id:
                one.subscribed = wanted
        return json_response({"success": True})

    @route("POST", "/{version}/{id}/block_users")
    async def block(self, request: Request) -> Response:
        """The business blocks somebody: what they write is not told any more."""
        return self._block(request, "added_users")

    @route("DELETE", "/{version}/{id}/block_users")
    async def unblock(self, request: Request) -> Response:
        """The business takes a block back."""
        return self._block(request, "removed_users")

    def _block(self, request: Request, name: str) -> Response:
        number = self._number(request, request.path_params["id"])
        users = objects(body_of(request), "block_users", 1, 1000)
        done: list[Mapping[str, str]] = []
        for user in users:
            person = self.find_person(user.get("user"), None)
            if person is not None:
                (number.blocked.add if name == "added_users" else number.blocked.discard)(person.handle)
                done.append({"input": user["user"], "wa_id": person.ids["wa_id"]})
        return json_response({"messaging_product": "whatsapp", "block_users": {name: done}})
