"""The mail world: customers, our relay and our mailbox in one process, driven by the real session runner."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import anyio
import pytest

from omnichannel.adapters.smtp_imap.channel import SmtpImapChannel
from omnichannel.channel import Envelope, Failure, MessageReceived, Part, Receipt, SmtpMessage
from omnichannel.channel.wire import Reader
from omnichannel.kit.mail.mime import BytesReader
from omnichannel.model.address import Assurance
from omnichannel.model.content import Block, Media, Text
from omnichannel.model.event import ChannelEvent, DeliveryUpdated
from omnichannel.model.outcome import Outcome
from omnichannel.runtime.sessions import run_session
from omnichannel.runtime.transport import TransportError
from omnichannel.stores.base import Blob
from omnichannel.testing.clock import FakeClock
from omnichannel.testing.faults import FaultPlan
from omnichannel.testing.flows import drive
from omnichannel.testing.simulators.base import SimFile
from omnichannel.testing.simulators.mail import MailSimulator
from omnichannel.testing.simulators.mail_write import Style
from tests.adapters.smtp_imap.mails import account

ANN = "Ann@example.org"


class Blobs:
    """A blob store in memory."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}

    async def put(self, chunks: AsyncIterator[bytes], *, limit: int) -> Blob:
        content = b"".join([chunk async for chunk in chunks])
        name = f"blob-{len(self.kept)}"
        self.kept[name] = content
        return Blob(name, len(content))

    def open(self, sha256: str) -> Reader:
        return BytesReader(self.kept[sha256])

    async def stream(self, sha256: str, *, offset: int = 0, length: int | None = None) -> AsyncGenerator[bytes]:
        yield self.kept[sha256][offset:]


@dataclass
class World:
    clock: FakeClock
    simulator: MailSimulator
    channel: SmtpImapChannel
    events: list[ChannelEvent] = field(default_factory=list[ChannelEvent])
    cursors: list[str | None] = field(default_factory=list[str | None])
    blobs: Blobs = field(default_factory=Blobs)

    async def commit(self, envelopes: Sequence[Envelope], cursor: str | None) -> None:
        self.cursors.append(cursor)
        for envelope in envelopes:
            self.events.extend(self.channel.parse(envelope))

    async def until(self, condition: Callable[[], bool]) -> None:
        for _ in range(2_000):
            if condition():
                return
            await anyio.lowlevel.checkpoint()
        raise AssertionError(f"it did not happen; there are {self.events}")

    async def in_time(self, condition: Callable[[], bool], minutes: int = 10) -> None:
        """Lets time pass until it has happened: whoever sleeps may begin to do so late."""
        for _ in range(minutes):
            await self.clock.advance(timedelta(minutes=1))
            for _ in range(200):
                await anyio.lowlevel.checkpoint()
            if condition():
                return
        raise AssertionError(f"it did not happen; there are {self.events}")

    async def heard(self, count: int) -> MessageReceived:
        await self.until(lambda: len(self.events) >= count)
        event = self.events[count - 1]
        assert isinstance(event, MessageReceived)
        return event

    async def send(
        self, content: Block | str, event: MessageReceived | None = None, **changes: Any
    ) -> Receipt | Failure:
        block = Text(content) if isinstance(content, str) else content
        part = Part(key=f"dlv_{len(self.simulator.sent)}:0", to=ANN.lower(), content=block)
        if event is not None:
            part = replace(part, thread=event.thread, context=event.context, aliases=event.aliases)
        part = replace(part, **changes)
        flow = self.channel.send(part)
        message = next(flow)
        assert isinstance(message, SmtpMessage)
        reply = await self.simulator.send(message, account=self.channel.account)
        flow.close()
        _, result = drive(self.channel.send(part), [reply])
        return result


@asynccontextmanager
async def world(*, idle: bool = True, faults: FaultPlan | None = None, **changes: Any) -> AsyncGenerator[World]:
    clock = FakeClock()
    simulator = MailSimulator(now=clock.now, idle=idle)
    if faults is not None:
        simulator.faults = faults
    adopted = simulator.adopt(account(smtp_url="env:SMTP", imap_url="env:IMAP", authserv_id=None, **changes))
    simulator.customer("Ann Lee", ANN)
    found = World(clock, simulator, SmtpImapChannel(adopted))

    async def run() -> None:
        await run_session(
            found.channel, None, commit=found.commit, clock=clock, blobs=found.blobs, connect=simulator.dial
        )

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(run)
        await found.until(
            lambda: (bool(simulator.connections) and simulator.connections[-1].commands[-1:] == ["IDLE"]) or not idle
        )
        yield found
        tasks.cancel_scope.cancel()
    assert [wrong for one in simulator.connections for wrong in one.wrong] == []


@pytest.mark.parametrize("style", ["gmail", "outlook", "apple", "plain"])
async def test_a_conversation_in_each_style(style: Style) -> None:
    async with world() as live:
        live.simulator.says(ANN, "Where is my parcel?", subject="Parcel", style=style)
        first = await live.heard(1)
        assert (first.sender, first.text, first.assurance) == (ANN.lower(), "Where is my parcel?", Assurance.VERIFIED)
        context = {**first.context, "reply_token": "a7k2qx9p4m"}
        receipt = await live.send("On its way: https://track.example/1", first, context=context)
        assert isinstance(receipt, Receipt)
        (seen,) = live.simulator.seen(ANN)
        assert (seen.text, seen.links) == ("On its way: https://track.example/1", ("https://track.example/1",))
        live.simulator.says(ANN, "Thank you!", style=style)
        second = await live.heard(2)
        assert second.text == "Thank you!"
        assert second.full_text is not None
        assert "On its way" in second.full_text
        assert (second.reply_to, second.thread) == (receipt.ids[0], first.thread)
        assert second.reference == "a7k2qx9p4m"
        assert live.cursors[-1] == "1:2"


async def test_forged_and_spam_and_cc_and_files() -> None:
    async with world(folders=("INBOX", "Junk")) as live:
        live.simulator.says(ANN, "Send it elsewhere", subject="Hi", forged=True, cc=["bob@example.net"])
        forged = await live.heard(1)
        assert (forged.assurance, forged.others) == (Assurance.DENIED, ("bob@example.net",))
        live.simulator.says(ANN, "Am I spam?", subject="Hi", junk=True)
        await live.in_time(lambda: len(live.events) == 2)
        assert (await live.heard(2)).text == "Am I spam?"
        files = (SimFile("small.txt", b"x", "text/plain"), SimFile("film.mp4", b"y" * 400_000, "video/mp4"))
        live.simulator.says(ANN, "See this", subject="Files", attachments=files)
        third = await live.heard(3)
        assert [one.name for one in third.attachments] == ["small.txt", "film.mp4"]
        assert all(one.ref.startswith("blob:blob-0#") for one in third.attachments)


async def test_bounces_vacations_and_refusals() -> None:
    async with world() as live:
        live.simulator.relay.bounces["gone@example.org"] = ("5.1.1", "550 5.1.1 no such user")
        receipt = await live.send("Hello", to="gone@example.org")
        assert isinstance(receipt, Receipt)
        await live.clock.advance(timedelta(minutes=3))
        live.simulator.arrive()
        await live.until(lambda: len(live.events) == 1)
        (bounced,) = live.events
        assert isinstance(bounced, DeliveryUpdated)
        assert bounced.failure is not None
        assert (bounced.receipt, bounced.failure.outcome) == (receipt.ids[0], Outcome.UNREACHABLE)
        live.simulator.vacations[ANN] = "I am away until Monday."
        await live.send("Hello")
        await live.clock.advance(timedelta(seconds=10))
        live.simulator.arrive()
        away = await live.heard(2)
        assert (away.automatic, away.text) == (True, "I am away until Monday.")
        await live.send("An automatic word", automatic=True)
        assert live.simulator.next_due() is None


def blocked(simulator: MailSimulator) -> None:
    simulator.blocks(ANN)


def greylisted(simulator: MailSimulator) -> None:
    simulator.relay.greylisted.add(ANN.lower())


def full(simulator: MailSimulator) -> None:
    simulator.relay.replies[ANN.lower()] = (552, "5.2.2 full")


def suspended(simulator: MailSimulator) -> None:
    simulator.relay.suspended = "5.7.26 not authenticated"


def small(simulator: MailSimulator) -> None:
    simulator.relay.max_bytes = 100


def changed_password(simulator: MailSimulator) -> None:
    simulator.adopt(account(smtp_url="smtps://x:y@z.example"))


def unknown(simulator: MailSimulator) -> None:
    simulator.customers.clear()


@pytest.mark.parametrize(
    ("prepare", "outcome"),
    [
        (blocked, Outcome.INVALID),
        (greylisted, Outcome.RETRY),
        (full, Outcome.RETRY),
        (suspended, Outcome.SUSPENDED),
        (small, Outcome.INVALID),
        (changed_password, Outcome.AUTH),
        (unknown, Outcome.UNREACHABLE),
    ],
)
async def test_what_the_relay_refuses(prepare: Callable[[MailSimulator], None], outcome: Outcome) -> None:
    async with world() as live:
        prepare(live.simulator)
        failure = await live.send("Hello")
        assert isinstance(failure, Failure)
        assert failure.outcome == outcome
        if outcome is Outcome.RETRY and failure.code == "4.2.0":
            assert isinstance(await live.send("Hello"), Receipt)


async def test_a_lost_answer_and_a_resend_show_one_mail() -> None:
    async with world() as live:
        live.simulator.faults = FaultPlan(1, {"timeout_after_write": 1.0})
        with pytest.raises(TransportError) as caught:
            await live.send("Hello", key="dlv_1:0")
        assert caught.value.maybe_sent
        live.simulator.faults = FaultPlan()
        assert isinstance(await live.send("Hello", key="dlv_1:0"), Receipt)
        assert len(live.simulator.sent) == 2
        assert len(live.simulator.seen(ANN)) == 1
        live.simulator.faults = FaultPlan(1, {"timeout_before_write": 1.0})
        with pytest.raises(TransportError) as refused:
            await live.send("Hello", key="dlv_2:0")
        assert not refused.value.maybe_sent
        for kind in ("rate_limited", "server_error"):
            live.simulator.faults = FaultPlan(1, {kind: 1.0})
            failure = await live.send("Hello", key="dlv_3:0")
            assert isinstance(failure, Failure)
            assert failure.outcome is Outcome.RETRY


async def test_duplicates_have_one_key_and_order_may_change() -> None:
    async with world(faults=FaultPlan(1, {"duplicate_webhook": 1.0, "reordered_webhooks": 1.0})) as live:
        live.simulator.says(ANN, "Hello", subject="Hi")
        await live.until(lambda: len(live.events) == 2)
        assert live.events[0].dedupe == live.events[1].dedupe


async def test_links_and_choices() -> None:
    async with world() as live:
        link = live.channel.link("a7k2qx9p4m", "Please go on here.\nThank you")
        assert link is not None
        live.simulator.opens(ANN, link.url)
        event = await live.heard(1)
        assert (event.reference, event.text) == ("a7k2qx9p4m", "Please go on here.\nThank you")
        assert event.context["subject"] == "Your message to Example Care"
        await live.send("Refund?\n1. Yes\n2. No", event)
        live.simulator.picks(ANN, "yes")
        assert (await live.heard(2)).text == "yes"
        with pytest.raises(LookupError, match="offers 'Maybe'"):
            live.simulator.picks(ANN, "Maybe")
        live.simulator.opens(ANN, "https://example.com/?text=Hi")
        assert (await live.heard(3)).text == "Hi"


async def test_the_server_goes_down_and_mail_waits() -> None:
    async with world() as live:
        live.simulator.says(ANN, "One", subject="Hi")
        await live.heard(1)
        live.simulator.connections[-1].hang_up()
        live.simulator.says(ANN, "Two", subject="Hi")
        await live.in_time(lambda: len(live.events) == 2)
        assert (await live.heard(2)).text == "Two"
        live.simulator.mailbox("mail").inbox.renumber()
        live.simulator.connections[-1].hang_up()
        await live.in_time(lambda: live.cursors[-1] == "2:2")
        assert len({event.dedupe for event in live.events}) == 2


async def test_without_idle_mail_comes_within_a_minute() -> None:
    async with world(idle=False) as live:
        await live.until(lambda: live.cursors == ["1:0"])
        live.simulator.says(ANN, "One", subject="Hi")
        await live.in_time(lambda: len(live.events) == 1, minutes=2)
        assert (await live.heard(1)).text == "One"


async def test_attachments_of_ours_are_named_on_the_phone() -> None:
    async with world() as live:

        class Files:
            async def size(self, media: Media) -> int | None:
                return 3

            async def open(self, media: Media, *, offset: int = 0, length: int | None = None) -> AsyncGenerator[bytes]:
                yield b"pdf"

        live.simulator.media = Files()
        await live.send(Text("The bill", attachments=[Media(name="bill.pdf", type="application/pdf", ref="x:1")]))
        assert live.simulator.seen(ANN)[0].media == ("bill.pdf",)
        assert b"cGRm" in live.simulator.sent[0].content
