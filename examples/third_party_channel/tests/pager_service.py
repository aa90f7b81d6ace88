"""The pager service, simulated: enough of it for customers to talk with a hub."""

from __future__ import annotations

import json
from collections.abc import Sequence
from urllib.parse import parse_qs, urlsplit

from acme_pager import PagerAccount

from omnichannel.kit.signatures import hmac_sign
from omnichannel.testing.simulators.base import (
    Request,
    Response,
    Seen,
    SimFile,
    Simulator,
    WebhookRequest,
    json_response,
    route,
)


class PagerService(Simulator):
    """Takes pages for customers that it knows, and signs its webhooks."""

    channel = "pager"
    adapter = "acme_pager"
    hosts = ("api.pager.example",)

    @route("POST", "/pages")
    async def page(self, request: Request) -> Response:
        data = request.json()
        customer = self.customers.get(data["to"])
        if customer is None:
            return json_response({"error": {"code": "no_such_pager", "message": "no such pager"}}, 404)
        number = self.new_id("m-")
        self.accept(customer.handle, data["text"], data["key"])
        account_id = next(iter(self.accounts))
        self.show(customer.handle, Seen(at=self.now(), text=data["text"], message_id=number, account_id=account_id))
        return json_response({"id": number}, 201)

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
        number, account = self.new_id("p-"), self.account_for(handle, account_id)
        body = json.dumps({"pages": [{"id": number, "sender": handle, "text": text}]}).encode()
        known = self.accounts[account]
        assert isinstance(known, PagerAccount)
        headers = {"x-pager-signature": hmac_sign(known.secret[0].get_secret_value(), body)}
        url = self.webhook_url(account) or ""
        self.notify(account, WebhookRequest(url=url, headers=headers, body=body), handle=handle)
        return number

    def picks(self, handle: str, title: str) -> str:
        return self.says(handle, title)

    def opens(self, handle: str, url: str) -> str:
        return self.says(handle, f"#{parse_qs(urlsplit(url).query)['ref'][0]}")
