"""The public API as its users write it. Checked by mypy and pyright, never run.

`assert_type` pins what an editor shows; a wrong use that must not type-check stands in a comment beside the right one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, assert_type

from omnichannel import (
    Account,
    Address,
    Conversation,
    Customer,
    Decision,
    Delivery,
    Event,
    Explanation,
    Handlers,
    Hub,
    Impact,
    LinkButton,
    Localized,
    Location,
    Media,
    Message,
    Page,
    QuickReply,
    Scope,
    Template,
    Text,
    Turn,
    Withdrawal,
)
from omnichannel.channel import (
    Accept,
    Admission,
    Capabilities,
    Channel,
    ChannelEvent,
    Envelope,
    ErrorTable,
    Flow,
    HttpRequest,
    Keys,
    MessageReceived,
    Part,
    Receipt,
    Refuse,
)
from omnichannel.sync import Client

# ---------------------------------------------------------------- handlers

handlers = Handlers()
hub = Hub(["console"], handlers=handlers)


@hub.on_message
async def echo(turn: Turn) -> None:
    assert_type(turn.message, Message)
    assert_type(turn.conversation, Conversation)
    assert_type(turn.customer, Customer)
    assert_type(turn.attempt, int)
    assert_type(await turn.reply(turn.message.text), Delivery)


@handlers.on_message(channel="x", surface="mention")
async def mention(turn: Turn) -> None:
    await turn.take_private("We have written to you privately.")


@handlers.on_message(language="fr")
async def refund(turn: Turn) -> None:
    for media in turn.message.attachments:
        assert_type(media, Media)
        async with turn.open_media(media) as chunks:
            async for chunk in chunks:
                assert_type(chunk, bytes)
    match turn.message.choice:
        case "yes":
            await turn.handoff("refunds", note="boarding pass attached")
        case _:
            replies = [QuickReply("Oui", id="yes"), QuickReply("Non", id="no")]
            terms = [LinkButton("Terms", "https://air.example/terms")]
            asked = Localized({"fr": Text("Un remboursement ?", quick_replies=replies), "en": "A refund?"})
            async with turn.typing():
                await turn.reply(asked)
            await turn.reply(Text("A refund?", buttons=terms, attachments=[Media.from_path("form.pdf")]))
            await turn.reply(Template("gate_changed", gate="K41", fee=Decimal("1.50")))
            await turn.reply(Location(49.0097, 2.5479, name="Gate K41"))


@handlers.on("conversation.moved", "customer.merged")
async def follow(event: Event) -> None:
    assert_type(event.seq, int)
    assert_type(event.type, str)


@handlers.identify
async def who(address: Address) -> str | None:
    return address.value if address.assurance >= 3 else None


# ---------------------------------------------------------------- verbs


async def speak(customer: str, conversation: str) -> None:
    async with Hub.from_toml("omnichannel.toml", handlers=[handlers], work=False) as live:
        assert_type(live, Hub)
        assert_type(await live.reply(conversation, "Bonjour", agent="user-7", if_version=3), Delivery)
        sent = await live.send(
            customer,
            "Your gate changed",
            purpose="alert",
            order=["whatsapp", "email"],
            expires_at=datetime(2027, 1, 4, tzinfo=UTC),
        )
        assert_type(sent, Delivery)
        assert_type(await live.wait(sent.id, "delivered", within=timedelta(minutes=5)), Delivery)
        assert_type(await live.plan(customer, "hello"), Decision)
        assert_type(await live.can_reply(conversation), Decision)
        assert_type(await live.explain(sent.id), Explanation)
        assert_type((await live.explain(sent.id)).as_text("fr"), str)
        assert_type(await live.customer(external_id="crm-42"), Customer)
        assert_type(await live.conversation(external_id="ticket-9"), Conversation)
        assert_type(await live.history(customer), Page[Message])
        async for event in live.events(after=3, types=["message.received"]):
            assert_type(event, Event)


async def leave(live: Hub, at: datetime) -> None:
    assert_type(await live.preview_withdrawal("x", targets=["whatsapp", "email"]), Impact)
    notice = Localized({"fr": "Nous quittons X", "en": "We leave X"}, default="en")
    gone = await live.withdraw("x", scope=Scope(surface="dm"), closed_at=at, targets=["email"], notice=notice)
    assert_type(gone, Withdrawal)
    assert_type(await live.reinstate(gone.id, canary=0.1), Withdrawal)


async def queue(live: Hub) -> None:
    page = await live.desk.list("support", limit=50)
    assert_type(page, Page[Conversation])
    assert_type(await live.desk.claim(page.items[0].id, agent="user-7"), Conversation)


def in_a_view(customer: str, version: int) -> None:
    with Client.from_toml("omnichannel.toml") as client:
        assert_type(client, Client)
        conversation = client.conversation(external_id="ticket-9")
        assert_type(conversation, Conversation)
        answer = client.reply(conversation.id, "Bonjour", agent="user-7", idempotency_key="form-1", if_version=version)
        assert_type(answer, Delivery)
        assert_type(client.send(customer, "Your gate changed", purpose="alert", order=["email"]), Delivery)
        assert_type(client.customer(address=Address(channel="email", value="ann@mail.example")), Customer)
        assert_type(client.can_reply(conversation.id), Decision)
        assert_type(client.explain(answer.id), Explanation)
        assert_type(client.history(customer), Page[Message])
        assert_type(client.desk.list("support", limit=50), Page[Conversation])
        assert_type(client.desk.note(conversation.id, "nice", agent="user-7"), Message)
        assert_type(client.preview_withdrawal("x", targets=["email"]), Impact)
        assert_type(client.events(after=3, types=["message.received"]), Iterator[Event])


# ---------------------------------------------------------------- a channel of a third party


class PagerAccount(Account):
    secret: str


class PagerChannel(Channel[PagerAccount]):
    adapter = "acme_pager"
    channel = "pager"
    surfaces = {"dm": Capabilities(text_limit=240)}  # noqa: RUF012 - as a third party writes it
    errors = ErrorTable()

    def admit(self, envelope: Envelope, now: datetime, keys: Keys) -> Admission:
        assert_type(self.account, PagerAccount)
        return Accept() if envelope.headers.get("x-secret") == self.account.secret else Refuse("secret")

    def parse(self, envelope: Envelope) -> Sequence[ChannelEvent]:
        at = envelope.received_at
        text = envelope.content.decode()
        return [MessageReceived(account=self.account.id, dedupe="1", occurred_at=at, sender="7", text=text)]

    def send(self, part: Part) -> Flow[Receipt]:
        request = HttpRequest(method="POST", url="pages", body={"to": part.to, "text": part.text})
        data: Any = yield from self.call(request)
        return Receipt((self.require(data, "id"),))


account = PagerAccount(id="pager", secret="test")
PagerChannel(account)
Hub([account, "console"], store="sqlite:///desk.db")
