"""X keeps the contract; what its account narrows, and where its links lead."""

from collections.abc import Mapping
from datetime import date
from urllib.parse import parse_qs, urlsplit

import pytest
from pydantic import SecretStr, ValidationError

from omnichannel.adapters.x import XAccount, XChannel
from omnichannel.channel import (
    Envelope,
    HttpRequest,
    HttpResponse,
    Initiation,
    Part,
    SmtpReply,
    Wire,
    WireAnswer,
)
from omnichannel.kit.signatures import hmac_sign
from omnichannel.model.content import Text
from omnichannel.testing.contract import ChannelContract

US, ANN = "1900000000000000001", "1500000000000000042"
ACCOUNT = XAccount(
    id="x-main",
    user_id=US,
    username="desk_air",
    consumer_secret=(SecretStr("consumer-secret"),),
    token=SecretStr("user-token"),
    refresh_token=SecretStr("refresh-token"),
    client_id="client",
)


class TestX(ChannelContract):
    channel = XChannel(ACCOUNT)
    fixtures = "fixtures"
    own_addresses = (US,)

    def signed(self, body: bytes) -> Envelope:
        signature = "sha256=" + hmac_sign("consumer-secret", body, encoding="base64")
        return Envelope(content=body, headers={"x-twitter-webhooks-signature": signature}, received_at=self.NOW)

    def part(self, surface: str, text: str) -> Part:
        part = Part(key="part-1", to=ANN, content=Text(text), surface=surface)
        return part if surface == "dm" else Part(key="p", to=ANN, content=Text(text), surface=surface, reply_to="1001")

    def answer(self, request: Wire) -> WireAnswer:
        if not isinstance(request, HttpRequest):
            return SmtpReply(250)
        body = b'{"data":{"id":"1","text":"q","dm_event_id":"2","dm_conversation_id":"1-2"}}'
        return HttpResponse(201, {"content-type": "application/json"}, body)


def test_two_settings_are_enough() -> None:
    account = XAccount.model_validate({"id": "x-main", "consumer_secret": "env:S", "token": "file:/run/token"})
    assert (account.tier, account.user_id, account.uses_oauth1, account.own_id) == ("pay_per_use", None, False, None)
    assert [one.get_secret_value() for one in account.consumer_secret] == ["env:S"]


def test_secrets_are_not_shown() -> None:
    shown = repr(ACCOUNT) + ACCOUNT.model_dump_json()
    assert [one for one in ("consumer-secret", "user-token", "refresh-token") if one in shown] == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"user_id": "@desk"},
        {"user_id": "12345678901234567890"},
        {"username": "@desk"},
        {"tier": "pro"},
        {"crc_with": "token"},
        {"consumer": "x"},
    ],
)
def test_settings_that_cannot_work_are_refused(wrong: Mapping[str, str]) -> None:
    with pytest.raises(ValidationError):
        XAccount.model_validate({"id": "x", **wrong})


@pytest.mark.parametrize(
    ("token", "secret", "known"),
    [("370773112-GmHx", "s", "370773112"), ("370773112-GmHx", None, None), ("opaque", "s", None)],
)
def test_an_oauth1_token_says_whose_it_is(token: str, secret: str | None, known: str | None) -> None:
    account = XAccount.model_validate({"id": "x", "token": token, "token_secret": secret})
    assert account.own_id == known


@pytest.mark.parametrize(
    ("tier", "premium", "limit", "initiation"),
    [
        ("pay_per_use", False, 280, Initiation.SUMMONED),
        ("pay_per_use", True, 25_000, Initiation.SUMMONED),
        ("enterprise", False, 280, Initiation.AFTER_CONTACT),
        ("enterprise", True, 25_000, Initiation.AFTER_CONTACT),
    ],
)
def test_an_account_narrows_public_replies(tier: str, premium: bool, limit: int, initiation: Initiation) -> None:
    channel = XChannel(ACCOUNT.model_copy(update={"tier": tier, "premium": premium}))
    mention, dm = channel.surface("mention"), channel.surface("dm")
    assert mention is not None
    assert dm is channel.surfaces["dm"]
    assert (mention.text_limit, mention.initiation, mention.visibility) == (limit, initiation, "public")
    assert {kind: one.caption for kind, one in mention.media.items()} == {"image": limit, "video": limit}
    assert mention.media["image"].per_message == 4
    assert channel.surface("story") is None


def test_prices_have_days_and_sources() -> None:
    prices = {(one.action, one.condition): one for one in XChannel.prices}
    reply = prices["reply", "mention"]
    assert (str(reply.amount), reply.since) == ("0.010", date(2026, 2, 23))
    assert str(prices["send_with_link", "mention"].amount) == "0.200"
    assert {str(one.amount) for one in XChannel.prices if one.action == "send"} == {"0.015"}
    assert all(one.since is not None and one.see.startswith("https://") for one in XChannel.prices)


def test_a_link_fills_in_text_and_reference() -> None:
    channel = XChannel(ACCOUNT)
    for ref, text in (("A7K2QX9P4M", "Bonjour & merci"), ("#A7K2QX9P4M", "Bonjour & merci #A7K2QX9P4M")):
        found = channel.link(ref, text)
        assert found is not None
        parts = urlsplit(found.url)
        query = parse_qs(parts.query)
        assert (parts.hostname, parts.path) == ("x.com", "/messages/compose")
        assert query == {"recipient_id": [US], "text": ["Bonjour & merci #A7K2QX9P4M"]}


def test_without_our_id_there_is_no_link() -> None:
    assert XChannel(ACCOUNT.model_copy(update={"user_id": None})).link("A7", "x") is None


@pytest.mark.parametrize(
    ("tier", "cursor", "query"),
    [
        ("pay_per_use", None, ()),
        ("pay_per_use", "1", (("backfill_minutes", "5"),)),
        ("enterprise", None, (("backfill_minutes", "5"),)),
    ],
)
def test_the_stream(tier: str, cursor: str | None, query: tuple[tuple[str, str], ...]) -> None:
    listen = XChannel(ACCOUNT.model_copy(update={"tier": tier})).listen(cursor)
    assert (listen.framing, listen.idle.total_seconds()) == ("lines", 60)
    assert (listen.request.method, listen.request.url, listen.request.query) == ("GET", "2/activity/stream", query)
