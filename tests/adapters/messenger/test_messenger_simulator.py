"""The adapter and simulated Messenger talk with each other; neither knows the other's code."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import pytest

from omnichannel.adapters.messenger import ButtonSlot, MessengerAccount, MessengerChannel, TemplateSpec
from omnichannel.channel import Accept, Answer, Envelope, Flow, HttpRequest, HttpResponse, Keys, Part, Receipt, Rejected
from omnichannel.model.content import LinkButton, Media, QuickReply, Template, Text
from omnichannel.model.outcome import Failure, Level, Outcome
from omnichannel.runtime.transport import TransportError
from omnichannel.testing.asgi import InProcessTransport
from omnichannel.testing.faults import FaultKind, FaultPlan
from omnichannel.testing.simulators.base import SimFile, WebhookRequest, WithdrawalMode
from omnichannel.testing.simulators.messenger import MessengerSimulator
from omnichannel.testing.simulators.messenger_hooks import OUR_APP, PAGE_INBOX
from omnichannel.testing.simulators.whatsapp import WhatsAppSimulator

T = TypeVar("T")
HOOK = "https://desk.example/hooks/page"
PAGE = "1906385232743451"
DAY, HOUR = timedelta(days=1), timedelta(hours=1)


class Files:
    """The bytes behind `blob:` references."""

    def __init__(self, content: bytes) -> None:
        self.content = content

    async def size(self, media: Media) -> int | None:
        return len(self.content)

    async def open(self, media: Media, *, offset: int = 0, length: int | None = None) -> AsyncIterator[bytes]:
        yield self.content[offset : None if length is None else offset + length]


class Town:
    """A platform, an adapter on it, a customer who has written, and a clock."""

    def __init__(self, *, content: bytes = b"\x89PNG picture", now: datetime | None = None, **more: Any) -> None:
        self.now = now or datetime(2027, 1, 4, 9, 0, tzinfo=UTC)
        self.sim = MessengerSimulator(now=lambda: self.now, seed=7)
        buttons = (ButtonSlot(index=0, kind="url", slot="code"), ButtonSlot(index=1, kind="quick_reply", slot="stop"))
        given: dict[str, Any] = {
            "id": "page",
            "page_id": PAGE,
            "templates": {
                "refund": TemplateSpec(languages={"fr": "fr", "en": "en_US"}, body=("amount",)),
                "parcel": TemplateSpec(languages={"en": "en_US"}, body=("who",), buttons=buttons),
            },
            **more,
        }
        self.account = self.sim.adopt(MessengerAccount.model_validate(given))
        self.sim.connect("page", HOOK)
        self.channel = MessengerChannel(self.account)
        self.transport = InProcessTransport([self.sim], media=Files(content))
        self.events: list[Any] = []
        self.sim.customer("Ann", "ann")
        self.first = self.sim.says("ann", "Hello")
        self.ann = self.sim.value_of("ann")

    async def run(self, flow: Flow[T]) -> T | Failure:
        """Drives a flow against the platform."""
        try:
            request = next(flow)
            while True:
                assert isinstance(request, HttpRequest)
                signed = self.channel.sign(request, None, self.now, "nonce")
                request = flow.send(await self.transport.send(signed, account="page"))
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]
        except Rejected as refusal:
            return refusal.failure
        except TransportError as error:
            flow.close()
            return Failure(outcome=Outcome.RETRY, level=Level.ATTEMPT, code=error.kind, certain=not error.maybe_sent)

    def part(self, content: Any, **more: Any) -> Part:
        return Part(key=more.pop("key", "part-1"), to=more.pop("to", self.ann), content=content, **more)

    async def send(self, content: Any, **more: Any) -> Receipt | Failure:
        return await self.run(self.channel.send(self.part(content, **more)))

    async def sent(self, content: Any, **more: Any) -> str:
        receipt = await self.send(content, **more)
        assert isinstance(receipt, Receipt), receipt
        return receipt.ids[0]

    async def refused(self, content: Any, **more: Any) -> Failure:
        failure = await self.send(content, **more)
        assert isinstance(failure, Failure), failure
        return failure

    async def post(self, path: str, body: Mapping[str, Any] | None = None, token: str | None = None) -> HttpResponse:
        """A request of any client."""
        token = self.account.token.get_secret_value() if token is None else token
        return await self.transport.send(
            HttpRequest(
                method="POST",
                url=f"https://graph.facebook.com/{path}",
                headers={"authorization": f"Bearer {token}"},
                body=dict(body) if body is not None else None,
            ),
            account="page",
        )

    async def error(self, body: Mapping[str, Any], path: str = f"v26.0/{PAGE}/messages") -> tuple[int, int | None]:
        """Code and subcode of the refusal of a send."""
        answer: Any = (await self.post(path, {"recipient": {"id": self.ann}, **body})).json()
        return answer["error"]["code"], answer["error"].get("error_subcode")

    async def hook(self, request: WebhookRequest) -> int:
        """Our webhook: admitted, then parsed."""
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


@pytest.fixture
async def town() -> Town:
    """A town in which the first message has arrived."""
    found = Town()
    (event,) = await found.later(timedelta(0))
    assert (event.kind, event.text, event.sender) == ("message_received", "Hello", found.ann)
    return found


# ---------------------------------------------------------------- there and back


async def test_a_message_and_its_receipts(town: Town) -> None:
    mid = await town.sent(Text("Your bag is here."))
    (shown,) = town.sim.seen("ann")
    assert (shown.text, shown.message_id) == ("Your bag is here.", mid)
    echo, delivered, read = await town.later()
    assert (echo.kind, echo.recipient, echo.correlation, echo.message_id) == ("message_echoed", town.ann, "part-1", mid)
    assert (delivered.state, delivered.receipt) == ("delivered", mid)
    assert (read.state, read.receipt, read.until) == ("read", "", town.now - timedelta(seconds=90))


async def test_a_timeout_is_settled_by_the_echo(town: Town) -> None:
    town.sim.faults = FaultPlan(0, {"timeout_after_write": 1.0})
    failure = await town.refused(Text("Your bag is here."))
    assert not failure.certain
    town.sim.faults = FaultPlan(0)
    echo = (await town.later())[0]
    assert (echo.kind, echo.correlation) == ("message_echoed", "part-1")


async def test_taps(town: Town) -> None:
    await town.sent(Text("A refund?", quick_replies=[QuickReply("Yes", id="y"), QuickReply("No", id="n")]))
    mid = town.sim.picks("ann", "Yes")
    tap = next(event for event in await town.later() if event.kind == "message_received")
    assert (tap.text, tap.choice, tap.message_id) == ("Yes", "y", mid)
    with pytest.raises(LookupError):
        town.sim.picks("ann", "Yes")
    buttons = Text("Track?", buttons=[LinkButton("Open", "https://example.com/t")], quick_replies=[QuickReply("Stop")])
    await town.sent(buttons)
    assert town.sim.seen("ann")[-1].links == ("https://example.com/t",)
    await town.sent(Text("One more thing."))
    town.sim.picks("ann", "Stop")
    tap = next(event for event in await town.later() if event.kind == "message_received")
    assert (tap.text, tap.choice) == ("Stop", "Stop")


async def test_quick_replies_go_with_the_next_message(town: Town) -> None:
    await town.sent(Text("A refund?", quick_replies=[QuickReply("Yes")]))
    await town.sent(Text("Are you there?"))
    with pytest.raises(LookupError, match="newest"):
        town.sim.picks("ann", "Yes")


async def test_files_of_ours(town: Town) -> None:
    await town.sent(Media(kind="image", ref="blob:ab", type="image/png", name="a.png", size=12))
    (shown,) = town.sim.seen("ann")
    assert town.sim.files[shown.media[0]].file.content == b"\x89PNG picture"
    await town.sent(Media(kind="file", ref="https://example.com/a.pdf", type="application/pdf"))
    assert town.sim.seen("ann")[-1].media == ("https://example.com/a.pdf",)
    assert (await town.refused(Media(kind="image", ref="platform:1"))).outcome is Outcome.INVALID
    echoes = [event for event in await town.later() if event.kind == "message_echoed"]
    assert [one.attachments[0].kind for one in echoes] == ["image", "file"]


async def test_a_file_that_is_too_large_is_not_taken() -> None:
    town = Town(content=b"x" * (25 * 1024 * 1024 + 1))
    failure = await town.refused(Media(kind="video", ref="blob:ab", type="video/mp4"))
    assert (failure.outcome, failure.code) == (Outcome.INVALID, "100")


async def test_files_of_customers_are_fetched_without_a_token(town: Town) -> None:
    town.sim.says("ann", "My pass", attachments=[SimFile(name="pass.jpg", content=b"\xff\xd8", type="image/jpeg")])
    (event,) = await town.later()
    (media,) = event.attachments
    assert (event.text, media.kind, media.type, media.name) == ("My pass", "image", "image/jpeg", "pass.jpg")
    answer = await town.transport.send(HttpRequest(method="GET", url=media.ref), account="page")
    assert (answer.status, answer.content) == (200, b"\xff\xd8")
    gone = media.ref.replace("70000001", "1")
    assert (await town.transport.send(HttpRequest(method="GET", url=gone + "x/1"), account="page")).status == 404


async def test_what_customers_change(town: Town) -> None:
    mid = await town.sent(Text("Here."))
    await town.later()
    town.sim.reacts("ann", mid, "😍")
    town.sim.reacts("ann", mid, None)
    town.sim.edits("ann", town.first, "Hello there")
    town.sim.judges("ann", mid, good=True)
    town.sim.wants_marketing("ann", True)
    town.sim.wants_marketing("ann", False)
    on, off, edit, thumb, yes, no = await town.later()
    assert (on.emoji, off.emoji, on.message_id) == ("😍", None, mid)
    assert (edit.text, edit.message_id) == ("Hello there", town.first)
    assert thumb.emoji == "\N{THUMBS UP SIGN}"
    assert (yes.granted, no.granted, no.purpose) == (True, False, "marketing")


async def test_seen_typing_and_reactions(town: Town) -> None:
    assert await town.run(town.channel.mark_read(town.first, town.part(Text("")), typing=True)) is None
    assert await town.run(town.channel.react(town.first, town.part(Text("")), "😊")) is None
    assert await town.run(town.channel.react(town.first, town.part(Text("")), None)) is None
    assert [name for name, _ in town.sim.actions] == ["mark_seen", "typing_on", "react", "unreact"]


async def test_a_colleague_in_the_inbox_and_the_thread_that_moves(town: Town) -> None:
    mid = town.sim.colleague_says("page", "ann", "Ann speaking")
    (echo,) = await town.later()
    assert (echo.kind, echo.text, echo.message_id, echo.correlation) == ("message_echoed", "Ann speaking", mid, None)
    town.sim.moves_thread("page", "ann", PAGE_INBOX)
    town.sim.says("ann", "And now?")
    news, message = await town.later()
    assert (news.kind, news.state) == ("account_changed", "info")
    assert (message.text, message.addressed) == ("And now?", False)
    failure = await town.refused(Text("Hello?"))
    assert (failure.outcome, failure.level) == (Outcome.RETRY, Level.PAIR)
    town.sim.moves_thread("page", "ann", OUR_APP)
    await town.sent(Text("Hello!"))


# ---------------------------------------------------------------- links


async def test_a_link_brings_its_reference(town: Town) -> None:
    link = town.channel.link("A7K2QX9P4M", "Hello")
    assert link is not None
    town.sim.customer("Bob", "bob")
    town.sim.opens("bob", link.url)
    town.sim.opens("ann", link.url)
    new, known = await town.later()
    assert (new.text, new.choice, new.reference, new.addressed) == ("Get Started", "GET_STARTED", "A7K2QX9P4M", True)
    assert (known.text, known.reference, known.addressed) == ("", "A7K2QX9P4M", False)
    with pytest.raises(LookupError):
        town.sim.opens("ann", "https://m.me/nobody?ref=1")


async def test_without_get_started_the_reference_is_in_the_text() -> None:
    town = Town(get_started=False)
    link = town.channel.link("A7K2QX9P4M", "Hello")
    assert link is not None
    town.sim.customer("Bob", "bob")
    town.sim.opens("bob", link.url)
    event = (await town.later())[-1]
    assert (event.text, event.reference) == ("Hello #A7K2QX9P4M", None)


async def test_a_link_opens_the_window_again(town: Town) -> None:
    town.now += 2 * DAY
    assert (await town.refused(Text("Hi"))).outcome is Outcome.WINDOW_CLOSED
    town.sim.opens("ann", f"https://m.me/{PAGE}?ref=x")
    await town.sent(Text("Hi"))


# ---------------------------------------------------------------- windows and templates


async def test_the_window_and_who_may_pass_it() -> None:
    town = Town(human_agent=True)
    town.now += DAY + HOUR
    assert (await town.refused(Text("Hi"))).outcome is Outcome.WINDOW_CLOSED
    await town.sent(Text("A person speaking"), late=True)
    assert (await town.refused(Text("A machine"), late=True, automatic=True)).outcome is Outcome.WINDOW_CLOSED
    town.now += 6 * DAY
    assert (await town.refused(Text("Too late"), late=True)).outcome is Outcome.WINDOW_CLOSED
    await town.sent(Template("refund", {"amount": "12,50 €"}), language="fr")
    await town.sent(Template("parcel", {"who": "Ann", "code": "A7", "stop": "s"}))
    assert [one.text for one in town.sim.seen("ann")] == ["A person speaking", "refund 12,50 €", "parcel Ann  "]


async def test_without_the_feature_nobody_passes_it(town: Town) -> None:
    town.now += DAY + HOUR
    assert (await town.refused(Text("Hi"), late=True)).outcome is Outcome.AUTH


async def test_the_old_tags_end_on_a_day() -> None:
    body = {"messaging_type": "MESSAGE_TAG", "tag": "ACCOUNT_UPDATE", "message": {"text": "Hi"}}
    before = Town(now=datetime(2026, 4, 26, 12, tzinfo=UTC))
    assert (await before.post(f"v26.0/{PAGE}/messages", {"recipient": {"id": before.ann}, **body})).status == 200
    after = Town(now=datetime(2026, 4, 27, 12, tzinfo=UTC))
    assert await after.error(body) == (100, None)


async def test_templates_that_are_not_as_approved(town: Town) -> None:
    town.sim.set_template("page", "refund", "PAUSED")
    (news,) = await town.later()
    assert (news.state, news.failure.level) == ("template", Level.TEMPLATE)
    assert (await town.refused(Template("refund", {"amount": "1"}))).outcome is Outcome.INVALID
    wrong: list[dict[str, Any]] = [
        {"name": "parcel", "language": {"code": "de"}},
        {"name": "parcel", "language": {"code": "en_US"}, "components": []},
        {"name": "parcel", "language": {"code": "en_US"}, "components": [
            {"type": "body", "parameters": [{"type": "text", "text": "Ann"}]}]},
        {"name": "nobody", "language": {"code": "en_US"}},
    ]  # fmt: skip
    for template in wrong:
        assert await town.error({"messaging_type": "UTILITY", "message": {"template": template}}) == (100, None)


# ---------------------------------------------------------------- what is refused

R = {"messaging_type": "RESPONSE"}
BUTTON = {"type": "postback", "title": "Yes", "payload": "y"}


def button_template(**more: Any) -> dict[str, Any]:
    payload = {"template_type": "button", "text": "Hi", "buttons": [BUTTON], **more}
    return {**R, "message": {"attachment": {"type": "template", "payload": payload}}}


def attached(kind: str, payload: dict[str, Any]) -> dict[str, Any]:
    return {**R, "message": {"attachment": {"type": kind, "payload": payload}}}


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"message": {"text": "Hi"}}, (100, None)),
        ({**R, "messaging_type": "HELLO", "message": {"text": "Hi"}}, (100, None)),
        ({**R, "tag": "HUMAN_AGENT", "message": {"text": "Hi"}}, (100, None)),
        ({"messaging_type": "MESSAGE_TAG", "message": {"text": "Hi"}}, (100, None)),
        ({**R}, (100, None)),
        ({**R, "message": {"text": "Hi"}, "sender_action": "typing_on"}, (100, None)),
        ({**R, "message": "Hi"}, (100, None)),
        ({**R, "message": {}}, (100, 2018014)),
        ({**R, "message": {"text": "Hi", "attachment": {}}}, (100, 2018014)),
        ({**R, "message": {"text": ""}}, (100, None)),
        ({**R, "message": {"text": "x" * 2001}}, (100, None)),
        ({**R, "message": {"text": "Hi", "metadata": "x" * 1001}}, (100, None)),
        ({**R, "message": {"template": {"name": "refund"}}}, (100, None)),
        ({"messaging_type": "UTILITY", "message": {"text": "Hi"}}, (100, None)),
        ({**R, "message": {"text": "Hi", "quick_replies": []}}, (100, None)),
        ({**R, "message": {"text": "Hi", "quick_replies": [{"content_type": "text", "title": "x" * 21}]}}, (100, None)),
        ({**R, "message": {"text": "Hi", "quick_replies": [{"content_type": "location"}]}}, (100, None)),
        (attached("image", {}), (100, 2018047)),
        (attached("image", {"url": "no url"}), (100, 2018008)),
        (attached("image", {"attachment_id": "12"}), (100, 2018074)),
        (attached("song", {"url": "https://example.com"}), (100, None)),
        (attached("template", {"template_type": "list"}), (100, None)),
        (attached("template", {"template_type": "generic", "elements": [{"title": "x" * 81}]}), (100, None)),
        (button_template(text="x" * 641), (100, None)),
        (button_template(buttons=[BUTTON] * 4), (100, None)),
        (button_template(buttons=[{"type": "web_url", "title": "Open", "url": "x"}]), (100, None)),
        (button_template(buttons=[{"type": "call", "title": "Open"}]), (100, None)),
        ({**R, "message": {"text": "Hi"}, "recipient": {"id": "1"}}, (100, 2018001)),
        ({**R, "message": {"text": "Hi"}, "recipient": {"id": "ann"}}, (100, None)),
        ({**R, "message": {"text": "Hi"}, "recipient": {"user_ref": "1"}}, (100, None)),
        ({**R, "message": {"text": "Hi"}, "reply_to": {}}, (100, None)),
        ({"sender_action": "wave"}, (100, None)),
        ({"sender_action": "react", "payload": {"message_id": "m_1"}}, (100, None)),
    ],
)
async def test_a_malformed_message_is_refused(town: Town, body: dict[str, Any], code: tuple[int, int | None]) -> None:
    assert await town.error(body) == code
    assert town.sim.seen("ann") == []


async def test_whose_token_and_which_page(town: Town) -> None:
    message: dict[str, Any] = {"recipient": {"id": town.ann}, **R, "message": {"text": "Hi"}}
    for token, path, code in (("wrong", PAGE, 190), (None, "12", 100)):
        answer: Any = (await town.post(f"v26.0/{path}/messages", message, token)).json()
        assert answer["error"]["code"] == code
    assert (await town.post("latest/me/messages", message)).status == 400
    assert (await town.post("v26.0/me/messages", message)).status == 200
    url = f"https://graph.facebook.com/v26.0/{PAGE}/messages"
    assert (await town.transport.send(HttpRequest(method="POST", url=url, body=message), account="page")).status == 401


@pytest.mark.parametrize(
    ("code", "subcode", "outcome"),
    [
        (368, None, Outcome.SUSPENDED),
        (190, 463, Outcome.AUTH),
        (10, 1893063, Outcome.SUSPENDED),
        (10, 2018108, Outcome.UNREACHABLE),
        (2, None, Outcome.RETRY),
    ],
)
async def test_trouble_of_the_page(town: Town, code: int, subcode: int | None, outcome: Outcome) -> None:
    town.sim.set_trouble("page", code, subcode)
    assert (await town.refused(Text("Hi"))).outcome is outcome
    town.sim.set_trouble("page", None)
    await town.sent(Text("Hi"))


async def test_meta_enforces_its_policy(town: Town) -> None:
    town.sim.enforce("page", "block", "Spam")
    (news,) = await town.later()
    assert (news.state, news.failure.outcome) == ("suspended", Outcome.SUSPENDED)
    assert (await town.refused(Text("Hi"))).outcome is Outcome.SUSPENDED
    town.sim.enforce("page", "unblock")
    (news,) = await town.later()
    assert news.state == "ok"
    await town.sent(Text("Hi"))


async def test_a_customer_who_blocks_us(town: Town) -> None:
    town.sim.blocks("ann")
    assert (await town.refused(Text("Hi"))).outcome is Outcome.UNREACHABLE
    with pytest.raises(ValueError, match="blocked"):
        town.sim.says("ann", "Hi")
    town.sim.blocks("ann", blocked=False)
    await town.sent(Text("Hi"))


async def test_limits_at_n_and_one_more(town: Town) -> None:
    for _ in range(300):
        await town.sent(Text("Hi"))
    failure = await town.refused(Text("Hi"))
    assert (failure.outcome, failure.level) == (Outcome.RETRY, Level.ACCOUNT)
    heavy = Media(kind="audio", ref="https://example.com/a.mp3", type="audio/mpeg")
    for _ in range(10):
        await town.sent(heavy)
    assert (await town.refused(heavy)).code == "613"
    town.now += timedelta(seconds=1)
    await town.sent(Text("Hi"))


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
async def test_it_goes_away_on_a_date(town: Town, mode: WithdrawalMode, outcome: Outcome) -> None:
    town.sim.withdraw(mode, town.now + HOUR)
    await town.sent(Text("Hi"))
    town.now += HOUR
    assert (await town.refused(Text("Hi"))).outcome is outcome


async def test_for_customers_of_one_country_alone(town: Town) -> None:
    town.sim.customer("Bob", "bob", country="FR")
    town.sim.says("bob", "Hi")
    town.sim.withdraw("410", country="FR")
    assert (await town.refused(Text("Hi"), to=town.sim.value_of("bob"))).outcome is Outcome.WITHDRAWN
    await town.sent(Text("Hi"))


@pytest.mark.parametrize("fault", ["rate_limited", "server_error", "html_error"])
async def test_faults(town: Town, fault: FaultKind) -> None:
    town.sim.faults = FaultPlan(0, {fault: 1.0})
    assert (await town.refused(Text("Hi"))).outcome is Outcome.RETRY


# ---------------------------------------------------------------- the Page


async def test_the_probe_and_the_handshake(town: Town) -> None:
    assert await town.run(town.channel.probe()) is None
    request = town.sim.handshake("page")
    query = dict(pair.split("=") for pair in request.url.partition("?")[2].split("&"))
    admission = town.channel.admit(Envelope(method="GET", query=query, received_at=town.now), town.now, Keys())
    assert isinstance(admission, Answer)
    assert admission.reply.content == b"1158201444"


async def test_only_what_is_subscribed_is_told(town: Town) -> None:
    edge = f"v26.0/{PAGE}/subscribed_apps"
    assert (await town.post(edge, {"subscribed_fields": ["messages"]})).json() == {"success": True}
    await town.sent(Text("Hi"))
    town.sim.says("ann", "Thanks")
    assert [event.kind for event in await town.later()] == ["message_received"]
    assert (await town.post(f"{edge}?subscribed_fields=messages,message_reads")).status == 200
    assert (await town.post(edge, {"subscribed_fields": ["everything"]})).status == 400
    request = HttpRequest(method="DELETE", url=f"https://graph.facebook.com/{edge}")
    signed = town.channel.sign(request, None, town.now, "n")
    assert (await town.transport.send(signed, account="page")).status == 200
    town.sim.says("ann", "Anybody?")
    assert await town.later() == []


async def test_a_page_gets_a_button_and_takes_a_thread() -> None:
    town = Town(get_started=False)
    profile = f"v26.0/{PAGE}/messenger_profile"
    assert (await town.post(profile, {"get_started": {"payload": "GET_STARTED"}})).json() == {"result": "success"}
    assert (await town.post(profile, {"get_started": {}})).status == 400
    assert town.sim.pages["page"].get_started
    town.sim.moves_thread("page", "ann", PAGE_INBOX)
    take = f"v26.0/{PAGE}/take_thread_control"
    assert (await town.post(take, {"recipient": {"id": "1"}})).status == 400
    assert (await town.post(take, {"recipient": {"id": town.ann}})).json() == {"success": True}
    await town.sent(Text("Hi"))


async def test_two_products_on_one_host() -> None:
    """A request is answered by the product whose object it names."""
    town = Town()
    other = WhatsAppSimulator(now=lambda: town.now)
    both = InProcessTransport([other, town.sim])
    assert both.simulator("graph.facebook.com", f"/v26.0/{PAGE}/messages") is town.sim
    assert both.simulator("graph.facebook.com", "/v24.0/1065/messages") is other
    assert both.simulator("lookaside.fbsbx.com", "/x") is other


async def test_signed_over_escaped_bytes(town: Town) -> None:
    """Meta writes non-ASCII text as escapes, and signs those."""
    town.sim.says("ann", "Où est ma valise ?")
    seen: list[bytes] = []

    async def hook(request: WebhookRequest) -> int:
        seen.append(request.body)
        return await town.hook(request)

    await town.sim.deliver_due(hook)
    assert b"O\\u00f9" in seen[0]
    assert json.loads(seen[0])["entry"][0]["messaging"][0]["message"]["text"] == "Où est ma valise ?"
    assert town.events[-1].text == "Où est ma valise ?"
