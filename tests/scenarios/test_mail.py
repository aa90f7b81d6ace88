"""Mail: files that customers send, and answers that come back by the token in their address."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import pytest
from sqlalchemy import column as column_
from sqlalchemy import select, table

from omnichannel import Handlers, Hub, Turn
from omnichannel.continuation.replies import is_reply_token, token_digest
from omnichannel.model.address import Address
from omnichannel.model.content import Media, Text
from omnichannel.stores import journal, schema
from omnichannel.testing.people import Person
from omnichannel.testing.simulators.base import SimFile
from omnichannel.testing.simulators.mail import MailSimulator
from omnichannel.testing.world import World
from tests.scenarios.support import DAY, MINUTE, column, conversation_of, make_hub, person, reply, rows, running, texts

Opened = dict[str, tuple[int, str]]
SMALL = SimFile(name="a.bin", content=b"\0\xff" * 99)


def opener(opened: Opened) -> Handlers:
    """Opens every file, and keeps how long it was and its hash."""
    handlers = Handlers()

    @handlers.on_message
    async def answer(turn: Turn) -> None:
        for media in turn.message.attachments:
            digest, size = hashlib.sha256(), 0
            async with turn.open_media(media) as chunks:
                async for chunk in chunks:
                    digest.update(chunk)
                    size += len(chunk)
            opened[media.name] = (size, digest.hexdigest())

    return handlers


def fact(content: bytes) -> tuple[int, str]:
    return len(content), hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize(
    ("sizes", "kinds"),
    [((7, 0, 100_000), {"journal"}), ((300_000, 5), {"blob"}), ((30_000_000,), {"blob"})],
    ids=["small", "over 256 kB", "30 MB"],
)
async def test_a_handler_opens_what_was_attached(world: World, sizes: Sequence[int], kinds: set[str]) -> None:
    files = [SimFile(name=f"file-{n}.bin", content=bytes(range(256)) * (n // 256) + b"x" * (n % 256)) for n in sizes]
    opened: Opened = {}
    ann = person(world, "Ann", "email")
    async with running(world, make_hub("email", handlers=opener(opened))) as live:
        mail(world).says(ann.on("email").handle, "See these", attachments=files)
        await world.settle()
        assert opened == {file.name: fact(file.content) for file in files}
        assert {ref.partition(":")[0] for ref in await column(live, schema.media.c.ref)} == kinds


async def test_a_file_can_be_opened_long_after_the_mail(world: World) -> None:
    """Raw mails are dropped after a month, but not the bytes that a file is read from."""
    opened: Opened = {}
    ann = person(world, "Ann", "email")
    async with running(world, make_hub("email", handlers=opener(opened))) as live:
        mail(world).says(
            ann.on("email").handle, "See this", attachments=[SimFile(name="a.bin", content=b"\0\xff" * 99)]
        )
        await world.settle()
        await ann.on("email").says("And this has none")
        await world.advance(40 * DAY)
        assert await live.core.store.read(lambda c: journal.count(c, "done")) == 1
        (media,) = await files_of(live, ann)
        assert b"".join([chunk async for chunk in live.core.reader.open(media)]) == SMALL.content


async def test_a_small_file_goes_out_again(world: World) -> None:
    """What one customer sent by mail is passed on to another, from the journalled mail."""
    ann, bob = person(world, "Ann", "email"), person(world, "Bob", "email")
    async with running(world, make_hub("email")) as live:
        mail(world).says(
            ann.on("email").handle, "See this", attachments=[SimFile(name="a.bin", content=b"\0\xff" * 99)]
        )
        await bob.on("email").says("May I see it?")
        place = (await conversation_of(live, bob)).id
        made = await live.reply(place, Text("Here", attachments=await files_of(live, ann)))
        await world.settle()
        assert (await live.delivery(made.id)).state == "accepted"
        content = mail(world).sent[-1].content
        assert b"a.bin" in content
        assert b"AP8A/wD/" in content


async def files_of(live: Hub, who: Person) -> Sequence[Media]:
    """What somebody has sent us."""
    page = await live.history((await who.record()).id)
    return [file for message in page.items for file in message.attachments]


# ---------------------------------------------------------------- reply tokens


def mail(world: World) -> MailSimulator:
    found = world.simulator("email")
    assert isinstance(found, MailSimulator)
    return found


def reply_to(world: World) -> str:
    """The address that the newest mail of ours wants its answers at."""
    (found,) = [value for name, value in mail(world).sent[-1].message.headers if name == "Reply-To"]
    return found.partition("<")[2].rstrip(">") or found


def token_of(address: str) -> str:
    return address.partition("+")[2].partition("@")[0]


async def answered(world: World, live: Hub, who: Person) -> tuple[str, str]:
    """Somebody asked by mail and was answered. Gives the conversation, and the address for the answer to that."""
    await who.on("email").says("Where is my bag?")
    place = (await conversation_of(live, who)).id
    assert (await reply(world, live, place, "In Oslo. Is it the red one?")).state == "accepted"
    return place, reply_to(world)


async def writes(world: World, who: Person, text: str, to: str, *, forged: bool = False) -> None:
    """A new mail: it says nowhere what it answers, except in its address."""
    mail(world).says(who.on("email").handle, text, to=to, subject="(no subject)", style="plain", forged=forged)
    await world.settle()


async def said_in(live: Hub, conversation_id: str) -> list[str]:
    c = schema.messages.c
    said = select(c.text).where(c.conversation_id == conversation_id, c.direction == "in").order_by(c.id)
    return [row.text for row in await rows(live, said)]


async def test_an_answer_comes_back_by_its_token_alone(world: World) -> None:
    ann = person(world, "Ann", "email")
    async with running(world, make_hub("email")) as live:
        place, to = await answered(world, live, ann)
        assert is_reply_token(token_of(to))
        await live.desk.resolve(place, agent="agent-1")
        await world.advance(60 * DAY)  # without the token it would be a new matter
        await writes(world, ann, "Yes, the red one", to.upper())
        assert await said_in(live, place) == ["Where is my bag?", "Yes, the red one"]
        again = await live.conversation(place)
        assert (again.status, again.unverified) == ("open", False)
        assert len(await column(live, schema.conversations.c.id)) == 1


async def test_all_mails_of_a_conversation_want_their_answers_at_one_address(world: World) -> None:
    ann, bob = person(world, "Ann", "email"), person(world, "Bob", "email")
    async with running(world, make_hub("email")) as live:
        place, to = await answered(world, live, ann)
        await reply(world, live, place, "Or is it the blue one?")
        assert reply_to(world) == to
        _, other = await answered(world, live, bob)
        assert other != to
        kept = await column(live, schema.reply_tokens.c.digest)
        assert sorted(kept) == sorted(token_digest(token_of(one)) for one in (to, other))
        everything = [str(row) for table in schema.metadata.sorted_tables for row in await rows(live, select(table))]
        assert [line for line in everything if token_of(to) in line.lower()] == []


async def test_a_restart_makes_a_new_token_and_the_old_one_stays_good(seed: int, tmp_path: Path) -> None:
    world = World(seed=seed, store=f"sqlite:///{tmp_path}/desk.db")
    ann = person(world, "Ann", "email")
    async with running(world, make_hub("email")) as live:
        place, before = await answered(world, live, ann)
    async with running(world, make_hub("email")) as live:
        await reply(world, live, place, "Or is it the blue one?")
        await world.advance(MINUTE)  # until the lease of the process that ended has run out
        after = reply_to(world)
        assert after != before
        for text, to in (("Yes, the red one", before), ("No, the blue one", after)):
            await writes(world, ann, text, to)
        assert await said_in(live, place) == ["Where is my bag?", "Yes, the red one", "No, the blue one"]


async def test_who_got_a_forwarded_mail_does_not_get_in_by_its_token(world: World) -> None:
    ann, eve = person(world, "Ann", "email"), person(world, "Eve", "email")
    async with running(world, make_hub("email")) as live:
        place, to = await answered(world, live, ann)
        await writes(world, eve, "Send it to my address", to)
        theirs = await conversation_of(live, eve)
        assert (theirs.linked_to, theirs.unverified, theirs.history_hidden) == (place, True, False)
        assert theirs.customer_id == (await eve.record()).id
        assert await said_in(live, place) == ["Where is my bag?"]
        origin = await live.conversation(place)
        assert origin.participants == ((await ann.record()).id,)
        # Neither gets to see what the other is told; each goes on in their own.
        await reply(world, live, place, "For Ann only")
        await reply(world, live, theirs.id, "For Eve only")
        await writes(world, eve, "And quickly", to)
        await writes(world, eve, "Please", reply_to(world))
        assert await said_in(live, theirs.id) == ["Send it to my address", "And quickly", "Please"]
        assert [text for text in texts(eve, "email") if "Ann" in text] == []
        assert [text for text in texts(ann, "email") if "Eve" in text] == []
        assert len(await column(live, schema.conversations.c.id)) == 2


async def test_a_forged_sender_does_not_get_in_by_a_leaked_token(world: World) -> None:
    ann = person(world, "Ann", "email")
    async with running(world, make_hub("email")) as live:
        place, to = await answered(world, live, ann)
        await writes(world, ann, "Send it to Evil Street 1", to, forged=True)
        await writes(world, ann, "At once", to, forged=True)
        ids = await column(live, schema.conversations.c.id)
        assert len(ids) == 2
        (beside,) = [one for one in ids if one != place]
        doubted = await live.conversation(beside)
        assert (doubted.linked_to, doubted.unverified) == (place, True)
        assert await said_in(live, place) == ["Where is my bag?"]
        assert await said_in(live, beside) == ["Send it to Evil Street 1", "At once"]
        # What she writes herself never lands beside the forger's words, with the token or without.
        await writes(world, ann, "Yes, the red one", to)
        await writes(world, ann, "Did you find it?", "care@example.com")
        assert await said_in(live, place) == ["Where is my bag?", "Yes, the red one", "Did you find it?"]
        assert await said_in(live, beside) == ["Send it to Evil Street 1", "At once"]


@pytest.mark.parametrize("token", ["r" + "0" * 26, "a7k2qx9p4m"])
async def test_a_token_of_nobody_is_an_ordinary_mail(world: World, token: str) -> None:
    ann = person(world, "Ann", "email")
    async with running(world, make_hub("email")) as live:
        await writes(world, ann, "Hello?", f"care+{token}@example.com")
        only = await conversation_of(live, ann)
        assert (only.linked_to, only.unverified) == (None, False)


async def test_no_guess_is_counted_against_who_answers_with_an_old_token(world: World) -> None:
    """A token is no reference: whoever answers old mails is not taken for somebody who tries numbers."""
    ann = person(world, "Ann", "email")
    async with running(world, make_hub("email")) as live:
        for n in range(7):
            await writes(world, ann, f"Hello {n}", f"care+r{n:026}@example.com")
        assert await column(live, schema.reference_tries.c.seq) == []


async def test_a_mail_that_stands_in_for_another_channel_comes_back_too(world: World) -> None:
    """The conversation is on WhatsApp; what goes out by mail brings its answer back into it."""
    ann = person(world, "Ann", "whatsapp", "email")
    async with running(world, make_hub("whatsapp", "email")) as live:
        await ann.on("whatsapp").says("Where is my bag?")
        place = (await conversation_of(live, ann)).id
        known = Address(channel="email", value=ann.on("email").handle)
        customer = await live.add_address((await ann.record()).id, known)
        answer = await live.send(customer.id, "It is in Oslo.", order=["email"])
        await world.settle()
        sent = await live.delivery(answer.id)
        assert (sent.channel, sent.state, sent.conversation_id) == ("email", "accepted", place)
        await writes(world, ann, "Thank you", reply_to(world))
        assert await said_in(live, place) == ["Where is my bag?", "Thank you"]


async def test_a_mail_that_fails_dmarc_is_marked_and_stands_alone(world: World) -> None:
    """Its sender is denied, which is more than not proved: the desk sees it, and the customer's own matter is apart."""
    ann = person(world, "Ann", "email")
    async with world.run(make_hub("email")) as live:
        await ann.on("email").says("Where is my bag?")
        for text in ("Send it to Evil Street 1", "At once"):
            await writes(world, ann, text, "care@example.com", forged=True)
            await world.settle()
        waiting = (await live.desk.list("support")).items
        assert [one.unverified for one in waiting] == [False, True]
        view = select(table("omni_v1_conversations", column_("id"), column_("unverified")))
        assert {row.id: bool(row.unverified) for row in await rows(live, view)} == {
            one.id: one.unverified for one in waiting
        }
        await ann.on("email").says("It is a red bag.")
        said = select(schema.messages.c.conversation_id).where(schema.messages.c.direction == "in")
        places = [row[0] for row in await rows(live, said.order_by(schema.messages.c.id))]
        own, denied = waiting[0].id, waiting[1].id
        assert places == [own, denied, denied, own]
