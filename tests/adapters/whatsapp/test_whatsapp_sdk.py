"""Pywa, unchanged, talks to simulated WhatsApp on loopback, and takes the webhooks that it signs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from starlette.applications import Starlette

from omnichannel.testing.asgi import post_webhook
from omnichannel.testing.faults import FaultPlan
from omnichannel.testing.simulators.base import SimFile, WebhookRequest
from omnichannel.testing.simulators.whatsapp import WhatsAppSimulator
from tests.adapters.serving import served
from tests.adapters.whatsapp.given_whatsapp import account
from tests.adapters.whatsapp.library import WhatsApp, errors, session, types

ANN = "+33612345678"
PNG = b"\x89PNG\r\n\x1a\n"
HOOK = "https://desk.example/hooks/wa"


class Desk:
    """WhatsApp on loopback, Ann's phone, and a desk that is built with the library: `heard` is what it was told."""

    def __init__(self) -> None:
        self.time = datetime(2027, 1, 4, 9, 0, tzinfo=UTC)
        self.sim = WhatsAppSimulator(now=lambda: self.time)
        self.account = self.sim.adopt(account())
        self.sim.connect("wa", HOOK)
        self.sim.customer("Ann", ANN)
        self.app = Starlette()
        self.heard: list[Any] = []
        self.statuses: list[int] = []
        self.answer = b""
        self.sessions = ExitStack()

    def opens(self, port: int) -> None:
        self.port = port
        self.wa = self.client(self.account.token.get_secret_value(), server=self.app, webhook_endpoint="/hooks/wa")
        for listen in (
            self.wa.on_message,
            self.wa.on_callback_button,
            self.wa.on_message_status,
            self.wa.on_phone_number_change,
            self.wa.on_edited_message,
            self.wa.on_user_marketing_preferences,
        ):
            listen(self.hears)

    def client(self, token: str, **more: Any) -> Any:
        assert self.account.verify_token is not None
        return WhatsApp(
            self.account.phone_number_id,
            token,
            session=self.sessions.enter_context(session(self.port)),
            app_secret=self.account.app_secret[0].get_secret_value(),
            verify_token=self.account.verify_token.get_secret_value(),
            waba_id=self.account.waba_id,
            **more,
        )

    def hears(self, wa: Any, update: Any) -> None:
        assert wa is self.wa
        self.heard.append(update)

    async def post(self, request: WebhookRequest) -> int:
        status, self.answer = await post_webhook(self.app, request)
        self.statuses.append(status)
        return status

    async def told(self) -> list[Any]:
        """What the library heard by now."""
        self.heard.clear()
        await self.sim.deliver_due(self.post)
        assert set(self.statuses) <= {200}
        return list(self.heard)


@pytest.fixture
def desk() -> Iterator[Desk]:
    made = Desk()
    with served(made.sim) as port:
        made.opens(port)
        with made.sessions:
            yield made


async def test_the_handshake(desk: Desk) -> None:
    assert await desk.post(desk.sim.handshake("wa", "1158201444")) == 200
    assert desk.answer == b"1158201444"


async def test_a_text_is_heard_and_answered(desk: Desk) -> None:
    message_id = desk.sim.says(ANN, "Où est ma valise ?")
    (message,) = await desk.told()
    assert (message.id, message.text, message.from_user.name) == (message_id, "Où est ma valise ?", "Ann")
    assert message.from_user.wa_id == ANN[1:]
    assert message.timestamp == desk.time
    message.mark_as_read()
    assert desk.sim.marked_read == [message_id]
    sent = message.reply("À Oslo.", quote=True)
    assert [(one.text, one.message_id) for one in desk.sim.seen(ANN)] == [("À Oslo.", sent.id)]
    desk.time += timedelta(minutes=1)
    told = await desk.told()
    assert [(one.status.value, one.id) for one in told] == [(name, sent.id) for name in ("sent", "delivered", "read")]


async def test_buttons_are_shown_and_tapped(desk: Desk) -> None:
    desk.sim.says(ANN, "Hello")
    buttons = [types.Button(title="Yes", callback_data="y"), types.Button(title="No", callback_data="n")]
    sent = desk.wa.send_message(ANN, "Shall we send it?", header="Your bag", footer="Azur Air", buttons=buttons)
    await desk.told()
    desk.sim.picks(ANN, "No")
    (tap,) = await desk.told()
    assert (tap.data, tap.title, tap.reply_to_message.id) == ("n", "No", sent.id)


async def test_files_go_out_and_come_in(desk: Desk) -> None:
    desk.sim.says(ANN, "Look", attachments=[SimFile("bag.png", PNG, "image/png")])
    (message,) = await desk.told()
    assert (message.caption, message.image.mime_type) == ("Look", "image/png")
    assert message.image.get_bytes() == PNG
    media = desk.wa.upload_media(b"%PDF-1.7", mime_type="application/pdf", filename="claim.pdf")
    desk.wa.send_document(ANN, media, filename="claim.pdf", caption="Please sign.")
    shown = desk.sim.seen(ANN)[-1]
    assert (shown.text, shown.media) == ("Please sign.", ("claim.pdf",))
    url = desk.wa.get_media_url(media.id)
    assert (url.mime_type, url.file_size, url.get_bytes()) == ("application/pdf", 8, b"%PDF-1.7")
    assert desk.wa.delete_media(media.id, phone_id=None).success
    with pytest.raises(errors.WhatsAppError):
        desk.wa.get_media_url(media.id)
    with pytest.raises(errors.MediaUploadError):
        desk.wa.upload_media(bytes(5 * 1024 * 1024 + 1), mime_type="image/png", filename="a.png")


async def test_a_template_opens_a_closed_window(desk: Desk) -> None:
    desk.wa.send_message(ANN, "Are you there?")
    desk.time += timedelta(minutes=1)
    (failed,) = await desk.told()
    assert (failed.status.value, type(failed.error)) == ("failed", errors.ReEngagementMessage)
    body = types.templates.BodyText.params("10 EUR", "Monday")
    language = types.templates.TemplateLanguage.ENGLISH_UK
    desk.wa.send_template(ANN, "refund_done", language, [body])
    assert len(desk.sim.seen(ANN)) == 1
    with pytest.raises(errors.TemplateNotExists):
        desk.wa.send_template(ANN, "none", language, [])
    with pytest.raises(errors.TemplateParamCountMismatch):
        desk.wa.send_template(ANN, "refund_done", language, [])


async def test_reactions_edits_numbers_and_marketing(desk: Desk) -> None:
    first = desk.sim.says(ANN, "In Rome")
    desk.wa.send_reaction(ANN, "👍", first)
    desk.sim.edits(ANN, first, "In Oslo")
    desk.sim.wants_marketing(ANN, False)
    desk.sim.changes_number(ANN, "+33687654321")
    told = await desk.told()
    assert [type(one).__name__ for one in told] == [
        "Message",
        "EditedMessage",
        "UserMarketingPreferences",
        "PhoneNumberChange",
    ]
    assert told[-1].new_wa_id == "33687654321"


async def test_a_blocked_customer_is_not_heard(desk: Desk) -> None:
    assert desk.wa.block_users([ANN]).added_users
    desk.sim.says(ANN, "Hello?")
    assert await desk.told() == []
    assert desk.wa.unblock_users([ANN]).removed_users
    desk.sim.says(ANN, "Hello!")
    assert [one.text for one in await desk.told()] == ["Hello!"]


async def test_a_forged_webhook_is_refused_by_the_library(desk: Desk) -> None:
    body = json.dumps({"object": "whatsapp_business_account", "entry": []}).encode()
    headers = {"content-type": "application/json", "x-hub-signature-256": "sha256=" + "0" * 64}
    assert await desk.post(WebhookRequest(url=HOOK, headers=headers, body=body)) == 403
    assert desk.heard == []


@pytest.mark.parametrize(
    ("code", "name"), [(368, "TemporarilyBlocked"), (131031, "AccountLocked"), (131042, "BusinessPaymentIssue")]
)
def test_an_account_in_trouble(desk: Desk, code: int, name: str) -> None:
    desk.sim.set_trouble("wa", code)
    with pytest.raises(getattr(errors, name)):
        desk.wa.send_message(ANN, "x")


def test_too_fast(desk: Desk) -> None:
    desk.sim.says(ANN, "Hello")
    desk.sim.faults = FaultPlan(0, {"rate_limited": 1.0})
    with pytest.raises(errors.RateLimitHit) as refused:
        desk.wa.send_message(ANN, "x")
    desk.sim.faults = FaultPlan(0)
    assert refused.value.raw_response.status_code == 429
    with pytest.raises(errors.TooManyMessages):
        _ = [desk.wa.send_message(ANN, f"{number}") for number in range(100)]


def test_bad_tokens_and_bad_messages(desk: Desk) -> None:
    with pytest.raises(errors.ExpiredAccessToken) as refused:
        desk.client("wrong").send_message(ANN, "x")
    assert refused.value.raw_response.status_code == 401
    with pytest.raises(errors.InvalidParameter):
        desk.wa.send_message("12", "x")
    with pytest.raises(errors.WhatsAppError, match="100"):
        desk.wa.send_message(ANN, "x" * 4097)
