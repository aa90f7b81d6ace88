"""The adapter and simulated Twilio talk with each other; neither knows the other's code."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar
from urllib.parse import parse_qsl, urlsplit

import pytest

from omnichannel.adapters.twilio_sms import TwilioSmsAccount, TwilioSmsChannel
from omnichannel.channel import Accept, Batch, Envelope, Flow, Form, HttpRequest, Keys, Part, Receipt, Rejected
from omnichannel.model.content import Media, Text
from omnichannel.model.outcome import Failure, Level, Outcome
from omnichannel.runtime.fetch import Fetcher
from omnichannel.runtime.transport import TransportError
from omnichannel.testing.asgi import InProcessTransport
from omnichannel.testing.faults import FaultPlan
from omnichannel.testing.simulators.base import SimFile, WebhookRequest
from omnichannel.testing.simulators.twilio_sms import TwilioSmsSimulator

T = TypeVar("T")
ANN, BO, CY = "+14155550111", "+33612345678", "+14155550113"
US, FR = "+14155550100", "+33644600001"
SERVICE = "MG" + "c" * 32
HOOK = "https://desk.example/hooks/sms"
PICTURE = SimFile("a.png", b"\x89PNG", "image/png")


class Town:
    """A platform, an adapter on it, and a clock."""

    def __init__(self, **more: Any) -> None:
        self.now = datetime(2027, 1, 4, 9, 0, tzinfo=UTC)
        self.sim = TwilioSmsSimulator(now=lambda: self.now, seed=7)
        given = {"id": "sms", "account_sid": "AC" + "a" * 32, "api_key": "SK" + "b" * 32, "api_secret": "env:S"}
        given |= {"webhook_url": HOOK, "sender": US, **more}
        self.account: TwilioSmsAccount = self.sim.adopt(TwilioSmsAccount.model_validate(given))
        self.sim.connect("sms", HOOK)
        self.channel = TwilioSmsChannel(self.account)
        self.transport = InProcessTransport([self.sim])
        self.events: list[Any] = []
        self.status = 200
        for name, handle in (("Ann", ANN), ("Bo", BO)):
            self.sim.customer(name, handle)

    async def run(self, flow: Flow[T]) -> T | Failure:
        """Drives a flow against the platform."""
        try:
            request = next(flow)
            while True:
                assert isinstance(request, HttpRequest)
                signed = self.channel.sign(request, None, self.now, "nonce")
                request = flow.send(await self.transport.send(signed, account="sms"))
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]
        except Rejected as refusal:
            return refusal.failure
        except TransportError as error:
            flow.close()
            return Failure(outcome=Outcome.RETRY, level=Level.ATTEMPT, code=error.kind, certain=not error.maybe_sent)

    async def send(self, content: Any, to: str = ANN, **more: Any) -> Receipt | Failure:
        block = Text(content) if isinstance(content, str) else content
        return await self.run(self.channel.send(Part(key=more.pop("key", "part-1"), to=to, content=block, **more)))

    async def sent(self, content: Any, to: str = ANN, **more: Any) -> str:
        receipt = await self.send(content, to, **more)
        assert isinstance(receipt, Receipt), receipt
        return receipt.ids[0]

    async def refused(self, content: Any, to: str = ANN) -> tuple[str | None, Outcome]:
        failure = await self.send(content, to)
        assert isinstance(failure, Failure), failure
        assert failure.recognized
        return failure.code, failure.outcome

    async def hook(self, request: WebhookRequest) -> int:
        """Our webhook: admitted, then parsed."""
        if self.status != 200:
            return self.status
        query = dict(parse_qsl(urlsplit(request.url).query))
        envelope = Envelope(
            method=request.method,
            url=request.url,
            query=query,
            headers=request.headers,
            content=request.body,
            received_at=self.now,
        )
        assert isinstance(self.channel.admit(envelope, self.now, Keys()), Accept)
        self.events.extend(self.channel.parse(envelope))
        return 200

    async def later(self, by: timedelta = timedelta(minutes=1)) -> list[Any]:
        """What the webhooks bring meanwhile."""
        self.events = []
        self.now += by
        await self.sim.deliver_due(self.hook)
        return self.events

    async def states(self) -> list[tuple[str, str | None]]:
        return [(event.state, event.correlation) for event in await self.later() if event.kind == "delivery_updated"]

    async def poll(self, cursor: str | None) -> Batch:
        batch = await self.run(self.channel.poll(cursor))
        assert isinstance(batch, Batch), batch
        return batch

    def found(self, batch: Batch) -> list[Any]:
        return [event for one in batch.envelopes for event in self.channel.parse(one)]


# ---------------------------------------------------------------- there and back


async def test_a_text_arrives_and_its_statuses_say_so() -> None:
    town = Town()
    sid = await town.sent("Your bag is here.")
    assert sid.startswith("SM")
    assert [one.text for one in town.sim.seen(ANN)] == ["Your bag is here."]
    assert await town.states() == [("sent", "part-1"), ("delivered", "part-1")]


async def test_a_customer_writes() -> None:
    town = Town()
    sid = town.sim.says(BO, "Où est mon sac ? 😀 1+1=2 & so on")
    (event,) = await town.later()
    assert (event.sender, event.text) == (BO, "Où est mon sac ? 😀 1+1=2 & so on")
    assert (event.message_id, event.recipients) == (sid, (US,))


async def test_files_come_and_go() -> None:
    town = Town()
    town.sim.says(ANN, "Look", attachments=[PICTURE, PICTURE])
    (event,) = await town.later()
    assert [one.type for one in event.attachments] == ["image/png"] * 2
    await town.sent(Text("And you", attachments=[Media(kind="image", type="image/png", ref="https://m.example/1.png")]))
    (seen,) = town.sim.seen(ANN)
    assert (seen.text, seen.media, seen.message_id[:2]) == ("And you", ("https://m.example/1.png",), "MM")


@pytest.mark.parametrize("protected", [False, True])
async def test_a_file_is_fetched_where_it_is_stored(protected: bool) -> None:
    """The credentials go to Twilio and not on to the store, which would refuse them."""
    town = Town()
    town.sim.protected_media = protected
    town.sim.says(ANN, "Look", attachments=[PICTURE])
    (event,) = await town.later()
    request = await town.run(town.channel.locate(event.attachments[0]))
    assert isinstance(request, HttpRequest)
    signed = town.channel.sign(request, None, town.now, "n")
    assert signed.headers["authorization"].startswith("Basic ")
    fetcher = Fetcher(town.transport, allow=[f"https://{host}" for host in town.sim.hosts])
    async with fetcher.open(signed, account="sms") as response:
        assert b"".join([chunk async for chunk in response.chunks]) == PICTURE.content
    elsewhere = HttpRequest(method="GET", url="https://api.twilio.com.evil.example/x")
    assert "authorization" not in town.channel.sign(elsewhere, None, town.now, "n").headers


async def test_a_picture_is_a_link_where_there_is_no_mms() -> None:
    town = Town()
    await town.sent(Media(kind="image", type="image/png", name="bag.png", ref="https://m.example/1.png"), to=BO)
    (seen,) = town.sim.seen(BO)
    assert (seen.text, seen.media) == ("bag.png: https://m.example/1.png", ())


async def test_a_service_keeps_its_sender_for_a_customer() -> None:
    town = Town(sender=None, messaging_service_sid=SERVICE, numbers=(US, FR))
    for to in (ANN, BO, ANN, BO):
        await town.sent("Hello", to=to)
    assert [(m.to, m.sender) for m in town.sim.messages.values()] == [(ANN, US), (BO, FR), (ANN, US), (BO, FR)]
    assert sorted(await town.states()) == [("delivered", "part-1")] * 4 + [("sent", "part-1")] * 4
    town.sim.says(BO, "Hi")
    (event,) = await town.later()
    assert event.recipients == (FR,)


async def test_an_answer_comes_from_the_number_that_was_written_to() -> None:
    town = Town(numbers=("+14155550101",))
    for number in (US, "+14155550101", US):
        town.sim.sends(ANN, number, "Hello")
        (event,) = [one for one in await town.later() if one.kind == "message_received"]
        assert event.context == {"number": number}
        await town.sent("Hi", context=event.context)
    assert [one.sender for one in town.sim.messages.values() if one.direction != "inbound"] == [US, "+14155550101", US]
    await town.sent("Hi", context={"number": "+14155550999"})
    assert list(town.sim.messages.values())[-1].sender == US


async def test_a_name_gets_no_answers() -> None:
    town = Town(sender="KLM")
    await town.sent("Hello", to=BO)
    assert town.channel.link("abc", "Hi") is None
    with pytest.raises(LookupError, match="nobody can answer"):
        town.sim.says(BO, "Hi")
    assert await town.refused("Hello", to=ANN) == ("21612", Outcome.UNREACHABLE)


async def test_a_link_is_opened() -> None:
    town = Town()
    link = town.channel.link("a7k2qx9p4m", "Bonjour & co")
    assert link is not None
    assert link.url == "sms:+14155550100?&body=Bonjour%20%26%20co%20%23a7k2qx9p4m"
    town.sim.opens(ANN, link.url)
    (event,) = await town.later()
    assert event.text == "Bonjour & co #a7k2qx9p4m"


# ---------------------------------------------------------------- words


async def test_stop_is_heeded_by_twilio_too() -> None:
    town = Town()
    town.sim.says(ANN, "stop")
    (event,) = await town.later()
    assert (event.kind, event.text, event.automatic) == ("message_received", "stop", False)
    assert await town.refused("Hello") == ("21610", Outcome.OPTED_OUT)
    await town.sent("Hello", to=BO)
    town.sim.says(ANN, "UNSTOP")
    await town.sent("Hello again")
    assert len(town.sim.answered) == 2
    town.sim.says(ANN, "stop sending me the wrong bag")
    await town.sent("Sorry")


async def test_advanced_opt_out_names_the_word() -> None:
    town = Town(messaging_service_sid=SERVICE)
    town.sim.services[SERVICE].advanced_opt_out = True
    for word in ("STOP", "START", "HELP", "hello"):
        town.sim.says(ANN, word)
    events = await town.later()
    assert [(e.kind, getattr(e, "automatic", None), getattr(e, "granted", None)) for e in events] == [
        ("message_received", True, None),
        ("consent_changed", None, False),
        ("message_received", False, None),
        ("consent_changed", None, True),
        ("message_received", True, None),
        ("message_received", False, None),
    ]


# ---------------------------------------------------------------- refusals


async def test_what_is_refused_at_once() -> None:
    town = Town()
    here = town.sim.account_at("sms")
    assert await town.refused("x", to="0612345678") == ("21211", Outcome.UNREACHABLE)
    town.sim.not_mobile.add(ANN)
    assert await town.refused("x") == ("21614", Outcome.UNREACHABLE)
    town.sim.not_mobile.clear()
    here.countries = {"US"}
    failure = await town.send("x", to=BO)
    assert isinstance(failure, Failure)
    assert (failure.outcome, failure.level, failure.country) == (Outcome.AUTH, Level.COUNTRY, "FR")
    here.countries = None
    here.kind = "Trial"
    assert await town.refused("x") == ("21608", Outcome.AUTH)
    here.verified.add(ANN)
    await town.sent("x")
    assert town.sim.seen(ANN)[-1].text == "Sent from your Twilio trial account - x"


async def test_a_foreign_sender_and_an_empty_service() -> None:
    assert await _refused_as(sender="+14155550999") == ("21606", Outcome.INVALID)
    town = Town(messaging_service_sid=SERVICE)
    town.sim.services[SERVICE].pool.clear()
    assert await town.refused("x") == ("21704", Outcome.INVALID)
    town.sim.services.clear()
    assert await town.refused("x") == ("21701", Outcome.INVALID)


async def _refused_as(sender: str) -> tuple[str | None, Outcome]:
    town = Town()
    town.channel = TwilioSmsChannel(town.account.model_copy(update={"sender": sender}))
    return await town.refused("x")


@pytest.mark.parametrize(
    ("trouble", "code", "outcome", "level"),
    [
        (30003, "30003", Outcome.UNREACHABLE, Level.MESSAGE),
        (30005, "30005", Outcome.UNREACHABLE, Level.ADDRESS),
        (30006, "30006", Outcome.UNREACHABLE, Level.ADDRESS),
        (30007, "30007", Outcome.INVALID, Level.MESSAGE),
    ],
)
async def test_what_a_carrier_tells_later(trouble: int, code: str, outcome: Outcome, level: Level) -> None:
    town = Town()
    town.sim.late[ANN] = trouble
    await town.sent("Hello")
    assert town.sim.seen(ANN) == []
    sent, failed = await town.later()
    assert (sent.state, failed.state, failed.correlation) == ("sent", "failed", "part-1")
    assert (failed.failure.code, failed.failure.outcome, failed.failure.level) == (code, outcome, level)
    assert failed.failure.certain


async def test_nobody_there_and_blocked() -> None:
    town = Town()
    town.sim.blocks(ANN)
    await town.sent("Hello")
    await town.sent("Hello", to=CY)
    codes = [event.failure.code for event in await town.later() if event.state == "failed"]
    assert codes == ["30004", "30005"]


async def test_credentials_and_suspension() -> None:
    town = Town()
    good, here = town.channel, town.sim.account_at("sms")
    bad = town.account.model_copy(update={"api_secret": town.account.auth_token[0]})
    town.channel = TwilioSmsChannel(bad)
    assert await town.refused("x") == ("20003", Outcome.AUTH)
    town.channel = good
    town.sim.suspend("sms")
    assert await town.refused("x") == ("20005", Outcome.SUSPENDED)
    town.sim.suspend("sms", funds=True)
    assert await town.refused("x") == ("20005", Outcome.PAYMENT_REQUIRED)
    town.sim.suspend("sms", suspended=False)
    without_key = town.account.model_copy(update={"api_key": None})
    town.channel = TwilioSmsChannel(without_key)
    await town.sent("x")  # with the token itself
    here.tokens[:] = ["another"]
    assert await town.refused("x") == ("20003", Outcome.AUTH)


async def test_the_probe_tells_what_is_wrong() -> None:
    town = Town()
    assert await town.run(town.channel.probe()) is None
    town.sim.lines[US].sms = False
    assert "cannot send SMS" in str(await town.run(town.channel.probe()))
    del town.sim.lines[US]
    assert "not a number of this account" in str(await town.run(town.channel.probe()))
    for state, outcome in (("suspended", Outcome.SUSPENDED), ("closed", Outcome.WITHDRAWN)):
        town.sim.account_at("sms").status = state
        failure = await town.run(town.channel.probe())
        assert isinstance(failure, Failure)
        assert (failure.outcome, failure.level) == (outcome, Level.ACCOUNT)
    town.sim.at.clear()
    failure = await town.run(town.channel.probe())
    assert isinstance(failure, Failure)
    assert failure.outcome is Outcome.AUTH


async def test_the_probe_of_a_service_and_of_a_name() -> None:
    town = Town(messaging_service_sid=SERVICE)
    assert await town.run(town.channel.probe()) is None
    town.sim.services.clear()
    assert isinstance(await town.run(town.channel.probe()), Failure)
    assert await Town(sender="KLM").run(Town(sender="KLM").channel.probe()) is None


# ---------------------------------------------------------------- rates


async def test_a_number_has_a_queue() -> None:
    town = Town()
    for _ in range(3):
        await town.sent("a" * 200)
    out = [one.sent_at - town.now for one in town.sim.messages.values() if one.sent_at]
    assert out == [timedelta(seconds=s) for s in (1, 3, 5)]
    town.sim.lines[US].free_at = town.now + timedelta(hours=10, seconds=1)
    failure = await town.send("x")
    assert isinstance(failure, Failure)
    assert (failure.code, failure.outcome, failure.level) == ("21611", Outcome.RETRY, Level.ACCOUNT)


async def test_what_waits_for_too_long_is_not_sent() -> None:
    town = Town(validity=timedelta(seconds=30))
    town.sim.lines[US].free_at = town.now + timedelta(minutes=1)
    await town.sent("x")
    (failed,) = await town.later(timedelta(minutes=2))
    assert (failed.state, failed.failure.code, failed.failure.outcome) == ("failed", "30036", Outcome.RETRY)
    assert town.sim.seen(ANN) == []


async def test_too_many_requests_in_a_second() -> None:
    town = Town()
    found = [await town.send(str(number)) for number in range(101)]
    assert [isinstance(one, Receipt) for one in found] == [True] * 100 + [False]
    failure = found[-1]
    assert isinstance(failure, Failure)
    assert (failure.code, failure.outcome, failure.status) == ("20429", Outcome.RETRY, 429)
    town.now += timedelta(seconds=1)
    await town.sent("again")


# ---------------------------------------------------------------- catching up


async def test_a_webhook_that_we_refuse_never_comes_again_and_a_poll_finds_it() -> None:
    town = Town()
    town.sim.says(ANN, "One")
    await town.later()
    first = await town.poll(None)
    assert (first.envelopes, first.more) == ((), False)
    town.status = 503
    town.sim.says(ANN, "Two", attachments=[PICTURE])
    await town.later()
    town.status = 200
    assert [event.kind for event in await town.later(timedelta(days=1))] == []
    assert len(town.sim.lost) == 1
    second = await town.poll(first.cursor)
    (event,) = town.found(second)
    assert (event.text, [one.type for one in event.attachments]) == ("Two", ["image/png"])
    request = await town.run(town.channel.locate(event.attachments[0]))
    assert isinstance(request, HttpRequest)
    whole = town.channel.sign(request, None, town.now, "n").url
    assert whole.startswith("https://api.twilio.com/2010-04-01/Accounts/AC")
    assert town.found(await town.poll(second.cursor)) == []


async def test_a_poll_tells_what_became_of_ours() -> None:
    town = Town()
    town.sim.says(ANN, "Hello")
    await town.later()
    cursor = (await town.poll(None)).cursor
    town.sim.faults = FaultPlan(0, {"timeout_after_write": 1.0})
    failure = await town.send("Your bag is here.")
    assert isinstance(failure, Failure)
    assert not failure.certain
    town.sim.faults = FaultPlan(0)
    town.now += timedelta(minutes=1)
    echo, told = town.found(await town.poll(cursor))
    assert (echo.kind, echo.recipient, echo.text) == ("message_echoed", ANN, "Your bag is here.")
    assert (told.kind, told.state, told.receipt) == ("delivery_updated", "delivered", echo.message_id)


async def heard_from(town: Town, cursor: str | None, most: int = 100) -> tuple[list[str], int]:
    """The texts that polls find, a second apart, until there is no more; and how many polls it took."""
    heard: list[str] = []
    for polls in range(1, most + 1):
        batch = await town.poll(cursor)
        heard += [event.text for event in town.found(batch)]
        cursor = batch.cursor
        town.now += timedelta(seconds=1)
        if not batch.more:
            return heard, polls
    return heard, most


async def test_a_long_backlog_comes_in_order_and_whole() -> None:
    town = Town()
    town.sim.says(ANN, "first")
    cursor = (await town.poll(None)).cursor
    for number in range(1500):
        town.now += timedelta(seconds=30)
        town.sim.says(ANN, f"message {number}")
    heard, rounds = await heard_from(town, cursor)
    assert heard == [f"message {number}" for number in range(1500)]
    assert rounds < 10


async def test_a_flood_within_one_second_is_paged() -> None:
    town = Town()
    town.sim.says(ANN, "first")
    cursor = (await town.poll(None)).cursor
    town.now += timedelta(hours=1)
    for number in range(1100):
        town.sim.says(ANN, f"message {number}")
    heard, _ = await heard_from(town, cursor, most=30)
    assert sorted(set(heard)) == sorted({f"message {number}" for number in range(1100)})


async def test_what_is_not_ours_is_left_alone() -> None:
    town = Town()
    other = TwilioSmsAccount(id="other", account_sid="AC" + "a" * 32, sender=FR)
    town.sim.adopt(other)
    town.sim.says(ANN, "Hello", account_id="sms")
    cursor = (await town.poll(None)).cursor
    town.now += timedelta(minutes=1)
    town.sim.says(ANN, "Not for us", account_id="other")
    assert town.found(await town.poll(cursor)) == []


async def test_the_very_first_message_is_not_taken_for_the_beginning() -> None:
    """Nothing was there when the list was read first; then a message came while no webhook could reach us."""
    town = Town()
    assert await town.poll(None) == await town.poll("{}") == await town.poll("broken")
    cursor = (await town.poll((await town.poll(None)).cursor)).cursor
    for number in range(3):
        town.now += timedelta(days=30)
        town.sim.says(ANN, f"message {number}")
    batch = await town.poll(cursor)
    assert [event.text for event in town.found(batch)] == [f"message {number}" for number in range(3)]
    assert town.found(await town.poll(batch.cursor)) == []


async def test_a_flood_of_the_very_first_messages_is_worked_through() -> None:
    town = Town()
    cursor = (await town.poll(None)).cursor
    for number in range(1100):
        town.now += timedelta(seconds=30)
        town.sim.says(ANN, f"message {number}")
    heard, _ = await heard_from(town, cursor, most=60)
    assert heard == [f"message {number}" for number in range(1100)]


# ---------------------------------------------------------------- the platform goes


@pytest.mark.parametrize(
    ("mode", "outcome"),
    [("410", Outcome.WITHDRAWN), ("200-with-error", Outcome.WITHDRAWN), ("402", Outcome.PAYMENT_REQUIRED)],
)
async def test_a_withdrawal_has_a_date(mode: Any, outcome: Outcome) -> None:
    town = Town()
    town.sim.withdraw(mode, at=town.now + timedelta(days=1))
    await town.sent("Before")
    town.now += timedelta(days=1)
    failure = await town.send("After")
    assert isinstance(failure, Failure)
    assert failure.outcome is outcome


async def test_a_withdrawal_for_one_country() -> None:
    town = Town()
    town.sim.withdraw("410", country="FR")
    await town.sent("Here", to=ANN)
    assert (await town.refused("There", to=BO))[1] is Outcome.WITHDRAWN


async def test_redacting_and_removing() -> None:
    """What whoever erases a customer at Twilio does, beside us."""
    town = Town()
    sid = await town.sent("Secret")
    town.now += timedelta(minutes=1)
    redact = HttpRequest(method="POST", url=f"Messages/{sid}.json", body=Form((("Body", ""),)))
    assert isinstance(await town.run(town.channel.call(redact)), dict)
    assert town.sim.messages[sid].body == ""
    remove = HttpRequest(method="DELETE", url=f"Messages/{sid}.json")
    assert await town.run(town.channel.call(remove)) is None
    failure = await town.run(town.channel.call(remove))
    assert isinstance(failure, Failure)
    assert failure.code == "20404"
