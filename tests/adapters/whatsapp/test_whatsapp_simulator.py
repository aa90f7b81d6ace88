"""The adapter and simulated WhatsApp talk with each other; neither knows the other's code."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, TypeVar

import pytest

from omnichannel.adapters.whatsapp import ButtonSlot, TemplateSpec, WhatsAppAccount, WhatsAppChannel
from omnichannel.channel import (
    Accept,
    Answer,
    Envelope,
    Flow,
    HttpRequest,
    Keys,
    Part,
    Receipt,
    Rejected,
)
from omnichannel.model.content import LinkButton, Location, Media, QuickReply, Template, Text
from omnichannel.model.outcome import Failure, Level, Outcome
from omnichannel.runtime.transport import TransportError
from omnichannel.testing.asgi import InProcessTransport, asgi_call, http_scope
from omnichannel.testing.faults import FaultPlan
from omnichannel.testing.simulators.base import SimFile, WebhookRequest
from omnichannel.testing.simulators.whatsapp import WhatsAppSimulator

T = TypeVar("T")
ANN, BO, CAT = "+33612345678", "+919876543210", "+16505551234"
HOOK = "https://desk.example/hooks/wa"


class Files:
    """The bytes behind `blob:` references."""

    def __init__(self, content: bytes) -> None:
        self.content = content

    async def size(self, media: Media) -> int | None:
        return len(self.content)

    async def open(self, media: Media, *, offset: int = 0, length: int | None = None) -> AsyncIterator[bytes]:
        yield self.content[offset : None if length is None else offset + length]


class Town:
    """A platform, an adapter on it, and a clock."""

    def __init__(self, seed: int = 7, **more: Any) -> None:
        self.now = datetime(2027, 1, 4, 9, 0, tzinfo=UTC)
        self.sim = WhatsAppSimulator(now=lambda: self.now, seed=seed, **more)
        given = WhatsAppAccount(
            id="wa",
            phone_number_id="106540352242922",
            templates={
                "refund": TemplateSpec(languages={"fr": "fr", "en": "en_US"}, body=("amount",)),
                "offer": TemplateSpec(
                    languages={"en": "en_US"},
                    category="marketing",
                    buttons=(ButtonSlot(index=0, kind="quick_reply", slot="stop"),),
                ),
                "code": TemplateSpec(languages={"en": "en_US"}, category="authentication", body=("code",)),
            },
        )
        self.account = self.sim.adopt(given)
        self.sim.connect("wa", HOOK)
        self.channel = WhatsAppChannel(self.account)
        self.transport = InProcessTransport([self.sim], media=Files(b"\x89PNG picture"))
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
                request = flow.send(await self.transport.send(signed, account="wa"))
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]
        except Rejected as refusal:
            return refusal.failure
        except TransportError as error:
            flow.close()
            return Failure(outcome=Outcome.RETRY, level=Level.ATTEMPT, code=error.kind, certain=not error.maybe_sent)

    async def send(self, content: Any, to: str = ANN, **more: Any) -> Receipt | Failure:
        part = Part(key=more.pop("key", "part-1"), to=to, content=content, **more)
        return await self.run(self.channel.send(part))

    async def sent(self, content: Any, to: str = ANN, **more: Any) -> str:
        receipt = await self.send(content, to, **more)
        assert isinstance(receipt, Receipt), receipt
        return receipt.ids[0]

    async def hook(self, request: WebhookRequest) -> int:
        """Our webhook: admitted, then parsed."""
        if self.status != 200:
            return self.status
        envelope = Envelope(
            method=request.method, url=request.url, headers=request.headers, content=request.body, received_at=self.now
        )
        assert isinstance(self.channel.admit(envelope, self.now, Keys()), Accept)
        self.events.extend(self.channel.parse(envelope))
        return 200

    async def later(self, by: timedelta = timedelta(minutes=2)) -> list[Any]:
        """What the webhooks bring meanwhile."""
        self.events = []
        self.now += by
        await self.sim.deliver_due(self.hook)
        return self.events

    async def one(self) -> Any:
        (event,) = await self.later(timedelta(seconds=0))
        return event

    async def received(self) -> Any:
        """The one message that comes, among statuses."""
        (event,) = [event for event in await self.later() if event.kind == "message_received"]
        return event

    async def states(self) -> list[tuple[str, str | None]]:
        """The delivery states that come, and our keys with them."""
        return [(event.state, event.correlation) for event in await self.later() if event.kind == "delivery_updated"]

    async def late_failure(self) -> Failure:
        """Why the only message did not arrive."""
        (event,) = await self.later()
        assert (event.kind, event.state) == ("delivery_updated", "failed")
        assert isinstance(event.failure, Failure)
        return event.failure

    async def call(self, method: str, path: str, body: Any = None, token: str | None = None) -> tuple[int, Any]:
        """A raw request, by another client than ours."""
        bearer = self.account.token.get_secret_value() if token is None else token
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        headers = {"authorization": f"Bearer {bearer}", "content-type": "application/json"}
        scope = http_scope(method, f"https://graph.facebook.com{path}", headers, content)
        status, _, answer = await asgi_call(self.sim, scope, content)
        return status, json.loads(answer or b"null")


@pytest.fixture
def town() -> Town:
    return Town()


# ---------------------------------------------------------------- what customers do


async def test_hello_and_an_answer(town: Town) -> None:
    message_id = town.sim.says(ANN, "Où est ma valise ?")
    hello = await town.one()
    assert (hello.kind, hello.account, hello.sender, hello.sender_name) == ("message_received", "wa", ANN, "Ann")
    assert (hello.text, hello.message_id, hello.occurred_at) == ("Où est ma valise ?", message_id, town.now)
    assert hello.aliases == {"wa_id": "33612345678", "bsuid": town.sim.customers[ANN].ids["bsuid"]}
    assert hello.aliases["bsuid"].startswith("FR.")
    receipt = await town.sent(Text("Ici."), key="part-9", reply_to=message_id)
    (seen,) = town.sim.seen(ANN)
    assert (seen.text, seen.message_id, seen.reply_to, seen.account_id) == ("Ici.", receipt, message_id, "wa")
    assert await town.states() == [("sent", "part-9"), ("delivered", "part-9"), ("read", "part-9")]
    assert {event.receipt for event in town.events if event.kind == "delivery_updated"} == {receipt}
    assert {event.price_category for event in town.events if event.kind == "delivery_updated"} == {"service"}
    assert town.sim.accepted == {(ANN, "Ici.", "part-9"): 1}


async def test_who_reads_without_telling(town: Town) -> None:
    town = Town(read_receipts=False)
    town.sim.says(ANN, "Hi")
    await town.later()
    await town.sent(Text("Hello"))
    assert [state for state, _ in await town.states()] == ["sent", "delivered"]


async def test_buttons_lists_and_templates_are_tapped(town: Town) -> None:
    town.sim.says(ANN, "Hi")
    await town.later()
    asked = await town.sent(Text("Refund?", quick_replies=[QuickReply("Yes", id="y"), QuickReply("No", id="n")]))
    town.sim.picks(ANN, "yes")
    tapped = await town.received()
    assert (tapped.text, tapped.choice, tapped.reply_to) == ("Yes", "y", asked)
    await town.sent(Text("Which?", quick_replies=[QuickReply(letter) for letter in "abcde"]))
    town.sim.picks(ANN, "d")
    row = await town.received()
    assert (row.text, row.choice) == ("d", "d")
    await town.sent(Template("offer", stop="no-more"))
    town.sim.picks(ANN, "no-more")
    stop = await town.received()
    assert stop.choice == "no-more"
    with pytest.raises(LookupError, match="Perhaps"):
        town.sim.picks(ANN, "Perhaps")


async def test_a_link_button_and_a_place(town: Town) -> None:
    town.sim.says(ANN, "Hi")
    await town.sent(Text("Track it", buttons=[LinkButton("Open", "https://example.com/t")]))
    await town.sent(Location(48.25, 2.5, "Gate 4"))
    track, gate = town.sim.seen(ANN)
    assert (track.links, gate.text) == (("https://example.com/t",), "Gate 4")


async def test_files_go_both_ways(town: Town) -> None:
    town.sim.says(
        ANN, "Look", attachments=[SimFile("a.jpg", b"\xff\xd8 jpeg", "image/jpeg"), SimFile("b.pdf", b"%PDF")]
    )
    first, second = await town.later(timedelta(0))
    assert first.kind == second.kind == "message_received"
    assert (first.text, second.text) == ("Look", "")
    ((picture,), (document,)) = first.attachments, second.attachments
    assert (picture.kind, document.kind, document.name) == ("image", "file", "b.pdf")
    located = await town.run(town.channel.locate(picture))
    assert isinstance(located, HttpRequest)
    assert located.url.startswith("https://lookaside.fbsbx.com/")
    answer = await town.transport.send(town.channel.sign(located, None, town.now, "n"), account="wa")
    assert (answer.status, answer.content) == (200, b"\xff\xd8 jpeg")
    assert (await town.transport.send(located, account="wa")).status == 401
    town.now += timedelta(minutes=6)
    assert (await town.transport.send(town.channel.sign(located, None, town.now, "n"), account="wa")).status == 404
    ours = Media(kind="image", type="image/png", ref="blob:00", caption="Ours", name="c.png")
    await town.sent(ours)
    (seen,) = town.sim.seen(ANN)
    assert seen.text == "Ours"
    assert town.sim.media[seen.media[0]].file.content == b"\x89PNG picture"
    town.now += timedelta(days=8)
    gone = await town.run(town.channel.locate(picture))
    assert isinstance(gone, Failure)
    assert gone.outcome is Outcome.INVALID


async def test_reactions_edits_and_removals(town: Town) -> None:
    first = town.sim.says(ANN, "Monday")
    await town.later()
    ours = await town.sent(Text("Noted"))
    await town.later()
    town.sim.reacts(ANN, ours, "👍")
    town.sim.reacts(ANN, ours, None)
    town.sim.edits(ANN, first, "Tuesday")
    town.sim.revokes(ANN, first)
    on, off, edited, revoked = await town.later(timedelta(0))
    assert on.kind == off.kind == "reaction_changed"
    assert (on.message_id, on.emoji, off.emoji) == (ours, "👍", None)
    assert edited.kind == "message_edited"
    assert (edited.message_id, edited.text, edited.sender) == (first, "Tuesday", ANN)
    assert revoked.kind == "message_deleted"
    assert revoked.message_id == first
    part = Part(key="k", to=ANN, content=Text(""))
    assert await town.run(town.channel.react(first, part, "🙏")) is None
    assert await town.run(town.channel.mark_read(first, part, typing=True)) is None
    assert (town.sim.marked_read, town.sim.typing) == ([first], [first])


async def test_a_colleague_in_the_phone_app(town: Town) -> None:
    town.sim.says(ANN, "Hi")
    await town.later()
    message_id = town.sim.colleague_says("wa", ANN, "I have it")
    echo = await town.one()
    assert (echo.kind, echo.recipient, echo.text, echo.message_id) == ("message_echoed", ANN, "I have it", message_id)


async def test_a_customer_who_hides_the_number(town: Town) -> None:
    town.sim.hides_number(ANN, "ann.k")
    town.sim.says(ANN, "Hi")
    hello = await town.one()
    bsuid = town.sim.customers[ANN].ids["bsuid"]
    assert (hello.sender, hello.aliases) == (bsuid, {"bsuid": bsuid, "username": "ann.k"})
    await town.sent(Text("Hello"), to=hello.sender, aliases=hello.aliases)
    assert [seen.text for seen in town.sim.seen(ANN)] == ["Hello"]
    events = await town.later()
    assert {event.recipient for event in events if event.kind == "delivery_updated"} == {bsuid}
    refused = await town.send(Template("code", code="1234"), to=bsuid)
    assert isinstance(refused, Failure)
    assert (refused.outcome, refused.level, refused.code) == (Outcome.UNREACHABLE, Level.MESSAGE, "131062")


async def test_a_customer_with_a_new_number(town: Town) -> None:
    town.sim.says(ANN, "Hi")
    await town.later()
    old = town.sim.customers[ANN].ids["bsuid"]
    town.sim.changes_number(ANN, "+33700000001")
    system, update = await town.later(timedelta(0))
    new = town.sim.customers[ANN].ids["bsuid"]
    assert system.kind == update.kind == "identity_changed"
    assert (system.sender, system.becomes) == (ANN, "+33700000001")
    assert system.aliases == {"wa_id": "33700000001", "bsuid": new}
    assert (update.sender, update.becomes) == (old, "+33700000001")
    await town.sent(Text("Still there?"), to="+33700000001")
    assert [seen.text for seen in town.sim.seen(ANN)] == ["Still there?"]
    await town.later()
    await town.sent(Text("Anybody?"))
    assert (await town.late_failure()).outcome is Outcome.UNREACHABLE


async def test_the_link_brings_the_customer_with_the_reference(town: Town) -> None:
    link = town.channel.link("#A7K2QX9P4M", "Bonjour")
    assert link is not None
    town.sim.opens(ANN, link.url)
    assert (await town.one()).text == "Bonjour #A7K2QX9P4M"


# ---------------------------------------------------------------- what the platform tells only later


async def test_the_window_closes_after_a_day(town: Town) -> None:
    town.sim.says(ANN, "Hi")
    await town.later()
    town.now += timedelta(hours=24) - timedelta(minutes=2)
    await town.sent(Text("At the last moment"))
    assert [state for state, _ in await town.states()] == ["sent", "delivered", "read"]
    await town.sent(Text("Too late"))
    failure = await town.late_failure()
    assert (failure.outcome, failure.code, failure.certain) == (Outcome.WINDOW_CLOSED, "131047", True)
    await town.sent(Template("refund", amount=Decimal("12.50")), language="fr")
    assert [seen.text for seen in town.sim.seen(ANN)] == ["At the last moment", "refund 12,50"]
    assert [event.price_category for event in await town.later() if event.kind == "delivery_updated"] == ["utility"] * 3


async def test_nobody_writes_first_without_a_template(town: Town) -> None:
    await town.sent(Text("Buy!"))
    assert (await town.late_failure()).outcome is Outcome.WINDOW_CLOSED


@pytest.mark.parametrize("what", ["blocked", "no user"])
async def test_who_cannot_be_reached(town: Town, what: str) -> None:
    town.sim.says(ANN, "Hi")
    await town.later()
    if what == "blocked":
        town.sim.blocks(ANN)
    await town.sent(Text("Hello"), to=ANN if what == "blocked" else CAT)
    failure = await town.late_failure()
    assert (failure.outcome, failure.code) == (Outcome.UNREACHABLE, "131026")
    assert town.sim.seen(ANN) == []
    assert not town.sim.accepted
    if what == "blocked":
        with pytest.raises(ValueError, match="blocked"):
            town.sim.says(ANN, "Hi again")


async def test_a_country_that_may_not_be_written_to(town: Town) -> None:
    town.sim.banned_countries.add("IN")
    town.sim.says(BO, "Hi")
    await town.later()
    await town.sent(Text("Hello"), to=BO)
    failure = await town.late_failure()
    assert (failure.outcome, failure.level, failure.code) == (Outcome.UNREACHABLE, Level.COUNTRY, "130497")


async def test_marketing_is_stopped_and_service_goes_on(town: Town) -> None:
    town.sim.says(ANN, "Hi")
    await town.later()
    town.sim.wants_marketing(ANN, False)
    stop = await town.one()
    assert (stop.kind, stop.sender, stop.purpose, stop.granted) == ("consent_changed", ANN, "marketing", False)
    await town.sent(Template("offer", stop="s"))
    failure = await town.late_failure()
    assert (failure.outcome, failure.purpose) == (Outcome.OPTED_OUT, "marketing")
    await town.sent(Text("Your refund is there"))
    assert ("read", "part-1") in await town.states()
    town.sim.wants_marketing(ANN, True)
    assert (await town.one()).granted is True
    await town.sent(Template("offer", stop="s"))
    assert ("delivered", "part-1") in await town.states()


async def test_any_other_late_failure(town: Town) -> None:
    town.sim.says(ANN, "Hi")
    await town.later()
    town.sim.late[ANN] = 131049
    await town.sent(Text("Hello"))
    failure = await town.late_failure()
    assert (failure.outcome, failure.retry_after) == (Outcome.WINDOW_CLOSED, timedelta(days=1))


# ---------------------------------------------------------------- what the platform refuses at once


@pytest.mark.parametrize(
    ("code", "outcome"),
    [
        (368, Outcome.SUSPENDED),
        (131031, Outcome.SUSPENDED),
        (131042, Outcome.PAYMENT_REQUIRED),
        (133010, Outcome.AUTH),
        (33, Outcome.WITHDRAWN),
    ],
)
async def test_a_number_in_trouble(town: Town, code: int, outcome: Outcome) -> None:
    town.sim.set_trouble("wa", code)
    failure = await town.send(Text("Hello"))
    assert isinstance(failure, Failure)
    assert (failure.outcome, failure.level, failure.code) == (outcome, Level.ACCOUNT, str(code))
    town.sim.set_trouble("wa", None)
    assert isinstance(await town.send(Text("Hello")), Receipt)


async def test_a_bad_token(town: Town) -> None:
    town.sim.numbers["wa"].token = "another"
    for result in (await town.send(Text("Hello")), await town.run(town.channel.probe())):
        assert isinstance(result, Failure)
        assert (result.outcome, result.code, result.status) == (Outcome.AUTH, "190", 401)


async def test_a_probe(town: Town) -> None:
    assert await town.run(town.channel.probe()) is None
    town.sim.numbers["wa"].status = "BANNED"
    failure = await town.run(town.channel.probe())
    assert isinstance(failure, Failure)
    assert failure.outcome is Outcome.SUSPENDED


async def test_the_limits_of_number_and_pair(town: Town) -> None:
    results = [await town.send(Text(str(i))) for i in range(46)]
    assert all(isinstance(one, Receipt) for one in results[:45])
    last = results[45]
    assert isinstance(last, Failure)
    assert (last.outcome, last.level, last.code) == (Outcome.RETRY, Level.PAIR, "131056")
    town.now += timedelta(seconds=6)
    assert isinstance(await town.send(Text("One more")), Receipt)
    people = [f"+3361234{i:04d}" for i in range(81)]
    town.now += timedelta(seconds=2)
    results = [await town.send(Text("Hi"), to=one) for one in people]
    assert [isinstance(one, Receipt) for one in results] == [True] * 80 + [False]
    last = results[80]
    assert isinstance(last, Failure)
    assert (last.outcome, last.level, last.code) == (Outcome.RETRY, Level.ACCOUNT, "130429")


async def test_templates_as_meta_knows_them(town: Town) -> None:
    numbers = town.sim.numbers["wa"]
    wrong = await town.call(
        "POST",
        "/v24.0/106540352242922/messages",
        {
            "messaging_product": "whatsapp",
            "to": "33612345678",
            "type": "template",
            "template": {"name": "refund", "language": {"code": "fr"}},
        },
    )
    assert (wrong[0], wrong[1]["error"]["code"]) == (400, 132000)
    town.sim.set_template("wa", "refund", "PAUSED")
    paused = await town.send(Template("refund", amount=1))
    assert isinstance(paused, Failure)
    assert (paused.code, paused.level) == ("132015", Level.TEMPLATE)
    (event,) = await town.later()
    assert event.kind == "account_changed"
    assert (event.state, event.detail) == ("template", "refund (en_US): PAUSED")
    town.sim.set_template("wa", "refund", "DISABLED")
    disabled = await town.send(Template("refund", amount=1))
    assert isinstance(disabled, Failure)
    assert disabled.code == "132016"
    del numbers.templates["refund"]
    unknown = await town.send(Template("refund", amount=1))
    assert isinstance(unknown, Failure)
    assert (unknown.code, unknown.level, unknown.status) == ("132001", Level.TEMPLATE, 404)


TEXT = {"messaging_product": "whatsapp", "to": "33612345678", "type": "text", "text": {"body": "x"}}


def interactive(kind: str, action: Any, body: str = "x", **more: Any) -> dict[str, Any]:
    content = {"type": kind, "body": {"text": body}, "action": action, **more}
    return {**TEXT, "type": "interactive", "interactive": content}


def buttons(*titles: str, id: str = "") -> Any:
    return {"buttons": [{"type": "reply", "reply": {"id": id or title, "title": title}} for title in titles]}


def rows(count: int, **more: Any) -> Any:
    return {"button": "Open", "sections": [{"rows": [{"id": str(i), "title": str(i), **more} for i in range(count)]}]}


LINK = {"name": "cta_url", "parameters": {"display_text": "Open", "url": "https://example.com"}}


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"no JSON", 100),
        ([], 100),
        ({**TEXT, "messaging_product": "sms"}, 100),
        ({k: v for k, v in TEXT.items() if k != "messaging_product"}, 100),
        ({k: v for k, v in TEXT.items() if k != "to"}, 100),
        ({**TEXT, "to": "Ann"}, 131009),
        ({**TEXT, "recipient_type": "group"}, 100),
        ({**{k: v for k, v in TEXT.items() if k != "to"}, "recipient": "Ann"}, 131009),
        ({**TEXT, "type": "hologram"}, 100),
        ({**TEXT, "type": "image"}, 131008),
        ({**TEXT, "text": {"body": "x" * 4097}}, 100),
        ({**TEXT, "text": {"body": ""}}, 100),
        ({**TEXT, "text": {"body": "x", "preview_url": "yes"}}, 100),
        ({**TEXT, "text": {"body": 7}}, 131008),
        ({**TEXT, "biz_opaque_callback_data": "k" * 513}, 100),
        ({**TEXT, "context": {}}, 131008),
        ({**TEXT, "type": "image", "image": {"id": "1", "link": "https://e.com"}}, 131008),
        ({**TEXT, "type": "image", "image": {"link": "ftp://e.com"}}, 131009),
        ({**TEXT, "type": "image", "image": {"id": "1"}}, 100),
        ({**TEXT, "type": "image", "image": {"link": "https://e.com", "caption": "x" * 1025}}, 131009),
        ({**TEXT, "type": "audio", "audio": {"link": "https://e.com", "caption": "x"}}, 100),
        ({**TEXT, "type": "location", "location": {"latitude": "north"}}, 131009),
        ({**TEXT, "type": "reaction", "reaction": {"emoji": "x"}}, 131008),
        ({**TEXT, "type": "contacts", "contacts": []}, 131009),
        (interactive("carousel", {}), 131009),
        (interactive("button", buttons("a"), body="x" * 1025), 131009),
        (interactive("button", buttons("a"), footer={"text": "x" * 61}), 131009),
        (interactive("button", buttons("a"), header={"type": "text", "text": "x" * 61}), 131009),
        (interactive("button", buttons("a", "b", "c", "d")), 131009),
        (interactive("button", buttons()), 131009),
        (interactive("button", buttons("x" * 21)), 131009),
        (interactive("button", buttons("a", "a")), 131009),
        (interactive("button", buttons("a", "b", id="1")), 131009),
        (interactive("button", buttons("a", id=" a")), 131009),
        (interactive("button", {"buttons": [{"type": "url"}]}), 131009),
        (interactive("button", {"buttons": "a"}), 131008),
        (interactive("list", rows(11)), 131009),
        (interactive("list", {"button": "O", "sections": rows(6)["sections"] * 2}), 131009),
        (interactive("list", rows(1, description="x" * 73)), 131009),
        (interactive("list", {**rows(1), "button": "x" * 21}), 131009),
        (interactive("cta_url", {**LINK, "name": "other"}), 131009),
        (interactive("cta_url", {**LINK, "parameters": {"display_text": "x" * 21, "url": "https://e.com"}}), 131009),
        ({**TEXT, "type": "template", "template": {"name": "refund"}}, 131008),
        ({"messaging_product": "whatsapp", "status": "seen", "message_id": "wamid.1"}, 100),
        ({"messaging_product": "whatsapp", "status": "read", "message_id": "1"}, 131009),
        (
            {
                "messaging_product": "whatsapp",
                "status": "read",
                "message_id": "wamid.1",
                "typing_indicator": {"type": "dance"},
            },
            131009,
        ),
    ],
)
async def test_the_platform_is_strict(town: Town, body: Any, code: int) -> None:
    status, answer = await town.call("POST", "/v24.0/106540352242922/messages", body)
    assert (status, answer["error"]["code"]) == (400, code)
    assert not town.sim.accepted


async def test_the_platform_is_not_too_strict(town: Town) -> None:
    for body in (
        TEXT,
        {**TEXT, "text": {"body": "x" * 4096}, "biz_opaque_callback_data": "k" * 512},
        {**TEXT, "type": "contacts", "contacts": [{"name": {"formatted_name": "Ann"}}]},
        interactive("button", buttons("a" * 20, "b", "c"), body="x" * 1024, footer={"text": "x" * 60}),
        interactive("list", rows(10, description="x" * 72)),
        interactive("cta_url", LINK),
    ):
        status, answer = await town.call("POST", "/v24.0/106540352242922/messages", body)
        assert (status, list(answer)) == (200, ["messaging_product", "contacts", "messages"])
        assert answer["contacts"] == [{"input": "33612345678", "wa_id": "33612345678"}]


@pytest.mark.parametrize(
    ("path", "token", "status", "code"),
    [
        ("/v24.0/106540352242922/messages", "stolen", 401, 190),
        ("/v24.0/106540352242922/messages", "", 401, 190),
        ("/v24.0/999/messages", None, 400, 100),
        ("/latest/106540352242922/messages", None, 400, 2500),
    ],
)
async def test_who_may_send(town: Town, path: str, token: str | None, status: int, code: int) -> None:
    found, answer = await town.call("POST", path, TEXT, token)
    assert (found, answer["error"]["code"]) == (status, code)


async def test_uploads_are_looked_at(town: Town) -> None:
    too_large = Media(kind="image", type="image/png", ref="blob:0", size=None)
    town.transport.media = Files(b"x" * (5 * 1024 * 1024 + 1))
    failure = await town.send(too_large)
    assert isinstance(failure, Failure)
    assert (failure.outcome, failure.code, failure.certain) == (Outcome.INVALID, "131053", True)
    status, answer = await town.call("POST", "/v24.0/106540352242922/media", {"file": "x"})
    assert status == 400
    assert answer
    town.transport.media = Files(b"x")
    await town.sent(Media(kind="file", type="text/csv", ref="blob:0", name="a.csv"))
    (media_id,) = town.sim.media
    wrong = {**TEXT, "type": "image", "image": {"id": media_id}}
    assert (await town.call("POST", "/v24.0/106540352242922/messages", wrong))[1]["error"]["code"] == 131053


def multipart(*fields: tuple[str, str], file: bytes | None = None) -> bytes:
    head = "--b\r\nContent-Disposition: form-data; name="
    parts = [f'{head}"{name}"\r\n\r\n{value}\r\n'.encode() for name, value in fields]
    if file is not None:
        about = f'{head}"file"; filename="f"\r\nContent-Type: image/webp\r\n\r\n'
        parts.append(about.encode() + file + b"\r\n")
    return b"".join(parts) + b"--b--\r\n"


OURS = ("messaging_product", "whatsapp")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (multipart(file=b"x"), 100),
        (multipart(OURS), 100),
        (multipart(OURS, file=b"x" * (500 * 1024 + 1)), 131053),
        (multipart(OURS, ("type", "audio/ogg"), file=b"x" * (16 * 1024 * 1024 + 1)), 131053),
        (multipart(OURS, file=b"x"), None),
    ],
    ids=["no product", "no file", "large sticker", "large audio", "fine"],
)
async def test_uploads_by_another_client(town: Town, body: bytes, code: int | None) -> None:
    headers = {
        "authorization": f"Bearer {town.account.token.get_secret_value()}",
        "content-type": "multipart/form-data; boundary=b",
    }
    scope = http_scope("POST", "https://graph.facebook.com/v24.0/106540352242922/media", headers, body)
    status, _, content = await asgi_call(town.sim, scope, body)
    answer = json.loads(content)
    assert (status, answer.get("error", {}).get("code")) == (400 if code else 200, code)


def words(*texts: str, kind: str = "body") -> dict[str, Any]:
    return {"type": kind, "parameters": [{"type": "text", "text": one} for one in texts]}


@pytest.mark.parametrize(
    ("components", "code"),
    [
        ([words("a", kind="footer")], 132012),
        ([words("a\nb")], 132012),
        ([words("a", "b")], 132000),
        ([words("h", kind="header"), words("a")], 132012),
    ],
)
async def test_templates_by_another_client(town: Town, components: Any, code: int) -> None:
    template = {"name": "refund", "language": {"code": "fr"}, "components": components}
    body = {"messaging_product": "whatsapp", "to": "33612345678", "type": "template", "template": template}
    status, answer = await town.call("POST", "/v24.0/106540352242922/messages", body)
    assert (status, answer["error"]["code"]) == (400, code)


async def test_two_numbers_are_two(town: Town) -> None:
    second = town.sim.adopt(WhatsAppAccount(id="wa-2", phone_number_id="206540352242922", waba_id="777"))
    town.sim.connect("wa-2", HOOK)
    town.sim.says(ANN, "Hi", account_id="wa-2")
    assert (await town.one()).what == "number 206540352242922"
    channel = WhatsAppChannel(town.account, (town.account, second))
    status, answer = await town.call("POST", "/v24.0/206540352242922/messages", TEXT)
    assert (status, answer["error"]["code"], answer["error"]["error_subcode"]) == (400, 100, 33)
    town.sim.says(ANN, "Hi", account_id="wa-2")

    async def hook(request: WebhookRequest) -> int:
        envelope = Envelope(headers=request.headers, content=request.body, received_at=town.now)
        assert isinstance(channel.admit(envelope, town.now, Keys()), Accept)
        town.events = list(channel.parse(envelope))
        return 200

    await town.sim.deliver_due(hook)
    assert [event.account for event in town.events] == ["wa-2"]
    await town.call("DELETE", f"/v24.0/{town.account.waba_id}/subscribed_apps")
    assert (town.sim.numbers["wa"].subscribed, town.sim.numbers["wa-2"].subscribed) == (False, True)


# ---------------------------------------------------------------- the app


async def test_the_handshake(town: Town) -> None:
    request = town.sim.handshake("wa", "77")
    query = dict(pair.split("=") for pair in request.url.partition("?")[2].split("&"))
    envelope = Envelope(method=request.method, query=query, received_at=town.now)
    admission = town.channel.admit(envelope, town.now, Keys())
    assert isinstance(admission, Answer)
    assert admission.reply.content == b"77"


async def test_webhooks_only_for_a_subscribed_app(town: Town) -> None:
    waba = town.account.waba_id
    assert await town.call("DELETE", f"/v24.0/{waba}/subscribed_apps") == (200, {"success": True})
    town.sim.says(ANN, "Hi")
    assert await town.later() == []
    assert await town.call("POST", f"/v24.0/{waba}/subscribed_apps") == (200, {"success": True})
    town.sim.says(ANN, "Hi")
    assert len(await town.later()) == 1


async def test_whom_the_business_blocks_is_not_heard(town: Town) -> None:
    path, body = "/v24.0/106540352242922/block_users", {"block_users": [{"user": ANN}, {"user": CAT}]}
    status, answer = await town.call("POST", path, {"messaging_product": "whatsapp", **body})
    assert (status, answer["block_users"]) == (200, {"added_users": [{"input": ANN, "wa_id": "33612345678"}]})
    town.sim.says(ANN, "Hi")
    assert await town.later() == []
    await town.call("DELETE", path, body)
    town.sim.says(ANN, "Hi")
    assert len(await town.later()) == 1
    assert (await town.call("POST", path, {}))[0] == 400


async def test_meta_restricts_the_account(town: Town) -> None:
    kind = "RESTRICTED_CUSTOMER_INITIATED_MESSAGING"
    town.sim.restrict("wa", restriction_info=[{"restriction_type": kind, "expiration": 1800000000}])
    event = await town.one()
    assert (event.kind, event.state) == ("account_changed", "restricted")
    assert event.failure.outcome is Outcome.SUSPENDED
    town.sim.restrict("wa", "ACCOUNT_RECONNECTED")
    assert (await town.one()).state == "ok"


async def test_a_webhook_that_we_refuse_comes_again(town: Town) -> None:
    town.sim.says(ANN, "Hi")
    town.status = 503
    assert await town.later() == []
    town.status = 200
    (event,) = await town.later()
    assert event.kind == "message_received"


# ---------------------------------------------------------------- faults and withdrawal


@pytest.mark.parametrize(
    ("fault", "outcome", "certain", "arrived"),
    [
        ("timeout_before_write", Outcome.RETRY, True, 0),
        ("timeout_lost", Outcome.RETRY, False, 0),
        ("timeout_after_write", Outcome.RETRY, False, 1),
        ("rate_limited", Outcome.RETRY, True, 0),
        ("server_error", Outcome.RETRY, True, 0),
        ("html_error", Outcome.RETRY, False, 0),
        ("truncated_json", Outcome.RETRY, False, 1),
    ],
)
async def test_a_fault_is_seen_for_what_it_is(
    town: Town, fault: Any, outcome: Outcome, certain: bool, arrived: int
) -> None:
    town.sim.says(ANN, "Hi")
    await town.later()
    town.sim.faults = FaultPlan(1, {fault: 1.0})
    failure = await town.send(Text("Hello"))
    assert isinstance(failure, Failure)
    assert (failure.outcome, failure.certain) == (outcome, certain)
    assert len(town.sim.seen(ANN)) == arrived
    town.sim.faults = FaultPlan()
    # What had arrived is told by its statuses, with our key.
    assert [state for state, key in await town.states() if key == "part-1"] == ["sent", "delivered", "read"][
        : arrived * 3
    ]


async def test_doubled_and_reordered_webhooks_have_the_same_keys(town: Town) -> None:
    town.sim.faults = FaultPlan(3, {"duplicate_webhook": 1.0, "reordered_webhooks": 0.5})
    for i in range(5):
        town.sim.says(ANN, str(i))
    events = await town.later(timedelta(hours=1))
    received = [event for event in events if event.kind == "message_received"]
    assert len(received) == 10
    assert len({event.dedupe for event in received}) == 5
    assert [event.text for event in received] != sorted(event.text for event in received)


@pytest.mark.parametrize(
    ("mode", "outcome"),
    [
        ("402", Outcome.PAYMENT_REQUIRED),
        ("403-plan", Outcome.WITHDRAWN),
        ("410", Outcome.WITHDRAWN),
        ("200-with-error", Outcome.WITHDRAWN),
        ("dns-blackhole", Outcome.RETRY),
    ],
)
async def test_a_withdrawal_on_a_date(town: Town, mode: Any, outcome: Outcome) -> None:
    town.sim.says(ANN, "Hi")
    await town.later()
    town.sim.withdraw(mode, at=town.now + timedelta(hours=1))
    assert isinstance(await town.send(Text("Before")), Receipt)
    town.now += timedelta(hours=1)
    failure = await town.send(Text("After"))
    assert isinstance(failure, Failure)
    assert (failure.outcome, failure.certain) == (outcome, True)
    town.sim.reinstate()
    assert isinstance(await town.send(Text("Back")), Receipt)
    assert [seen.text for seen in town.sim.seen(ANN)] == ["Before", "Back"]


async def test_a_silent_withdrawal_says_yes_and_does_nothing(town: Town) -> None:
    town.sim.says(ANN, "Hi")
    await town.later()
    town.sim.withdraw("silent")
    assert isinstance(await town.send(Text("Anybody?")), Receipt)
    assert town.sim.seen(ANN) == []
    assert await town.later() == []


async def test_a_withdrawal_from_one_country(town: Town) -> None:
    for handle in (ANN, BO):
        town.sim.says(handle, "Hi")
    await town.later()
    town.sim.withdraw("410", country="IN")
    assert isinstance(await town.send(Text("Hello"), to=ANN), Receipt)
    failure = await town.send(Text("Hello"), to=BO)
    assert isinstance(failure, Failure)
    assert failure.outcome is Outcome.WITHDRAWN
    assert await town.run(town.channel.probe()) is None
    assert (await town.call("POST", "/v24.0/106540352242922/messages", b"x"))[0] == 400


async def test_the_same_seed_is_the_same_run() -> None:
    async def story(seed: int) -> list[str]:
        town = Town(seed)
        town.sim.faults = FaultPlan(seed, {"timeout_after_write": 0.3, "duplicate_webhook": 0.5})
        told: list[str] = []
        for i in range(8):
            town.sim.says(ANN, str(i))
            told += [str(await town.send(Text(f"re {i}"))), *map(str, await town.later())]
        return told

    assert await story(5) == await story(5)
    assert await story(5) != await story(6)


def test_an_account_of_ours_keeps_what_was_set() -> None:
    town = Town()
    assert town.account.token.get_secret_value()
    assert town.account.app_secret[0].get_secret_value()
    assert town.account.display_number
    again = WhatsAppSimulator(now=lambda: town.now).adopt(town.account)
    assert again == town.account
