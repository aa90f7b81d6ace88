"""The account's settings, what a sender can do, and the requests for credentials."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from omnichannel.adapters.twilio_sms import TwilioSmsAccount, TwilioSmsChannel
from omnichannel.channel import Capabilities, Form, HttpRequest, Part
from omnichannel.kit.degrade import fit
from omnichannel.model.content import Media, QuickReply, Text
from tests.adapters.twilio_sms.given_twilio import CHANNEL, FIRST, KEY, NAMED, SERVICE, SID, TOKEN, account

NOW = datetime(2027, 1, 4, 9, 0, tzinfo=UTC)
PICTURE = Media(kind="image", type="image/png", name="bag.png", ref="https://m.example/1.png")


@pytest.mark.parametrize(
    ("setting", "why"),
    [
        ({"sender": None}, "say who sends"),
        ({"sender": "0612345678"}, "a number with its country"),
        ({"sender": "ThirteenChars"}, "at most 11"),
        ({"numbers": ("KLM",)}, "numbers are numbers"),
        ({"api_secret": ""}, "belong together"),
        ({"api_key": None}, "belong together"),
        ({"account_sid": "AC1"}, "account_sid"),
        ({"webhook_url": "https://my_desk.example/"}, "underscore"),
        ({"validity": timedelta(hours=11)}, "validity"),
        ({"rate": 0}, "rate"),
    ],
)
def test_a_mistake_in_the_settings_is_told(setting: dict[str, Any], why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        account(**setting)


def rate(**more: object) -> int:
    (limit,) = _dm(**more).rates
    return limit.count // int(limit.per.total_seconds())


def _dm(**more: object) -> Capabilities:
    found = TwilioSmsChannel(account(**more)).surface("dm")
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("settings", "a_second"),
    [
        ({}, 1),
        ({"sender": "+18005550100"}, 3),
        ({"sender": "12345"}, 100),
        ({"sender": "KLM"}, 10),
        ({"rate": 30}, 30),
        ({"numbers": ("+14155550101",)}, 1),
        ({"messaging_service_sid": SERVICE, "numbers": ("+14155550101", "12345")}, 102),
        ({"sender": None, "messaging_service_sid": SERVICE}, 100),
    ],
)
def test_a_sender_has_its_rate(settings: dict[str, object], a_second: int) -> None:
    assert rate(**settings) == a_second


@pytest.mark.parametrize(
    ("settings", "files"),
    [
        ({}, True),
        ({"sender": "+33644600001"}, False),
        ({"sender": "+33644600001", "mms": True}, True),
        ({"mms": False}, False),
        ({"sender": "KLM"}, False),
        ({"sender": "12345"}, False),
        ({"sender": None, "messaging_service_sid": SERVICE}, True),
        ({"sender": "+33644600001", "numbers": ("+14155550101",)}, True),
    ],
)
def test_a_sender_has_mms_where_its_country_has(settings: dict[str, object], files: bool) -> None:
    assert bool(_dm(**settings).media) == files


def test_there_is_one_surface() -> None:
    assert CHANNEL.surface("mention") is None


def test_a_file_becomes_a_link_where_it_cannot_be_sent() -> None:
    found = fit(Text("Look", attachments=[PICTURE]), _dm(sender="+33644600001"))
    assert found.parts == (Text("Look\n\nbag.png: https://m.example/1.png"),)
    assert found.lost == ("attachments",)
    # Twilio fetches files itself: one of ours without a URL has to be named.
    ours = Media(kind="image", type="image/png", name="bag.png", ref="blob:abc")
    assert fit(Text("Look", attachments=[ours]), _dm()).parts == (Text("Look\n\nbag.png"),)
    known = fit(Text("Look", attachments=[ours]), _dm(), media_url=lambda _: "https://desk.example/m/1").parts
    (text,) = known
    assert isinstance(text, Text)
    assert [one.ref for one in text.attachments] == ["https://desk.example/m/1"]


def test_choices_are_numbered_lines() -> None:
    (text,) = fit(Text("Shall we?", quick_replies=[QuickReply("Yes"), QuickReply("No")]), _dm()).parts
    assert text == Text("Shall we?\n\n1. Yes\n2. No")


@pytest.mark.parametrize("character", ["a", "€", "ж", "😀", "é", "ç"])
def test_no_part_is_longer_than_twilio_takes(character: str) -> None:
    for part in fit(Text(character * 5000), _dm()).parts:
        assert isinstance(part, Text)
        flow = CHANNEL.send(Part(key="p", to="+14155550111", content=part))
        request = next(flow)
        assert isinstance(request, HttpRequest)
        assert isinstance(request.body, Form)
        assert 0 < len(dict(request.body.fields)["Body"]) <= 1600
        assert request.cost > 1
        flow.close()


def authorization(settings: TwilioSmsAccount) -> str:
    request = TwilioSmsChannel(settings).sign(HttpRequest(method="GET", url="Messages.json"), None, NOW, "n")
    assert request.url == f"https://api.twilio.com/2010-04-01/Accounts/{SID}/Messages.json"
    return base64.b64decode(request.headers["authorization"].removeprefix("Basic ")).decode()


def test_the_key_goes_before_the_token() -> None:
    assert authorization(FIRST) == f"{KEY}:api-secret-0123456789"
    assert authorization(account(api_key=None, api_secret="")) == f"{SID}:{TOKEN}"
    assert authorization(account(api_key=None, api_secret="", auth_token=("new", "old"))) == f"{SID}:new"


def test_credentials_stay_at_home() -> None:
    for url in ("https://evil.example/2010-04-01/x", "http://api.twilio.com/x", "https://mms.twiliocdn.com/AC/ME"):
        assert "authorization" not in CHANNEL.sign(HttpRequest(method="GET", url=url), None, NOW, "n").headers


def test_another_region_is_a_setting() -> None:
    channel = TwilioSmsChannel(account(base_url="https://api.dublin.ie1.twilio.com/"))
    request = channel.sign(HttpRequest(method="GET", url="/2010-04-01/Accounts/x.json"), None, NOW, "n")
    assert request.url == "https://api.dublin.ie1.twilio.com/2010-04-01/Accounts/x.json"


def test_options_of_a_send() -> None:
    channel = TwilioSmsChannel(
        account(
            webhook_url="https://desk.example/h?x=1",
            validity=timedelta(minutes=5),
            smart_encoded=True,
            messaging_service_sid=SERVICE,
        )
    )
    request = next(channel.send(Part(key="prt 1&2", to="+14155550111", content=Text("x"))))
    assert isinstance(request, HttpRequest)
    assert isinstance(request.body, Form)
    assert dict(request.body.fields) == {
        "To": "+14155550111",
        "MessagingServiceSid": SERVICE,
        "Body": "x",
        "StatusCallback": "https://desk.example/h?x=1&account=sms&part=prt+1%262",
        "ValidityPeriod": "300",
        "SmartEncoded": "true",
    }


def test_nobody_is_told_where_there_is_no_url() -> None:
    request = next(TwilioSmsChannel(NAMED).send(Part(key="p", to="+33612345678", content=Text("x"))))
    assert isinstance(request, HttpRequest)
    assert request.body == Form((("To", "+33612345678"), ("From", "KLM"), ("Body", "x")))


@pytest.mark.parametrize(
    ("settings", "begins"),
    [
        ({}, "sms:+14155550100?"),
        ({"sender": "12345"}, "sms:12345?"),
        ({"sender": "KLM"}, None),
        ({"sender": "KLM", "numbers": ("+33644600001",)}, "sms:+33644600001?"),
    ],
)
def test_a_link_leads_to_a_number_that_can_be_answered(settings: dict[str, object], begins: str | None) -> None:
    link = TwilioSmsChannel(account(**settings)).link("abc", "Hi")
    assert (link is None) == (begins is None)
    assert link is None or link.url.startswith(begins or "-")
