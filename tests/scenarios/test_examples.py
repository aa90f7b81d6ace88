"""The code that a user wants to write, run as it stands; and the same ideas in our own words."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from datetime import datetime
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from omnichannel import Handlers, Hub, Localized, QuickReply, Scope, Text, Turn
from omnichannel.testing.world import World
from tests.scenarios.support import (
    DAY,
    column,
    conversation_of,
    events,
    make_hub,
    person,
    reply,
    running,
    schema,
    texts,
)

Example = Callable[[str], Any]
PARIS = ZoneInfo("Europe/Paris")


@pytest.fixture
def example(corpus: Path, monkeypatch: pytest.MonkeyPatch) -> Example:
    """Loads an example of the corpus, in its own folder."""
    face = corpus / "face"
    monkeypatch.chdir(face)
    monkeypatch.setattr(sys, "path", [str(face), *sys.path])

    def load(name: str) -> Any:
        spec = spec_from_file_location(name, face / f"{name}.py")
        assert spec is not None
        assert spec.loader is not None
        module = module_from_spec(spec)
        monkeypatch.setitem(sys.modules, name, module)
        spec.loader.exec_module(module)
        return module

    return load


# ---------------------------------------------------------------- as they stand


async def test_e01(
    example: Example, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    module = example("e01_echo")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "stdin", io.StringIO("hello there\n"))
    await module.hub.serve()
    assert "hello there" in capsys.readouterr().out


async def test_e02(example: Example, world: World) -> None:
    module = example("e02_fastapi")
    ann = person(world, "Ann", "x")
    async with running(world, module.hub):
        await ann.on("x").posts("Where is my bag?")
        assert [seen.surface for seen in ann.on("x").seen()] == ["dm"]
        assert texts(ann, "x") == ["We have written to you privately."]
    assert [route.path for route in module.app.routes if route.path == "/hooks"] == ["/hooks"]


async def test_e03(example: Example, world: World, tmp_path: Path) -> None:
    module = example("e03_handler")
    boarding_pass = tmp_path / "pass.jpg"
    boarding_pass.write_bytes(b"\xff\xd8\xff\xe0" + bytes(64) + b"\xff\xd9")
    ann = person(world, "Ann", "whatsapp", language="fr")
    async with running(world, make_hub("whatsapp", handlers=module.handlers)) as live:
        await ann.on("whatsapp").says("Bonjour, je voudrais être remboursée.")
        assert await ann.on("whatsapp").sees("Un remboursement ?")
        await ann.on("whatsapp").picks("Oui")
        place = await conversation_of(live, ann)
        assert place.queue == "refunds"
        notes = await column(live, schema.messages.c.text, schema.messages.c.kind == "note")
        assert notes == ["boarding pass attached"]
        await ann.on("whatsapp").says("Voilà", attachments=(str(boarding_pass),))
        assert (await ann.on("whatsapp").sees("Un remboursement ?")).startswith("Un remboursement")


async def test_e05(example: Example, world: World, capsys: pytest.CaptureFixture[str]) -> None:
    module = example("e05_withdraw")
    ann = person(world, "Ann", "x", "whatsapp", language="fr")
    async with running(world, make_hub()) as live:
        await ann.on("x").says("Bonjour, où est ma valise ?")
        place = await conversation_of(live, ann)
        await module.leave_x(live)
        assert "customers" in capsys.readouterr().out
        assert texts(ann, "x") == []
        await world.advance(8 * DAY)
        await ann.on("x").says("Allô ?")
        (notice,) = texts(ann, "x")
        assert notice.startswith("Nous quittons X le ")
        assert "2027. Continuez ici : https://wa.me/" in notice
        await ann.on("x").follows_link("whatsapp")
        assert (await live.conversation(place.id)).channel == "whatsapp"
        await ann.on("x").posts("Et en public ?")
        assert len(texts(ann, "x")) == 1


async def test_e06(example: Example, world: World, capsys: pytest.CaptureFixture[str]) -> None:
    module = example("e06_explain")
    ann = person(world, "Ann", "x")
    async with running(world, make_hub()) as live:
        await ann.on("x").says("Bonjour, où est ma valise ?")
        made = await reply(world, live, (await conversation_of(live, ann)).id, "Elle est là.")
        await module.why(live, made.id, (await ann.record()).id)
        out = capsys.readouterr().out
        assert "Décidé le 2027-01-04" in out
        assert "whatsapp no_address" in out


async def test_e07(example: Example, world: World) -> None:
    await example("test_e07_world").test_conversation_follows_the_customer(world)


# ---------------------------------------------------------------- in our own words


def refunds() -> Handlers:
    handlers = Handlers()
    yes, no = QuickReply("Yes, please", id="yes"), QuickReply("No", id="no")
    oui, non = QuickReply("Oui", id="yes"), QuickReply("Non", id="no")

    @handlers.on_message(surface="mention")
    async def public(turn: Turn) -> None:
        await turn.take_private("Let us talk here.")

    @handlers.on_message
    async def private(turn: Turn) -> None:
        match turn.message.choice:
            case "yes":
                await turn.handoff("refunds", note="wants the money back")
            case "no":
                await turn.reply("All right.")
            case _:
                asked = {
                    "en": Text("Shall we refund you?", quick_replies=[yes, no]),
                    "fr": Text("Un remboursement ?", quick_replies=[oui, non]),
                }
                await turn.reply(Localized(asked))

    return handlers


@pytest.mark.parametrize("channel", ["x", "whatsapp", "messenger", "email"])
async def test_a_refund_desk(world: World, channel: str) -> None:
    ann, bob = person(world, "Ann", channel, language="fr"), person(world, "Bob", channel)
    async with running(world, make_hub(channel, handlers=refunds())) as live:
        await ann.on(channel).says("Bonjour, je voudrais être remboursée de mon billet.")
        await bob.on(channel).says("Hello, I would like to have my money back.")
        assert "Un remboursement ?" in texts(ann, channel)[0]
        assert "Shall we refund you?" in texts(bob, channel)[0]
        await ann.on(channel).picks("Oui")
        await bob.on(channel).picks("No")
        assert [one.id for one in (await live.desk.list("refunds")).items] == [(await conversation_of(live, ann)).id]
        assert (await live.desk.list("support")).items == []
        assert texts(bob, channel)[-1].startswith("All right.")


@pytest.mark.parametrize("channel", ["x", "whatsapp", "messenger", "email"])
async def test_a_file_is_read(world: World, tmp_path: Path, channel: str) -> None:
    picture = tmp_path / "pass.jpg"
    picture.write_bytes(b"\xff\xd8\xff\xe0\x00\x10JFIF" + bytes(500) + b"\xff\xd9")
    read: list[bytes] = []
    handlers = Handlers()

    @handlers.on_message
    async def look(turn: Turn) -> None:
        for media in turn.message.attachments:
            async with turn.open_media(media) as chunks:
                read.append(b"".join([chunk async for chunk in chunks]))
        await turn.reply(f"{len(turn.message.attachments)} seen")

    ann = person(world, "Ann", channel)
    async with running(world, make_hub(channel, handlers=handlers)):
        await ann.on(channel).says("My boarding pass", attachments=(str(picture),))
        assert texts(ann, channel)[0].startswith("1 seen")
        assert read == [picture.read_bytes()]


@pytest.mark.parametrize("target", ["whatsapp", "messenger", "email"])
async def test_the_conversation_goes_along(world: World, target: str) -> None:
    """One surface of X is given up on a date; the desk sees the same conversation before and after."""
    ann = person(world, "Ann", "x", target, language="fr")
    async with running(world, make_hub()) as live:
        await ann.on("x").says("Bonjour, où est ma valise ?")
        before = (await live.desk.list("support")).items[0]
        await live.withdraw(
            "x",
            scope=Scope(surface="dm"),
            redirect_at=datetime(2027, 1, 11, tzinfo=PARIS),
            closed_at=datetime(2027, 2, 1, tzinfo=PARIS),
            targets=[target],
        )
        await ann.on("x").says("Allô ?")
        assert texts(ann, "x") == []
        await world.advance(7 * DAY)
        await ann.on("x").says("Il y a quelqu'un ?")
        await ann.on("x").follows_link(target)
        after = await live.conversation(before.id)
        assert (after.id, after.channel, after.queue) == (before.id, target, "support")
        await reply(world, live, after.id, "Nous sommes là.")
        assert await ann.on(target).sees("Nous sommes là.")
        assert [one["to"] for one in await events(live, "conversation.moved")] == [target]


async def test_a_hub_is_left_alone(world: World) -> None:
    """A world runs a copy: the hub itself opens nothing and reads no secret."""
    hub: Hub = make_hub()
    async with world.run(hub) as live:
        assert live is not hub
        assert not hub.is_open
