"""A platform of a few lines, to test what all simulators share."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Sequence
from dataclasses import replace
from datetime import timedelta

from omnichannel.channel.base import Account, Secrets
from omnichannel.testing.simulators.base import (
    BadRequest,
    PendingWebhook,
    Request,
    Response,
    Seen,
    SeenChoice,
    SimFile,
    Simulator,
    WebhookRequest,
    file_response,
    json_response,
    route,
)


class PostAccount(Account):
    secret: Secrets = ()
    token: str = ""
    box: str | None = None


class PostOffice(Simulator):
    """Letters to `/boxes/{box}/letters`; its webhooks carry the time of the try."""

    channel = "post"
    adapter = "post"
    hosts = ("api.post.example", "*.depot.example")
    webhook_retries = (timedelta(seconds=10), timedelta(seconds=60))

    @route("POST", "/boxes/{box}/letters")
    async def letter(self, request: Request) -> Response:
        data = request.json()
        customer = self.customers.get(data["to"])
        if customer is None or customer.blocked:
            return json_response({"error": "no such box"}, 404)
        number = self.new_id("L")
        self.accept(customer.handle, data["text"], data.get("key", ""))
        choices = tuple(SeenChoice(title, title.lower()) for title in data.get("choices", ()))
        box = request.path_params["box"]
        seen = Seen(at=self.now(), text=data["text"], message_id=number, account_id=box, choices=choices)
        self.show(customer.handle, seen)
        self.tell(box, {"delivered": number}, customer.handle, after=timedelta(seconds=2))
        return json_response({"id": number}, 201)

    @route("GET", "/files/{path:path}")
    async def file(self, request: Request) -> Response:
        return file_response(SimFile("map.png", request.path_params["path"].encode(), "image/png"))

    @route("GET", "/stream", host="live.depot.example")
    async def stream(self, request: Request) -> Response:
        async def chunks() -> AsyncGenerator[bytes]:
            for number in range(3):
                yield f"line {number}\n".encode()

        return Response(200, headers={"content-type": "text/plain"}, chunks=chunks())

    @route("POST", "/echo")
    async def echo(self, request: Request) -> Response:
        match request.media_type:
            case "multipart/form-data":
                body = request.multipart()
                files = {name: [one.name, one.type, len(one.content)] for name, one in body.files.items()}
                return json_response({"fields": body.fields, "files": files})
            case "application/x-www-form-urlencoded":
                return json_response(request.form())
            case "":
                raise BadRequest("say what it is")
            case _:
                return json_response({"json": request.json(), "bearer": request.bearer, "url": request.url})

    def country_of(self, request: Request) -> str | None:
        if not request.content.startswith(b"{"):
            return None
        customer = self.customers.get(str(request.json().get("to", "")))
        return customer.country if customer else None

    def tell(self, box: str, data: object, handle: str, *, after: timedelta = timedelta(0)) -> None:
        url = self.webhook_url(box) or ""
        self.notify(box, WebhookRequest(url=url, body=json.dumps(data).encode()), after=after, handle=handle)

    def stamp(self, pending: PendingWebhook) -> WebhookRequest:
        return replace(pending.request, headers={"x-sent-at": f"{self.now():%H:%M:%S}"})

    def says(
        self,
        handle: str,
        text: str,
        *,
        attachments: Sequence[SimFile] = (),
        surface: str | None = None,
        reply_to: str | None = None,
        account_id: str | None = None,
    ) -> str:
        number = self.new_id("C")
        self.tell(self.account_for(handle, account_id), {"from": handle, "text": text, "id": number}, handle)
        return number

    def picks(self, handle: str, title: str) -> str:
        seen, choice = self.button(handle, title)
        return self.says(handle, choice.id, account_id=seen.account_id)
