"""Twilio's own library for Python, unchanged, talks to simulated Twilio on loopback."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import pytest
import uvicorn

from omnichannel.testing.faults import FaultPlan
from omnichannel.testing.simulators.base import SimFile
from omnichannel.testing.simulators.twilio_sms import TwilioSmsSimulator
from tests.adapters.twilio_sms.given_twilio import KEY, SERVICE, SID, account
from tests.adapters.twilio_sms.library import Client, TwilioException, TwilioHttpClient, TwilioRestException

ANN = "+14155550111"
US = "+14155550100"


class OnLoopback:
    """The library's own HTTP client, which finds api.twilio.com on a port of this machine."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.inner = TwilioHttpClient()

    def request(self, method: str, url: str, *args: Any, **more: Any) -> Any:
        parts = urlsplit(url)
        return self.inner.request(method, urlunsplit(("http", f"127.0.0.1:{self.port}", *parts[2:])), *args, **more)


class Served(uvicorn.Server):
    """Says when it listens, so that nobody has to wait and see."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.listening.set()


class Town:
    """Twilio on loopback, and the library in front of it."""

    def __init__(self, port: int) -> None:
        self.now = datetime(2027, 1, 4, 9, 0, tzinfo=UTC)
        self.sim = TwilioSmsSimulator(now=lambda: self.now)
        ours = self.sim.adopt(account(messaging_service_sid=SERVICE, numbers=("+14155550101",)))
        self.sim.customer("Ann", ANN)
        self.port = port
        self.client = self.as_user(KEY, ours.api_secret.get_secret_value())

    def as_user(self, user: str, secret: str) -> Any:
        return Client(user, secret, SID, http_client=OnLoopback(self.port))


@pytest.fixture(scope="module")
def town() -> Iterator[Town]:
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    made = Town(listener.getsockname()[1])
    server = Served(uvicorn.Config(made.sim, log_level="critical", lifespan="off"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        assert server.listening.wait(30)
        yield made
    finally:
        server.should_exit = True
        thread.join(30)
        listener.close()


def test_a_text_is_sent(town: Town) -> None:
    sent = town.client.messages.create(
        to=ANN, from_=US, body="Your bag is here.", status_callback="https://d.example/h"
    )
    assert (sent.status, sent.num_segments, sent.direction) == ("queued", "1", "outbound-api")
    assert (sent.date_created, sent.error_code) == (town.now, None)
    assert town.sim.seen(ANN)[-1].text == "Your bag is here."
    town.now += timedelta(minutes=1)
    again = town.client.messages(sent.sid or "").fetch()
    assert (again.status, again.price, again.price_unit) == ("delivered", "-0.00830", "USD")


def test_a_picture_is_sent_and_one_is_read(town: Town) -> None:
    sent = town.client.messages.create(to=ANN, messaging_service_sid=SERVICE, media_url=["https://m.example/1.png"])
    assert (sent.sid or "")[:2] == "MM"
    assert (sent.status, sent.messaging_service_sid) == ("accepted", SERVICE)
    assert town.sim.seen(ANN)[-1].media == ("https://m.example/1.png",)
    inbound = town.sim.says(ANN, "Look", attachments=[SimFile("a.png", b"\x89PNG", "image/png")])
    (listed,) = town.client.messages(inbound).media.list()
    assert (listed.content_type, listed.parent_sid) == ("image/png", inbound)
    assert town.client.messages(inbound).media(listed.sid or "").fetch().sid == listed.sid


def test_messages_are_listed_in_pages(town: Town) -> None:
    for number in range(7):
        town.now += timedelta(minutes=1)
        town.sim.says(ANN, f"message {number}")
    found = town.client.messages.list(from_=ANN, page_size=3, limit=7)
    assert [one.body for one in found] == [f"message {number}" for number in reversed(range(7))]
    recent = town.client.messages.list(from_=ANN, date_sent_after=town.now - timedelta(minutes=2), page_size=2)
    assert [one.body for one in recent] == ["message 6", "message 5", "message 4"]


def test_a_message_is_redacted_and_deleted(town: Town) -> None:
    sid = town.sim.says(ANN, "Secret")
    assert town.client.messages(sid).update(body="").body == ""
    assert town.client.messages(sid).delete()
    with pytest.raises(TwilioRestException) as missing:
        town.client.messages(sid).fetch()
    assert (missing.value.status, missing.value.code) == (404, 20404)


def test_numbers_services_and_the_account_are_read(town: Town) -> None:
    (number,) = town.client.incoming_phone_numbers.list(phone_number=US)
    assert (number.phone_number, number.capabilities["sms"]) == (US, True)
    assert town.client.api.v2010.accounts(SID).fetch().status == "active"
    assert town.client.messaging.v1.services(SERVICE).fetch().sid == SERVICE


def test_where_webhooks_go_is_set(town: Town) -> None:
    (number,) = town.client.incoming_phone_numbers.list(phone_number=US)
    of = town.client.incoming_phone_numbers(number.sid)
    assert of.update(sms_url="https://desk.example/hooks/sms").sms_url == "https://desk.example/hooks/sms"
    assert (of.fetch().sms_url, town.sim.webhook_url("sms")) == (("https://desk.example/hooks/sms",) * 2)
    with pytest.raises(TwilioRestException) as missing:
        town.client.incoming_phone_numbers("PN" + "9" * 32).fetch()
    assert missing.value.code == 20404


def test_what_is_out_cannot_be_canceled_and_what_is_under_way_not_removed(town: Town) -> None:
    sent = town.client.messages.create(to=ANN, from_=US, body="x")
    for change in ({"status": "canceled"}, {"body": ""}, {"body": "y"}):
        with pytest.raises(TwilioRestException):
            town.client.messages(sent.sid).update(**change)
    with pytest.raises(TwilioRestException) as kept:
        town.client.messages(sent.sid).delete()
    assert kept.value.status == 409
    town.now += timedelta(minutes=1)
    assert town.client.messages(sent.sid).delete()


def test_a_file_is_removed(town: Town) -> None:
    sid = town.sim.says(ANN, "Look", attachments=[SimFile("a.png", b"\x89PNG", "image/png")])
    (media,) = town.client.messages(sid).media.list()
    assert town.client.messages(sid).media(media.sid).delete()
    assert town.client.messages(sid).media.list() == []
    with pytest.raises(TwilioRestException) as missing:
        town.client.messages(sid).media(media.sid).fetch()
    assert missing.value.code == 20404


def test_a_day_of_messages_and_a_page_too_large(town: Town) -> None:
    town.now += timedelta(days=3)
    town.sim.says(ANN, "Of that day")
    found = town.client.messages.list(date_sent=town.now.date())
    assert [one.body for one in found] == ["Of that day"]
    with pytest.raises(TwilioException, match="PageSize is between 1 and 1000"):
        town.client.messages.page(page_size=1001)


def test_another_account_is_not_ours_to_read(town: Town) -> None:
    with pytest.raises(TwilioException, match="20404"):
        town.client.api.v2010.accounts("AC" + "9" * 32).messages.list()


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"to": "12", "from_": US, "body": "x"}, 21211),
        ({"to": ANN, "from_": "+14155550999", "body": "x"}, 21606),
        ({"to": ANN, "from_": US}, 21602),
        ({"to": ANN, "from_": US, "body": "x" * 1601}, 21617),
        ({"to": ANN, "body": "x"}, 21603),
        ({"to": ANN, "from_": US, "media_url": ["no url"]}, 21620),
        ({"to": ANN, "from_": US, "body": "x", "validity_period": 36001}, 21600),
        ({"to": ANN, "from_": US, "body": "x", "status_callback": "https://a_b.example/"}, 21609),
    ],
)
def test_what_is_refused(town: Town, given: dict[str, Any], code: int) -> None:
    with pytest.raises(TwilioRestException) as refused:
        town.client.messages.create(**given)
    assert (refused.value.status, refused.value.code) == (400, code)


def test_an_opted_out_customer(town: Town) -> None:
    town.sim.says(ANN, "STOP")
    with pytest.raises(TwilioRestException) as refused:
        town.client.messages.create(to=ANN, from_=US, body="x")
    assert refused.value.code == 21610
    town.sim.says(ANN, "START")
    town.client.messages.create(to=ANN, from_=US, body="x")


def test_too_fast(town: Town) -> None:
    town.sim.faults = FaultPlan(0, {"rate_limited": 1.0})
    with pytest.raises(TwilioRestException) as refused:
        town.client.messages.create(to=ANN, from_=US, body="x")
    town.sim.faults = FaultPlan(0)
    assert (refused.value.status, refused.value.code) == (429, 20429)


def test_bad_credentials(town: Town) -> None:
    for user, secret in ((KEY, "wrong"), ("SK" + "0" * 32, "x"), (SID, "")):
        with pytest.raises(TwilioRestException) as refused:
            town.as_user(user, secret or "nothing").messages.create(to=ANN, from_=US, body="x")
        assert (refused.value.status, refused.value.code) == (401, 20003)
